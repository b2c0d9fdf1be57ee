"""Personal data: never shown without a reveal, on pages, in files and by the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controltower.canonical.records.base import Personal
from controltower.firm import governing, masks
from controltower.firm.models import AuditEntry, Duty, Person, Role
from controltower.firm.policies import BadPolicy
from controltower.transactions.models import Transaction
from controltower.web import privacy, revealed
from tests.factories import CONTACT, EMAIL, Firm, refused, signed_in
from tests.web.cast import token

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]
WORKER = "Zquilla Vantongeren"
STRANGER = "Yorick Unbekannt"
WHY = "The client disputes these hours."


@pytest.fixture
def bill(firm: Firm) -> Transaction:
    """An invoice with a worker's name in its lines, which the ERP has refused by that name and by
    its client's address."""
    answer = {"draft": refused(f"No rate for {WORKER}, and {EMAIL} is no address.")}
    return firm.bill(firm.deal(), answers=answer, resource_name=WORKER)


def tabs(client: Client, one: Transaction) -> Iterator[tuple[str, str]]:
    """What the tabs of all steps say, each asked for when it is looked at."""
    for step in one.steps.all():
        for tab in ("fields", "sent", "answer", "tries", "audit"):
            address = f"/tx/{one.correlation_id}/?part={one.reference}&step={step.name}&tab={tab}"
            yield f"{step.name} {tab}", client.get(address).content.decode()


def says(client: Client, one: Transaction, value: str) -> bool:
    """Whether any tab shows this value."""
    return any(value in said for _tab, said in tabs(client, one))


def reveal(client: Client, one: Transaction, reason: str) -> None:
    client.post(f"/tx/{one.correlation_id}/reveals/?part={one.reference}", {"reason": reason})


def leaks(said: str) -> list[str]:
    return [value for value in (WORKER, EMAIL, CONTACT) if value in said]


def test_nothing_personal_shows_up_anywhere(firm: Firm, bill: Transaction) -> None:
    """Neither who has worked nor the client's contact, in an invoice or in its deal."""
    deal = Transaction.objects.exclude(pk=bill.pk).get(correlation_id=bill.correlation_id)
    for person in (firm.anna, firm.otto, firm.lena):
        client = signed_in(person)
        for one in (deal, bill):
            assert [tab for tab, said in tabs(client, one) if leaks(said)] == [], person
        cause = firm.cause(bill).pk
        for path in ("/", "/tx/", "/exceptions/", f"/exceptions/{cause}/"):
            assert leaks(client.get(path).content.decode()) == [], path
        file: Any = client.post("/exports/transactions/")
        assert WORKER not in b"".join(file).decode()
    headers = token(firm.anna)
    for path in ("transactions", f"transactions/{bill.reference}", "exceptions"):
        answer = Client().get(f"/api/v1/{path}", headers=headers)
        assert answer.status_code == 200 and WORKER not in answer.content.decode(), path


def test_a_reveal_counts_wherever_the_value_stands_in_one_session_for_five_minutes(
    firm: Firm, bill: Transaction
) -> None:
    client, other = signed_in(firm.lena), firm.bill(firm.deal(), resource_name=WORKER)
    third = firm.bill(firm.deal(), resource_name=STRANGER)
    reveal(client, bill, "because")
    assert not AuditEntry.objects.filter(verb="show personal data").exists()
    reveal(client, bill, WHY)
    entry = AuditEntry.objects.get(verb="show personal data")
    assert (entry.actor, entry.subject, entry.allowed) == (
        firm.lena.username, bill.reference, True,
    )  # fmt: skip
    assert entry.detail["reason"] == WHY and entry.detail["classes"] == sorted(Personal)
    assert says(client, bill, WORKER) and says(client, other, WORKER)
    assert not says(client, third, STRANGER)
    assert WORKER in client.get(f"/exceptions/{firm.cause(bill).pk}/").content.decode()
    assert AuditEntry.objects.filter(verb="show personal data").count() == 1
    assert not says(signed_in(firm.lena), bill, WORKER)
    later = timezone.now() + revealed.FOR + timedelta(seconds=1)
    assert not revealed.holds(bill, firm.lena, client.session, later)
    Duty.objects.filter(person=firm.lena).delete()
    assert not says(client, other, WORKER)


def test_what_leaves_the_tower_stays_masked_after_a_reveal(firm: Firm, bill: Transaction) -> None:
    client, headers = signed_in(firm.lena), token(firm.lena)
    reveal(client, bill, WHY)
    Transaction.objects.filter(pk=bill.pk).update(counterparty="zq@vantongeren.example")
    with revealed.to(firm.lena, client.session, timezone.now()):
        assert revealed.is_shown(WORKER) and not revealed.is_shown("180.00")
    file: Any = client.post("/exports/transactions/")
    assert WORKER not in b"".join(file).decode()
    answer = client.get(f"/api/v1/transactions/{bill.reference}", headers=headers)
    assert answer.status_code == 200 and WORKER not in answer.content.decode()


def test_pay_is_shown_with_its_own_transaction_alone(firm: Firm) -> None:
    bill = firm.bill(firm.deal(), resource_name=WORKER, cost_rate=Decimal("91.35"))
    client = signed_in(firm.lena)
    reveal(client, bill, WHY)
    with revealed.to(firm.lena, client.session, timezone.now()):
        assert privacy.of(bill).field("resource_name", WORKER) == WORKER
        assert privacy.of(bill).field("cost_rate", "91.35") == "9••••"


def test_who_is_let_off_a_mask_sees_that_class_alone(firm: Firm, bill: Transaction) -> None:
    agree({"masked_for": [role for role in Role if role != Role.CONTROLLER]}, Personal.NAME, firm)
    shown = "".join(said for _tab, said in tabs(signed_in(firm.anna), bill))
    assert WORKER in shown and "dorothea.quince" not in shown
    assert not says(signed_in(firm.otto), bill, WORKER)


def agree(content: dict[str, Any], kind: Personal, firm: Firm) -> None:
    now = timezone.now()
    subject, amara = f"{masks.KIND}:{kind}", Person.objects.get(username="amara.osei")
    version = governing.propose(
        subject=subject, content=content, reason="Agreed.", by=amara, now=now
    )
    governing.decide(version=version, agree=True, answer="", by=firm.anna, now=now)


def test_a_mask_stays_on_those_who_may_not_ask(firm: Firm) -> None:
    with pytest.raises(BadPolicy, match="stays masked for the administrator"):
        masks.check(Personal.PAY, {"masked_for": [Role.CONTROLLER]})
    with pytest.raises(BadPolicy):
        masks.check("shoe size", {"masked_for": list(Role)})
    with pytest.raises(BadPolicy):
        masks.check(Personal.PAY, {"masked_for": ["emperor"]})


def test_pay_is_masked_by_its_field_and_in_what_a_rule_makes_of_it() -> None:
    rules = [{"label": "Cost", "source": "cost_rate", "target": "Cost__c", "rule": "copy"}]
    mask = privacy.EVERYTHING.knowing({"cost_rate": "62.50"}, rules=rules)
    assert mask.text('{"Cost__c": 62.50, "Hours__c": 40}') == '{"Cost__c": "6••••", "Hours__c": 40}'
    assert mask.field("cost_rate", "62.50") == "6••••"
