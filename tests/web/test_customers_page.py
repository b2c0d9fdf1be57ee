"""Possible duplicates wait for a data owner's word, on the page and over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from controltower.firm.models import AuditEntry, LegalEntity, Period
from controltower.firm.rights import Right, who_grants
from controltower.mappings.models import Likeness
from controltower.transactions import validating
from controltower.transactions.models import Transaction, TransactionState
from tests.factories import Firm, found, signed_in
from tests.lookalikes import MARKUP, ONE, OTHER, client_record, look_alike
from tests.web.cast import token
from tests.web.files import rows_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Firm:
    return found()


@pytest.fixture
def waiting(firm: Firm) -> Transaction:
    """A changed client who looks like another one."""
    one = look_alike(firm)
    assert one.steps.get(name="duplicates").kind == Kind.DUPLICATE
    return one


def said(survivor: str = "apart") -> dict[str, str]:
    return {"client": ONE, "other": OTHER, "survivor": survivor, "reason": "Two sites."}


class TestPage:
    def test_it_shows_both_why_and_what_waits(self, firm: Firm, waiting: Transaction) -> None:
        page = signed_in(firm.lena).get(reverse("customers")).content.decode()
        assert "the same name and city" in page
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert waiting.correlation_id in page
        assert reverse("customer_decisions") in page

    def test_it_is_a_file_of_what_waits_and_what_was_decided(
        self, firm: Firm, waiting: Transaction
    ) -> None:
        client = signed_in(firm.lena)
        (row,) = rows_of(client, "/exports/customers/")
        assert (row["list"], row["why"]) == ("waiting", "the same name and city")
        assert {row["client"], row["other_client"]} == {waiting.counterparty, MARKUP}
        assert rows_of(client, "/exports/customers/?q=nobody") == []
        client.post(reverse("customer_decisions"), said())
        (row,) = rows_of(client, "/exports/customers/")
        assert (row["list"], row["why"], row["by"]) == ("decided", "Two sites.", str(firm.lena))

    def test_nothing_waits(self, firm: Firm) -> None:
        page = signed_in(firm.lena).get(reverse("customers")).content.decode()
        assert "No client looks like another one" in page

    def test_a_word_is_kept_and_what_waited_goes_on(self, firm: Firm, waiting: Transaction) -> None:
        answer = signed_in(firm.lena).post(reverse("customer_decisions"), said())
        assert answer["Location"] == reverse("customers")
        word = Likeness.objects.get()
        assert (word.survivor, word.decided_by, word.reason) == ("", firm.lena, "Two sites.")
        waiting.refresh_from_db()
        assert waiting.state == TransactionState.IN_PROGRESS
        entry = AuditEntry.objects.get(verb="decide duplicate")
        assert (entry.allowed, entry.entity) == (True, "LF-DE")
        page = signed_in(firm.lena).get(reverse("customers")).content.decode()
        assert "are two clients" in page

    def test_a_word_needs_a_reason_and_a_choice(self, firm: Firm, waiting: Transaction) -> None:
        for lacking in ("reason", "survivor"):
            signed_in(firm.lena).post(reverse("customer_decisions"), said() | {lacking: " "})
        assert not Likeness.objects.exists()

    def test_an_operator_may_look_but_not_decide(self, firm: Firm, waiting: Transaction) -> None:
        client = signed_in(firm.otto)
        page = client.get(reverse("customers")).content.decode()
        assert who_grants(Right.DECIDE_DUPLICATE) in page
        client.post(reverse("customer_decisions"), said())
        assert not Likeness.objects.exists()
        assert not AuditEntry.objects.get(verb="decide duplicate").allowed

    def test_another_companys_people_do_not_see_it(self, firm: Firm, waiting: Transaction) -> None:
        client = signed_in(firm.callum)
        assert ONE not in client.get(reverse("customers")).content.decode()
        assert client.post(reverse("customer_decisions"), said()).status_code == 404
        assert not Likeness.objects.exists()

    @pytest.mark.parametrize("survivor", ["001ELSE", MARKUP])
    def test_only_one_of_both_survives(
        self, firm: Firm, waiting: Transaction, survivor: str
    ) -> None:
        client = signed_in(firm.lena)
        assert client.post(reverse("customer_decisions"), said(survivor)).status_code == 404
        assert not Likeness.objects.exists()


def post(path: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    return Client().post(
        f"/api/v1{path}", json.dumps(body), content_type="application/json", headers=headers
    )


class TestApi:
    def test_pairs_and_the_word(self, firm: Firm, waiting: Transaction) -> None:
        lena = token(firm.lena)
        (pair,) = Client().get("/api/v1/customers/duplicates", headers=lena).json()
        assert (pair["client"], pair["transaction"]) == (ONE, waiting.reference)
        word = {"client": ONE, "other": OTHER, "survivor": ONE, "reason": "One after all."}
        assert post("/customers/decisions", word, token(firm.otto)).status_code == 403
        made = post("/customers/decisions", word, lena)
        assert made.status_code == 201, made.content
        assert made.json()["survivor"] == ONE
        newer = post("/customers/decisions", word | {"survivor": None}, lena)
        assert newer.json()["survivor"] is None, "a word can be changed by a newer one"
        nobody = post("/customers/decisions", word | {"other": "001ELSE"}, lena)
        assert nobody.status_code == 409


class TestValidation:
    GIVEN = {"entity": "LF-DE", "name": "Loutre & Fils", "country": "FR", "vat_number": "FR69"}

    @pytest.fixture
    def answers(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Verdict | None]:
        """What CRM and ERP answer; by default that they know nobody like it."""
        nobody = Done(ref="", outcome=Outcome.READ, values={"alike": []})
        absent = Rejected(kind=Kind.NOT_FOUND, text="Tryton knows no customer.")
        given: dict[str, Verdict | None] = {"alike": nobody, "erp": absent}

        def ask(questions: Any, _now: Any) -> list[Verdict | None]:
            return [given[one.name] for one in questions]

        monkeypatch.setattr(validating, "ask", ask)
        return given

    def validate(self, firm: Firm, **changed: Any) -> Any:
        return post("/customers/validate", self.GIVEN | changed, token(firm.lena))

    def test_nothing_speaks_against_it(self, firm: Firm, answers: dict[str, Any]) -> None:
        answer = self.validate(firm)
        assert answer.status_code == 200, answer.content
        assert answer.json() == {
            "accepted": True, "tax_treatment": "reverse_charge", "customer_number": None,
        }  # fmt: skip

    def test_rules_systems_and_lookalikes_object(self, firm: Firm, answers: dict[str, Any]) -> None:
        twin = client_record(OTHER, name="LOUTRE & FILS").as_dict()
        answers["alike"] = Done(ref="", outcome=Outcome.READ, values={"alike": [twin]})
        answers["erp"] = Rejected(kind=Kind.REFERENCE_MISSING, text="Country FR is not known.")
        answer = self.validate(firm, vat_number="", city="Bremen", on="2020-01-15")
        assert answer.status_code == 422
        assert answer["Content-Type"] == "application/problem+json"
        kinds = {one["field"]: one["kind"] for one in answer.json()["objections"]}
        assert kinds["vat_number"] == Kind.VALIDATION
        assert kinds["name"] == Kind.DUPLICATE
        assert "Nothing was written" in answer.json()["detail"]

    def test_a_closed_period_is_an_objection(self, firm: Firm, answers: dict[str, Any]) -> None:
        entity = LegalEntity.objects.get(code="LF-DE")
        Period.objects.update_or_create(entity=entity, month="2020-01", defaults={"closed": True})
        (objection,) = self.validate(firm, on="2020-01-15").json()["objections"]
        assert (objection["kind"], objection["field"]) == (Kind.PERIOD_CLOSED, "on")

    def test_who_does_not_answer_is_named(self, firm: Firm, answers: dict[str, Any]) -> None:
        answers["erp"] = None
        answer = self.validate(firm)
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")
        assert "Tryton ERP did not answer" in answer.json()["detail"]

    def test_nothing_listens_at_all(self, firm: Firm) -> None:
        assert self.validate(firm).status_code == 503

    def test_another_companys_record_is_not_asked_about(self, firm: Firm) -> None:
        answer = post("/customers/validate", self.GIVEN, token(firm.callum))
        assert answer.status_code == 404
