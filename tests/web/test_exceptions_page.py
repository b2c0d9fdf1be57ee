"""Exceptions by cause, over HTTP: figures that equal their lists, and what people do with them."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controltower.firm.models import AuditEntry
from controltower.incidents import letters, runs, settling
from controltower.incidents.models import (
    Cause,
    DeadLetter,
    LetterState,
    RunbookVersion,
    Settlement,
)
from controltower.measures import exposure
from controltower.measures.exposure import Scope
from controltower.transactions.models import ReplayPlan, Transaction, TransactionState
from controltower.web.demo.runbooks import agree_runbooks
from tests import factories
from tests.factories import Firm, closed, refused, signed_in

NOUNS = (
    "replays",
    "assignments",
    "snoozes",
    "parkings",
    "parts",
    "joins",
    "solutions",
    "decisions",
)
pytestmark = pytest.mark.django_db


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def post(firm: Firm, who: str, cause: Cause, noun: str, **fields: Any) -> Any:
    client = signed_in(getattr(firm, who))
    return client.post(f"/exceptions/{cause.pk}/{noun}/", fields, follow=True)


def solve(firm: Firm, cause: Cause) -> None:
    """As settled elsewhere, by two people."""
    post(firm, "otto", cause, "solutions", how="elsewhere", reason="Test deal.")
    one = Settlement.objects.get(cause=cause)
    settling.decide(settlement=one, agree=True, by=firm.anna, now=timezone.now())


class Undo:
    """The form of the button beside a message."""

    def __init__(self, page: str) -> None:
        (form,) = re.findall(r'<form id="undo".*?</form>', page)
        (self.action,) = re.findall(r'action="([^"]+)"', form)
        self.fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))


class TestList:
    def test_groups_by_cause_most_money_first_and_counts_each_once(self, firm: Firm) -> None:
        factories.stuck_bills(firm, 3)
        firm.deal(entity="")
        answer = signed_in(firm.anna).get("/exceptions/")
        groups = answer.context["groups"]
        assert [group.count for group in groups] == [1, 3]
        assert groups[0].value.amount > groups[1].value.amount
        stuck = exposure.stake(exposure.stuck(Scope(firm.anna)))
        total = answer.context["total"]
        assert (total.count, total.value.amount) == (stuck.count, stuck.amount)

    def test_a_group_equals_its_page_and_its_list_of_transactions(self, firm: Firm) -> None:
        bills = factories.stuck_bills(firm, 2)
        other = firm.bill(firm.deal(entity="LF-UK", currency="GBP"), answers={"draft": refused()})
        cause = firm.cause(bills[0])
        client = signed_in(firm.anna)
        [group] = client.get("/exceptions/").context["groups"]
        page = client.get(f"/exceptions/{cause.pk}/")
        assert group.count == page.context["group"]["count"] == len(page.context["rows"]) == 3
        assert group.value == page.context["group"]["value"]
        assert sum(row.minor for row in page.context["rows"]) == group.value.minor
        assert "£7,200.00" in page.context["group"]["local_value"]
        listed = client.get("/tx/", {"cause": cause.pk})
        assert {row.id for row in listed.context["rows"]} == {one.pk for one in [*bills, other]}
        assert listed.context["total"] == group.value

    def test_what_is_stuck_below_a_stuck_deal_is_counted_at_the_deal(self, firm: Firm) -> None:
        deal = firm.deal(answers={"link": refused("The deal is locked.")})
        bill = firm.bill(deal, answers={"draft": refused()})
        assert deal.state == bill.state == TransactionState.DEAD_LETTERED
        page = signed_in(firm.anna).get(f"/exceptions/{firm.cause(bill).pk}/")
        assert page.context["group"]["count"] == 1
        assert page.context["group"]["value"].minor == 0
        assert page.context["rows"][0].minor == 0
        total = signed_in(firm.anna).get("/exceptions/").context["total"]
        assert total.count == 2 and total.value.amount == deal.amount

    def test_tabs(self, firm: Firm) -> None:
        mine = firm.cause(firm.bill(firm.deal(), answers={"draft": refused()}))
        post(firm, "otto", mine, "assignments", to=firm.otto.pk)
        snoozed = firm.cause(firm.deal(entity=""))
        post(firm, "otto", snoozed, "snoozes", hours="4", reason="The client is asked.")
        other = firm.bill(firm.deal(), answers={"draft": refused("Something else is wrong.")})
        parked = firm.cause(other)
        post(firm, "otto", parked, "parkings", reason="Next year.")
        solved = firm.deal(currency="XXQ")
        gone = firm.cause(solved)
        solve(firm, gone)
        client = signed_in(firm.otto)
        found = {
            tab: [g.id for g in client.get(f"/exceptions/?tab={tab}").context["groups"]]
            for tab in ("open", "mine", "unowned", "snoozed", "parked", "solved", "nonsense")
        }
        assert found == {
            "open": [mine.pk],
            "mine": [mine.pk],
            "unowned": [],
            "snoozed": [snoozed.pk],
            "parked": [parked.pk],
            "solved": [gone.pk],
            "nonsense": [mine.pk],
        }
        tabs = client.get("/exceptions/").context["tabs"]
        assert [count for *_rest, count in tabs] == [1, 1, 0, 1, 1, 1]

    def test_what_is_solved_adds_up_to_its_groups(self, firm: Firm) -> None:
        """Of the last thirty days; a transaction that two causes held counts once together."""
        locked, gone = {"client": refused("It is locked.")}, {"client": refused("It is gone.")}
        long_ago, both, lately = (firm.deal(answers=one) for one in (locked, locked, gone))
        first, second = firm.cause(both), firm.cause(lately)
        for cause in (first, second):
            solve(firm, cause)
        letter = firm.letter(both)
        letter.pk, letter.cause = None, second
        letter.step = both.steps.exclude(pk=letter.step_id)[0]
        letter.save()
        DeadLetter.objects.filter(transaction=long_ago).update(
            opened_at=firm.now - timedelta(days=41), resolved_at=firm.now - timedelta(days=40)
        )
        shown = signed_in(firm.otto).get("/exceptions/?tab=solved").context
        assert {one.id: one.count for one in shown["groups"]} == {first.pk: 1, second.pk: 2}
        worth = both.amount + lately.amount
        assert (shown["total"].count, shown["total"].value.amount) == (2, worth)

    def test_empty_is_good(self, firm: Firm) -> None:
        firm.deal()
        said = text(signed_in(firm.anna).get("/exceptions/"))
        assert "Nothing is stuck." in said and "Last checked" in said
        snoozed = text(signed_in(firm.anna).get("/exceptions/?tab=snoozed"))
        assert "Nothing is snoozed." in snoozed and "Clear 1 filter" not in snoozed

    def test_other_entities_are_not_counted(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        client = signed_in(firm.callum)
        assert client.get("/exceptions/").context["groups"] == []
        cause = firm.cause(bill)
        assert client.get(f"/exceptions/{cause.pk}/").status_code == 404
        for noun in NOUNS:
            assert post(firm, "callum", cause, noun, reason="x").status_code == 404, noun
        assert not AuditEntry.objects.filter(actor="callum.reid").exists()

    def test_a_snooze_says_what_wakes_it_sooner(self, firm: Firm) -> None:
        cause = firm.cause(firm.deal(entity=""))
        said = text(
            post(firm, "otto", cause, "snoozes", hours="4", count="6", value="600000", reason="x")
        )
        assert "sooner when 6 are stuck or €600,000.00 is stuck." in said
        page = text(signed_in(firm.otto).get(f"/exceptions/{cause.pk}/"))
        assert "sooner when 6 are stuck or €600,000.00 is stuck." in page, "not only once"
        post(firm, "otto", cause, "snoozes", hours="0", reason="Taken back at once.")
        cause.refresh_from_db()
        assert cause.note == ""
        assert "sooner when" not in text(signed_in(firm.otto).get(f"/exceptions/{cause.pk}/"))

    def test_few_queries_however_many_causes(self, firm: Firm) -> None:
        firm.bill(firm.deal(), answers={"draft": refused()})
        client = signed_in(firm.anna)
        with CaptureQueriesContext(connection) as few:
            client.get("/exceptions/")
        firm.deal(entity="")
        firm.deal(currency="XXQ")
        firm.bill(firm.deal(), answers={"billing-event": refused("No such project.")})
        with CaptureQueriesContext(connection) as more:
            client.get("/exceptions/")
        assert len(more) <= len(few) <= 22, "one for the saved views, one for the systems to choose"


class TestGroup:
    def test_says_why_grouped_and_what_to_do(self, firm: Firm) -> None:
        bill = factories.stuck_bills(firm, 2)[0]
        said = text(signed_in(firm.anna).get(f"/exceptions/{firm.cause(bill).pk}/"))
        assert "2 are stuck because Tryton ERP refused them." in said
        assert "Why these are grouped" in said and "Draft the invoice" in said
        assert "Plan the replay" in said

    def test_a_closed_period_is_decided_for_all(self, firm: Firm) -> None:
        bills = [firm.bill(firm.deal(), answers={"post": closed()})]
        cause = firm.cause(bills[0])
        said = text(signed_in(firm.anna).get(f"/exceptions/{cause.pk}/"))
        assert "closed period" in said and "Bill in the open period" in said
        denied = post(firm, "otto", cause, "decisions", decision="next_period", reason="x")
        assert "Only the finance controller may do this." in text(denied)
        post(firm, "anna", cause, "decisions", decision="next_period", reason="Late time.")
        bills[0].refresh_from_db()
        assert bills[0].decisions["period"] == "next_period"

    def test_ticked_rows_are_planned(self, firm: Firm) -> None:
        bills = factories.stuck_bills(firm, 3)
        steps = [one.steps.get(name="draft").pk for one in bills]
        answer = post(firm, "otto", firm.cause(bills[0]), "replays", step=steps[:2])
        plan = ReplayPlan.objects.get()
        assert answer.redirect_chain[-1][0] == f"/jobs/{plan.pk}/"
        assert {item.step_id for item in plan.items.all()} == set(steps[:2])

    def test_all_matching_freezes_what_matches_now(self, firm: Firm) -> None:
        bills = factories.stuck_bills(firm, 3)
        steps = [one.steps.get(name="draft").pk for one in bills]
        post(firm, "otto", firm.cause(bills[0]), "replays", step=steps[:1], all_matching="3")
        assert {item.step_id for item in ReplayPlan.objects.get().items.all()} == set(steps)
        factories.stuck_bills(firm, 1)
        assert ReplayPlan.objects.get().items.count() == 3

    def test_what_was_not_shown_cannot_be_slipped_in(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        alien = firm.deal(entity="").steps.get(name="check")
        post(firm, "otto", firm.cause(bill), "replays", step=[alien.pk])
        post(firm, "otto", firm.cause(bill), "replays", step=["nonsense"])
        assert "Nothing was ticked" in text(post(firm, "otto", firm.cause(bill), "replays"))
        assert not ReplayPlan.objects.exists()

    def test_who_may_not_reads_who_may_and_it_is_recorded(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        cause, step = firm.cause(bill), bill.steps.get(name="draft").pk
        acts: dict[str, dict[str, Any]] = {
            "replays": {"step": [step]},
            "assignments": {"to": firm.otto.pk},
            "snoozes": {"hours": "4", "reason": "x"},
            "parkings": {"reason": "x"},
            "parts": {"part": "entity:LF-DE", "reason": "x"},
            "joins": {"into": cause.pk, "reason": "x"},
            "solutions": {"how": "elsewhere", "reason": "x"},
            "decisions": {"decision": "reopened", "reason": "x"},
        }
        for noun, fields in acts.items():
            said = text(post(firm, "jonas", cause, noun, **fields))
            assert "Only the" in said and "may do this." in said, noun
        denied = AuditEntry.objects.filter(actor="jonas.achterberg", allowed=False)
        assert denied.count() == 8
        bill.refresh_from_db()
        assert bill.state == TransactionState.DEAD_LETTERED


class TestLead:
    """A group leads with the one act that its runbook or its kind calls for."""

    def lead(self, firm: Firm, who: str, cause: Cause) -> str:
        offered = signed_in(getattr(firm, who)).get(f"/exceptions/{cause.pk}/").context["offered"]
        acts = [*offered.shown, *offered.more]
        assert acts[0].primary and not any(one.primary for one in acts[1:])
        return str(acts[0].label)

    def test_by_its_runbook_or_its_kind(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        doubt = firm.cause(factories.in_doubt(firm))
        period = firm.cause(firm.bill(firm.deal(), answers={"post": closed()}))
        cause = firm.cause(bill)
        assert self.lead(firm, "otto", cause) == "Assign"
        assert self.lead(firm, "anna", period) == "Bill in the open period"
        assert self.lead(firm, "otto", doubt) == "Ask Tryton ERP about it"
        post(firm, "otto", cause, "assignments", to=firm.otto.pk)
        assert self.lead(firm, "otto", cause) == "Replay 1 transaction"
        agree_runbooks(firm.now)
        assert self.lead(firm, "otto", cause) == "Follow the runbook"
        assert self.lead(firm, "anna", period) == "Bill in the open period"
        version = RunbookVersion.objects.get(runbook__slug="tax-code-off")
        runs.start(version=version, cause=cause, by=firm.otto, now=firm.now)
        assert self.lead(firm, "otto", cause) == "Go on with the runbook"

    def test_all_of_it_is_planned_from_its_head(self, firm: Firm) -> None:
        bills = factories.stuck_bills(firm, 3)
        cause = firm.cause(bills[0])
        post(firm, "otto", cause, "replays", all_matching="True", mapping="now")
        assert ReplayPlan.objects.get().items.count() == 3

    def test_what_is_done_seldom_stands_behind_more(self, firm: Firm) -> None:
        cause = firm.cause(firm.bill(firm.deal(), answers={"draft": refused()}))
        offered = signed_in(firm.otto).get(f"/exceptions/{cause.pk}/").context["offered"]
        assert [one.id for one in offered.shown] == ["assign", "replay", "snooze"]
        assert {"park", "settle-write_off", "incident"} <= {one.id for one in offered.more}


class TestActs:
    def test_assigning_and_taking_back(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        cause = firm.cause(bill)
        assert "Lena Weil takes it." in text(
            post(firm, "otto", cause, "assignments", to=firm.lena.pk)
        )
        assert firm.letter(bill).state == LetterState.ASSIGNED
        taken = text(post(firm, "anna", cause, "assignments", to=firm.anna.pk))
        assert "Anna Lindqvist takes it. Lena Weil had it until now." in taken
        assert "no owner now" in text(post(firm, "otto", cause, "assignments", to=""))
        assert firm.cause(bill).owner is None
        assert "cannot take it" in text(post(firm, "otto", cause, "assignments", to="999999"))

    def test_what_was_just_done_is_undone_once(self, firm: Firm) -> None:
        cause = firm.cause(firm.bill(firm.deal(), answers={"draft": refused()}))
        client, at = signed_in(firm.otto), f"/exceptions/{cause.pk}/"
        client.post(f"{at}assignments/", {"to": firm.lena.pk})
        live = client.get(at, headers={"HX-Request": "true"})
        assert "Undo" not in text(live), "a region of the page that is still open"
        form = Undo(text(client.get(at)))
        assert "Undo" not in text(client.get(at)), "offered once"
        answer = client.post(form.action, form.fields, follow=True)
        assert "no owner now" in text(answer)
        assert 'id="undo"' not in text(answer), "an undo is not undone"
        given = {"hours": "4", "reason": "The client is asked."}
        form = Undo(text(client.post(f"{at}snoozes/", given, follow=True)))
        post(firm, "lena", cause, "assignments", to=firm.lena.pk)
        assert "Somebody has changed it since." in text(
            client.post(form.action, form.fields, follow=True)
        )
        cause.refresh_from_db()
        assert (cause.owner, cause.snoozed_until is None) == (firm.lena, False)
        post(firm, "lena", cause, "snoozes", hours="0")
        form = Undo(text(client.post(f"{at}snoozes/", given, follow=True)))
        assert "awake again" in text(client.post(form.action, form.fields, follow=True))

    def test_what_a_colleague_has_done_meanwhile_is_not_overwritten(self, firm: Firm) -> None:
        cause = firm.cause(firm.bill(firm.deal(), answers={"draft": refused()}))
        client, at = signed_in(firm.otto), f"/exceptions/{cause.pk}/"
        seen = re.findall(r'name="seen" value="([^"]+)"', text(client.get(at)))
        assert len(seen) > 2 and len(set(seen)) == 1, "each form says the same"
        post(firm, "priya", cause, "assignments", to=firm.priya.pk)
        acts: dict[str, dict[str, Any]] = {
            "assignments": {"to": firm.otto.pk},
            "snoozes": {"hours": "4", "reason": "The client is asked."},
            "parkings": {"reason": "Later."},
        }
        for noun, fields in acts.items():
            said = text(client.post(f"{at}{noun}/", fields | {"seen": seen[0]}, follow=True))
            assert "Priya Nair has it since you looked, so nothing was done." in said, noun
        cause.refresh_from_db()
        assert (cause.owner, cause.snoozed_until, cause.parked_at) == (firm.priya, None, None)
        (now,) = set(re.findall(r'name="seen" value="([^"]+)"', text(client.get(at))))
        client.post(f"{at}assignments/", {"to": firm.otto.pk, "seen": now})
        cause.refresh_from_db()
        assert cause.owner == firm.otto, "who has looked again may take it"

    def test_snoozing_needs_a_reason_and_ends(self, firm: Firm) -> None:
        cause = firm.cause(firm.bill(firm.deal(), answers={"draft": refused()}))
        assert "needs a reason" in text(post(firm, "otto", cause, "snoozes", hours="4"))
        cause.refresh_from_db()
        assert cause.snoozed_until is None
        post(firm, "otto", cause, "snoozes", hours="4", reason="The client is asked.")
        cause.refresh_from_db()
        until = Cause.objects.get(pk=cause.pk).snoozed_until
        assert until and until > timezone.now() + timedelta(hours=3)
        page = signed_in(firm.otto).get(f"/exceptions/{cause.pk}/")
        assert page.context["group"]["state"] == "snoozed"
        assert "The client is asked." in text(page)
        assert "awake again" in text(post(firm, "otto", cause, "snoozes", hours="0"))

    def test_a_limit_wakes_it_and_nonsense_is_refused(self, firm: Firm) -> None:
        cause = firm.cause(firm.bill(firm.deal(), answers={"draft": refused()}))
        given = {"hours": "4", "reason": "The client is asked.", "value": "1000000"}
        assert "Nothing was changed" in text(post(firm, "otto", cause, "snoozes", **given, count=0))
        post(firm, "otto", cause, "snoozes", **given, count=12)
        cause.refresh_from_db()
        assert (cause.wake_at_count, cause.wake_at_value) == (12, Decimal("1000000"))

    def test_what_is_parked_is_taken_up_again(self, firm: Firm) -> None:
        cause = firm.cause(firm.bill(firm.deal(), answers={"draft": refused()}))
        assert "needs a reason" in text(post(firm, "otto", cause, "parkings"))
        assert "until somebody takes it up" in text(
            post(firm, "otto", cause, "parkings", reason="Next year.")
        )
        page = signed_in(firm.otto).get(f"/exceptions/{cause.pk}/")
        assert page.context["group"]["state"] == "parked"
        assert "awake again" in text(post(firm, "otto", cause, "snoozes", hours="0"))

    def test_a_part_is_split_off_and_joined_again(self, firm: Firm) -> None:
        one = factories.stuck_bills(firm, 1)[0]
        cause = firm.cause(one)
        (other,) = factories.stuck_bills(firm, 1, entity="LF-UK", currency="GBP")
        assert "needs a reason" in text(post(firm, "otto", cause, "parts", part="entity:LF-UK"))
        said = text(post(firm, "otto", cause, "parts", part="entity:LF-UK", reason="Other team."))
        assert "LF-UK stands alone from now on." in said
        part = firm.cause(other)
        assert part != cause and "Other team." in said and "(LF-UK)" in said
        (decision,) = signed_in(firm.otto).get(f"/exceptions/{part.pk}/").context["decided"]
        client = signed_in(firm.otto)
        assert "grouped by their cause again" in text(
            client.post(decision["action"].url, follow=True)
        )
        assert firm.cause(other) == cause
        assert client.get(f"/exceptions/{part.pk}/").status_code == 404

    def test_no_two_parts_have_one_name_for_who_may_not_replay(self, firm: Firm) -> None:
        cause = firm.cause(factories.stuck_bills(firm, 1)[0])
        page = text(signed_in(firm.jonas).get(f"/exceptions/{cause.pk}/"))
        named = re.findall(r'\sid="([^"]+)"', page)
        assert sorted(named) == sorted(set(named))

    def test_who_follows_an_old_link_comes_to_the_joined_cause(self, firm: Firm) -> None:
        cause = firm.cause(factories.stuck_bills(firm, 1)[0])
        other = firm.bill(firm.deal(), answers={"draft": refused("Something else is wrong.")})
        into = firm.cause(other)
        said = text(post(firm, "otto", cause, "joins", into=into.pk, reason="One cause."))
        assert "They stand together from now on." in said
        found = signed_in(firm.otto).get(f"/exceptions/{cause.pk}/")
        assert found.headers["location"] == f"/exceptions/{into.pk}/"
        assert signed_in(firm.otto).get("/exceptions/").context["groups"][0].count == 2

    def test_solving_all_ends_them_with_the_reason(self, firm: Firm) -> None:
        bills = factories.stuck_bills(firm, 2)
        cause = firm.cause(bills[0])
        said = text(post(firm, "otto", cause, "solutions", how="write_off", reason="Duplicates."))
        assert "2 transactions ended" in said
        states = {one.state for one in Transaction.objects.filter(pk__in=[b.pk for b in bills])}
        assert states == {TransactionState.WRITTEN_OFF}
        letters.catch_up(now=timezone.now())
        assert signed_in(firm.anna).get("/exceptions/").context["groups"] == []

    def test_a_get_never_acts(self, firm: Firm) -> None:
        cause = firm.cause(firm.bill(firm.deal(), answers={"draft": refused()}))
        client = signed_in(firm.anna)
        for noun in NOUNS:
            assert client.get(f"/exceptions/{cause.pk}/{noun}/").status_code == 405
