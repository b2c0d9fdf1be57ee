"""What people say who looked in a target that nobody else can ask: on the page and over the API."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from controltower.firm.models import Person
from controltower.transactions.models import Finding, Transaction
from controltower.transactions.protocol import State
from controltower.web import standing
from tests.factories import Firm, signed_in, unaskable
from tests.web.cast import token

pytestmark = pytest.mark.django_db


def _said(one: Transaction, **more: Any) -> dict[str, Any]:
    step = one.steps.get(name="draft")
    return {"step": str(step.pk), "fence": step.fence, "there": "no",
            "evidence": "List of drafts, today", "reason": "Not in the list."} | more  # fmt: skip


def _say(who: Person, one: Transaction, **more: Any) -> str:
    """Say it on the page; the page that follows."""
    url = f"/tx/{one.correlation_id}/findings/?part={one.reference}"
    return signed_in(who).post(url, _said(one, **more), follow=True).content.decode()


def test_the_page_offers_what_only_a_person_can_say(firm: Firm) -> None:
    one = unaskable(firm)
    page = signed_in(firm.otto).get(standing.url_of(one)).content.decode()
    assert "It is not there: send again" in page and "It is there, under this number" in page
    assert "cannot be asked" in page and "Make the plan" not in page
    page = signed_in(firm.priya).get(standing.url_of(one)).content.decode()
    assert 'id="found-no-why"' in page


def test_said_on_the_page_it_is_sent_once(firm: Firm) -> None:
    one = unaskable(firm)
    said = _said(one)
    assert "sent again, once" in _say(firm.otto, one)
    assert "has moved since you looked" in _say(firm.otto, one, fence=said["fence"])
    assert one.steps.get(name="draft").generation == 2


@pytest.mark.parametrize(
    "wrong", [{"evidence": " "}, {"reason": ""}, {"there": "yes", "number": ""}, {"fence": "x"}]
)
def test_without_proof_nothing_changes(firm: Firm, wrong: dict[str, str]) -> None:
    one = unaskable(firm)
    assert "Nothing was changed or sent" in _say(firm.otto, one, **wrong)
    assert one.steps.get(name="draft").state == State.PARKED


def test_a_second_person_confirms_much_money(firm: Firm) -> None:
    one = unaskable(firm, amount=Decimal("30000.00"))
    assert "second person" in _say(firm.otto, one)
    waiting = Finding.objects.get()
    page = signed_in(firm.otto).get(standing.url_of(one)).content.decode()
    assert 'id="confirm-yes-why"' in page and "List of drafts" in page
    url = f"/tx/{one.correlation_id}/confirmations/?part={one.reference}"
    form = {"finding": waiting.pk, "confirm": "yes"}
    signed_in(firm.otto).post(url, form)
    assert one.steps.get(name="draft").state == State.PARKED
    page = signed_in(firm.anna).post(url, form, follow=True).content.decode()
    assert "sent again, once" in page
    assert firm.play(one).state == "verified"


def test_over_the_api(firm: Firm) -> None:
    one = unaskable(firm)
    client, headers = Client(), token(firm.otto)

    def post(path: str, body: Any) -> Any:
        return client.post(
            f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers
        )

    journey = client.get(f"/api/v1/transactions/{one.reference}", headers=headers).json()
    (step,) = [s for s in journey["transactions"][0]["steps"] if s["name"] == "draft"]
    said = {"step": step["id"], "fence": step["fence"], "number": "INV-9",
            "evidence": "its list", "reason": "so"}  # fmt: skip
    path = f"transactions/{one.reference}/findings"
    answer = post(path, said)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["state"], answer.json()["number"]) == ("carried_out", "INV-9")
    assert post(path, said).status_code == 409
    assert post(path, said | {"reason": ""}).status_code == 422
    assert post("findings/999999/confirmations", {"confirm": True}).status_code == 404
    pk = answer.json()["id"]
    assert post(f"findings/{pk}/confirmations", {"confirm": True}).status_code == 403
