"""Edit and retry on the page and over the API."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from controltower.firm.models import Person
from controltower.transactions import replay, selection
from controltower.transactions.models import Amendment, Transaction
from controltower.transactions.protocol import State
from controltower.web import standing
from tests.factories import Firm, refused, signed_in
from tests.web.cast import token

pytestmark = pytest.mark.django_db


def _stuck(firm: Firm, **values: Any) -> Transaction:
    return firm.bill(firm.deal(), answers={"draft": refused("No such order.")}, **values)


def _page(who: Person, one: Transaction) -> str:
    return signed_in(who).get(standing.url_of(one)).content.decode()


def _edit(who: Person, one: Transaction, **more: Any) -> str:
    step = one.steps.get(name="draft")
    form = {"step": str(step.pk), "fence": step.fence, "reason": "The client told us.",
            "field-po_number": "PO-77", "field-description": "Claims",
            "field-contact_email": ""} | more  # fmt: skip
    url = f"/tx/{one.correlation_id}/amendments/?part={one.reference}"
    return signed_in(who).post(url, form, follow=True).content.decode()


def test_the_form_is_typed_and_hides_what_is_personal(firm: Firm) -> None:
    one = _stuck(firm)
    page = _page(firm.otto, one)
    assert 'name="field-po_number"' in page and 'type="email"' in page
    assert "Leave it empty to keep it" in page
    assert "Edit what this step sends" in page
    assert 'id="edit-why"' in _page(firm.marta, one)


def test_edited_on_the_page_it_is_sent_again(firm: Firm) -> None:
    one = _stuck(firm)
    assert "sent again with the edited fields" in _edit(firm.otto, one)
    assert firm.play(one).state == "verified"
    sent = one.steps.get(name="draft").sent
    assert (sent["po_number"], sent["description"]) == ("PO-77", "Claims")
    assert "@" in sent["contact_email"]
    audit = signed_in(firm.otto).get(standing.url_of(one), {"step": "4", "tab": "audit"})
    assert "edited Purchase order from" in audit.content.decode()


def test_what_waits_is_told_in_the_language_of_who_decides(firm: Firm) -> None:
    one = _stuck(firm, amount=Decimal("90000.00"))
    _edit(firm.otto, one)
    Person.objects.filter(pk=firm.anna.pk).update(language="de")
    page = _page(Person.objects.get(pk=firm.anna.pk), one)
    said = re.findall(r"[^>]*PO-77[^<]*", page)
    assert said and all("Bestellung von „" in one for one in said), said


@pytest.mark.parametrize(
    "wrong",
    [{"reason": ""}, {"field-po_number": "x" * 99}, {"field-contact_email": "x"}, {"fence": "y"},
     {"step": "z"}, {"fence": 0}],
)  # fmt: skip
def test_bad_input_changes_nothing(firm: Firm, wrong: dict[str, Any]) -> None:
    one = _stuck(firm)
    assert "Nothing was changed or sent" in _edit(firm.otto, one, **wrong)
    assert one.steps.get(name="draft").state == State.PARKED


def test_a_second_person_agrees_to_much_money(firm: Firm) -> None:
    one = _stuck(firm, amount=Decimal("30000.00"))
    assert "second person has agreed" in _edit(firm.otto, one)
    waiting = Amendment.objects.get()
    page = _page(firm.otto, one)
    assert 'id="agree-yes-why"' in page
    assert "It is sent once a second person has agreed." in page, "after the message is gone, too"
    assert "Edit what this step sends" not in page
    assert page.index("Agree, and send it") < page.index("Replay from step"), "it is decided first"
    assert not re.search(r"is-primary[^>]*>\s*<svg.{0,200}Replay from step", page, re.DOTALL)
    assert "PO-77" in _page(firm.anna, one)
    url = f"/tx/{one.correlation_id}/agreements/?part={one.reference}"
    signed_in(firm.otto).post(url, {"amendment": waiting.pk, "agree": "yes"})
    assert one.steps.get(name="draft").state == State.PARKED
    agreed = signed_in(firm.anna).post(url, {"amendment": waiting.pk, "agree": "yes"}, follow=True)
    assert "sent again with the edited fields" in agreed.content.decode()
    assert firm.play(one).state == "verified"


def test_whoever_edited_takes_it_back_and_edits_anew(firm: Firm) -> None:
    one = _stuck(firm, amount=Decimal("30000.00"))
    assert "Take it back" in _edit(firm.otto, one)
    assert "Take it back" not in _page(firm.anna, one)
    waiting = Amendment.objects.get()
    url = f"/tx/{one.correlation_id}/agreements/?part={one.reference}"
    back = {"amendment": waiting.pk, "agree": "no"}
    said = signed_in(firm.otto).post(url, back, follow=True).content.decode()
    assert "Taken back: nothing was sent" in said
    waiting.refresh_from_db()
    assert waiting.is_withdrawn
    assert one.steps.get(name="draft").state == State.PARKED
    said = signed_in(firm.anna).post(url, back | {"agree": "yes"}, follow=True).content.decode()
    assert "This has been decided already." in said
    assert "second person has agreed" in _edit(firm.otto, one)


def test_a_replay_leaves_out_what_is_being_edited_and_says_so(firm: Firm) -> None:
    edited, other = _stuck(firm, amount=Decimal("30000.00")), _stuck(firm)
    _edit(firm.otto, edited)
    steps = [part.steps.get(name="draft").pk for part in (edited, other)]
    made = replay.plan(
        steps=steps, title="All", selection={}, mapping="now", by=firm.otto, now=firm.now
    )
    made = replay.survey(made.pk)
    left_out = made.items.get(step=steps[0])
    assert (left_out.state, left_out.text) == ("excluded", selection.BEING_EDITED)
    assert made.items.get(step=steps[1]).text != selection.BEING_EDITED, "it is asked about"
    page = signed_in(firm.otto).get(f"/jobs/{made.pk}/").content.decode()
    assert "a second person must decide about that first" in page


def test_a_plan_made_before_an_edit_is_made_anew(firm: Firm) -> None:
    one = _stuck(firm, amount=Decimal("30000.00"))
    step = one.steps.get(name="draft")
    made = replay.plan(
        steps=[step.pk], title="All", selection={}, mapping="now", by=firm.otto, now=firm.now
    )
    assert selection.changed_since(made, firm.now) == ""
    _edit(firm.otto, one)
    assert "has been edited since" in selection.changed_since(made, firm.now)


def test_over_the_api(firm: Firm) -> None:
    one, client, headers = _stuck(firm), Client(), token(firm.otto)
    step = one.steps.get(name="draft")

    def post(path: str, body: Any) -> Any:
        return client.post(
            f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers
        )

    said = {"step": str(step.pk), "fence": step.fence, "reason": "so",
            "fields": {"po_number": "PO-9"}}  # fmt: skip
    path = f"transactions/{one.reference}/amendments"
    assert post(path, said | {"fields": {"untaxed": "1.00"}}).status_code == 409
    assert post(path, said | {"fields": {"contact_email": "x"}}).status_code == 422
    answer = post(path, said)
    assert answer.status_code == 201, answer.content
    assert answer.json()["state"] == "in_force"
    assert post(path, said).status_code == 409
    assert post("amendments/999999/agreements", {"agree": True}).status_code == 404
    pk = answer.json()["id"]
    assert post(f"amendments/{pk}/agreements", {"agree": True}).status_code == 403
