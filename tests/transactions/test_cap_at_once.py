"""Two invoices of one capped contract, prepared at the same time by two workers."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from controltower.transactions import cases, engine
from controltower.transactions.models import Transaction
from tests import factories
from tests.factories import Firm
from tests.transactions.test_capped_contracts import capped, listening

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_invoices_at_once_the_second_sees_what_the_first_one_took() -> None:
    firm = listening(factories.found())
    deal = capped(firm, "10000.00")
    bills = [firm.gathering(deal), firm.gathering(deal, on=firm.today - timedelta(days=40))]
    with cases.case_of(bills[0], now=firm.now) as case:
        engine.close_gathering(case)
        other = threading.Thread(target=_close_alone, args=(bills[1], firm))
        other.start()
        _until_somebody_waits()
    other.join(240)
    checks = [one.steps.get(name="check").values["billed"] for one in bills]
    assert [list(map(Decimal, one.values())) for one in checks] == [
        [Decimal(7200)],
        [Decimal(2800)],
    ]


def _close_alone(bill: Transaction, firm: Firm) -> None:
    """What another worker does, on a connection of its own."""
    try:
        with cases.case_of(Transaction.objects.get(pk=bill.pk), now=firm.now) as case:
            engine.close_gathering(case)
    finally:
        connection.close()


def _until_somebody_waits() -> None:
    """Until the other one stands before a lock of ours."""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waited")
