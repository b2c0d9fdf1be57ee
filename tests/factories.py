"""The pretend firm in a test's database, and its business played by the engine's own verbs.

Nothing is faked inside the tower: events go through the inbox, steps through claim, intent and
settlement. Only the systems' answers are given here, instead of a call.

    firm = found()
    deal = firm.deal()                                    # played to its project
    bill = firm.bill(deal, answers={"draft": refused()})  # stuck in the ERP
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from controltower.canonical import events
from controltower.canonical.events import BusinessKey, CanonicalEvent
from controltower.canonical.records import Opportunity, Project, TimeEntry
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Exchange,
    FieldError,
    Kind,
    Outcome,
    Rejected,
    Unknown,
    Verdict,
)
from controltower.firm.models import Duty, LegalEntity, Person
from controltower.incidents import letters
from controltower.incidents.models import Cause, DeadLetter
from controltower.transactions import (
    cases,
    claiming,
    engine,
    intake,
    interpretation,
    preparation,
    replay,
    selection,
    settlement,
)
from controltower.transactions.claiming import Claim
from controltower.transactions.intent import Answered, Intent
from controltower.transactions.models import EventState, InboundEvent, ReplayPlan, Step, Transaction
from controltower.transactions.protocol import CLAIMABLE, MOST_PROBES, STUCK, State
from controltower.transactions.world import World, world
from controltower.web.demo.firm import PEOPLE, ZONES, found_firm
from controltower.web.demo.mappings import agree_mappings
from controltower.web.demo.surroundings import connect_systems

Answer = Verdict | Callable[[Step], Verdict]
AGO = timedelta(minutes=5)
SEAT = ZoneInfo("Europe/Berlin")
"""The zone of the firm's first company: just before midnight UTC it is the next day there."""
"""Things happen this long ago, so that they are due."""
CONTACT, EMAIL = "Dorothea Quince", "dorothea.quince@meridian.example"
_numbers = count(1)


def refused(
    text: str = "Tax code “DE-19” is not valid for this company.",
    kind: Kind = Kind.VALIDATION,
    field_: str = "tax_code",
) -> Rejected:
    """The system says no in its own words."""
    return Rejected(
        kind=kind,
        text=text,
        fields=(FieldError(field_, text),),
        exchange=Exchange(
            request=f'POST /invoices\n\n{{"contact_email": "{EMAIL}"}}',
            response=f'{{"error": "{text}", "sent_to": "{EMAIL}"}}',
            status=422,
        ),
    )


def closed() -> Rejected:
    """The period is closed in the ERP."""
    return refused("The period 2026-11 is closed.", Kind.PERIOD_CLOSED, "")


def no_answer() -> Unknown:
    """Sent, and the connection broke."""
    return Unknown(text="The connection broke after the request was sent.")


def found(now: datetime | None = None) -> Firm:
    """The firm with its people, systems and agreed mappings."""
    now = now or timezone.now() - AGO
    found_firm(timezone.now().date())
    for username, first, last, role, code in PEOPLE:
        person = Person.objects.create(
            username=username,
            first_name=first,
            last_name=last,
            email=f"{username}@larkfield.example",
            zone=ZONES.get(code, "Europe/Berlin"),
        )
        entity = LegalEntity.objects.get(code=code) if code else None
        Duty.objects.create(person=person, role=role, entity=entity)
    connect_systems(now)
    agree_mappings(now)
    return at_work(now)


def at_work(now: datetime | None = None) -> Firm:
    """The firm that was founded, with its people as they are."""
    people = {person.first_name.lower(): person for person in Person.objects.all()}
    return Firm(now or timezone.now() - AGO, people)


@dataclass
class Firm:
    """Verbs of the firm's business. `now` is when things happen: in the past, so that they are
    due."""

    now: datetime
    people: dict[str, Person] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Person:
        """`firm.anna` is the controller, `firm.otto` the operator, and so on."""
        people: dict[str, Person] = self.__dict__.get("people", {})
        if name not in people:
            raise AttributeError(name)
        return people[name]

    @property
    def today(self) -> date:
        """The day that it is for the firm, `now`."""
        return self.now.astimezone(SEAT).date()

    def opportunity(self, **values: Any) -> CanonicalEvent:
        """A won deal as the CRM reports it."""
        number = next(_numbers)
        deal: dict[str, Any] = {
            "source_id": f"006TEST{number:011d}",
            "name": f"Claims platform {number}",
            "entity": "LF-DE",
            "customer_id": f"001TEST{number:011d}",
            "customer_name": "Meridian Harbour Health",
            "stage": "Closed Won",
            "won": True,
            "amount": Decimal("48200.00"),
            "currency": "EUR",
            "close_date": self.today,
            "billing_method": "Time and materials",
            "billing_grouping": "Project",
            "po_number": f"PO-{number:05d}",
        }
        record = Opportunity(**deal | values)
        return self.event(events.OPPORTUNITY_WON, "salesforce", record.source_id, record, number)

    def timecard(self, deal: Transaction, **values: Any) -> CanonicalEvent:
        """A week of approved time on a deal's project."""
        number = next(_numbers)
        subject = deal.subject
        project = Project(
            source_id=deal.steps.get(name="project").ref,
            name=deal.title,
            entity=deal.entity.code if deal.entity else "",
            customer_id=str(subject["customer_id"]),
            customer_name=str(subject["customer_name"]),
            billing_grouping="Project",
            currency=str(subject["currency"]),
            correlation_id=deal.correlation_id,
        )
        card: dict[str, Any] = {
            "source_id": f"a1TTEST{number:011d}",
            "number": f"TC-{number:06d}",
            "project": project,
            "project_id": project.source_id,
            "currency": project.currency,
            "hours": Decimal(40),
            "rate": Decimal("180.00"),
            "amount": Decimal("7200.00"),
            "role": "Consultant",
            "resource_name": "Ilse Vantongeren",
            "on": self.today,
            "week_start": self.today,
        }
        record = TimeEntry(**card | values)
        return self.event(events.TIMESHEET_APPROVED, "certinia", record.number, record, number)

    def event(
        self, type_: str, source: str, subject: str, record: Any, number: int
    ) -> CanonicalEvent:
        return CanonicalEvent(
            id=f"{subject}:{number}",
            type=type_,
            source=source,
            subject=subject,
            time=self.now,
            version=f"{number:012d}",
            record=record,
            keys=(BusinessKey("approved work", record.number),)
            if isinstance(record, TimeEntry)
            else (),
        )

    def tell(self, event: CanonicalEvent) -> Transaction:
        """Let the tower know a fact; the transaction that it started or joined."""
        receipt = intake.receive(facts=[(b"{}", event)], signature="polled", now=self.now)
        for event_id in receipt.stored:
            interpretation.interpret(event_id, now=self.now)
        return Transaction.objects.get(items__source_id=event.record.source_id)

    def receive(self, *told: CanonicalEvent) -> intake.Receipt:
        """Let the tower know many facts at once, as a surge does."""
        receipt = intake.receive(
            facts=[(b"{}", event) for event in told], signature="polled", now=self.now
        )
        while interpretation.interpret_due(limit=100, now=self.now):
            pass
        return receipt

    def deal(self, answers: Mapping[str, Answer] | None = None, **values: Any) -> Transaction:
        """A won deal, played as far as the answers let it go."""
        return self.play(self.tell(self.opportunity(**values)), answers)

    def gathering(self, deal: Transaction, **values: Any) -> Transaction:
        """Approved time on the deal's project, gathered but not billed yet."""
        return self.tell(self.timecard(deal, **values))

    def bill(
        self, deal: Transaction, answers: Mapping[str, Answer] | None = None, **values: Any
    ) -> Transaction:
        """Approved time whose billing run has begun, played as far as the answers let it go."""
        return self.play(self.billing(deal, **values), answers)

    def billing(self, deal: Transaction, **values: Any) -> Transaction:
        """Approved time whose billing run has begun."""
        one = self.gathering(deal, **values)
        if one.gathering:
            with cases.case_of(one, now=self.now) as case:
                engine.close_gathering(case)
        return one

    def play(
        self,
        one: Transaction,
        answers: Mapping[str, Answer] | None = None,
        probes: Verdict | None = None,
    ) -> Transaction:
        """Claim, intend and settle until nothing is due; letters are caught up with. `probes` is
        what a system says when asked whether it has something."""
        self.play_together([one], answers, probes)
        return one

    def play_together(
        self,
        those: Sequence[Transaction],
        answers: Mapping[str, Answer] | None = None,
        probes: Verdict | None = None,
    ) -> None:
        """The same of several, in sets. What stands around them is read once, as a worker does."""
        around = world()
        _due_now(those, self.now)
        while claims := claim_all():
            self._round(claims, answers or {}, probes, around, at_once=True)
            around = world() if around.outdated else around
            _due_now(those, self.now)
            claimed = [claim.step_id for claim in claims]
            if Step.objects.filter(pk__in=claimed, kind=Kind.UNKNOWN).exists():
                break
        letters.catch_up(now=self.now)
        for one in those:
            one.refresh_from_db()

    def play_step(self, one: Transaction, name: str) -> None:
        """One call of one step, answered well."""
        step = one.steps.get(name=name)
        assert step.system_id is not None
        due = claiming.claim(step.system_id, 50)
        mine = [claim for claim in due if claim.step_id == step.pk]
        claiming.give_back([c for c in due if c not in mine], after=timedelta(minutes=-1))
        self._round(mine, {}, None, world(), at_once=False)

    def _round(
        self,
        claims: Sequence[Claim],
        answers: Mapping[str, Answer],
        probes: Verdict | None,
        around: World,
        *,
        at_once: bool,
    ) -> None:
        """Send what was claimed; what was confirmed may be read back `at_once`, under its claim."""
        intents = preparation.prepare(claims, now=self.now, around=around)
        while intents:
            steps = Step.objects.select_related("transaction").in_bulk([i.step_id for i in intents])
            answered = [
                Answered(intent, self._answer(steps[intent.step_id], intent, answers, probes), 420)
                for intent in intents
            ]
            intents = settlement.settle(
                answered, now=self.now, around=around, at_once=lambda _answered: at_once
            )

    def _answer(
        self, step: Step, intent: Intent, answers: Mapping[str, Answer], probes: Verdict | None
    ) -> Verdict:
        purpose = intent.order.purpose
        if purpose == "probe" and probes is not None:
            return probes
        given = answers.get(step.name)
        if given is not None and purpose == "send":
            return given if isinstance(given, Verdict) else given(step)
        return well(step)

    def letter(self, one: Transaction) -> DeadLetter:
        """What needs a person in a transaction."""
        return DeadLetter.objects.select_related("cause", "step").get(transaction=one)

    def cause(self, one: Transaction) -> Cause:
        """Why it is stuck."""
        return self.letter(one).cause

    def plan(self, *stuck: Transaction, by: Person) -> ReplayPlan:
        """A replay of what is stuck in some transactions, planned and sealed by rules alone."""
        steps = Step.objects.filter(transaction__in=stuck, state__in=STUCK)
        made = replay.plan(
            steps=[step.pk for step in steps],
            title="Replay of the test",
            selection={},
            mapping="now",
            by=by,
            now=self.now,
        )
        return sealed(made)


def sealed(plan: ReplayPlan) -> ReplayPlan:
    """Seal a plan as a survey would whose targets say that the record is absent."""
    items = list(plan.items.select_related("step", "transaction"))
    for item in items:
        item.why = "The target has never seen our reference: one record will be created."
        item.forecast = "create"
        item.save()
    plan.digest = selection.seal(plan)
    plan.expires_at = timezone.now() + replay.VALID_FOR
    plan.needs_second_person = selection.worth(plan) > 25000
    plan.state = "planned"
    plan.save()
    return plan


def well(step: Step) -> Done:
    """What a system answers when all goes well: it has what it was sent."""
    values = {**step.sent, **step.values}
    if step.entity == "customer" and step.verb == "get":
        values |= {
            "source_id": step.transaction.subject.get("customer_id")
            or step.transaction.subject["project"]["customer_id"],
            "name": "Meridian Harbour Health",
            "country": "DE",
            "vat_number": "DE123456789",
            "contact_name": CONTACT,
            "contact_email": EMAIL,
            "erp_code": "C-00000042" if step.transaction.process != DEAL else "",
        }
    if "erp_customer_code" in values:
        values["erp_code"] = values["erp_customer_code"]
    if step.entity == "invoice" and step.verb == "post":
        number = int(step.transaction.reference[-4:], 36) % 100000
        values |= {"state": "posted", "number": f"INV-{number:05d}", "tax": "1368.00"}
    return Done(
        ref=step.ref or f"{step.entity}-{step.transaction.reference}",
        outcome=Outcome.CREATED,
        values=values,
        exchange=Exchange(request="", response="", status=200),
    )


DEAL = "opportunity-to-project"


def claim_all() -> list[Claim]:
    """What workers would claim of all systems."""
    due = Step.objects.filter(state__in=CLAIMABLE, due_at__lte=Now(), system__isnull=False)
    systems = due.order_by("system").values_list("system", flat=True).distinct()
    return [claim for system in systems for claim in claiming.claim(system, 50)]


def _due_now(those: Sequence[Transaction], now: datetime) -> None:
    """Delays are not what these tests are about; a day that is still to come is waited for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE transactions_step SET due_at = now(), lease_until = NULL "
            "WHERE transaction_id = ANY(%s) AND state IN ('scheduled', 'acked') "
            "AND NOT (kind = 'schedule' AND due_at > %s)",
            [[one.pk for one in those], now],
        )


def signed_in(person: Person) -> Client:
    """A browser in which this person has signed in."""
    client = Client()
    client.force_login(person)
    return client


def in_doubt(firm: Firm) -> Transaction:
    """An invoice whose posting was sent and never answered, and nobody could say what became of
    it: parked after the last unanswered question."""
    silent = {"post": no_answer()}
    one = firm.bill(firm.deal(), answers=silent)
    for _question in range(MOST_PROBES):
        Step.objects.filter(transaction=one, state=State.UNKNOWN).update(due_at=firm.now)
        one = firm.play(one, silent, probes=no_answer())
    return one


def unaskable(firm: Firm, **values: Any) -> Transaction:
    """An invoice whose draft was sent to an ERP that can neither be asked for it nor be sent it
    again, and never answered: in doubt, before a person."""
    one = firm.billing(firm.deal(), **values)
    one.steps.filter(name="draft").update(effect=Effect.UNREPEATABLE)
    return firm.play(one, {"draft": no_answer()})


def stuck_bills(firm: Firm, how_many: int, **values: Any) -> Sequence[Transaction]:
    """Several invoices, all refused by the ERP for one reason."""
    deals = [firm.tell(firm.opportunity(**values)) for _ in range(how_many)]
    firm.play_together(deals)
    bills = [firm.billing(deal) for deal in deals]
    firm.play_together(bills, {"draft": refused()})
    return bills


def day(text: str) -> date:
    """A date, for readable tests."""
    return date.fromisoformat(text)


def unreadable(**named: str) -> InboundEvent:
    """An event whose record nobody can read, set aside; `named` can be read all the same."""
    now = timezone.now()
    kept = InboundEvent.objects.create(
        source="portal",
        event_id=f"e-{next(_numbers)}",
        type="timesheet.approved",
        subject="PT-9",
        version="1",
        occurred_at=now,
        received_at=now,
        due_at=now,
        raw=b"{}",
        digest=hashlib.sha256(b"{}").hexdigest(),
        signature="valid",
        record_kind="Riddle",
        record={"source_id": "PT-9", **named},
    )
    interpretation.interpret(kept.pk, now=now)
    kept.refresh_from_db()
    assert kept.state == EventState.QUARANTINED
    return kept
