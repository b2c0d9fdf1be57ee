"""What was billed, by system, company, currency and month, is what the posted papers say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controltower.measures import invariants, rollups, sides
from controltower.measures.checks.finding import Span
from controltower.measures.models import Delta, Kind, Rollup
from controltower.systems.models import System
from controltower.transactions.models import Step, Transaction
from tests.factories import Firm

pytestmark = pytest.mark.django_db
Key = tuple[int, str, str, str]


def told() -> Mapping[Key, tuple[Decimal, int]]:
    """What the page Routes shows: by system, company, currency and month."""
    return {
        (system, row.company, row.currency, row.month): (amount, row.papers[system])
        for row in sides.billed(list(System.objects.all()), date.min)
        for system, amount in row.amounts.items()
    }


def counted() -> Mapping[Key, tuple[Decimal, int]]:
    """The same, of the papers one by one."""
    found: dict[Key, tuple[Decimal, int]] = {}
    for step in Step.objects.filter(verb="post", state="verified").select_related("transaction"):
        on, of = step.values.get("invoice_date"), step.transaction
        if step.entity not in {"invoice", "credit_note"} or not _is_date(on) or not step.system_id:
            continue
        key = (step.system_id, of.entity.code if of.entity else "", of.currency, str(on)[:7])
        amount, papers = found.get(key, (Decimal(0), 0))
        found[key] = (amount + _net(step), papers + 1)
    return found


def _is_date(on: Any) -> bool:
    try:
        return bool(date.fromisoformat(on))
    except (TypeError, ValueError):
        return False


def _net(step: Step) -> Decimal:
    try:
        net = Decimal(step.values["untaxed"]).quantize(Decimal("0.0001"))
    except (InvalidOperation, KeyError, TypeError, ValueError):
        return step.transaction.amount
    return net if net.is_finite() and abs(net) < 10**20 else step.transaction.amount


def reads(**values: Any) -> Callable[[Step], object]:
    """A change: the paper is read back with these values."""
    return lambda step: Step.objects.filter(pk=step.pk).update(values=step.values | values)


def is_(**fields: Any) -> Callable[[Step], object]:
    """A change of the paper's own fields."""
    return lambda step: Step.objects.filter(pk=step.pk).update(**fields)


def of(**fields: Any) -> Callable[[Step], object]:
    """A change of the transaction that it is of."""
    return lambda step: Transaction.objects.filter(pk=step.transaction_id).update(**fields)


def elsewhere(step: Step) -> object:
    """A change: it stands in another system's books."""
    return is_(system=System.objects.exclude(slug="tryton")[0])(step)


CHANGES: dict[str, Callable[[Step], object]] = {
    "another amount": reads(untaxed="12.3456"),
    "an amount below nothing": reads(untaxed="-0.01"),
    "an amount as a number": reads(untaxed=12.5),
    "an amount in powers of ten": reads(untaxed="1.25E+3"),
    "nothing at all": reads(untaxed="0E-10"),
    "more than can be kept": reads(untaxed="1E+99"),
    "no amount": reads(untaxed=None),
    "words for an amount": reads(untaxed="a lot"),
    "not a number": reads(untaxed="NaN"),
    "more than there is": reads(untaxed="9" * 40),
    "a list for an amount": reads(untaxed=["1"]),
    "another month": reads(invoice_date="2024-02-29"),
    "no date": reads(invoice_date=None),
    "words for a date": reads(invoice_date="soon, I hope"),
    "not posted": is_(state="parked"),
    "another act": is_(verb="draft"),
    "a credit note": is_(entity="credit_note"),
    "another record": is_(entity="journal"),
    "proven otherwise": is_(done_at=None),
    "no system": is_(system=None),
    "another system": elsewhere,
    "worth more": of(amount=Decimal("77.7777")),
    "another currency": of(currency="USD"),
    "no company": of(entity=None),
    "gone": lambda step: Step.objects.filter(pk=step.pk).delete(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_follows_whatever_changes_and_back(firm: Firm, change: str) -> None:
    deal = firm.deal()
    first, _second = (firm.bill(deal, amount=Decimal(worth)) for worth in ("7200.00", "0.01"))
    paper = first.steps.get(name="post")
    before, at_first = Transaction.objects.values().get(pk=first.pk), told()
    assert at_first == counted() != {}
    CHANGES[change](paper)
    assert told() == counted()
    assert rollups.differences() == []
    rollups.fold()
    assert told() == counted()
    Transaction.objects.filter(pk=first.pk).update(**before)
    paper.save()
    assert told() == at_first
    assert rollups.differences() == []


def test_what_is_no_papers_business_notes_nothing(firm: Firm) -> None:
    paper = firm.bill(firm.deal()).steps.get(name="post")
    rollups.fold()
    is_(text="Posted", tries=7)(paper)
    Step.objects.filter(name="draft").update(values={"untaxed": "3"})
    of(title="Another")(paper)
    assert not Delta.objects.exists()


def test_it_is_built_from_nothing_and_a_wrong_sum_is_found(firm: Firm) -> None:
    begun = timezone.now()
    firm.bill(firm.deal())
    right = told()
    Delta.objects.filter(kind=Kind.BILLED).delete()
    assert told() == {}
    assert len(rollups.differences(begun)) == 1
    assert rollups.rebuild() == 1
    assert told() == right
    Rollup.objects.filter(kind=Kind.BILLED).update(amount=1)
    assert len(invariants.figures_agree(Span(begun)).breaches) == 1
    assert rollups.rebuild() == 1
    assert told() == right


def test_the_page_reads_no_papers(firm: Firm) -> None:
    firm.bill(firm.deal())
    with CaptureQueriesContext(connection) as asked:
        assert sides.billed(list(System.objects.all()), date.min)
    assert not [one["sql"] for one in asked if "transactions_" in one["sql"]]
