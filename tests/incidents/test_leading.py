"""Incidents by their public verbs: opened by rules and people, timed, quiet, back, reviewed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import ProgrammingError
from django.db.transaction import atomic
from django.utils import timezone

from controltower.firm.models import AuditEntry, Role
from controltower.incidents import leading, watch
from controltower.incidents.models import (
    Cause,
    EntryKind,
    Incident,
    IncidentEntry,
    IncidentState,
    Severity,
)
from controltower.incidents.promises import ACKNOWLEDGED_WITHIN, QUIET_FOR, UPDATED_WITHIN
from controltower.measures import alarms, at_stake, causes
from controltower.measures.exposure import Scope
from controltower.systems import upkeep
from controltower.systems.models import Circuit, System
from tests.factories import Firm, refused, stuck_bills

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def cause(firm: Firm) -> Cause:
    return firm.cause(stuck_bills(firm, 2)[0])


def opened(firm: Firm, cause: Cause, severity: Severity = Severity.HIGH) -> Incident:
    figures = at_stake.figures(at_stake.held_by(cause), firm.now)
    return leading.open_for(
        cause=cause, title=cause.title, severity=severity, figures=figures, by=firm.otto,
        now=firm.now,
    )  # fmt: skip


def kinds(incident: Incident) -> list[str]:
    return list(incident.entries.values_list("kind", flat=True))


def mend(cause: Cause) -> None:
    cause.letters.update(state="resolved", resolved_at=timezone.now())


class TestRules:
    def test_a_dear_group_becomes_an_incident_once(
        self, cause: Cause, settings: Any, firm: Firm
    ) -> None:
        alarms.look(now=firm.now)
        assert not Incident.objects.exists(), "14,400 is below the threshold"
        settings.INCIDENT_ABOVE = Decimal("14400.00")
        alarms.look(now=firm.now)
        alarms.look(now=firm.now + MINUTE)
        incident = Incident.objects.get()
        assert (incident.severity, incident.state) == (Severity.HIGH, IncidentState.TRIGGERED)
        assert incident.opened_by == "tower"
        assert kinds(incident) == [EntryKind.OPENED]

    def test_many_are_an_incident_whatever_they_are_worth(
        self, cause: Cause, settings: Any, firm: Firm
    ) -> None:
        settings.INCIDENT_COUNT = 2
        alarms.look(now=firm.now)
        assert Incident.objects.get().severity == Severity.MODERATE

    def test_what_is_put_aside_opens_nothing(self, cause: Cause, settings: Any, firm: Firm) -> None:
        settings.INCIDENT_COUNT = 1
        Cause.objects.update(snoozed_until=firm.now + timedelta(hours=1))
        alarms.look(now=firm.now)
        assert not Incident.objects.exists()

    def test_a_system_that_is_down_for_too_long(self, firm: Firm) -> None:
        system = System.objects.filter(slug="tryton")
        system.update(circuit=Circuit.OPEN, opened_at=firm.now)
        alarms.look(now=firm.now + 4 * MINUTE)
        assert not Incident.objects.exists()
        alarms.look(now=firm.now + 5 * MINUTE)
        incident = Incident.objects.get()
        assert (incident.title, incident.severity) == ("Tryton ERP does not answer", "high")
        system.update(circuit=Circuit.CLOSED, opened_at=None)
        alarms.look(now=firm.now + 6 * MINUTE)
        alarms.look(now=firm.now + 6 * MINUTE + QUIET_FOR)
        incident.refresh_from_db()
        assert (incident.state, incident.resolved_by) == (IncidentState.RESOLVED, "tower")

    def test_a_system_that_is_held_for_too_long(self, firm: Firm) -> None:
        system = System.objects.get(slug="tryton")
        upkeep.pause(system=system, reason="x", by=firm.otto, now=firm.now)
        alarms.look(now=firm.now + timedelta(hours=1))
        assert Incident.objects.get().title == "Tryton ERP is held back"

    @pytest.mark.parametrize(
        ("amount", "late", "severity"),
        [("99999.99", "0", "moderate"), ("1", "0.01", "high"), ("100000", "0", "high"),
         ("500000", "0", "highest"), ("100000", "100000", "highest")],
    )  # fmt: skip
    def test_severity_is_money_and_promises(self, amount: str, late: str, severity: str) -> None:
        line = {"entity": "", "count": 1, "amount": amount, "late": late, "currency": "EUR"}
        assert alarms.severity([line]) == severity


class TestMoney:
    def test_it_is_the_figure_of_the_group(self, firm: Firm, cause: Cause) -> None:
        eyes = Scope(firm.otto)
        incident = opened(firm, cause)
        (line,) = causes.by_cause(eyes, firm.now)
        assert at_stake.stake(at_stake.hanging_on(incident), eyes) == line.stake
        assert line.stake.amount == Decimal("14400.00")

    def test_a_linked_transaction_counts_once(self, firm: Firm, cause: Cause) -> None:
        incident, letter = opened(firm, cause), cause.letters.first()
        assert letter is not None
        leading.link(
            incident=incident, transactions=[letter.transaction], by=firm.otto, now=firm.now
        )
        assert at_stake.stake(at_stake.hanging_on(incident), Scope(firm.otto)).count == 2

    def test_who_sees_one_company_sees_its_figures_alone(self, firm: Firm) -> None:
        ours = firm.bill(firm.deal(entity="LF-UK", currency="GBP"), {"draft": refused()})
        cause = firm.cause(ours)
        firm.bill(firm.deal(), {"draft": refused()})
        incident = opened(firm, cause)
        figures = incident.entries.get().figures
        assert {line["entity"] for line in figures} == {"LF-UK", "LF-DE"}
        assert at_stake.kept(figures, Scope(firm.callum)).count == 1
        assert at_stake.kept(figures, Scope(firm.otto)).count == 2
        assert Incident.objects.visible_to(firm.callum).get() == incident

    def test_other_companies_incidents_are_not_seen(self, firm: Firm, cause: Cause) -> None:
        opened(firm, cause)
        assert not Incident.objects.visible_to(firm.callum).exists()


class TestTimers:
    def test_nobody_acknowledges_and_it_goes_up_the_ladder(self, firm: Firm, cause: Cause) -> None:
        incident = opened(firm, cause)
        Incident.objects.update(owner_role=Role.OPERATOR)
        for role in (Role.CONTROLLER, Role.ADMINISTRATOR):
            incident.refresh_from_db()
            assert incident.acknowledge_by is not None
            watch.miss(now=incident.acknowledge_by)
            incident.refresh_from_db()
            assert incident.owner_role == role
        assert incident.acknowledge_by is not None
        assert kinds(incident).count(EntryKind.MISSED) == 2

    def test_two_late_updates_and_the_deputy_takes_over(self, firm: Firm, cause: Cause) -> None:
        incident = opened(firm, cause)
        leading.hand_over(
            incident=incident, owner=firm.otto, deputy=firm.priya, by=firm.otto, now=firm.now
        )
        now = firm.now
        for owner in (firm.otto, firm.priya):
            now += UPDATED_WITHIN[Severity.HIGH]
            watch.miss(now=now)
            incident.refresh_from_db()
            assert incident.owner == owner
        assert incident.deputy == firm.otto

    def test_an_update_winds_the_timer_up(self, firm: Firm, cause: Cause) -> None:
        incident = opened(firm, cause)
        within = ACKNOWLEDGED_WITHIN[Severity.HIGH]
        assert Incident.objects.filter(acknowledge_by=firm.now + within).exists()
        leading.take(incident=incident, by=firm.otto, now=firm.now)
        leading.update(incident=incident, text="Called.", by=firm.otto, now=firm.now + MINUTE)
        incident.refresh_from_db()
        assert incident.acknowledge_by is None
        assert incident.update_by == firm.now + MINUTE + UPDATED_WITHIN[Severity.HIGH]

    def test_a_graver_one_is_due_sooner(self, firm: Firm, cause: Cause, settings: Any) -> None:
        incident = opened(firm, cause, Severity.MODERATE)
        settings.INCIDENT_ABOVE = Decimal(100)
        alarms.look(now=firm.now + MINUTE)
        incident.refresh_from_db()
        assert incident.severity == Severity.HIGHEST
        within = ACKNOWLEDGED_WITHIN[Severity.HIGHEST]
        assert incident.acknowledge_by == firm.now + MINUTE + within


class TestItsEnd:
    def test_quiet_resolved_back_resolved_reviewed(self, firm: Firm, cause: Cause) -> None:
        incident, now = opened(firm, cause), firm.now
        leading.take(incident=incident, by=firm.otto, now=now)
        alarms.look(now=now)
        with pytest.raises(leading.StillBroken):
            leading.close(incident=incident, note="x", by=firm.otto, now=now)
        mend(cause)
        alarms.look(now=now)
        with pytest.raises(leading.StillBroken):
            leading.close(incident=incident, note="x", by=firm.otto, now=now + MINUTE)
        alarms.look(now=now + QUIET_FOR)
        incident.refresh_from_db()
        assert incident.state == IncidentState.RESOLVED
        cause.letters.update(state="reopened", resolved_at=None)
        alarms.look(now=now + 2 * QUIET_FOR)
        incident.refresh_from_db()
        assert (incident.state, incident.times) == (IncidentState.ACKNOWLEDGED, 2)
        mend(cause)
        alarms.look(now=now + 3 * QUIET_FOR)
        alarms.look(now=now + 4 * QUIET_FOR)
        leading.review(
            incident=incident, text="Ask earlier.", by=firm.otto, now=now + 5 * QUIET_FOR
        )
        incident.refresh_from_db()
        assert (incident.state, incident.review) == (IncidentState.REVIEWED, "Ask earlier.")

    def test_what_shows_again_is_not_quiet(self, firm: Firm, cause: Cause) -> None:
        incident = opened(firm, cause, Severity.MODERATE)
        letters = cause.letters.values_list("pk", flat=True)
        mend(cause)
        alarms.look(now=firm.now)
        cause.letters.filter(pk=letters[0]).update(state="open", resolved_at=None)
        alarms.look(now=firm.now + QUIET_FOR)
        incident.refresh_from_db()
        assert incident.is_open
        assert incident.quiet_since is None
        assert kinds(incident) == [EntryKind.OPENED, EntryKind.QUIET, EntryKind.REOPENED]

    def test_after_its_review_it_is_another_incident(self, firm: Firm, cause: Cause) -> None:
        first = opened(firm, cause)
        moved: dict[str, Any] = {
            "state": IncidentState.REVIEWED,
            "resolved_at": firm.now,
            "reviewed_at": firm.now,
        }
        Incident.objects.update(**moved)
        assert opened(firm, cause).pk != first.pk


def test_the_timeline_only_grows(firm: Firm, cause: Cause) -> None:
    opened(firm, cause)
    with pytest.raises(ProgrammingError, match="append-only"), atomic():
        IncidentEntry.objects.update(text="It never happened.")


def test_who_may_not_lead_is_refused_and_noted(firm: Firm, cause: Cause) -> None:
    incident = opened(firm, cause)
    with pytest.raises(leading.NotAllowed):
        leading.take(incident=incident, by=firm.jonas, now=firm.now)
    assert AuditEntry.objects.filter(actor=firm.jonas.username, allowed=False).count() == 1
