"""Replays as jobs, over HTTP: the plan, four eyes, the release bound to it, and its progress."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controltower.firm.models import Approval, AuditEntry
from controltower.systems.models import System
from controltower.transactions import replay, replaying
from controltower.transactions.models import PlanState, ReplayPlan, Transaction
from controltower.transactions.protocol import State
from tests import factories
from tests.factories import Firm, refused, signed_in


def work(made: Firm) -> None:
    """Four invoices that the ERP has refused; what they are worth needs a second person."""
    factories.stuck_bills(made, 4)


pytestmark = [pytest.mark.django_db, pytest.mark.founded(then=work)]


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def stuck(how_many: int) -> list[Transaction]:
    """So many of the invoices that were refused."""
    return list(Transaction.objects.stuck().order_by("started_at", "pk")[:how_many])


def show(firm: Firm, who: str, plan: ReplayPlan) -> Any:
    return signed_in(getattr(firm, who)).get(f"/jobs/{plan.pk}/")


def post(firm: Firm, who: str, plan: ReplayPlan, noun: str, **fields: str) -> Any:
    client = signed_in(getattr(firm, who))
    return client.post(f"/jobs/{plan.pk}/{noun}/", fields, follow=True)


def labels(answer: Any) -> list[str]:
    return [str(action.label) for action in answer.context["actions"]]


def listed(firm: Firm, who: str) -> list[str]:
    """The states of all jobs in the list, each of which its filter finds as well."""

    def states(query: str) -> list[str]:
        jobs = signed_in(getattr(firm, who)).get(f"/jobs/?{query}").context["jobs"]
        return [job["state"] for job in jobs]

    found = states("")
    assert all(states(f"state={one}") == [two for two in found if two == one] for one in found)
    return found


def dear(firm: Firm) -> ReplayPlan:
    """A plan whose money needs a second person."""
    return firm.plan(*stuck(4), by=firm.otto)


class TestPlan:
    def test_says_what_would_happen_to_each(self, firm: Firm) -> None:
        plan = firm.plan(*stuck(2), by=firm.otto)
        answer = show(firm, "otto", plan)
        assert answer.context["forecasts"][0][:2] == ("create", 2)
        assert answer.context["job"]["value"].amount == 14400
        assert labels(answer) == ["Replay 2", "Give it up"]
        said = text(answer)
        assert "one record will be created" in said and plan.digest[:12] in said
        assert "0 of 2 worked, 0 failed again, 2 left" in said
        assert "Holds until" in said

    def test_while_being_planned_it_says_so(self, firm: Firm) -> None:
        [bill] = stuck(1)
        step = bill.steps.get(name="draft")
        plan = replay.plan(
            steps=[step.pk], title="t", selection={}, mapping="now", by=firm.otto, now=firm.now
        )
        assert "being asked what would happen" in text(show(firm, "otto", plan))

    def test_release_is_bound_to_what_was_shown(self, firm: Firm) -> None:
        plan = firm.plan(*stuck(1), by=firm.otto)
        assert "Nothing was sent." in text(post(firm, "otto", plan, "releases", digest="0" * 64))
        assert "Nothing was sent." in text(post(firm, "otto", plan, "releases"))
        plan.refresh_from_db()
        assert plan.state == PlanState.PLANNED
        assert "Released." in text(post(firm, "otto", plan, "releases", digest=plan.digest))
        plan.refresh_from_db()
        assert plan.state == PlanState.RUNNING

    def test_two_people_releasing_at_once_release_once(self, firm: Firm) -> None:
        plan = firm.plan(*stuck(1), by=firm.otto)
        post(firm, "otto", plan, "releases", digest=plan.digest)
        said = text(post(firm, "anna", plan, "releases", digest=plan.digest))
        assert "has been released, stopped or replaced" in said
        assert AuditEntry.objects.filter(verb="release replay").count() == 1

    def test_two_people_planning_the_same_replay_it_once(self, firm: Firm) -> None:
        [bill] = stuck(1)
        first, second = firm.plan(bill, by=firm.otto), firm.plan(bill, by=firm.priya)
        post(firm, "otto", first, "releases", digest=first.digest)
        said = text(post(firm, "priya", second, "releases", digest=second.digest))
        assert "Nothing was sent." in said and "has moved since the plan was made" in said
        again = bill.timeline.filter(kind="again")
        assert again.count() == 1

    def test_when_something_moved_it_says_what_and_offers_a_new_plan(self, firm: Firm) -> None:
        [bill] = stuck(1)
        plan = firm.plan(bill, by=firm.otto)
        bill.steps.filter(name="draft").update(fence=99)
        answer = show(firm, "otto", plan)
        assert "The plan no longer holds, so nothing is sent." in text(answer)
        assert "“Draft the invoice” has moved" in text(answer)
        assert labels(answer) == ["Plan again"]
        refused_ = post(firm, "otto", plan, "releases", digest=plan.digest)
        assert "Nothing was sent." in text(refused_)
        again = post(firm, "otto", plan, "plans")
        assert again.redirect_chain[-1][0] != f"/jobs/{plan.pk}/"
        assert ReplayPlan.objects.count() == 2

    def test_an_old_plan_is_out_of_date(self, firm: Firm) -> None:
        plan = firm.plan(*stuck(1), by=firm.otto)
        ReplayPlan.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        answer = show(firm, "otto", plan)
        assert answer.context["job"]["state"] == "stale"
        assert labels(answer) == ["Plan again"]
        assert "older than 30 minutes" in text(
            post(firm, "otto", plan, "releases", digest=plan.digest)
        )

    def test_given_up_it_shows_nothing_as_done_and_says_by_whom(self, firm: Firm) -> None:
        plan = firm.plan(*stuck(1), by=firm.otto)
        post(firm, "priya", plan, "stops")
        answer = show(firm, "otto", plan)
        assert answer.context["stages"] == [
            ("planned", "done"), ("running", "ahead"), ("done", "ahead"),
        ]  # fmt: skip
        assert f"Stopped by {firm.priya}." in text(answer)

    def test_where_all_would_fail_it_says_nothing_of_how_it_goes(self, firm: Firm) -> None:
        plan = firm.plan(*stuck(1), by=firm.otto)
        plan.items.update(state="excluded", forecast="would_fail")
        said = text(show(firm, "otto", plan))
        assert "Nothing to replay" in said and "1 left out" in said
        assert "Holds until" not in said and "One goes first" not in said

    def test_planning_again_what_is_solved_says_so(self, firm: Firm) -> None:
        [bill] = stuck(1)
        plan = firm.plan(bill, by=firm.otto)
        bill.steps.filter(name="draft").update(state=State.VERIFIED)
        assert "nothing to replay" in text(post(firm, "otto", plan, "plans"))


class TestFourEyes:
    def test_much_money_needs_a_second_person(self, firm: Firm) -> None:
        plan = dear(firm)
        answer = show(firm, "otto", plan)
        assert labels(answer) == ["Ask for approval", "Give it up"]
        said = text(post(firm, "otto", plan, "releases", digest=plan.digest))
        assert "A second person must approve this plan first." in said

    def test_asked_approved_and_released(self, firm: Firm) -> None:
        plan = dear(firm)
        post(firm, "otto", plan, "requests")
        waiting = show(firm, "anna", plan)
        assert labels(waiting) == ["Approve", "Refuse", "Give it up"]
        assert "Otto Brandt has asked" in text(waiting)
        assert listed(firm, "anna") == ["asked"]
        post(firm, "anna", plan, "decisions", approve="yes", digest=plan.digest, reason="Fine.")
        approved = show(firm, "otto", plan)
        assert approved.context["job"]["state"] == "approved"
        assert listed(firm, "anna") == ["approved"]
        assert labels(approved) == ["Replay 4", "Give it up"]
        post(firm, "otto", plan, "releases", digest=plan.digest)
        plan.refresh_from_db()
        assert plan.state == PlanState.RUNNING

    def test_refused_it_cannot_run(self, firm: Firm) -> None:
        plan = dear(firm)
        post(firm, "otto", plan, "requests")
        post(firm, "anna", plan, "decisions", approve="no", digest=plan.digest, reason="Wait.")
        assert "Anna Lindqvist has refused it. Wait." in text(show(firm, "otto", plan))
        post(firm, "otto", plan, "releases", digest=plan.digest)
        plan.refresh_from_db()
        assert plan.state == PlanState.PLANNED

    def test_it_is_said_who_may_approve_and_nobody_asks_in_vain(self, firm: Firm) -> None:
        plan = dear(firm)
        alone = text(show(firm, "anna", plan))
        assert "Nobody but you may approve it." in alone
        assert "Anna Lindqvist can approve it now." in text(post(firm, "otto", plan, "requests"))
        said = "Waits for Anna Lindqvist; Otto Brandt has asked"
        assert said in text(show(firm, "priya", plan))

    def test_the_asker_may_not_approve_even_as_controller(self, firm: Firm) -> None:
        plan = dear(firm)
        post(firm, "anna", plan, "requests")
        assert "somebody else must decide" in text(show(firm, "anna", plan))
        said = text(post(firm, "anna", plan, "decisions", approve="yes", digest=plan.digest))
        assert "somebody else must decide" in said
        assert Approval.objects.get().state == Approval.State.REQUESTED
        assert AuditEntry.objects.filter(verb="approve", allowed=False).exists()

    def test_other_roles_and_other_entities_may_not_approve(self, firm: Firm) -> None:
        bills = [
            firm.bill(
                firm.deal(entity=code, currency=currency),
                answers={"draft": refused()},
                amount="20000.00",
                hours="100",
                rate="200.00",
            )
            for code, currency in (("LF-DE", "EUR"), ("LF-UK", "GBP"))
        ]
        plan = firm.plan(*bills, by=firm.otto)
        post(firm, "otto", plan, "requests")
        for who in ("priya", "jonas", "callum"):
            said = text(post(firm, who, plan, "decisions", approve="yes", digest=plan.digest))
            assert "Only the finance controller may do this." in said, who
        assert Approval.objects.get().state == Approval.State.REQUESTED

    def test_approval_of_another_plan_does_not_count(self, firm: Firm) -> None:
        plan = dear(firm)
        post(firm, "otto", plan, "requests")
        said = text(post(firm, "anna", plan, "decisions", approve="yes", digest="0" * 64))
        assert "has changed since" in said
        assert Approval.objects.get().state == Approval.State.REQUESTED


class TestRunning:
    def run(self, firm: Firm, *bills: Transaction) -> ReplayPlan:
        plan = firm.plan(*bills, by=firm.otto)
        post(firm, "otto", plan, "releases", digest=plan.digest)
        plan.refresh_from_db()
        return plan

    def test_one_goes_first_then_the_rest_and_a_receipt(self, firm: Firm) -> None:
        bills = stuck(3)
        plan = self.run(firm, *bills)
        assert plan.items.filter(state="sent").count() == 1
        for _beat in range(4):
            for bill in bills:
                firm.play(bill)
            replaying.tick(plan.pk, now=timezone.now())
        answer = show(firm, "otto", plan)
        assert answer.context["job"]["state"] == "completed"
        assert "3 of 3 worked, 0 failed again, 0 left" in text(answer)
        receipt = dict(answer.context["receipt"])
        assert receipt["Verified by reading back"] == "3"
        assert all(Transaction.objects.get(pk=bill.pk).state == "verified" for bill in bills)
        assert labels(answer) == []

    def test_what_fails_again_is_counted_and_can_be_planned_again(self, firm: Firm) -> None:
        [bill] = stuck(1)
        plan = self.run(firm, bill)
        firm.play(bill, answers={"draft": refused()})
        replaying.tick(plan.pk, now=timezone.now())
        answer = show(firm, "otto", plan)
        assert answer.context["job"]["state"] == "with_failures"
        assert "0 of 1 worked, 1 failed again, 0 left" in text(answer)
        assert labels(answer) == ["Plan again"]

    def test_it_says_when_it_ends_and_whether_that_is_in_time(self, firm: Firm) -> None:
        bills = stuck(2)
        System.objects.update(calls_per_second=1)
        plan = self.run(firm, *bills)
        mine = Transaction.objects.filter(pk__in=[bill.pk for bill in bills])
        mine.update(due_at=timezone.now() + timedelta(minutes=41))
        said = text(show(firm, "otto", plan))
        assert re.search(r"Done about \d\d:\d\d \w+ at best, 40 min before the next promise", said)
        mine.update(due_at=timezone.now() + timedelta(seconds=2))
        said = text(show(firm, "otto", plan))
        assert re.search(r"at best, [\d.]+ s too late for the next promise", said)
        mine.update(due_at=timezone.now() - timedelta(minutes=1))
        assert "2 are late already." in text(show(firm, "otto", plan))
        post(firm, "otto", plan, "pauses")
        assert "Done about" not in text(show(firm, "otto", plan)), "nothing ends while it rests"

    def test_pause_go_on_and_stop(self, firm: Firm) -> None:
        plan = self.run(firm, *stuck(2))
        assert labels(show(firm, "otto", plan)) == ["Pause", "Stop"]
        assert "Paused." in text(post(firm, "otto", plan, "pauses"))
        assert labels(show(firm, "otto", plan)) == ["Go on", "Stop"]
        assert "It goes on." in text(post(firm, "otto", plan, "resumptions"))
        assert "Stopped." in text(post(firm, "otto", plan, "stops"))
        plan.refresh_from_db()
        assert plan.state == PlanState.CANCELLED
        assert plan.items.filter(state="excluded").count() == 1
        assert "no longer in that state" in text(post(firm, "otto", plan, "pauses"))

    def test_who_may_only_look_reads_who_may(self, firm: Firm) -> None:
        plan = self.run(firm, *stuck(1))
        for noun in ("pauses", "stops", "resumptions"):
            assert "Only the" in text(post(firm, "jonas", plan, noun)), noun
        plan.refresh_from_db()
        assert plan.state == PlanState.RUNNING
        shown = show(firm, "jonas", plan).context["actions"]
        assert not any(action.allowed for action in shown)

    def test_what_arrived_meanwhile_is_not_mistaken_for_a_failure(self, firm: Firm) -> None:
        bills = stuck(2)
        plan = self.run(firm, *bills)
        ReplayPlan.objects.filter(pk=plan.pk).update(
            selection={"cause": firm.cause(bills[0]).pk},
            requested_at=firm.now - timedelta(hours=1),
        )
        answer = show(firm, "otto", plan)
        assert answer.context["job"]["arrived_since"] == 2
        assert "2 arrived since you started" in text(answer)


class TestWhoSees:
    def test_other_entities_jobs_are_not_there(self, firm: Firm) -> None:
        plan = firm.plan(*stuck(1), by=firm.otto)
        assert show(firm, "callum", plan).status_code == 404
        assert signed_in(firm.callum).get("/jobs/").context["jobs"] == []
        nouns = ("requests", "decisions", "releases", "pauses", "resumptions", "stops", "plans")
        for noun in nouns:
            assert post(firm, "callum", plan, noun, digest=plan.digest).status_code == 404, noun

    def test_the_list_shows_progress_and_value(self, firm: Firm) -> None:
        plan = firm.plan(*stuck(1), by=firm.otto)
        [row] = signed_in(firm.anna).get("/jobs/").context["jobs"]
        assert row["id"] == plan.pk and row["value"].amount == 7200
        assert (row["progress"].worked, row["progress"].total) == (0, 1)

    def test_few_queries(self, firm: Firm) -> None:
        plan = firm.plan(*stuck(2), by=firm.otto)
        client = signed_in(firm.anna)
        for path in ("/jobs/", f"/jobs/{plan.pk}/"):
            with CaptureQueriesContext(connection) as queries:
                client.get(path)
            assert len(queries) <= 20, path

    def test_a_get_never_acts(self, firm: Firm) -> None:
        plan = firm.plan(*stuck(1), by=firm.otto)
        client = signed_in(firm.otto)
        nouns = ("requests", "decisions", "releases", "pauses", "resumptions", "stops", "plans")
        for noun in nouns:
            assert client.get(f"/jobs/{plan.pk}/{noun}/").status_code == 405
        assert client.get("/jobs/tray/").status_code == 200
