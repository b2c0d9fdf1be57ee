"""The JSON API: who may ask, what they see, and that asking twice is doing once."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.models import F
from django.test import Client
from django.utils import timezone
from openapi_spec_validator import validate

from controltower.firm.models import ApiToken, Role
from controltower.incidents.models import Cause, DeadLetter
from controltower.transactions.models import ReplayPlan, Step, Transaction, TransactionState
from controltower.web.api import api
from controltower.web.models import KeyedRequest
from tests.factories import Firm, sealed, stuck_bills
from tests.web.cast import LONG_AGO, browser, person, token, transaction

pytestmark = pytest.mark.django_db

ROOT = "/api/v1"


def get(path: str, headers: dict[str, str]) -> Any:
    return Client().get(ROOT + path, headers=headers)


def post(path: str, body: Any, headers: dict[str, str]) -> Any:
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return Client().post(ROOT + path, text, content_type="application/json", headers=headers)


def is_problem(answer: Any, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"urn:control-tower:problem:{name}"
    assert document["reference"] == answer["X-Reference"]
    return document


def stuck(reference: str, code: str | None, **more: Any) -> tuple[Transaction, Step]:
    """A parked transaction with its letter."""
    made = transaction(reference, code, state=TransactionState.DEAD_LETTERED, **more)
    step = Step.objects.create(
        transaction=made, name="customer", title="Create the customer", position=1,
        effect="keyed", state="parked", kind="validation", changed_at=LONG_AGO,
        text="The ERP refuses kim.doe@example.org", fingerprint="F1",
    )  # fmt: skip
    cause, _ = Cause.objects.get_or_create(
        fingerprint="F1",
        defaults={
            "title": "The ERP refuses", "step_name": "customer", "kind": "validation",
            "owner_role": "steward", "first_seen_at": LONG_AGO, "last_seen_at": LONG_AGO,
        },
    )  # fmt: skip
    Transaction.objects.filter(pk=made.pk).update(needed_person=True)
    DeadLetter.objects.create(step=step, transaction=made, cause=cause, opened_at=LONG_AGO)
    return made, step


class TestAccess:
    def test_only_with_a_token(self) -> None:
        for path in ("/transactions", "/transactions/CT-1", "/exceptions", "/openapi.json"):
            answer = get(path, {})
            is_problem(answer, 401, "no-token")
            assert answer["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize("header", ["Bearer nonsense", "Basic YTpi", "Bearer ", "Bearer é"])
    def test_not_with_a_wrong_one(self, header: str) -> None:
        person("alice")
        is_problem(get("/transactions", {"Authorization": header}), 401, "no-token")

    def test_a_session_is_no_token(self) -> None:
        client = browser(person("alice"))
        assert client.get(ROOT + "/transactions").status_code == 401

    def test_a_revoked_token_ends_at_once(self) -> None:
        headers = token(person("alice"))
        assert get("/transactions", headers).status_code == 200
        ApiToken.objects.update(revoked_at=timezone.now())
        is_problem(get("/transactions", headers), 401, "no-token")

    def test_a_deactivated_person_has_no_token(self) -> None:
        alice = person("alice")
        headers = token(alice)
        alice.is_active = False
        alice.save()
        is_problem(get("/transactions", headers), 401, "no-token")

    def test_use_is_noted_and_only_the_digest_is_kept(self) -> None:
        get("/transactions", token(person("alice"), "very-secret"))
        kept = ApiToken.objects.get()
        assert kept.last_used_at is not None
        assert "very-secret" not in str(kept.__dict__)

    def test_what_is_not_there_is_a_problem_document_too(self) -> None:
        is_problem(get("/nothing", token(person("alice"))), 404, "not-found")


class TestTransactions:
    def test_newest_first_in_exact_money(self) -> None:
        transaction("CT-1", "LF-DE", started_at=LONG_AGO)
        transaction("CT-2", None, started_at=LONG_AGO + timedelta(hours=1), amount=Decimal("7"))
        answer = get("/transactions", token(person("olga"))).json()
        assert [item["reference"] for item in answer["items"]] == ["CT-2", "CT-1"]
        assert answer["items"][1]["amount"] == {"amount": "1234.50", "currency": "EUR"}
        assert answer["items"][1]["keys"] == [{"kind": "opportunity", "value": "OPP-CT-1"}]
        assert answer["next"] is None

    def test_an_unknown_currency_is_told_as_it_stands(self) -> None:
        transaction("CT-1", "LF-DE", currency="XYZ")
        item = get("/transactions", token(person("olga"))).json()["items"][0]
        assert item["amount"] == {"amount": "1234.5000", "currency": "XYZ"}

    def test_only_of_ones_own_companies(self) -> None:
        transaction("CT-1", "LF-DE")
        transaction("CT-2", "LF-UK")
        transaction("CT-3", None)
        headers = token(person("anna", Role.CONTROLLER, "LF-DE"))
        found = get("/transactions", headers).json()["items"]
        assert [item["reference"] for item in found] == ["CT-1"]
        assert get("/transactions?key=OPP-CT-2", headers).json()["items"] == []
        is_problem(get("/transactions/CT-2", headers), 404, "not-found")
        is_problem(get("/transactions/CT-3", headers), 404, "not-found")
        is_problem(get("/transactions?entity=LF-UK", headers), 404, "not-found")
        is_problem(get("/exceptions?entity=LF-UK", headers), 404, "not-found")
        assert get("/transactions?entity=LF-DE", headers).status_code == 200

    def test_any_key_finds_the_whole_chain(self) -> None:
        transaction("CT-1", "LF-DE", correlation_id="ct-chain")
        transaction("CT-2", "LF-DE", correlation_id="ct-chain")
        transaction("CT-3", "LF-DE")
        headers = token(person("olga"))
        for key in ("OPP-CT-1", "CT-2", "ct-chain"):
            found = get(f"/transactions?key={key}", headers).json()["items"]
            assert {item["reference"] for item in found} == {"CT-1", "CT-2"}

    @pytest.mark.breaks("I5")
    def test_filters(self) -> None:
        transaction("CT-1", "LF-DE", state=TransactionState.VERIFIED)
        transaction("CT-2", "LF-DE", process="other")
        headers = token(person("olga"))
        for query, reference in (("state=verified", "CT-1"), ("process=other", "CT-2")):
            found = get(f"/transactions?{query}", headers).json()["items"]
            assert [item["reference"] for item in found] == [reference]

    def test_pages_follow_each_other_without_gap_or_repetition(self) -> None:
        for number in range(7):
            transaction(f"CT-{number}", "LF-DE", started_at=LONG_AGO)
        headers, seen, after = token(person("olga")), [], ""
        while True:
            page = get(f"/transactions?limit=2{after}", headers).json()
            seen += [item["reference"] for item in page["items"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert len(seen) == 7
        assert len(set(seen)) == 7

    @pytest.mark.parametrize(
        ("query", "status"),
        [("limit=0", 422), ("limit=101", 422), ("state=x", 422), ("after=%ff", 400),
         ("after=abc", 400), ("key=%00", 400), ("key=a%0ab", 422), ("key=", 422),
         ("after=" + "A" * 100, 400)],
    )  # fmt: skip
    def test_nonsense_is_refused_in_words(self, query: str, status: int) -> None:
        answer = get(f"/transactions?{query}", token(person("olga")))
        assert answer.status_code == status
        assert answer["Content-Type"] == "application/problem+json"

    def test_one_with_all_that_happened(self) -> None:
        made, step = stuck("CT-1", "LF-DE")
        made.timeline.create(at=LONG_AGO, kind="parked", step="customer", text="It was refused.")
        step.attempts.create(
            number=1, purpose="send", state="failed_permanent", fence=1, generation=1,
            traceparent="00", payload={"name": "secret"}, payload_digest="0" * 64,
            started_at=LONG_AGO, deadline_at=LONG_AGO, request="secret", response="secret",
        )  # fmt: skip
        answer = get("/transactions/CT-1", token(person("olga")))
        journey = answer.json()
        assert journey["correlation_id"] == "ct-CT-1"
        one = journey["transactions"][0]
        assert one["steps"][0]["attempts"][0]["number"] == 1
        assert one["timeline"][0]["text"] == "It was refused."
        assert "secret" not in answer.content.decode()
        assert "kim.doe" not in answer.content.decode()

    def test_a_correlation_id_gives_the_chain_as_far_as_one_may_see(self) -> None:
        transaction("CT-1", "LF-DE", correlation_id="ct-chain")
        transaction("CT-2", "LF-UK", correlation_id="ct-chain")
        everything = get("/transactions/ct-chain", token(person("olga"))).json()
        assert len(everything["transactions"]) == 2
        part = get("/transactions/ct-chain", token(person("anna", Role.AUDITOR, "LF-UK"))).json()
        assert [one["reference"] for one in part["transactions"]] == ["CT-2"]


class TestExceptions:
    def test_by_cause_and_within_ones_companies(self) -> None:
        stuck("CT-1", "LF-DE")
        stuck("CT-2", "LF-UK")
        everything = get("/exceptions", token(person("olga"))).json()
        assert [(cause["count"], cause["kind"]) for cause in everything] == [(2, "validation")]
        assert everything[0]["at_stake"] == {"amount": "2469.00", "currency": "EUR"}
        part = get("/exceptions", token(person("anna", Role.AUDITOR, "LF-DE"))).json()
        assert [cause["count"] for cause in part] == [1]
        none = get("/exceptions", token(person("uma", Role.AUDITOR, "LF-US"))).json()
        assert none == []


class TestReplays:
    KEY = {"Idempotency-Key": '"a-key-of-mine"'}

    def test_plan_look_and_refuse_a_foreign_digest(self) -> None:
        _, step = stuck("CT-1", "LF-DE")
        headers = token(person("olga"))
        answer = post("/replays", {"steps": [str(step.pk)]}, headers | self.KEY)
        assert answer.status_code == 202, answer.content
        plan = answer.json()
        assert plan["state"] == "draft"
        assert plan["items"][0]["amount"] == {"amount": "1234.50", "currency": "EUR"}
        assert answer["Location"] == f"{ROOT}/replays/{plan['id']}"
        assert get(f"/replays/{plan['id']}", headers).json()["id"] == plan["id"]
        refused = post(f"/replays/{plan['id']}/releases", {"digest": "0" * 64}, headers)
        is_problem(refused, 409, "plan-changed")

    def test_by_transaction_or_by_exception(self) -> None:
        stuck("CT-1", "LF-DE")
        stuck("CT-2", "LF-DE")
        headers = token(person("olga"))
        one = post("/replays", {"transactions": ["CT-1"]}, headers | self.KEY)
        assert one.json()["counts"] == {"waiting": 1}
        other = {"Idempotency-Key": "another-key"}
        both = post("/replays", {"exception": Cause.objects.get().pk}, headers | other)
        assert both.json()["counts"] == {"waiting": 2}

    def test_the_key_is_needed(self) -> None:
        _, step = stuck("CT-1", "LF-DE")
        headers = token(person("olga"))
        for key in ({}, {"Idempotency-Key": ""}, {"Idempotency-Key": "short"}):
            answer = post("/replays", {"steps": [str(step.pk)]}, headers | key)
            is_problem(answer, 400, "no-idempotency-key")
        assert not ReplayPlan.objects.exists()

    def test_asking_twice_is_planning_once(self) -> None:
        _, step = stuck("CT-1", "LF-DE")
        headers = token(person("olga")) | self.KEY
        first = post("/replays", {"steps": [str(step.pk)]}, headers)
        again = post("/replays", {"steps": [str(step.pk)]}, headers)
        assert again.status_code == 202
        assert again.json() == first.json()
        assert ReplayPlan.objects.count() == 1

    def test_a_key_is_for_one_intention(self) -> None:
        _, one = stuck("CT-1", "LF-DE")
        _, two = stuck("CT-2", "LF-DE")
        headers = token(person("olga")) | self.KEY
        post("/replays", {"steps": [str(one.pk)]}, headers)
        answer = post("/replays", {"steps": [str(two.pk)]}, headers)
        is_problem(answer, 422, "key-reused")

    def test_a_key_belongs_to_its_person(self) -> None:
        _, step = stuck("CT-1", "LF-DE")
        body = {"steps": [str(step.pk)]}
        first = post("/replays", body, token(person("olga")) | self.KEY).json()
        second = post("/replays", body, token(person("otto")) | self.KEY).json()
        assert first["id"] != second["id"]

    def test_while_the_first_is_under_way(self) -> None:
        _, step = stuck("CT-1", "LF-DE")
        headers = token(person("olga")) | self.KEY
        post("/replays", {"steps": [str(step.pk)]}, headers)
        KeyedRequest.objects.update(status=None)
        is_problem(post("/replays", {"steps": [str(step.pk)]}, headers), 409, "in-flight")
        KeyedRequest.objects.update(at=timezone.now() - timedelta(minutes=3))
        assert post("/replays", {"steps": [str(step.pk)]}, headers).status_code == 202

    def test_a_refusal_leaves_the_key_free(self) -> None:
        _, step = stuck("CT-1", "LF-DE")
        Step.objects.update(state="verified")
        headers = token(person("olga")) | self.KEY
        body = {"steps": [str(step.pk)]}
        is_problem(post("/replays", body, headers), 409, "not-replayable")
        Step.objects.update(state="parked")
        assert post("/replays", body, headers).status_code == 202

    def test_only_who_may_replay(self) -> None:
        _, step = stuck("CT-1", "LF-DE")
        headers = token(person("ida", Role.AUDITOR)) | self.KEY
        is_problem(post("/replays", {"steps": [str(step.pk)]}, headers), 403, "not-allowed")
        assert not ReplayPlan.objects.exists()

    def test_nothing_across_companies(self) -> None:
        _, ours = stuck("CT-1", "LF-DE")
        _, theirs = stuck("CT-2", "LF-UK")
        headers = token(person("anna", Role.CONTROLLER, "LF-DE"))
        body = {"steps": [str(ours.pk), str(theirs.pk)]}
        is_problem(post("/replays", body, headers | self.KEY), 404, "not-found")
        body = {"transactions": ["CT-2"]}
        is_problem(post("/replays", body, headers | self.KEY), 404, "not-found")
        plan = post("/replays", {"transactions": ["CT-2"]}, token(person("olga")) | self.KEY).json()
        is_problem(get(f"/replays/{plan['id']}", headers), 404, "not-found")
        answer = post(f"/replays/{plan['id']}/releases", {"digest": "0" * 64}, headers)
        is_problem(answer, 404, "not-found")

    @pytest.mark.parametrize(
        ("body", "status"),
        [(b"{", 400), (b'{"steps":[],"steps":[]}', 400), (b'{"steps":1e999999}', 400),
         (b"[" * 5000, 400), (b"\xff", 400), ({}, 422), ({"steps": ["x"]}, 422),
         ({"stepz": []}, 422), ({"exception": -1}, 422), ({"mapping": "later"}, 422),
         ({"exception": 1, "transactions": ["CT-1"]}, 422), ({"exception": 999}, 404),
         ({"transactions": ["a\u0000b"]}, 400)],
    )  # fmt: skip
    def test_nonsense_is_refused_in_words(self, body: Any, status: int) -> None:
        answer = post("/replays", body, token(person("olga")) | self.KEY)
        assert answer.status_code == status, answer.content
        assert answer["Content-Type"] == "application/problem+json"
        assert not KeyedRequest.objects.exists()


class TestDescription:
    def test_is_openapi_3_1_and_for_known_callers(self) -> None:
        document = get("/openapi.json", token(person("alice"))).json()
        assert document["openapi"].startswith("3.1")
        validate(document)
        assert browser(person("berta")).get(ROOT + "/openapi.json").status_code == 200

    def test_the_written_one_is_the_true_one(self) -> None:
        written = Path(settings.BASE_DIR, "docs", "openapi.json").read_text(encoding="utf-8")
        assert json.loads(written) == json.loads(json.dumps(api.get_openapi_schema()))


class TestReleases:
    """With a real plan over invoices that the ERP has refused."""

    def plan(self, headers: dict[str, str], references: list[str]) -> ReplayPlan:
        key = {"Idempotency-Key": f"release-{references[0]}"}
        made = post("/replays", {"transactions": references}, headers | key)
        assert made.status_code == 202, made.content
        return sealed(ReplayPlan.objects.get(pk=made.json()["id"]))

    def test_exactly_the_sealed_plan_runs_once(self, firm: Firm) -> None:
        (bill,) = stuck_bills(firm, 1)
        headers = token(firm.otto)
        plan = self.plan(headers, [bill.reference])
        ReplayPlan.objects.filter(pk=plan.pk).update(needs_second_person=False)
        path = f"/replays/{plan.pk}/releases"
        released = post(path, {"digest": plan.digest}, headers)
        assert released.status_code == 202, released.content
        assert released.json()["state"] == "running"
        assert released.json()["counts"] == {"sent": 1}
        expected = released.json()["expected"]
        assert (expected["measured"], expected["late"]) == (False, 0)
        assert expected["ends_at"] is not None
        is_problem(post(path, {"digest": plan.digest}, headers), 409, "plan-changed")

    def test_much_money_needs_a_second_person(self, firm: Firm) -> None:
        (bill,) = stuck_bills(firm, 1)
        headers = token(firm.otto)
        plan = self.plan(headers, [bill.reference])
        ReplayPlan.objects.filter(pk=plan.pk).update(needs_second_person=True)
        answer = post(f"/replays/{plan.pk}/releases", {"digest": plan.digest}, headers)
        assert "Nothing was sent." in is_problem(answer, 409, "second-person")["detail"]

    def test_what_has_moved_since_is_not_sent(self, firm: Firm) -> None:
        (bill,) = stuck_bills(firm, 1)
        headers = token(firm.otto)
        plan = self.plan(headers, [bill.reference])
        ReplayPlan.objects.filter(pk=plan.pk).update(needs_second_person=False)
        bill.steps.update(fence=F("fence") + 1)
        answer = post(f"/replays/{plan.pk}/releases", {"digest": plan.digest}, headers)
        is_problem(answer, 409, "plan-changed")
