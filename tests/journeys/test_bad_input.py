"""What is wrong in a real firm's data: a clear sentence, an owner, and no money lost or doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.records import Project, TimeEntry
from controltower.canonical.verdicts import Kind
from controltower.incidents import triage
from controltower.incidents.models import DeadLetter
from controltower.mappings import versions
from controltower.mappings.models import MappingVersion
from controltower.systems.models import Feed
from controltower.transactions import intake, periods, replay
from controltower.transactions.models import (
    EventState,
    InboundEvent,
    Transaction,
    TransactionState,
)
from tests.journeys.tower import BILLING, DEAL, Tower

VERIFIED = TransactionState.VERIFIED
COMPANIES = ("LF-DE", "LF-UK", "LF-US")


def test_a_deal_without_entity_waits_for_the_pmo_and_goes_on_when_corrected(tower: Tower) -> None:
    ref = tower.org.control.do("dirty", kind="no_entity")["opportunity"]
    deal = tower.of("opportunity", ref, DEAL)
    step = tower.stuck(deal)
    assert "names no legal entity" in step.text
    letter = DeadLetter.objects.get(step=step)
    assert letter.cause.owner_role == "pmo_lead"
    tower.correct("Opportunity", ref, Legal_Entity__c="LF-UK", AccountId=_account(tower))
    tower.until(deal, VERIFIED)
    letter.refresh_from_db()
    assert letter.state == "resolved"
    assert letter.resolution == "auto"


def _account(tower: Tower) -> str:
    """A sound client's id, read from another deal."""
    return str(tower.set_up(entity="LF-UK").subject["customer_id"])


def test_an_unknown_currency_is_refused_before_anything_is_written(tower: Tower) -> None:
    ref = tower.org.control.do("dirty", kind="unknown_currency")["opportunity"]
    deal = tower.of("opportunity", ref, DEAL)
    step = tower.stuck(deal)
    assert step.field == "currency"
    assert "no currency the firm trades in" in step.text
    assert not deal.steps.filter(sent_at__isnull=False).exists()


def test_a_client_that_exists_twice_in_the_erp_is_a_stewards_choice(tower: Tower) -> None:
    deal = tower.of("opportunity", tower.win(client="TAN"), DEAL)
    step = tower.stuck(deal)
    assert step.kind == Kind.DUPLICATE
    assert "exists 2 times" in step.text
    assert DeadLetter.objects.get(step=step).cause.owner_role == "steward"


@pytest.mark.parametrize("hours", ["0", "-8"])
def test_time_without_positive_hours_is_refused_alone(tower: Tower, hours: str) -> None:
    deal = tower.set_up()
    bad = tower.approve_time(deal, hours=hours)
    good = tower.approve_time(deal, hours="8")
    step = tower.stuck(tower.billing_of(bad))
    assert "positive" in step.text
    assert tower.until(tower.billing_of(good), VERIFIED)


@pytest.fixture
def closed(tower: Tower) -> Iterator[Callable[[str], None]]:
    """Closes a month in all companies of the ERP, and reopens it afterwards."""
    months: list[str] = []

    def close(month: str) -> None:
        months.append(month)
        for company in COMPANIES:
            tower.erp.control.do("close_period", company=company, period=month)
        periods.watch(now=timezone.now())

    yield close
    for month in months:
        for company in COMPANIES:
            tower.erp.control.do("reopen_period", company=company, period=month)


def _decide(tower: Tower, billing: Transaction, by: str) -> None:
    triage.decide(
        transaction=billing,
        decision="next_period",
        by=tower.person(by),
        reason="Certified already",
        now=timezone.now(),
    )


def test_work_of_a_closed_month_waits_for_the_controllers_decision(
    tower: Tower, closed: Callable[[str], None]
) -> None:
    tower.set_up()
    last = timezone.now().date().replace(day=1) - timedelta(days=1)
    closed(f"{last:%Y-%m}")
    number = tower.org.control.do("dirty", kind="last_period")["number"]
    billing = tower.billing_of(number)
    step = tower.stuck(billing)
    assert (billing.state, billing.wait) == ("waiting", "period_closed")
    assert step.kind == Kind.PERIOD_CLOSED
    assert DeadLetter.objects.get(step=step).cause.owner_role == "controller"
    with pytest.raises(triage.NotAllowed):
        _decide(tower, billing, "otto.brandt")
    _decide(tower, billing, "anna.lindqvist")
    tower.until(billing, VERIFIED)
    (invoice,) = tower.erp.invoices(billing.reference)
    assert invoice["state"] == "posted"


def test_in_a_closed_present_the_next_period_is_waited_for(
    tower: Tower, closed: Callable[[str], None]
) -> None:
    deal = tower.set_up()
    closed(timezone.now().strftime("%Y-%m"))
    billing = tower.billing_of(tower.approve_time(deal, hours="8"))
    tower.stuck(billing)
    _decide(tower, billing, "anna.lindqvist")

    def scheduled() -> bool:
        billing.refresh_from_db()
        return billing.wait == "schedule"

    tower.play(scheduled)
    assert "when the next open period begins" in billing.wait_text
    assert billing.wait_until is not None
    assert billing.wait_until > timezone.now()
    assert tower.erp.invoices(billing.reference) == []


def test_a_reopened_month_releases_what_it_held(tower: Tower) -> None:
    deal = tower.set_up(entity="LF-UK")
    month = timezone.now().strftime("%Y-%m")
    try:
        tower.erp.control.do("close_period", company="LF-UK", period=month)
        billing = tower.billing_of(tower.approve_time(deal, hours="8"))
        tower.stuck(billing)
    finally:
        tower.erp.control.do("reopen_period", company="LF-UK", period=month)
    periods.watch(now=timezone.now())
    tower.until(billing, VERIFIED)
    assert len(tower.erp.invoices(billing.reference)) == 1


def _receive(record: TimeEntry, *, number: int = 1) -> InboundEvent:
    now = timezone.now()
    event = CanonicalEvent(
        id=f"{record.source_id}-{number}",
        type="timesheet.approved",
        source="portal",
        subject=record.source_id,
        time=now,
        version=f"{number:03d}",
        record=record,
    )
    intake.receive(facts=[(b"{}", event)], signature="valid", now=now)
    return InboundEvent.objects.get(source="portal", event_id=event.id)


def _time(**other: Any) -> TimeEntry:
    values: dict[str, Any] = {
        "source_id": "portal-77",
        "number": "PT-77",
        "entity": "LF-DE",
        "project_id": "P-404",
        "currency": "EUR",
        "amount": Decimal("1200.00"),
        "hours": Decimal(8),
        "rate": Decimal(150),
        "on": timezone.now().date(),
    }
    return TimeEntry(**values | other)


def test_time_on_a_project_that_does_not_exist_is_parked_with_its_money(tower: Tower) -> None:
    _receive(_time())
    billing = tower.of("approved work", "PT-77", BILLING)
    step = tower.stuck(billing)
    assert "“P-404”" in step.text
    assert billing.amount == Decimal("1200.00")


def test_an_older_version_never_replaces_a_newer_one(tower: Tower) -> None:
    _receive(_time(hours=Decimal(9)), number=2)
    billing = tower.of("approved work", "PT-77", BILLING)
    older = _receive(_time(hours=Decimal(7)), number=1)
    tower.play(lambda: _state(older) != EventState.RECEIVED)
    assert _state(older) == EventState.SUPERSEDED
    assert billing.items.get().record["hours"] == "9"


def _state(event: InboundEvent) -> str:
    event.refresh_from_db()
    return event.state


def test_a_foreign_currency_on_a_contract_is_refused(tower: Tower) -> None:
    project = Project(
        source_id="P-9",
        name="Odd currency",
        entity="LF-DE",
        customer_id="001",
        currency="EUR",
        correlation_id="ct-AAAA",
    )
    _receive(_time(project=project, project_id="P-9", currency="USD"))
    step = tower.stuck(tower.of("approved work", "PT-77", BILLING))
    assert "its contract is in EUR" in step.text


def test_a_mapping_to_an_unknown_tax_code_is_mended_by_a_new_version(tower: Tower) -> None:
    good = versions.active("invoice-to-erp", "tryton")
    _activate(tower, good, "DE-99")
    deal = tower.set_up()
    billing = tower.billing_of(tower.approve_time(deal, hours="8"))
    step = tower.stuck(billing)
    assert step.kind == Kind.REFERENCE_MISSING
    assert "DE-99" in step.text
    assert step.mapping_version is not None
    assert step.mapping_version.number == 2
    plan = tower.replay(billing)
    assert plan.items.get().forecast == "would_fail"
    _activate(tower, good, "DE-19")
    plan = tower.replay(billing)
    item = plan.items.get()
    assert item.forecast == "create", item.why
    assert ["Mapping version", "v2", "v3"] in item.difference
    _release(tower, plan)
    tower.until(billing, VERIFIED)
    (invoice,) = tower.erp.invoices(billing.reference)
    assert invoice["state"] == "posted"


def _activate(tower: Tower, base: MappingVersion, code: str) -> None:
    """A steward drafts, two others approve, and the version comes into force."""
    rules = _with_code(base.rules, code)
    now = timezone.now()
    steward, controller = tower.person("lena.weil"), tower.person("anna.lindqvist")
    version = versions.draft(
        mapping=base.mapping, rules=rules, note=f"Use {code}", author=steward, now=now
    )
    versions.submit(version=version, by=steward, now=now)
    with pytest.raises(versions.NotAllowed):
        versions.review(version=version, by=steward, approve=True, comment="", now=now)
    for reviewer in (controller, tower.person("marta.velez")):
        versions.review(version=version, by=reviewer, approve=True, comment="", now=now)
    versions.activate(version=version, by=controller, now=now + timedelta(seconds=1))


def _with_code(rules: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    changed = []
    for rule in rules:
        if rule["target"] == "tax_code":
            rule = rule | {"values": rule["values"] | {"LF-DE/domestic": code}}
        if rule["rule"] == "each":
            rule = rule | {"rules": _with_code(rule["rules"], code)}
        changed.append(rule)
    return changed


def _release(tower: Tower, plan: Any) -> None:
    replay.release(
        plan=plan, digest=plan.digest, by=tower.person("otto.brandt"), now=timezone.now()
    )


def test_a_client_corrected_in_the_crm_is_read_anew_by_a_replay(tower: Tower) -> None:
    """A French client without VAT number: reverse charge is impossible until it has one. Clients
    are not kept the same here, or the ERP would put its own number back into the CRM."""
    Feed.objects.filter(entity="customer").delete()
    client = str(tower.set_up(client="LOU").subject["customer_id"])
    tower.correct("Account", client, VAT_Number__c="")
    deal = tower.of("opportunity", tower.win(client="LOU", amount="9000.00"), DEAL)
    step = tower.stuck(deal)
    assert "has no VAT number" in step.text
    assert tower.replay(deal).items.get().forecast == "would_fail"
    tower.correct("Account", client, VAT_Number__c="FR69626275960")
    plan = tower.replay(deal)
    assert plan.items.get().forecast == "already_there", plan.items.get().why
    _release(tower, plan)
    tower.until(deal, VERIFIED)
