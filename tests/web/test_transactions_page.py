"""The list and the page of a transaction, over HTTP, on transactions that the engine played."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controltower.canonical.rules import apply
from controltower.firm.models import AuditEntry
from controltower.measures import exposure
from controltower.systems.models import Feed, System
from controltower.transactions.models import ReplayPlan, Transaction, TransactionState
from controltower.web import keyset
from tests import factories
from tests.factories import CONTACT, EMAIL, Firm, closed, refused, signed_in

pytestmark = pytest.mark.django_db


def page(client: Client, one: Transaction, **query: str) -> Any:
    return client.get(f"/tx/{one.correlation_id}/", {"part": one.reference, **query})


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def post(client: Client, one: Transaction, noun: str, **fields: str) -> Any:
    path = f"/tx/{one.correlation_id}/{noun}/?part={one.reference}"
    return client.post(path, fields, follow=True)


class TestList:
    def test_a_figure_equals_the_list_behind_it(self, firm: Firm) -> None:
        factories.stuck_bills(firm, 2)
        firm.deal(entity="")
        answer = signed_in(firm.anna).get("/tx/", {"state": "stuck"})
        stake = exposure.stake(exposure.stuck(exposure.Scope(firm.anna)))
        assert len(answer.context["rows"]) == stake.count == 3
        assert answer.context["total"].amount == stake.amount
        same = signed_in(firm.anna).get("/tx/", {"stuck": "1"})
        assert len(same.context["rows"]) == 3

    def test_lateness_lists_what_the_measure_counts(self, firm: Firm) -> None:
        bill, other = factories.stuck_bills(firm, 2)
        Transaction.objects.filter(pk=bill.pk).update(due_at=firm.now)
        answer = signed_in(firm.anna).get("/tx/", {"state": "stuck", "lateness": "late"})
        assert [row.id for row in answer.context["rows"]] == [bill.pk]
        assert answer.context["rows"][0].lateness == "late"
        assert other.pk != bill.pk

    @pytest.mark.parametrize("spell", [str, str.upper, str.lower])
    def test_any_business_key_finds_the_whole_journey(self, firm: Firm, spell: Any) -> None:
        deal = firm.deal()
        bill = firm.bill(deal)
        firm.deal()
        for name in (
            deal.subject["source_id"],
            deal.correlation_id,
            bill.reference,
            bill.keys.get(kind="invoice").value,
        ):
            answer = signed_in(firm.anna).get("/tx/", {"q": spell(name)})
            assert {row.id for row in answer.context["rows"]} == {deal.pk, bill.pk}, name

    def test_a_beginning_finds_what_begins_so_and_words_find_titles(self, firm: Firm) -> None:
        deal = firm.deal(name="Harbour ledger")
        client = signed_in(firm.anna)
        found = client.get("/tx/", {"q": deal.reference[:6]}).context["rows"]
        assert deal.pk in {row.id for row in found}
        assert [row.id for row in client.get("/tx/", {"q": "bour led"}).context["rows"]] == [
            deal.pk
        ]

    def test_nothing_found_says_so_and_offers_the_way_back(self, firm: Firm) -> None:
        firm.deal()
        answer = signed_in(firm.anna).get("/tx/", {"q": "no such thing", "state": "verified"})
        assert "No match." in text(answer) and "Clear 2 filters" in text(answer)

    def test_a_senseless_filter_lists_nothing_rather_than_everything(self, firm: Firm) -> None:
        firm.deal()
        for query in ({"state": "exploded"}, {"cause": "99"}, {"entity": "LF-XX"}):
            assert signed_in(firm.anna).get("/tx/", query).context["rows"] == []

    def test_pages_by_key_forth_and_back(self, firm: Firm, monkeypatch: Any) -> None:
        monkeypatch.setitem(keyset.page.__kwdefaults__, "size", 2)
        deals = [firm.tell(firm.opportunity()) for _ in range(5)]
        client, seen, url = signed_in(firm.anna), [], "/tx/"
        while url:
            answer = client.get(url if url.startswith("/") else f"/tx/{url}")
            seen.append([row.id for row in answer.context["rows"]])
            url, newer = answer.context["page"].older_url, answer.context["page"].newer_url
        assert sorted(pk for some in seen for pk in some) == sorted(one.pk for one in deals)
        assert [len(some) for some in seen] == [2, 2, 1]
        back = client.get(f"/tx/{newer}")
        assert [row.id for row in back.context["rows"]] == seen[1]

    def test_bad_keys_show_the_first_page(self, firm: Firm) -> None:
        firm.deal()
        for key in ("x", "00000000-0000-0000-0000-000000000000"):
            assert len(signed_in(firm.anna).get("/tx/", {"after": key}).context["rows"]) == 1

    def test_other_entities_are_not_listed(self, firm: Firm) -> None:
        german, british = firm.deal(), firm.deal(entity="LF-UK", currency="GBP")
        client = signed_in(firm.callum)
        assert [row.id for row in client.get("/tx/").context["rows"]] == [british.pk]
        assert client.get("/tx/", {"q": german.reference}).context["rows"] == []

    def test_says_how_many_arrived_since_it_was_drawn(self, firm: Firm) -> None:
        firm.deal()
        client = signed_in(firm.anna)
        url = client.get("/tx/").context["refresh_url"]
        assert "new, show" not in text(client.get(url, {"arrived": "1"}))
        watching = url.split("?")[1]
        Transaction.objects.update(started_at=firm.now.replace(year=firm.now.year + 1))
        assert "1 new, show" in text(client.get(f"/tx/?{watching}&arrived=1"))

    def test_htmx_is_answered_with_the_rows_alone(self, firm: Firm) -> None:
        firm.deal()
        answer = signed_in(firm.anna).get("/tx/", headers={"HX-Request": "true"})
        assert "<html" not in text(answer) and 'id="rows"' in text(answer)
        back = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
        assert "<html" in text(signed_in(firm.anna).get("/tx/", headers=back))


class TestOneTransaction:
    def test_a_refusal_is_told_in_words_with_what_did_not_happen(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        said = text(page(signed_in(firm.anna), bill))
        assert "Tryton ERP refused “Draft the invoice”." in said
        assert "It has not been posted." in said
        assert "Tax code “DE-19” is not valid for this company." in said
        assert "Refused by Tryton ERP:" in said
        assert "Replay from step 4" in said

    def test_the_fields_name_the_system_that_told_of_them(self, firm: Firm) -> None:
        told = replace(firm.opportunity(), source="tryton/order")
        deal = firm.play(firm.tell(told))
        assert "From the source" in text(page(signed_in(firm.anna), deal))
        tryton = System.objects.get(slug="tryton")
        Feed.objects.create(system=tryton, entity="order", due_at=firm.now)
        assert "From Tryton ERP" in text(page(signed_in(firm.anna), deal))

    def test_without_a_part_the_stuck_one_is_chosen(self, firm: Firm) -> None:
        deal = firm.deal()
        bill = firm.bill(deal, answers={"draft": refused()})
        answer = signed_in(firm.anna).get(f"/tx/{deal.correlation_id}/")
        assert answer.context["tx"].id == bill.pk
        assert [one["title"] for one in answer.context["related"]] == [deal.title]
        assert len(answer.context["journey"].hops) == 12

    def test_our_own_check_says_that_nothing_was_sent(self, firm: Firm) -> None:
        said = text(page(signed_in(firm.anna), firm.deal(entity="")))
        assert "The deal names no legal entity" in said
        assert "Nothing was sent. No project has been set up." in said
        assert "the correction is taken up by itself" in said

    @pytest.mark.parametrize(
        "bad",
        [{"entity": ""}, {"currency": "XXQ"}, {"amount": 0}, {"customer_id": ""}, {"entity": "X"}],
    )
    def test_bad_deals_have_a_page_a_sentence_and_a_way_on(self, firm: Firm, bad: Any) -> None:
        deal = firm.deal(**bad)
        answer = page(signed_in(firm.anna), deal)
        assert answer.status_code == 200 and answer.context["grave"]
        assert answer.context["happened"][0] and answer.context["options"]

    def test_in_doubt_it_is_asked_and_never_blindly_sent(self, firm: Firm) -> None:
        bill = factories.in_doubt(firm)
        said = text(page(signed_in(firm.anna), bill))
        assert "Ask Tryton ERP whether it exists" in said
        assert "never sent again before Tryton ERP has been asked" in said
        assert "In doubt at Tryton ERP" in said

    def test_what_arrived_says_so(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal())
        assert bill.state == TransactionState.VERIFIED
        said = text(page(signed_in(firm.anna), bill))
        number = bill.keys.get(kind="invoice").value
        assert "it is there, once" in said and f"posted as {number}" in said
        assert "Nothing is needed from you." in said

    @pytest.mark.parametrize("tab", ["fields", "sent", "answer", "tries", "mapping", "audit", "?"])
    def test_every_tab_draws_on_every_step(self, firm: Firm, tab: str) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        client = signed_in(firm.jonas)
        for step in bill.steps.all():
            assert page(client, bill, step=step.name, tab=tab).status_code == 200

    def test_few_queries(self, firm: Firm) -> None:
        bill = factories.stuck_bills(firm, 2)[0]
        client = signed_in(firm.anna)
        most = {f"/tx/{bill.correlation_id}/": 29, "/tx/": 22, "/tx/?state=stuck": 22}
        for url, limit in most.items():
            with CaptureQueriesContext(connection) as queries:
                client.get(url)
            assert len(queries) <= limit, url

    def test_reading_writes_nothing(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        client = signed_in(firm.anna)
        before = (AuditEntry.objects.count(), bill.timeline.count(), ReplayPlan.objects.count())
        page(client, bill)
        client.get(f"/tx/{bill.correlation_id}/impact/?part={bill.reference}")
        after = (AuditEntry.objects.count(), bill.timeline.count(), ReplayPlan.objects.count())
        assert before == after

    def test_not_there_for_other_entities(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        client = signed_in(firm.callum)
        path = f"/tx/{bill.correlation_id}/"
        assert client.get(path).status_code == 404
        assert client.get(f"{path}impact/?part={bill.reference}").status_code == 404
        for noun in ("replays", "decisions", "solutions", "billings", "reveals"):
            answer = client.post(f"{path}{noun}/?part={bill.reference}", {"reason": "x"})
            assert answer.status_code == 404, noun
        assert client.get("/tx/ct-NOTHING/").status_code == 404

    def test_a_part_of_another_chain_is_not_there(self, firm: Firm) -> None:
        one, other = firm.deal(), firm.deal()
        answer = signed_in(firm.anna).get(f"/tx/{one.correlation_id}/?part={other.reference}")
        assert answer.status_code == 404

    def test_a_long_chain_is_drawn_with_one_hop_for_each_other_part(self, firm: Firm) -> None:
        deal = firm.deal()
        bills = [firm.bill(deal) for _ in range(4)]
        hops = page(signed_in(firm.anna), bills[0]).context["journey"].hops
        assert len(hops) == 5 + 4
        assert {hop.title for hop in hops} >= {"€48,200.00", "€7,200.00", "Post the invoice"}

    def test_tax_is_said_beside_the_net_amount(self, firm: Firm) -> None:
        said = text(page(signed_in(firm.anna), firm.bill(firm.deal())))
        assert "plus €1,368.00 tax" in said

    def test_no_id_is_given_twice(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        client = signed_in(firm.anna)
        whole = text(page(client, bill)) + text(
            client.get(f"/tx/{bill.correlation_id}/impact/?part={bill.reference}")
        )
        ids = re.findall(r' id="([^"]+)"', whole)
        assert len(ids) == len(set(ids))


class TestPersonalData:
    def test_is_shown_for_a_reason_and_that_is_recorded(self, firm: Firm) -> None:
        deal, client = firm.deal(), signed_in(firm.lena)
        post(client, deal, "reveals", reason="The client asked what we hold.")
        said = page(client, deal, step="customer").content.decode()
        assert CONTACT in said and EMAIL in said
        entry = AuditEntry.objects.get(verb="show personal data")
        assert entry.allowed and entry.detail["reason"] == "The client asked what we hold."
        other = page(signed_in(firm.anna), deal, step="customer").content.decode()
        assert CONTACT not in other

    def test_without_right_or_reason_it_stays_hidden(self, firm: Firm) -> None:
        deal = firm.deal()
        denied = post(signed_in(firm.otto), deal, "reveals", reason="curious")
        assert "may do this" in text(denied)
        assert not AuditEntry.objects.get(verb="show personal data").allowed
        post(signed_in(firm.lena), deal, "reveals", reason=" ")
        for person in (firm.otto, firm.lena):
            said = page(signed_in(person), deal, step="customer").content.decode()
            assert CONTACT not in said

    def test_a_constant_shows_no_record(self) -> None:
        rule = {"label": "Term", "source": "", "target": "term", "rule": "constant", "value": "N"}
        line = apply([rule], {"contact_name": CONTACT}).lines[0]
        assert line.value is None and line.sent == "N"


class TestActs:
    def test_a_replay_becomes_a_job_with_a_page(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        step = bill.steps.get(name="draft")
        answer = post(signed_in(firm.otto), bill, "replays", step=str(step.pk), mapping="now")
        plan = ReplayPlan.objects.get()
        assert answer.redirect_chain[-1][0] == f"/jobs/{plan.pk}/"
        assert [item.step_id for item in plan.items.all()] == [step.pk]

    def test_who_may_not_replay_reads_who_may(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        client = signed_in(firm.jonas)
        shown = text(page(client, bill))
        assert 'aria-disabled="true"' in shown
        assert "Only the finance controller or integration operator or PMO lead" in shown
        said = text(post(client, bill, "replays"))
        assert "Only the finance controller" in said
        assert not ReplayPlan.objects.exists()
        assert AuditEntry.objects.filter(verb="plan replay", allowed=False).exists()

    def test_what_is_not_stuck_cannot_be_replayed(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal())
        said = text(post(signed_in(firm.otto), bill, "replays"))
        assert "nothing to replay" in said and not ReplayPlan.objects.exists()

    def test_a_step_of_another_transaction_is_refused(self, firm: Firm) -> None:
        one, other = factories.stuck_bills(firm, 2)
        step = other.steps.get(name="draft")
        post(signed_in(firm.otto), one, "replays", step=str(step.pk))
        assert not ReplayPlan.objects.exists()

    def test_a_closed_period_is_decided_by_the_controller_only(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"post": closed()})
        said = text(page(signed_in(firm.anna), bill))
        assert "because the period is closed" in said and "Bill in the open period" in said
        denied = post(signed_in(firm.otto), bill, "decisions", decision="next_period", reason="now")
        assert "Only the finance controller may do this." in text(denied)
        no_reason = post(signed_in(firm.anna), bill, "decisions", decision="next_period")
        assert "needs a reason" in text(no_reason)
        bill.refresh_from_db()
        assert bill.decisions.get("period") is None
        done = post(
            signed_in(firm.anna), bill, "decisions", decision="next_period", reason="Late time"
        )
        assert "Decided." in text(done)
        bill.refresh_from_db()
        assert bill.decisions["period"] == "next_period"
        late = post(signed_in(firm.anna), bill, "decisions", decision="reopened", reason="Also")
        assert "does not wait for this decision any more" in text(late)
        bill.refresh_from_db()
        assert bill.decisions["period"] == "next_period"

    def test_settling_elsewhere_needs_right_and_reason(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        post(signed_in(firm.priya), bill, "solutions", how="elsewhere", reason="done")
        post(signed_in(firm.otto), bill, "solutions", how="elsewhere", reason="")
        bill.refresh_from_db()
        assert bill.state == TransactionState.DEAD_LETTERED
        post(signed_in(firm.otto), bill, "solutions", how="elsewhere", reason="Booked by hand.")
        bill.refresh_from_db()
        assert bill.state == TransactionState.RESOLVED_EXTERNALLY
        assert "Booked by hand." in text(page(signed_in(firm.anna), bill))

    def test_gathered_work_is_billed_at_a_word_once(self, firm: Firm) -> None:
        gathered = firm.gathering(firm.deal())
        said = text(page(signed_in(firm.priya), gathered))
        assert "Nothing has been billed yet." in said and "Bill now" in said
        assert "Only the" in text(post(signed_in(firm.lena), gathered, "billings"))
        assert "has begun" in text(post(signed_in(firm.priya), gathered, "billings"))
        assert "begun already" in text(post(signed_in(firm.priya), gathered, "billings"))
        gathered.refresh_from_db()
        assert not gathered.gathering and gathered.steps.count() == 6

    def test_a_get_never_acts(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        client = signed_in(firm.anna)
        for noun in ("replays", "decisions", "solutions", "billings", "reveals"):
            path = f"/tx/{bill.correlation_id}/{noun}/?part={bill.reference}"
            assert client.get(path).status_code == 405

    def test_forms_need_their_token(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), answers={"draft": refused()})
        client = Client(enforce_csrf_checks=True)
        client.force_login(firm.anna)
        path = f"/tx/{bill.correlation_id}/replays/?part={bill.reference}"
        assert client.post(path).status_code == 403
        assert not ReplayPlan.objects.exists()
