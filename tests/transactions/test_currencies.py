"""In which currencies the firm trades: a deal in another is refused before anything is written."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from controltower.firm import rates
from controltower.firm.models import ExchangeRate
from controltower.transactions.models import TransactionState
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_currency_is_traded_in_once_it_has_a_rate() -> None:
    firm = factories.found()
    assert "BRL" not in rates.traded() and {"EUR", "GBP"} <= rates.traded()
    refused = firm.deal(currency="BRL")
    step = refused.steps.get(name="check")
    assert (step.state, step.field) == ("parked", "currency")
    assert "“BRL”, which is no currency the firm trades in" in step.text
    assert not refused.steps.filter(sent_at__isnull=False).exists()
    ExchangeRate.objects.create(currency="BRL", on=date(2026, 11, 1), rate=Decimal("0.16"))
    assert firm.deal(currency="BRL").state == TransactionState.VERIFIED
