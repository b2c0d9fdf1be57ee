"""What must follow is expected with a date; what does not come needs someone by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical import events
from controltower.canonical.calendar import Calendar
from controltower.canonical.events import CanonicalEvent
from controltower.canonical.records import Assignment, Contract, Invoice, Payment, Project
from controltower.incidents import acts, letters, runs, settling
from controltower.incidents.models import RunbookVersion
from controltower.measures import exposure, invariants
from controltower.measures.exposure import Scope
from controltower.processes.definition import Within
from controltower.systems.models import Feed, Recovery, System
from controltower.transactions import cases, engine, intake, interpretation, watching
from controltower.transactions.models import Expectation, InboundEvent, Transaction
from controltower.web.demo.runbooks import agree_runbooks
from tests import factories
from tests.factories import Answer, Firm, refused

pytestmark = pytest.mark.django_db
LATER = timedelta(days=60)


@pytest.fixture
def firm() -> Firm:
    """A firm that is also told of contracts, of who is on a project, and of what is paid."""
    firm = factories.found()
    System.objects.create(
        slug="clm",
        title="Contracts",
        domain="CLM",
        role="clm",
        connector="salesforce",
        connection="clm",
        base_url="http://127.0.0.1:9",
    )
    for slug, entity in (("certinia", "assignment"), ("tryton", "invoice")):
        system = System.objects.get(slug=slug)
        Feed.objects.get_or_create(system=system, entity=entity, defaults={"due_at": firm.now})
    return firm


def of(one: Transaction, milestone: str) -> Expectation:
    return Expectation.objects.get(correlation_id=one.correlation_id, milestone=milestone)


def told(firm: Firm, kind: str, source: str, record: Any, **other: Any) -> InboundEvent:
    """An event that begins nothing, read."""
    event = firm.event(kind, source, record.source_id, record, len(record.source_id))
    receipt = intake.receive(facts=[(b"{}", event)], signature="polled", now=firm.now)
    interpretation.interpret(receipt.stored[0], now=firm.now)
    return InboundEvent.objects.get(pk=receipt.stored[0])


def signed(firm: Firm, deal: Transaction) -> InboundEvent:
    opportunity = str(deal.subject["source_id"])
    contract = Contract(source_id=f"env-{opportunity}", opportunity_id=opportunity)
    return told(firm, events.CONTRACT_SIGNED, "clm/contract", contract)


def missing(deal: Transaction) -> list[Transaction]:
    chain = Transaction.objects.filter(correlation_id=deal.correlation_id, process="quote-to-cash")
    return list(chain.order_by("title"))


def late(firm: Firm) -> None:
    """Two months later, once everything was looked at."""
    watching.watch(now=firm.now + LATER)
    letters.catch_up(now=timezone.now())


def test_a_deal_set_up_expects_what_must_follow_with_date_and_owner(firm: Firm) -> None:
    deal = firm.deal()
    open_ = Expectation.objects.filter(correlation_id=deal.correlation_id, met_at=None)
    assert {row.milestone for row in open_} == {"contract-signed", "staffed", "time-approved"}
    assert all(row.due_at and row.due_at > firm.now and row.owner_role for row in open_)
    assert {row.set_by_id for row in open_} == {deal.pk}
    assert of(deal, "project-set-up").met_by_id == deal.pk


def test_nobody_waits_for_what_nobody_could_tell(firm: Firm) -> None:
    System.objects.filter(role="clm").update(active=False)
    Feed.objects.filter(entity="assignment").delete()
    deal = firm.deal()
    open_ = Expectation.objects.filter(correlation_id=deal.correlation_id, met_at=None)
    assert [row.milestone for row in open_] == ["time-approved"]


def test_work_and_signature_meet_what_was_expected(firm: Firm) -> None:
    deal = firm.deal()
    bill = firm.gathering(deal)
    event = signed(firm, deal)
    assert of(deal, "time-approved").met_by_id == bill.pk
    assert of(deal, "contract-signed").met_by_event_id == event.pk
    assert event.reason == f"“Contract signed” of {deal.correlation_id}."


def test_what_comes_before_it_is_expected_counts_too(firm: Firm) -> None:
    deal = firm.deal(answers={"link": factories.refused()})
    assert deal.state == "dead_lettered"
    signed(firm, deal)
    assert of(deal, "contract-signed").due_at is None
    step = deal.steps.get(state="parked")
    type(step).objects.filter(pk=step.pk).update(state="scheduled", due_at=firm.now)
    assert firm.play(deal).state == "verified"
    row = of(deal, "contract-signed")
    assert row.due_at is not None
    assert row.met_at is not None


def test_the_assigned_are_known_by_the_chain_that_their_project_carries(firm: Firm) -> None:
    deal = firm.deal()
    project = Project(source_id="elsewhere", correlation_id=deal.correlation_id)
    turned_down = Assignment(source_id="a1", project=project, status="Rejected")
    told(firm, events.ASSIGNMENT_CHANGED, "certinia/assignment", turned_down)
    assert of(deal, "staffed").met_at is None
    place = Assignment(source_id="a1234", project=project, status="Scheduled")
    told(firm, events.ASSIGNMENT_CHANGED, "certinia/assignment", place)
    assert of(deal, "staffed").met_at is not None


def test_each_invoice_expects_its_own_cash(firm: Firm) -> None:
    deal = firm.deal()
    first, second = firm.bill(deal), firm.bill(deal)
    assert {first.state, second.state} == {"verified"}
    paid = Invoice(source_id="77", reference=second.reference, state="paid")
    told(firm, events.INVOICE_PAID, "tryton", paid)
    rows = Expectation.objects.filter(milestone="cash-applied")
    assert rows.get(about=first.reference).met_at is None
    assert rows.get(about=second.reference).met_at is not None
    part = Payment(source_id="p1", invoice_reference=first.reference, open_amount=Decimal(1))
    told(firm, events.INVOICE_PAID, "erp2/payment", part)
    assert rows.get(about=first.reference).met_at is None
    rest = Payment(source_id="p12", invoice_reference=first.reference)
    told(firm, events.INVOICE_PAID, "erp2/payment", rest)
    assert rows.get(about=first.reference).met_at is not None
    strange = told(firm, events.INVOICE_PAID, "tryton", Invoice(source_id="788", reference="x"))
    assert strange.reason == "Nothing follows from it."


def with_workspaces(firm: Firm) -> None:
    """A library, a chat, and a PSA that tells of its projects."""
    psa = System.objects.get(slug="certinia")
    Feed.objects.create(system=psa, entity="project", due_at=firm.now)
    for slug, role in (("sharepoint", "documents"), ("slack", "chat")):
        System.objects.create(
            slug=slug, title=slug, domain="Collaboration", role=role, connector=slug,
            connection=slug, base_url="http://127.0.0.1:9",
        )  # fmt: skip


def project_told(firm: Firm, deal: Transaction) -> CanonicalEvent:
    """The PSA tells of the deal's project."""
    project = Project(
        source_id=deal.steps.get(name="project").ref,
        name=deal.title,
        entity="LF-DE",
        currency="EUR",
        external_id=f"{deal.reference}-project",
        correlation_id=deal.correlation_id,
    )
    event = firm.event(events.PROJECT_SET_UP, "certinia", project.source_id, project, 1)
    return replace(event, correlation_id=deal.correlation_id)


def test_a_project_without_a_workspace_is_missed_where_there_are_workspaces(firm: Firm) -> None:
    """Its folder and its channel hold no money up."""
    with_workspaces(firm)
    lonely, deal = firm.deal(), firm.deal()
    workspace = firm.play(firm.tell(project_told(firm, deal)))
    assert workspace.state == "verified"
    assert of(deal, "workspace-ready").met_by_id == workspace.pk
    late(firm)
    assert "Workspace" not in " ".join(one.title for one in missing(deal))
    absence = next(one for one in missing(lonely) if "Workspace" in one.title)
    assert (absence.amount, absence.exposure) == (Decimal(0), "no workspace")
    cause = firm.cause(absence)
    assert cause.title == "A project was set up, but it has no folder and no channel yet"
    assert cause.owner_role == "pmo_lead"


def test_the_runbook_of_a_missing_workspace_replays_the_one_that_is_stuck(firm: Firm) -> None:
    with_workspaces(firm)
    agree_runbooks(firm.now)
    deal = firm.deal()
    refusal: dict[str, Answer] = {"folder": refused("The template is gone.")}
    workspace = firm.play(firm.tell(project_told(firm, deal)), refusal)
    late(firm)
    absence = next(one for one in missing(deal) if "Workspace" in one.title)
    version = RunbookVersion.objects.get(runbook__slug="workspace-missing")
    run = runs.start(version=version, cause=firm.cause(absence), by=firm.otto, now=firm.now)
    for position in (1, 2):
        runs.skip(run=run, position=position, reason="Seen.", by=firm.otto, now=firm.now)
    acts.perform(run=run, position=3, reason="", by=firm.otto, now=firm.now)
    plan = run.steps.get(position=3).plan
    assert plan is not None
    item = plan.items.get()
    assert (item.transaction, item.step.name) == (workspace, "folder")


def test_what_is_missing_needs_its_owner_with_the_money_of_the_chain(firm: Firm) -> None:
    deal = firm.deal()
    signed(firm, deal)
    late(firm)
    staffed, time = missing(deal)
    assert (staffed.state, staffed.wait) == ("waiting", "owner")
    assert (staffed.amount, staffed.currency) == (deal.amount, deal.currency)
    cause = firm.cause(staffed)
    assert cause.title == "Nobody has been assigned to the project"
    assert cause.owner_role == "pmo_lead"
    assert firm.cause(time).pk != cause.pk
    assert staffed.due_at == of(deal, "staffed").due_at


def test_two_absences_and_stuck_work_of_one_chain_count_once(firm: Firm) -> None:
    deal = firm.deal()
    firm.bill(deal, {"draft": factories.refused()})
    late(firm)
    assert len(missing(deal)) == 2
    whole = exposure.stake(exposure.stuck(Scope(firm.anna)))
    assert (whole.count, whole.amount) == (3, deal.amount)


def test_unpaid_invoices_are_money_of_their_own(firm: Firm) -> None:
    deal = firm.deal()
    signed(firm, deal)
    told(
        firm,
        events.ASSIGNMENT_CHANGED,
        "certinia/assignment",
        Assignment(
            source_id="a7", project=Project(source_id="", correlation_id=deal.correlation_id)
        ),
    )
    bills = [firm.bill(deal, amount=Decimal("7200.00")) for _ in range(2)]
    late(firm)
    assert [one.exposure for one in missing(deal)] == ["cash", "cash"]
    whole = exposure.stake(exposure.stuck(Scope(firm.anna)))
    assert (whole.count, whole.amount) == (2, sum(bill.amount for bill in bills))


def test_it_is_told_once_and_ends_by_itself_when_the_fact_arrives(firm: Firm) -> None:
    deal = firm.deal()
    late(firm)
    late(firm)
    contract = next(one for one in missing(deal) if "Contract" in one.title)
    assert len(missing(deal)) == 3
    signed(firm, deal)
    late(firm)
    contract.refresh_from_db()
    assert contract.state == "verified"
    letter = firm.letter(contract)
    assert (letter.state, letter.resolution) == ("resolved", "auto")
    late(firm)
    assert len(missing(deal)) == 3


def test_a_person_waives_it_with_a_reason(firm: Firm) -> None:
    deal = firm.deal()
    late(firm)
    contract = next(one for one in missing(deal) if "Contract" in one.title)
    proposed = settling.settle(
        transactions=[contract],
        reason="A purchase order serves as the contract.",
        by=firm.otto,
        now=timezone.now(),
        discard=True,
    )
    settling.decide(settlement=proposed, agree=True, by=firm.anna, now=timezone.now())
    late(firm)
    assert of(deal, "contract-signed").is_waived
    assert len(missing(deal)) == 3
    signed(firm, deal)
    assert not of(deal, "contract-signed").is_waived


def test_taking_it_up_again_changes_nothing_as_long_as_nothing_has_come(firm: Firm) -> None:
    deal = firm.deal()
    late(firm)
    with cases.case_of(missing(deal)[0], now=firm.now) as case:
        engine.reconsider(case, why="otto asked")
    assert missing(deal)[0].wait == "owner"


def test_what_is_overdue_and_untold_breaks_an_invariant(firm: Firm) -> None:
    firm.deal()
    assert "I6" not in invariants.breaches(firm.now)
    assert "I6" in invariants.breaches(firm.now + LATER)
    late(firm)
    assert "I6" not in invariants.breaches(timezone.now())


def test_while_books_are_caught_up_with_nothing_is_missed(firm: Firm) -> None:
    deal = firm.deal()
    Recovery.objects.create(began_at=firm.now)
    late(firm)
    assert missing(deal) == []


@pytest.mark.parametrize(
    ("within", "now", "zone", "due"),
    [
        (Within(1, working=True), "2026-11-20T10:00", "Europe/Berlin", "2026-11-23T23:00"),
        (Within(5, working=True), "2026-11-21T10:00", "UTC", "2026-11-28T00:00"),
        (Within(1, working=True), "2026-11-20T23:30", "Europe/Berlin", "2026-11-23T23:00"),
        (Within(1), "2026-11-20T23:30", "America/New_York", "2026-11-22T05:00"),
        (Within(0), "2026-10-25T00:30", "Europe/Berlin", "2026-10-25T23:00"),
    ],
)
def test_days_end_by_the_entitys_own_calendar(
    within: Within, now: str, zone: str, due: str
) -> None:
    begun = datetime.fromisoformat(now).replace(tzinfo=UTC)
    ends = within.promise.due(begun, Calendar(zone))
    assert ends == datetime.fromisoformat(due).replace(tzinfo=UTC)
