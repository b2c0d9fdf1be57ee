"""Secrets and personal values, planted wherever strangers, systems and people can put them, and
looked for wherever they must not be. docs/security.md says what is kept on purpose, and where."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from controltower import queues
from controltower.canonical.verdicts import (
    Done,
    Exchange,
    FieldError,
    Kind,
    Misconfigured,
    Outcome,
    Quota,
    Rejected,
    TryLater,
    Unknown,
    Verdict,
)
from controltower.firm.models import AuditEntry, Person, Role
from controltower.incidents import letters
from controltower.measures import health
from controltower.systems.calls import CallFailed
from controltower.systems.models import System
from controltower.transactions import drain
from controltower.transactions.models import Attempt, InboundEvent, Step
from integrations import catalogue
from tests.factories import Firm, signed_in
from tests.factories import found as founded
from tests.web.cast import token
from tests.web.crawl import Visitor, places
from tests.web.doorway import post
from tests.web.partner import SECRET, deal, encoded, signed
from tests.web.planting import Planted, found, log_lines, redis_texts, table_texts
from tests.web.test_matrix import OWN, House, thing, visitors

pytestmark = pytest.mark.django_db(transaction=True)
TABS = ("fields", "sent", "answer", "tries", "mapping", "audit")


class Careless:
    """A system that repeats what it was sent and tells what nobody has asked for."""

    ways: Iterator[str] = iter(())
    planted = Planted()

    def __init__(self, connection: Any) -> None:
        self.secrets = list(connection.secrets.values())

    async def close(self) -> None:
        pass

    def rate_limit(self) -> Quota:
        return Quota()

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        values = {"source_id": ref, "name": "Meridian", "country": "DE", "vat_number": "DE1"}
        about = self.planted.person()
        told = self._exchange(about)
        return Done(ref=ref, outcome=Outcome.READ, values={**values, **about}, exchange=told)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        return Rejected(kind=Kind.NOT_FOUND, text=f"Nothing, {self.secrets[0]}")

    async def upsert(self, entity: str, record: Mapping[str, Any], key: str) -> Verdict:
        about = self.planted.person()
        text = (
            f"{about['contact_email']} of {about['iban']} was refused to {' '.join(self.secrets)}"
        )
        told = self._exchange(about)
        match next(self.ways):
            case "refuses":
                errors = (FieldError("contact_email", text),)
                return Rejected(kind=Kind.VALIDATION, text=text, fields=errors, exchange=told)
            case "doubts":
                return Unknown(text=text, exchange=told)
            case "is set up wrongly":
                return Misconfigured(kind=Kind.PERMISSION, text=text, exchange=told)
            case "asks for patience":
                raise CallFailed(TryLater(kind=Kind.TRANSIENT, text=text, exchange=told))
        raise KeyError(text, about, self.secrets)

    act = get

    def _exchange(self, about: Mapping[str, Any]) -> Exchange:
        said = json.dumps({**about, "echo": self.secrets})
        return Exchange(request=f"POST /x\n\n{said}", response=f"422\n\n{said}", status=422)


WAYS = ("refuses", "doubts", "is set up wrongly", "asks for patience", "fails")


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Planted]:
    """Systems with many secrets, each of them careless."""
    made = Planted()
    settings.INBOUND_SECRETS = {"partner": [SECRET]}
    settings.METRICS_TOKEN = made.secret()
    settings.SECRET_KEY = made.secret()
    monkeypatch.setattr(Careless, "planted", made)
    monkeypatch.setattr(Careless, "ways", cycle(WAYS))
    monkeypatch.setattr(catalogue, "connect", lambda name, connection: Careless(connection))
    queues.connection().flushdb()
    yield made
    queues.connection().flushdb()


def hide_secrets_in_the_environment(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    for system in System.objects.all():
        for number in range(20):
            name = f"PLANTED_{system.pk}_{number}"
            monkeypatch.setenv(name, planted.secret())
            system.secrets[f"secret{number}"] = f"env:{name}"
        system.save()


def knock(planted: Planted) -> list[str]:
    """Deliveries with secrets in headers and bodies, sound and not; what the door answers."""
    said = []
    names = ("authorization", "cookie", "x-api-key", "proxy-authorization", "x-forwarded-user")
    for number, name in enumerate(names * 4):
        event = deal(id=f"evt-{number}", extra=planted.secret())
        event["data"] |= {"source_id": f"OPP-{number}", "entity": OWN, "currency": "GBP"}
        if number % 2:
            event["data"]["password"] = planted.secret()
            event["data"]["amount"] = planted.person()["iban"]
        body = encoded(event) + (planted.secret().encode() if number % 4 == 3 else b"")
        headers = signed(body, message_id=f"msg_{number}") | {name: planted.secret()}
        said.append(post(body, headers).content.decode())
    return said


def type_in(planted: Planted, firm: Firm, house: House) -> list[str]:
    """People and programs that put secrets where they do not belong; what they are answered."""
    said, headers = [], token(firm.otto, planted.secret())
    for number in range(10):
        wrong = Client().post("/sign-in/", {"username": "otto", "password": planted.secret()})
        body = {"transactions": [], "password": planted.secret(), "mapping": planted.secret()}
        keyed = headers | {"Idempotency-Key": f"planted-{number}"}
        asked = Client().post(
            "/api/v1/replays", json.dumps(body), content_type="application/json", headers=keyed
        )
        stranger = {"Authorization": f"Bearer {planted.secret()}"}
        refused = Client().get("/api/v1/transactions", headers=stranger)
        said += [one.content.decode() for one in (wrong, asked, refused)]
    browser = signed_in(firm.otto)
    cause = house.things[OWN]["exceptions"]
    for _ in range(5):
        form = {"hours": "99", "password": planted.secret(), "token": planted.secret()}
        answer = browser.post(f"/exceptions/{cause}/snoozes/", form, follow=True)
        said.append(answer.content.decode())
    return said


def work() -> None:
    """The jobs, by a real worker from real queues."""
    for name, job in ((queues.INTAKE, "interpret"), (queues.ENGINE, "drain")):
        queues.ring_now(name, job)
        queues.worker(name).work(burst=True, logging_level="WARNING")


def read_all(firm: Firm, house: House) -> Iterator[tuple[str, str]]:
    """Every page and answer that the controller of the firm and an operator of a company get."""
    steps = Step.objects.filter(attempts__isnull=False).select_related("transaction").distinct()
    journeys = {step.transaction.correlation_id: step.transaction.reference for step in steps}
    tabs = [
        ("transaction", f"/tx/{step.transaction.correlation_id}/?{query}")
        for step in steps
        for query in (f"part={step.transaction.reference}&step={step.name}&tab={t}" for t in TABS)
    ]
    api = [("api:transaction", f"/api/v1/transactions/{one}") for one in journeys]
    ours = places(house, OWN)
    yield from _read(firm.anna, [*ours, *tabs, *api])
    yield from _read(visitors()[Role.OPERATOR], ours)


def _read(person: Person, asked: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    visitor = Visitor(person)
    for name, address in asked:
        yield f"{person.username} {address}", visitor.read(name, address).body.decode()


def test_planted_values_show_up_nowhere(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    firm = founded()
    house = House(firm, {OWN: thing(firm, OWN, "draft")})
    hide_secrets_in_the_environment(planted, monkeypatch)
    with log_lines() as lines:
        said = knock(planted) + type_in(planted, firm, house)
        for _ in WAYS:
            firm.tell(firm.opportunity(entity=OWN, currency="GBP"))
        work()
        letters.catch_up(now=firm.now)
        stuck = Step.objects.filter(state="parked", system__isnull=False).first()
        assert stuck is not None
        plan = firm.plan(stuck.transaction, by=firm.anna)
        monkeypatch.setattr(drain, "drain", lambda: failing(planted))
        work()
        pages = dict(read_all(firm, house))
        monkeypatch.setattr(health, "pulses", lambda *_: failing(planted))
        browser = signed_in(firm.anna)
        browser.raise_request_exception = False
        said += [browser.get(path).content.decode() for path in ("/systems/", "/")]
    assert len(planted.all) >= 200, len(planted.all)
    assert "job failed" in "".join(lines) and "page failed" in "".join(lines)
    kept = "".join(Attempt.objects.values_list("response", flat=True))
    assert found(kept, planted.personal) and str(plan.pk) and InboundEvent.objects.exists()
    assert found("\n".join(lines), planted.all) == []
    assert found("\n".join(said), planted.all) == []
    assert found("\n".join(redis_texts()), planted.all) == []
    leaks = {address: found(page, planted.all) for address, page in pages.items()}
    assert {address: values for address, values in leaks.items() if values} == {}
    details = [json.dumps(one.detail) for one in AuditEntry.objects.all()]
    assert found("".join(details), planted.all) == []
    stored = {table: found(text, planted.secrets) for table, text in table_texts()}
    assert {table: values for table, values in stored.items() if values} == {}


def failing(planted: Planted) -> Any:
    """A fault whose words hold what they should not."""
    raise RuntimeError(planted.secret(), planted.person())
