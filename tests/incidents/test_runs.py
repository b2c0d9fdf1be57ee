"""Runbooks by their public verbs: written, approved by another, matched, and followed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError
from django.db.transaction import atomic

from controltower.canonical.events import FACT_VERIFIED, PURCHASE_APPROVED
from controltower.canonical.records import Fact, Purchase
from controltower.canonical.verdicts import Done, Kind, Outcome
from controltower.firm import audit
from controltower.firm.models import AuditEntry, Person
from controltower.incidents import (
    acts,
    leading,
    matching,
    runbooks,
    runs,
    settling,
    steps,
    triage,
    writing_down,
)
from controltower.incidents.library.catalogue import RUNBOOKS
from controltower.incidents.models import (
    Cause,
    Message,
    Run,
    Runbook,
    RunbookState,
    RunbookVersion,
    RunState,
    Severity,
    StepState,
)
from controltower.measures import probes
from controltower.processes.catalogue import WATCHES
from controltower.systems import upkeep
from controltower.systems.models import Circuit, System
from controltower.transactions import replay, replaying
from controltower.transactions.models import Transaction
from controltower.web.demo.runbooks import agree_runbooks
from tests.factories import Firm, closed, in_doubt, refused, sealed, stuck_bills
from tests.transactions.test_capped_contracts import capped, listening
from tests.transactions.test_retainers import retained

pytestmark = pytest.mark.django_db
HOW_MANY = {"kind": "check", "what": "how_many", "title": "Count"}
FITS = {"kinds": ["validation"], "steps": ["draft"]}


@pytest.fixture
def firm(firm: Firm) -> Firm:
    agree_runbooks(firm.now)
    return firm


def drafted(firm: Firm, by: Person, *rules: object) -> RunbookVersion:
    book, _made = Runbook.objects.get_or_create(slug="test", defaults={"title": "Test"})
    written = [dict(rule) for rule in rules or (HOW_MANY,) if isinstance(rule, dict)]
    return runbooks.draft(runbook=book, rules=written, fits=FITS, note="", by=by, now=firm.now)


def approved(firm: Firm, *rules: object) -> RunbookVersion:
    version = drafted(firm, firm.otto, *rules)
    runbooks.submit(version=version, by=firm.otto, now=firm.now)
    runbooks.decide(version=version, approve=True, comment="", by=firm.anna, now=firm.now)
    return version


def begun(firm: Firm, slug: str, cause: Cause) -> Run:
    version = RunbookVersion.objects.get(runbook__slug=slug)
    return runs.start(version=version, cause=cause, by=firm.otto, now=firm.now)


def twice(firm: Firm) -> Transaction:
    """A deal whose client the ERP has twice, as it says when it is asked."""
    answer = refused("Meridian exists 2 times in Tryton.", Kind.DUPLICATE)
    one = firm.tell(firm.opportunity())
    return firm.play(one, {"customer": answer}, probes=answer)


def states(run: Run) -> list[str]:
    return list(run.steps.values_list("state", flat=True))


class TestApproval:
    def test_the_author_never_approves(self, firm: Firm) -> None:
        version = drafted(firm, firm.otto)
        runbooks.submit(version=version, by=firm.otto, now=firm.now)
        with pytest.raises(runbooks.NotAllowed):
            runbooks.decide(version=version, approve=True, comment="", by=firm.otto, now=firm.now)
        assert AuditEntry.objects.filter(verb="approve runbook", allowed=False).count() == 1
        changed: dict[str, Any] = {
            "state": "approved",
            "decided_by": firm.otto,
            "expires_at": firm.now,
        }
        with pytest.raises(IntegrityError, match="author_does_not_decide"), atomic():
            RunbookVersion.objects.filter(pk=version.pk).update(**changed)

    def test_a_new_version_replaces_the_one_in_force(self, firm: Firm) -> None:
        first, second = approved(firm), approved(firm)
        first.refresh_from_db()
        assert (first.state, second.state) == (RunbookState.DEPRECATED, RunbookState.APPROVED)

    def test_what_has_left_draft_is_frozen(self, firm: Firm) -> None:
        version = approved(firm)
        with pytest.raises(ProgrammingError, match="frozen"), atomic():
            RunbookVersion.objects.filter(pk=version.pk).update(steps=[])

    def test_rejecting_needs_a_word(self, firm: Firm) -> None:
        version = drafted(firm, firm.otto)
        runbooks.submit(version=version, by=firm.otto, now=firm.now)
        with pytest.raises(runbooks.CommentMissing):
            runbooks.decide(version=version, approve=False, comment=" ", by=firm.anna, now=firm.now)

    def test_after_a_year_it_is_looked_at_again(self, firm: Firm) -> None:
        version = approved(firm)
        assert version.expires_at is not None
        cause = firm.cause(stuck_bills(firm, 1)[0])
        runbooks.expire(now=version.expires_at)
        version.refresh_from_db()
        assert version.state == RunbookState.EXPIRED
        with pytest.raises(runs.NotApproved):
            runs.start(version=version, cause=cause, by=firm.otto, now=version.expires_at)

    @pytest.mark.parametrize(
        "rule",
        [
            {"kind": "check", "what": "the weather", "title": "x"},
            {"kind": "act", "what": "how_many", "title": "x"},
            {"kind": "act", "what": "replay", "title": " "},
            {"kind": "act", "what": "replay", "title": "x", "to": 1},
            {"kind": "decide", "title": "x", "choices": [{"label": "Only one"}]},
            {"kind": "decide", "title": "x", "choices": [{"label": "a"}, {"label": "b", "to": 9}]},
            {"kind": "wait", "title": "x", "minutes": 0},
        ],
    )
    def test_steps_that_cannot_be_followed(self, firm: Firm, rule: dict[str, object]) -> None:
        with pytest.raises(steps.BadSteps):
            drafted(firm, firm.otto, rule)


def split_purchase(firm: Firm) -> Transaction:
    """A purchase whose lines are coded to several accounts."""
    bought = Purchase(
        source_id="invoice-7", name="S-1001/7", entity="LF-DE", number="S-1001/7", kind="invoice",
        supplier_name="Nordlicht Reisen GmbH", supplier_number="S-1001", project_id="a0P",
        status="approved", account_code="6010, 6020", currency="EUR", amount=Decimal("480.00"),
    )  # fmt: skip
    event = firm.event(PURCHASE_APPROVED, "coupa", bought.number, bought, 1)
    return firm.play(firm.tell(event))


def stale(firm: Firm) -> Transaction:
    """A fact that is in the warehouse while the dashboards' refresh is refused."""
    for slug, role in (("snowflake", "warehouse"), ("power_bi", "dashboards")):
        System.objects.create(
            slug=slug, title=slug, domain="Analytics", role=role, connector=slug,
            connection=slug, base_url="http://127.0.0.1:9",
        )  # fmt: skip
    fact = Fact(
        source_id="CT-1", name="Invoice", entity="LF-DE", correlation_id="ct-1", kind="x",
        period="2026-11", currency="EUR", amount=Decimal("480.00"),
    )  # fmt: skip
    one = firm.tell(firm.event(FACT_VERIFIED, "tower/fact", "fact:CT-1", fact, 1))
    loaded = Done(ref="CT-1", outcome=Outcome.CREATED, values={"loaded_at": "2026-11-20T14:05:00Z"})
    return firm.play(one, {"load": loaded, "refresh": refused("The dataset was renamed.")})


def above_its_cap(firm: Firm) -> Transaction:
    """Work under a contract whose cap has no room for any of it."""
    deal = capped(listening(firm), "7200.00")
    firm.bill(deal)
    return firm.bill(deal)


def above_its_retainer(firm: Firm) -> Transaction:
    """Work above the hours of a retainer, which its contract holds."""
    deal = retained(listening(firm), retainer_hours=Decimal(40), retainer_above="hold")
    firm.bill(deal)
    return firm.bill(deal)


def unclear_retainer(firm: Firm) -> Transaction:
    """Work under a contract that does not say enough of its retainer."""
    return firm.bill(retained(listening(firm), retainer_above=""))


def unread_cap(firm: Firm) -> Transaction:
    """Work under a contract whose cap is filled in, but is no number."""
    return firm.bill(capped(listening(firm), "0", unread=("cap",)))


def code_off(firm: Firm) -> Transaction:
    """Refused as an ERP does that no longer knows a tax code."""
    text = "Tax code DE-19 is not known or is switched off in Larkfield Advisory GmbH."
    return firm.bill(firm.deal(), {"draft": refused(text, Kind.REFERENCE_MISSING)})


class TestMatching:
    @pytest.mark.parametrize(
        ("make", "slug"),
        [
            (lambda firm: stuck_bills(firm, 1)[0], "tax-code-off"),
            (lambda firm: firm.bill(firm.deal(), {"post": closed()}), "closed-period"),
            (twice, "client-twice"),
            (lambda firm: firm.deal(currency="XQX"), "unknown-currency"),
            (lambda firm: firm.deal(entity=""), "deal-without-entity"),
            (lambda firm: firm.deal({"project": refused("No.", Kind.AUTH)}), "wrong-credentials"),
            (code_off, "tax-code-off"),
            (in_doubt, "in-doubt"),
            (split_purchase, "purchase-miscoded"),
            (stale, "figures-stale"),
            (above_its_cap, "above-the-cap"),
            (above_its_retainer, "above-the-cap"),
            (unclear_retainer, "retainer-unclear"),
            (unread_cap, "contract-unread"),
        ],
    )  # fmt: skip
    def test_every_cause_of_the_processes_has_its_runbook(
        self, firm: Firm, make: Callable[[Firm], Transaction], slug: str
    ) -> None:
        (best, *_rest) = matching.for_cause(firm.cause(make(firm)), firm.now)
        assert best.runbook.slug == slug

    @pytest.mark.parametrize(
        "milestone",
        [one.name for watch in WATCHES for one in watch.milestones if one.missing],
    )
    def test_whatever_may_be_missing_has_its_runbook(self, milestone: str) -> None:
        assert any(milestone in fits.get("steps", ()) for _slug, _title, fits, _rules in RUNBOOKS)

    def test_all_of_them_are_used(self) -> None:
        assert {slug for slug, *_ in RUNBOOKS} == {
            "closed-period", "tax-code-off", "client-twice", "unknown-currency",
            "deal-without-entity", "system-down", "wrong-credentials", "in-doubt",
            "purchase-miscoded", "person-in-two-minds", "figures-stale", "place-turned-down",
            "cut-off-missed", "above-the-cap", "retainer-unclear", "contract-unread",
            "billed-above-what-is-agreed", "approval-taken-back",
            "workspace-missing", "chain-behind", "deal-taken-back", "client-deleted",
            "clients-merged", "value-set-back", "purchase-changed", "record-refused",
            "leave-over-a-place",
            "pay-input-refused", "no-project-template",
        }  # fmt: skip


class TestFollowing:
    def test_a_check_that_fails_halts_until_it_holds(self, firm: Firm) -> None:
        cause = firm.cause(stuck_bills(firm, 1)[0])
        run = begun(firm, "tax-code-off", cause)
        probes.look(run=run, position=1, by=firm.otto, now=firm.now)
        System.objects.update(circuit=Circuit.OPEN)
        probes.look(run=run, position=2, by=firm.otto, now=firm.now)
        run.refresh_from_db()
        assert (run.state, states(run)[:3]) == (RunState.HALTED, ["done", "failed", "ahead"])
        System.objects.update(circuit=Circuit.CLOSED)
        probes.look(run=run, position=2, by=firm.otto, now=firm.now)
        run.refresh_from_db()
        assert (run.state, states(run)[:3]) == (RunState.RUNNING, ["done", "done", "now"])
        evidence = run.steps.get(position=1).evidence["figures"]
        assert [(line["entity"], line["count"]) for line in evidence] == [("LF-DE", 1)]

    def test_a_decision_needs_a_reason_and_leads_on(self, firm: Firm) -> None:
        cause = firm.cause(stuck_bills(firm, 1)[0])
        run = begun(firm, "tax-code-off", cause)
        for position in (1, 2):
            probes.look(run=run, position=position, by=firm.otto, now=firm.now)
        choice: dict[str, Any] = {
            "run": run,
            "position": 3,
            "choice": 0,
            "by": firm.otto,
            "now": firm.now,
        }
        with pytest.raises(runs.ReasonMissing):
            runs.choose(**choice, reason=" ")
        runs.choose(**choice, reason="It is on again.")
        assert states(run) == ["done", "done", "done", "skipped", "now", "ahead"]
        with pytest.raises(runs.MovedOn):
            runs.choose(**choice, reason="Twice.")

    def test_an_act_is_our_own_replay_with_its_plan(self, firm: Firm) -> None:
        bill = stuck_bills(firm, 1)[0]
        run = begun(firm, "client-twice", firm.cause(bill))
        for position in (1, 2):
            runs.skip(run=run, position=position, reason="x", by=firm.otto, now=firm.now)
        acts.perform(run=run, position=3, reason="", by=firm.otto, now=firm.now)
        with pytest.raises(runs.MovedOn):
            acts.perform(run=run, position=3, reason="", by=firm.otto, now=firm.now)
        plan = run.steps.get(position=3).plan
        assert plan is not None
        plan = sealed(plan)
        replay.release(plan=plan, digest=plan.digest, by=firm.otto, now=firm.now)
        firm.play(bill)
        replaying.tick(plan.pk, now=firm.now + timedelta(minutes=6))
        acts.follow(now=firm.now)
        assert states(run) == ["skipped", "skipped", "done", "now"]
        probes.look(run=run, position=4, by=firm.otto, now=firm.now)
        run.refresh_from_db()
        assert run.state == RunState.COMPLETED

    def test_a_plan_that_is_stopped_halts(self, firm: Firm) -> None:
        run = begun(firm, "client-twice", firm.cause(stuck_bills(firm, 1)[0]))
        for position in (1, 2):
            runs.skip(run=run, position=position, reason="x", by=firm.otto, now=firm.now)
        acts.perform(run=run, position=3, reason="", by=firm.otto, now=firm.now)
        plan = run.steps.get(position=3).plan
        assert plan is not None
        replay.stop(plan=plan, by=firm.otto, now=firm.now)
        acts.follow(now=firm.now)
        assert states(run)[2] == StepState.FAILED
        acts.perform(run=run, position=3, reason="", by=firm.otto, now=firm.now)
        assert states(run)[2] == StepState.UNDER_WAY

    def test_rights_of_the_act_apply_and_the_denial_is_kept(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), {"post": closed()})
        run = begun(firm, "closed-period", firm.cause(bill))
        probes.look(run=run, position=1, by=firm.otto, now=firm.now)
        runs.choose(run=run, position=2, choice=0, reason="x", by=firm.otto, now=firm.now)
        act: dict[str, Any] = {"run": run, "position": 3, "reason": "As agreed.", "now": firm.now}
        with pytest.raises(triage.NotAllowed):
            acts.perform(**act, by=firm.otto)
        assert AuditEntry.objects.filter(verb="decide period", allowed=False).count() == 1
        assert states(run)[2] == StepState.NOW
        acts.perform(**act, by=firm.anna)
        bill.refresh_from_db()
        assert bill.decisions["period"] == "next_period"
        assert states(run) == ["done", "done", "done", "skipped", "skipped", "skipped", "under_way"]

    def test_a_wait_ends_by_itself_or_halts(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), {"draft": refused()})
        wait = {"kind": "wait", "what": "nothing_stuck", "minutes": 30, "title": "Wait"}
        run = runs.start(
            version=approved(firm, wait, wait), cause=firm.cause(bill), by=firm.otto, now=firm.now
        )
        probes.beat(now=firm.now)
        assert states(run) == ["under_way", "ahead"]
        probes.beat(now=firm.now + timedelta(minutes=30))
        assert states(run) == ["failed", "ahead"]
        firm.cause(bill).letters.update(state="resolved", resolved_at=firm.now)
        probes.look(run=run, position=1, by=firm.otto, now=firm.now)
        probes.beat(now=firm.now)
        run.refresh_from_db()
        assert (run.state, states(run)) == (RunState.COMPLETED, ["done", "done"])

    def test_who_leads_is_told_of_what_the_tower_did_by_itself(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), {"draft": refused()})
        incident = leading.open_for(
            by=firm.otto, title="Tax", severity=Severity.HIGH, cause=firm.cause(bill), now=firm.now
        )
        leading.hand_over(
            incident=incident, owner=firm.priya, deputy=None, by=firm.otto, now=firm.now
        )
        pause = {"kind": "wait", "minutes": 30, "title": "Give them time"}
        until = {"kind": "wait", "what": "nothing_stuck", "minutes": 30, "title": "Wait"}
        version, now = approved(firm, pause, HOW_MANY, until, until), firm.now
        run = runs.start(version=version, incident=incident, by=firm.otto, now=now)

        def told() -> list[str]:
            probes.beat(now=now)
            found = Message.objects.filter(person=firm.priya).order_by("pk")
            return [one.subject.split(": ")[1] for one in found][1:]

        assert told() == []
        now += timedelta(minutes=30)
        assert told() == ["Its runbook is at a step that needs you"]
        probes.look(run=run, position=2, by=firm.otto, now=now)
        now += timedelta(minutes=30)
        assert told()[1:] == ["Its runbook has halted"]
        runs.skip(run=run, position=3, reason="Known", by=firm.otto, now=now)
        firm.cause(bill).letters.update(state="resolved", resolved_at=now)
        assert told()[2:] == ["Its runbook is done"]

    def test_what_people_add_as_evidence_outlives_what_the_step_comes_to(self, firm: Firm) -> None:
        bill = firm.bill(firm.deal(), {"draft": refused()})
        run = runs.start(
            version=approved(firm, HOW_MANY, HOW_MANY), cause=firm.cause(bill), by=firm.otto,
            now=firm.now,
        )  # fmt: skip

        def add(position: int, text: str) -> None:
            runs.add_evidence(run=run, position=position, text=text, by=firm.priya, now=firm.now)

        add(1, "Ticket TAX-7")
        probes.look(run=run, position=1, by=firm.otto, now=firm.now)
        add(1, "Tax called back")
        evidence = run.steps.get(position=1).evidence
        assert [note["text"] for note in evidence["notes"]] == ["Ticket TAX-7", "Tax called back"]
        assert evidence["figures"], "and what the tower has counted stays"
        with pytest.raises(runs.MovedOn):
            runs.skip(run=run, position=1, reason="Known", by=firm.otto, now=firm.now)
        runs.skip(run=run, position=2, reason="Known", by=firm.otto, now=firm.now)
        add(2, "The list of yesterday")
        with pytest.raises(runs.ReasonMissing):
            add(2, "  ")

    def test_only_one_run_of_a_matter_at_a_time(self, firm: Firm) -> None:
        cause = firm.cause(stuck_bills(firm, 1)[0])
        assert begun(firm, "tax-code-off", cause) == begun(firm, "tax-code-off", cause)


def test_writing_down_what_was_done(firm: Firm) -> None:
    first, second = stuck_bills(firm, 2)
    cause = firm.cause(first)
    with pytest.raises(writing_down.NothingDone):
        writing_down.draft(cause=cause, by=firm.otto, now=firm.now)
    system = System.objects.get(slug="tryton")
    upkeep.pause(system=system, reason="The code is being put right.", by=firm.otto, now=firm.now)
    upkeep.resume(system=system, by=firm.otto, now=firm.now)
    firm.plan(first, by=firm.otto)
    settling.settle(
        transactions=[second], reason="Booked as RE-77.", by=firm.anna, now=firm.now, discard=False
    )
    audit.record(
        actor=firm.otto, verb="edit", subject=first.reference, allowed=True, now=firm.now,
        detail={"step": "draft", "fields": ["po_number"], "reason": "By phone."},
    )  # fmt: skip
    made = writing_down.draft(cause=cause, by=firm.otto, now=firm.now)
    assert made.state == RunbookState.DRAFT
    assert [rule.get("what", rule["kind"]) for rule in made.steps] == [
        "how_many", "pause_system", "resume_system", "replay", "settle_elsewhere", "decide",
        "nothing_stuck",
    ]  # fmt: skip
    assert made.steps[4]["words"] == "Anna Lindqvist: “Booked as RE-77.”"
    assert made.steps[5]["words"] == "Otto Brandt: “By phone.”"
    assert made.fits == {
        "kinds": ["validation"], "steps": ["draft"], "systems": ["tryton"],
        "words": made.fits["words"],
    }  # fmt: skip
    (words,) = made.fits["words"]
    assert words in cause.title
    other = firm.cause(firm.bill(firm.deal(), {"draft": refused("The office is on holiday.")}))
    runbooks.submit(version=made, by=firm.otto, now=firm.now)
    runbooks.decide(version=made, approve=True, comment="", by=firm.anna, now=firm.now)
    assert matching.for_cause(cause, firm.now)[0] == made
    assert made not in matching.for_cause(other, firm.now)


def test_a_kind_of_failure_that_says_little_does_not_stand_alone() -> None:
    for fits in ({"kinds": ["validation"]}, {"kinds": ["duplicate", "validation"]}, {}):
        with pytest.raises(matching.BadFit):
            matching.check_fits(fits)
    matching.check_fits({"kinds": ["duplicate"]})
    matching.check_fits({"kinds": ["validation"], "words": ["tax code"]})
