"""After a restore, facts fall together again as they are on the target's invoices."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.utils import timezone

from controltower.processes import catalogue
from controltower.processes.invoice_lines import mark_of
from controltower.transactions import cases, regrouping
from controltower.transactions.models import Item, Transaction
from tests.factories import Firm

pytestmark = pytest.mark.django_db
OLD, OTHER = "CT-0LD0000001", "CT-0LD0000002"


def _gather(firm: Firm, count: int) -> tuple[Transaction, list[str]]:
    """Work gathered in one transaction; the mark of each fact, in the order it came."""
    deal = firm.deal()
    gatherings = [firm.gathering(deal) for _ in range(count)]
    (one,) = {gathering.pk: gathering for gathering in gatherings}.values()
    return one, [mark_of(item.record) for item in one.items.order_by("pk")]


def _regroup(one: Transaction, references: Mapping[str, str]) -> None:
    process = catalogue.named(one.process)
    with cases.opened([one.pk], now=timezone.now()) as found:
        for case in list(regrouping.regroup(found[one.pk], process, references)):
            found[case.transaction.pk] = case
    one.refresh_from_db()


def _facts(reference: str) -> set[str]:
    items = Item.objects.filter(transaction__reference=reference)
    return {mark_of(item.record) for item in items}


def test_facts_that_are_all_on_one_invoice_take_its_name(firm: Firm) -> None:
    one, facts = _gather(firm, 2)
    _regroup(one, dict.fromkeys(facts, OLD))
    assert (one.reference, one.gathering) == (OLD, False)
    assert _facts(OLD) == set(facts)


def test_what_is_on_an_invoice_leaves_the_rest_which_gathers_on(firm: Firm) -> None:
    one, facts = _gather(firm, 3)
    name, worth = one.reference, one.amount
    _regroup(one, {facts[0]: OLD, facts[2]: OTHER})
    assert (one.reference, one.gathering) == (name, True)
    assert _facts(name) == {facts[1]}
    assert (_facts(OLD), _facts(OTHER)) == ({facts[0]}, {facts[2]})
    parts = Transaction.objects.filter(reference__in=[name, OLD, OTHER])
    assert sum(part.amount for part in parts) == worth
    assert not parts.exclude(pk=one.pk).filter(gathering=True).exists()


def test_what_is_on_its_own_invoice_stays_and_the_rest_leaves(firm: Firm) -> None:
    one, facts = _gather(firm, 2)
    name = one.reference
    _regroup(one, {facts[0]: name})
    assert (_facts(name), one.gathering) == ({facts[0]}, False)
    other = Transaction.objects.get(process=one.process, items__source_id__isnull=False,
                                    reference__startswith="CT-", group=one.group,
                                    gathering=False, pk__gt=one.pk)  # fmt: skip
    assert _facts(other.reference) == {facts[1]}


def test_another_transactions_invoice_is_left_to_a_person(firm: Firm) -> None:
    known, _facts_of_it = _gather(firm, 1)
    one, facts = _gather(firm, 1)
    name = one.reference
    _regroup(one, dict.fromkeys(facts, known.reference))
    assert (one.reference, one.gathering) == (name, True)
    assert _facts(name) == set(facts)


def test_without_invoices_nothing_changes(firm: Firm) -> None:
    one, facts = _gather(firm, 2)
    name = one.reference
    _regroup(one, {})
    assert (one.reference, one.gathering, _facts(name)) == (name, True, set(facts))
