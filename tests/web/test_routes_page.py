"""Admin's page of routes, while two sets of books are kept."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from controltower.systems.models import Route, System
from controltower.web import formats
from tests.factories import Firm
from tests.web.cast import browser

pytestmark = pytest.mark.django_db


def test_what_was_billed_stands_side_by_side(firm: Firm) -> None:
    old = System.objects.get(role="erp")
    new = System.objects.create(
        slug="new-erp", title="The new ERP", domain="ERP", role="erp", connector=old.connector,
        connection="new-erp", base_url="http://127.0.0.1:9",
    )  # fmt: skip
    day = timezone.now().date() - timedelta(days=9)
    Route.objects.create(role="erp", system=new, starts_on=day)
    firm.bill(firm.deal())
    page = browser(firm.amara).get("/manage/routes/").content.decode()
    assert {f"Billed in {one.title}" in page for one in (old, new)} == {True}
    assert page.count(formats.amount(Decimal(7200), "EUR")) == 2
    assert "1 paper" in page
