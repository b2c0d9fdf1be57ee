"""Nasty text that the door has taken, as people and programs come to see it: as text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from django.utils.html import escape
from pytest_django.fixtures import Settings

from controltower.firm.models import ApiToken
from controltower.incidents import letters
from controltower.transactions import interpretation
from controltower.transactions.models import EventState, InboundEvent, Transaction
from tests.factories import found, signed_in
from tests.hostile.documents import NASTY
from tests.web.cast import token
from tests.web.doorway import post
from tests.web.partner import SECRET, deal, encoded, signed

pytestmark = pytest.mark.django_db(transaction=True)
EDGES: tuple[dict[str, Any], ...] = (
    {"time": "0001-01-01T00:00:00+14:00"},
    {"time": "9999-12-31T23:59:59-14:00"},
    {"time": "2026-03-29T02:30:00Z"},
    {"data": {"close_date": "0001-01-01"}},
    {"data": {"close_date": "9999-12-31"}},
    {"data": {"amount": "-0.000000000000000001"}},
    {"data": {"amount": "999999999999999.999999999999999999"}},
    {"data": {"currency": "XXX"}},
    {"data": {"entity": ""}},
    {"data": {"customer_id": "", "customer_name": ""}},
)


def events() -> list[dict[str, Any]]:
    """A deal for each nasty text, as its name and its client's, and one for each edge."""
    made = [deal(data=deal()["data"] | {"name": text, "customer_name": text}) for text in NASTY]
    made += [deal(**edge | {"data": deal()["data"] | edge.get("data", {})}) for edge in EDGES]
    for number, event in enumerate(made):
        event["id"] = f"evt-{number}"
        event["data"]["source_id"] = f"OPP-{number}"
    return made


def test_what_was_taken_is_shown_as_text_and_stops_nobody(settings: Settings) -> None:
    settings.INBOUND_SECRETS = {"partner": [SECRET]}
    firm = found()
    for number, event in enumerate(events()):
        body = encoded(event)
        answer = post(body, signed(body, message_id=f"msg_{number}"))
        assert answer.status_code in (202, 400), (event, answer.content)
    now = timezone.now()
    while interpretation.interpret_due(limit=100, now=now):
        pass
    assert not InboundEvent.objects.filter(state=EventState.RECEIVED).exists()
    taken = list(Transaction.objects.all())
    assert len(taken) >= len(NASTY)
    for one in taken:
        firm.play(one)
    letters.catch_up(now=now)
    browser, headers = signed_in(firm.anna), token(firm.anna)
    ApiToken.objects.update(last_used_at=now)
    for one in taken:
        assert isinstance(one.amount, Decimal)
        page = browser.get(f"/tx/{one.correlation_id}/")
        assert page.status_code == 200
        shown = page.content.decode()
        assert escape(one.title.strip()) in shown or one.title not in NASTY
        assert not any(text in shown for text in NASTY if escape(text) != text)
        told = browser.get(f"/api/v1/transactions/{one.correlation_id}", headers=headers)
        assert json.loads(told.content)["transactions"][0]["title"] == one.title
        assert browser.get("/find/", {"q": one.title}).status_code == 200
    for path in ("/", "/tx/", "/exceptions/", "/exceptions/set-aside/", "/api/v1/exceptions"):
        listed = browser.get(path, headers=headers)
        assert listed.status_code == 200
        if not path.startswith("/api"):
            assert "<script>alert(1)" not in listed.content.decode()
