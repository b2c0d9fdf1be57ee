"""Two ERPs beside each other, and records that must stay in their region."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from controltower.canonical.verdicts import Effect, Kind, Verdict
from controltower.firm import governing
from controltower.firm.models import LegalEntity
from controltower.firm.policies import BadPolicy
from controltower.measures import sides
from controltower.systems.models import Feed, Route, System
from controltower.transactions import cases, engine, residency
from controltower.transactions.models import Attempt, Step, Transaction
from controltower.transactions.protocol import Purpose, State
from tests.factories import Firm, well

pytestmark = pytest.mark.django_db


@pytest.fixture
def other() -> System:
    """A second ERP, of the same kind."""
    erp = System.objects.get(role="erp")
    erp.pk, erp.slug, erp.title, erp.connection = None, "new-erp", "The new ERP", "new-erp"
    erp.save()
    return erp


def _erp_of(step: Step) -> str:
    assert step.system is not None
    return step.system.slug


def test_two_erps_without_a_route_need_a_person(firm: Firm, other: System) -> None:
    deal = firm.deal()
    step = deal.steps.get(name="customer")
    assert (step.state, step.kind) == (State.PARKED, Kind.CONTRACT)
    assert "Tryton ERP" in step.text
    assert other.title in step.text
    assert not Attempt.objects.filter(step=step).exists()

    Route.objects.create(role="erp", system=other, starts_on=firm.today)
    with cases.case_of(deal, now=firm.now) as case:
        engine.reconsider(case, why="a route was made")
    assert firm.play(deal).state == "verified"
    assert _erp_of(deal.steps.get(name="customer")) == "new-erp"


def test_a_system_that_does_not_offer_its_part_is_named_and_asked_again(firm: Firm) -> None:
    """As a described system whose description says too little: its facts are kept and wait."""
    deal = firm.deal()
    psa = System.objects.filter(slug="certinia")
    psa.update(connector="bamboohr")
    bill = firm.bill(deal)
    step = bill.steps.get(name="billing-event")
    assert (bill.state, step.kind) == ("dead_lettered", Kind.CONTRACT)
    assert "takes “billing_event” here, but offers no “upsert” of it" in step.text
    psa.update(connector="certinia")
    with cases.case_of(bill, now=firm.now) as case:
        engine.reconsider(case, why="it was described")
    assert firm.play(bill).state == "verified"
    step.refresh_from_db()
    assert (step.system, step.effect) == (psa.get(), Effect.KEYED)


def agree(firm: Firm, about: str, **content: str) -> None:
    """One proposes, another agrees."""
    made = governing.propose(
        subject=f"route:{about}", content=content, reason="cut-over", by=firm.amara, now=firm.now
    )
    governing.decide(version=made, agree=True, answer="", by=firm.anna, now=firm.now)


def test_what_waits_for_a_route_goes_on_once_two_people_have_agreed(
    firm: Firm, other: System
) -> None:
    deal = firm.deal()
    assert deal.steps.get(name="customer").state == State.PARKED
    Feed.objects.get_or_create(
        system=System.objects.get(slug="tryton"), entity="invoice", defaults={"due_at": firm.now}
    )
    assert sides.under_way([other]) == {other.pk: {}}
    today = timezone.now().date().isoformat()
    agree(firm, "erp/LF-DE/*", system="new-erp", **{"from": today})
    assert firm.play(deal).state == "verified"
    assert _erp_of(deal.steps.get(name="customer")) == "new-erp"
    assert Feed.objects.filter(system=other, entity="invoice").exists(), "it is read as well"
    agree(firm, "erp/LF-DE/*", system="tryton", **{"from": today})
    (route,) = Route.objects.filter(role="erp")
    assert route.system.slug == "tryton", "the same day is decided anew"


def test_what_is_under_way_is_counted_where_it_ends(firm: Firm, other: System) -> None:
    Route.objects.create(role="erp", system=other, starts_on=timezone.now().date())
    firm.deal(entity="LF-UK", currency="GBP")
    firm.tell(firm.opportunity())
    assert sides.under_way([other])[other.pk] == {"LF-DE": 1}


def _reads_back(net: str) -> Callable[[Step], Verdict]:
    """An ERP that says what it has posted."""

    def answered(step: Step) -> Verdict:
        done = well(step)
        return replace(done, values={**done.values, "untaxed": net})

    return answered


def test_what_was_billed_is_compared_in_money(firm: Firm, other: System) -> None:
    old, today = System.objects.get(slug="tryton"), timezone.now().date()
    first = Route.objects.create(role="erp", system=old, starts_on=today - timedelta(days=900))
    deal = firm.deal()
    for amount in ("7200.00", "0.01"):
        firm.bill(deal, {"post": _reads_back(amount)}, amount=Decimal(amount))
    first.delete()
    Route.objects.create(role="erp", system=other, starts_on=today - timedelta(days=1))
    moved = firm.bill(deal, amount=Decimal("1000.10"))
    month = moved.steps.get(name="post").values["invoice_date"][:7]
    (row,) = sides.billed([old, other], today - timedelta(days=40))
    assert (row.company, row.currency, row.month) == ("LF-DE", "EUR", month)
    assert row.amounts == {old.pk: Decimal("7200.01"), other.pk: Decimal("1000.10")}
    assert row.papers == {old.pk: 2, other.pk: 1}
    assert row.together == Decimal("8200.11")
    assert sides.billed([other], today + timedelta(days=40)) == []


@pytest.mark.parametrize(
    ("about", "system", "on", "words"),
    [
        ("erp", "tryton", 0, "neither part"),
        ("erp/LF-XX/*", "tryton", 0, "no legal entity “LF-XX”"),
        ("psa/LF-DE/*", "tryton", 0, "No active system “tryton” plays the part “psa”"),
        ("erp/LF-DE/*", "nobody", 0, "No active system “nobody”"),
        ("erp/LF-DE/timecard", "tryton", 0, "keeps no “timecard”"),
        ("erp/LF-DE/*", "tryton", -1, "begins today or later"),
    ],
)
def test_a_route_that_cannot_be_is_refused(
    firm: Firm, about: str, system: str, on: int, words: str
) -> None:
    day = timezone.now().date() + timedelta(days=on)
    with pytest.raises(BadPolicy, match=words):
        agree(firm, about, system=system, **{"from": day.isoformat()})
    with pytest.raises(BadPolicy, match="begins on a day"):
        agree(firm, "erp/*/*", system="tryton", **{"from": "soon"})


def test_a_cut_over_moves_what_begins_from_its_day_on(firm: Firm, other: System) -> None:
    old, germany = System.objects.get(slug="tryton"), LegalEntity.objects.get(code="LF-DE")
    today = firm.today
    Route.objects.create(role="erp", system=old, starts_on=today - timedelta(days=900))
    before = firm.deal()
    moved = Route.objects.create(role="erp", company=germany, system=other, starts_on=today)
    begun = firm.tell(firm.opportunity())
    moved.delete()
    after = firm.play(begun)
    elsewhere = firm.deal(entity="LF-UK", currency="GBP")
    erps = [_erp_of(one.steps.get(name="customer")) for one in (before, after, elsewhere)]
    assert erps == ["tryton", "new-erp", "tryton"]


def test_a_record_that_must_stay_is_sent_nowhere_else(firm: Firm) -> None:
    LegalEntity.objects.filter(code="LF-DE").update(residency="EU")
    System.objects.exclude(role="erp").update(region="EU")
    deal = firm.deal()
    step = deal.steps.get(name="customer")
    assert (step.state, step.kind) == (State.PARKED, Kind.PERMISSION)
    assert "may not leave EU" in step.text
    assert "no region on record" in step.text
    assert not Attempt.objects.filter(step=step, purpose=Purpose.SEND).exists()

    System.objects.filter(role="erp").update(region="EU")
    with cases.case_of(deal, now=firm.now) as case:
        engine.again(case, case.step("customer"), why="its region is known")
        engine.advance(case)
    assert firm.play(deal).state == "verified"


def test_what_may_be_a_record_that_must_stay_is_sent_nowhere_else_either(firm: Firm) -> None:
    deal = firm.deal()
    LegalEntity.objects.filter(code="LF-DE").update(residency="EU")
    Transaction.objects.filter(pk=deal.pk).update(entity=None)
    with cases.case_of(deal, now=firm.now) as case:
        refused = residency.refusal(case, case.step("customer"))
    assert refused is not None
    assert refused.text.startswith("Nobody knows whether this is Larkfield Advisory GmbH's")
    System.objects.update(region="EU")
    with cases.case_of(deal, now=firm.now) as case:
        assert residency.refusal(case, case.step("customer")) is None
