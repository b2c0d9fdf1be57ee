"""Verified transactions become facts for the firm's figures: each once, and only those of worth."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from controltower.canonical.verdicts import Done, Outcome
from controltower.firm.models import LegalEntity, Period
from controltower.incidents import settling
from controltower.processes import between_companies
from controltower.processes.quote_to_cash import FIGURES
from controltower.systems.models import System
from controltower.transactions import interpretation, listening, locks, publishing
from controltower.transactions.models import Expectation, InboundEvent, Transaction, Untold
from tests import factories
from tests.factories import SEAT, Firm, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Firm:
    """A firm with a warehouse and dashboards."""
    firm = factories.found()
    for slug, role in (("snowflake", "warehouse"), ("power_bi", "dashboards")):
        System.objects.create(
            slug=slug, title=slug, domain="Analytics", role=role, connector=slug,
            connection=slug, base_url="http://127.0.0.1:9",
        )  # fmt: skip
    return firm


def told(firm: Firm) -> list[InboundEvent]:
    return list(InboundEvent.objects.filter(source=publishing.FIGURES.source).order_by("event_id"))


def figures(firm: Firm) -> list[Transaction]:
    """What the facts that were told have begun."""
    publishing.publish(now=firm.now)
    interpretation.interpret_due(limit=100, now=firm.now)
    return list(Transaction.objects.filter(process="facts-to-analytics").order_by("started_at"))


def test_a_verified_transaction_is_told_once_with_its_month_and_mappings(firm: Firm) -> None:
    bill = firm.bill(firm.deal())
    assert publishing.publish(now=firm.now) == 2
    assert publishing.publish(now=firm.now) == 0
    (event,) = [one for one in told(firm) if one.record["source_id"] == bill.reference]
    assert Decimal(event.record["amount"]) == bill.amount
    assert event.record["kind"] == "time-and-expense-to-billing"
    assert event.record["period"] == bill.steps.get(name="draft").sent["invoice_date"][:7]
    assert "invoice-to-erp v1" in event.record["mapping_versions"]
    assert event.correlation_id == bill.correlation_id


def test_the_months_of_a_forecast_are_not_the_month_of_a_fact(firm: Firm) -> None:
    """A change order that is foreseen until March is a fact of the month in which it was agreed."""
    deal = firm.deal()
    foreseen = {"entity": "revenue_part", "values": {"period": "2027-03"}}
    assert deal.steps.filter(name="link").update(**foreseen)
    publishing.publish(now=firm.now)
    (event,) = told(firm)
    assert deal.ended_at is not None
    assert event.record["period"] == f"{deal.ended_at.astimezone(SEAT):%Y-%m}"


def test_whose_people_have_worked_for_the_company_is_told_to_the_figures(firm: Firm) -> None:
    bill = firm.bill(firm.deal())
    check = bill.steps.get(name="check")
    check.values |= between_companies.kept({"LF-UK": "5.5", "LF-US": "1"})
    check.save()
    publishing.publish(now=firm.now)
    said = {one.record["source_id"]: one.record for one in told(firm)}
    lent = said.pop(bill.reference)
    assert (lent["lent_by"], Decimal(lent["lent_hours"])) == ("LF-UK, LF-US", Decimal("6.5"))
    assert [(one["lent_by"], one["lent_hours"]) for one in said.values()] == [("", "0")]


@pytest.mark.parametrize("late", [timedelta(minutes=1), timedelta(minutes=11), timedelta(days=9)])
def test_what_commits_late_is_told_all_the_same(firm: Firm, late: timedelta) -> None:
    """A worker may stand still between taking the moment of a verification and its commit."""
    firm.deal()
    assert publishing.publish(now=firm.now) == 1
    told_at, firm.now = firm.now, firm.now - late
    before = firm.deal()
    assert before.ended_at is not None
    assert before.ended_at < told_at
    assert publishing.publish(now=told_at) == 1
    assert publishing.publish(now=told_at) == 0


def test_who_begins_to_read_later_is_told_all_there_was(firm: Firm) -> None:
    System.objects.filter(role="dashboards").update(active=False)
    firm.bill(firm.deal())
    assert publishing.publish(now=firm.now) == 0
    System.objects.filter(role="dashboards").update(active=True)
    assert publishing.publish(now=firm.now) == 2


def broker(**values: bool) -> System:
    return System.objects.create(
        slug="bus", title="bus", domain="Transport", role="broker", connector="event_broker",
        connection="bus", base_url="http://127.0.0.1:9", **values,
    )  # fmt: skip


def test_what_is_told_is_struck_out_for_that_audience_alone(firm: Firm) -> None:
    broker(active=False)
    deal = firm.deal()
    publishing.publish(now=firm.now)
    (left,) = Untold.objects.all()
    assert (left.transaction, left.audience) == (deal, publishing.SUBSCRIBERS.source)


def test_nothing_is_owed_to_whom_nobody_has_set_up_who_is_told_all_of_it_once_they_are(
    firm: Firm,
) -> None:
    firm.deal()
    publishing.publish(now=firm.now)
    firm.bill(firm.deal())
    subscribers = Untold.objects.filter(audience=publishing.SUBSCRIBERS.source)
    assert not subscribers.exists()
    bus = broker()
    assert publishing.publish(now=firm.now) == 2 + 3, "the figures' two, and all that there was"
    assert publishing.publish(now=firm.now) == 0
    firm.deal()
    assert subscribers.count() == 1
    bus.delete()
    publishing.publish(now=firm.now)
    assert not subscribers.exists()
    broker()
    assert publishing.publish(now=firm.now) == 1, "what was told keeps its name"


def test_a_commit_that_has_seen_nobody_listen_is_owed_all_the_same(firm: Firm) -> None:
    """Its worker stands still while the books are read for those who begin: they wait for it."""
    broker()
    session, audience = connection.copy(), publishing.SUBSCRIBERS
    try:
        with session.cursor() as worker:
            worker.execute("BEGIN")
            worker.execute(listening.TOGETHER, {"key": locks.key(listening.NAME)})
            assert not listening.begin(audience.source, ends=audience.ends, processes=())
    finally:
        session.close()
    assert listening.begin(audience.source, ends=audience.ends, processes=())


def test_what_was_settled_elsewhere_is_in_the_figures_and_is_not_announced(firm: Firm) -> None:
    bill = firm.bill(firm.deal(), {"draft": refused()})
    settling.settle(
        transactions=[bill],
        reason="Invoiced by hand.",
        by=firm.otto,
        now=timezone.now(),
        discard=False,
    )
    bill.refresh_from_db()
    assert bill.state == "resolved_externally"
    publishing.publish(now=firm.now)
    (event,) = [one for one in told(firm) if one.record["source_id"] == bill.reference]
    assert Decimal(event.record["amount"]) == bill.amount
    assert event.record["mapping_versions"] == publishing.BY_HAND
    assert not Untold.objects.filter(transaction=bill).exists()


def test_what_is_written_off_is_in_no_figure(firm: Firm) -> None:
    bill = firm.bill(firm.deal(), {"draft": refused()})
    settling.settle(
        transactions=[bill], reason="Waived.", by=firm.otto, now=timezone.now(), discard=True
    )
    bill.refresh_from_db()
    assert bill.state == "written_off"
    assert not Untold.objects.filter(transaction=bill).exists()


def test_what_is_stuck_is_no_fact_and_figures_are_none_themselves(firm: Firm) -> None:
    firm.deal(answers={"project": refused()})
    assert publishing.publish(now=firm.now) == 0
    firm.deal()
    (one,) = figures(firm)
    at = "2026-11-20T14:05:00+00:00"
    loaded = Done(ref=one.reference, outcome=Outcome.CREATED, values={"loaded_at": at})
    shown = Done(ref="dataset", outcome=Outcome.UPDATED, values={"figures_of": at})
    firm.play(one, {"load": loaded, "refresh": shown})
    assert (one.state, one.amount) == ("verified", Decimal(0))
    assert publishing.publish(now=firm.now) == 0


def test_nobody_is_told_without_both_who_read_it(firm: Firm) -> None:
    System.objects.filter(role="dashboards").update(active=False)
    firm.deal()
    assert publishing.publish(now=firm.now) == 0


@pytest.mark.parametrize(("closed", "hours"), [(False, 4), (True, 24)])
def test_freshness_is_promised_by_period(firm: Firm, closed: bool, hours: int) -> None:
    firm.deal()
    assert publishing.publish(now=firm.now) == 1
    (event,) = told(firm)
    Period.objects.update_or_create(
        entity=LegalEntity.objects.get(code="LF-DE"),
        month=event.record["period"],
        defaults={"closed": closed},
    )
    (one,) = figures(firm)
    assert one.due_at == event.occurred_at + timedelta(hours=hours)
    owed = Expectation.objects.get(milestone=FIGURES.name)
    assert (owed.about, owed.owner_role) == (one.reference, "controller")
    assert owed.due_at is not None
    assert owed.due_at > firm.now


def test_what_was_verified_before_the_note_was_kept_is_noted_once(firm: Firm) -> None:
    publishing.publish(now=firm.now)
    first, second = firm.deal(), firm.deal()
    Untold.objects.filter(transaction=second).delete()
    publishing.publish(now=firm.now)
    Untold.objects.all().delete()
    upgrade = import_module("controltower.transactions.migrations.0024_what_is_yet_to_be_told")
    upgrade.note(apps, connection.schema_editor())
    owed = set(Untold.objects.values_list("audience", "transaction"))
    assert owed == {
        (publishing.FIGURES.source, second.pk),
        (publishing.SUBSCRIBERS.source, first.pk),
        (publishing.SUBSCRIBERS.source, second.pk),
    }
