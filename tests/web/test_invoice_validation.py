"""Would the invoice for gathered work be accepted? On the page and over the API, before it is
billed."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from controltower.firm.models import LegalEntity, Period
from controltower.systems import doors
from controltower.systems.calls import Order
from controltower.systems.models import System
from controltower.transactions import validating
from controltower.transactions.models import Attempt, TimelineEntry, Transaction
from tests.factories import Firm, found, refused, signed_in
from tests.web.cast import token

pytestmark = pytest.mark.django_db
ASK = validating.ask
"""As it is, where the answers are not given."""
CLIENT = {
    "source_id": "001TEST", "name": "Meridian Harbour Health", "country": "DE", "vat_number": "",
    "erp_code": "C-7", "contact_email": "dorothea.quince@meridian.example",
}  # fmt: skip


@pytest.fixture
def firm() -> Firm:
    return found()


@pytest.fixture
def work(firm: Firm) -> Transaction:
    """Approved time that waits for its billing run."""
    one = firm.gathering(firm.deal(), amount=Decimal("3600.00"))
    assert one.gathering
    return one


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Verdict | None]:
    """What CRM and ERP answer; by default that the client is known and the invoice is not."""
    given: dict[str, Verdict | None] = {
        "client": Done(ref="001TEST", outcome=Outcome.READ, values=CLIENT),
        "draft": Rejected(kind=Kind.NOT_FOUND, text="Tryton knows no such invoice."),
    }

    def ask(questions: Any, _now: Any) -> list[Verdict | None]:
        return [given[one.name] for one in questions]

    monkeypatch.setattr(validating, "ask", ask)
    return given


def asked(firm: Firm, key: str, who: str = "anna") -> Any:
    return Client().post(
        "/api/v1/invoices/validate", json.dumps({"key": key}),
        content_type="application/json", headers=token(getattr(firm, who)),
    )  # fmt: skip


def told(firm: Firm, work: Transaction) -> str:
    url = reverse("transaction_foresights", args=[work.correlation_id])
    client = signed_in(firm.anna)
    return client.post(f"{url}?part={work.reference}", follow=True).content.decode()


def test_nothing_speaks_against_it_and_nothing_is_written(firm: Firm, work: Transaction) -> None:
    before = (Attempt.objects.count(), TimelineEntry.objects.count(), work.steps.count())
    answer = asked(firm, work.reference)
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert said["untaxed"] == {"amount": "3600.00", "currency": "EUR"}
    assert (said["accepted"], said["customer_number"]) == (True, "C-7")
    assert said["tax_treatment"] == "LF-DE/domestic"
    page = told(firm, work)
    assert "Nothing speaks against it: Tryton ERP would take" in page
    assert "3,600.00" in page
    assert before == (Attempt.objects.count(), TimelineEntry.objects.count(), work.steps.count())
    work.refresh_from_db()
    assert work.gathering


def test_it_is_found_by_the_number_of_its_work(firm: Firm, work: Transaction) -> None:
    number = work.keys.get(kind="approved work").value
    assert asked(firm, number).json()["transaction"] == work.reference


def test_the_erps_refusal_is_told_in_its_words(
    firm: Firm, work: Transaction, answers: dict[str, Verdict | None]
) -> None:
    answers["draft"] = refused()
    answer = asked(firm, work.reference)
    assert answer.status_code == 422
    (objection,) = answer.json()["objections"]
    assert (objection["kind"], objection["field"]) == (Kind.VALIDATION, "tax_code")
    assert objection["text"].startswith("Tryton ERP: Tax code")
    assert "Tax code" in told(firm, work)


def test_a_client_without_a_number_is_an_objection(
    firm: Firm, work: Transaction, answers: dict[str, Verdict | None]
) -> None:
    answers["client"] = Done(ref="1", outcome=Outcome.READ, values=CLIENT | {"erp_code": ""})
    (objection,) = asked(firm, work.reference).json()["objections"]
    assert (objection["kind"], objection["field"]) == (Kind.REFERENCE_MISSING, "customer")


def test_a_closed_month_is_an_objection(firm: Firm, work: Transaction) -> None:
    entity = LegalEntity.objects.get(code="LF-DE")
    Period.objects.filter(entity=entity).update(closed=True)
    (objection,) = asked(firm, work.reference).json()["objections"]
    assert objection["kind"] == Kind.PERIOD_CLOSED


@pytest.mark.parametrize("away", ["client", "draft"])
def test_who_does_not_answer_is_named(
    firm: Firm, work: Transaction, answers: dict[str, Verdict | None], away: str
) -> None:
    answers[away] = None
    answer = asked(firm, work.reference)
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "did not answer in time" in told(firm, work)


def test_a_system_that_is_held_back_is_not_called(
    firm: Firm, work: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused by a person, refused our sign-in, or asked us to wait: no door is opened to it."""
    crm = System.objects.get(slug="salesforce")
    asked_of = list[str]()

    def door(system: System, *_others: Any) -> Any:
        asked_of.append(system.slug)
        raise AssertionError(f"{system.slug} was called")

    monkeypatch.setattr(doors, "door_to", door)
    question = validating.Question("client", crm, Order("read_back", "customer", "get"), reads=True)
    now = timezone.now()
    for held in ({"paused_at": now, "paused_by": firm.otto}, {"refused_at": now},
                 {"slow_until": now + timedelta(minutes=1)}):  # fmt: skip
        System.objects.filter(pk=crm.pk).update(**held)
        assert ASK([question], now) == [None]
        System.objects.filter(pk=crm.pk).update(**dict.fromkeys(held))
    assert asked_of == []
    with pytest.raises(AssertionError, match="was called"):
        ASK([question], now)


def test_what_was_drafted_is_not_foreseen(firm: Firm) -> None:
    bill = firm.bill(firm.deal())
    assert asked(firm, bill.reference).status_code == 409


def test_another_companys_work_is_not_there(firm: Firm, work: Transaction) -> None:
    assert asked(firm, work.reference, "callum").status_code == 404
    assert asked(firm, "nothing by that name").status_code == 404
