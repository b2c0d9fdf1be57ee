"""How fast a month's allowance of missed promises goes, and what that opens and lets go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as some

from controltower.incidents import composing
from controltower.incidents.models import Incident, Severity
from controltower.measures import alarms, burning
from controltower.transactions.models import Transaction
from tests import factories

HOUR, SIX, DAY, THREE = (stretch.length for stretch in burning.STRETCHES)
PROCESS = "opportunity-to-project"


@pytest.mark.parametrize(
    ("promised", "missed", "severity"),
    [
        (10_000, {HOUR: 7}, Severity.HIGHEST),
        (10_000, {HOUR: 6}, None),
        (10_000, {HOUR: 6, SIX: 16}, Severity.HIGH),
        (10_000, {SIX: 15, DAY: 31}, Severity.MODERATE),
        (10_000, {DAY: 30, THREE: 31}, Severity.MODERATE),
        (10_000, {THREE: 30}, None),
        (10, {HOUR: 2, SIX: 2, DAY: 2, THREE: 2}, None),
        (10, {HOUR: 3}, Severity.HIGHEST),
        (0, {HOUR: 3}, Severity.HIGHEST),
    ],
)
def test_two_stretches_page_and_two_make_a_ticket(
    promised: int, missed: dict[timedelta, int], severity: Severity | None
) -> None:
    """Of 10,000 promises a month 300 may be missed: 2 % of that are 6, 5 % are 15, 10 % are 30."""
    found = burning.judged(PROCESS, promised, missed)
    assert (found.stretch.severity if found else None) == severity


@given(some.integers(0, 10**6), some.lists(some.integers(0, 10**5), min_size=4, max_size=4))
def test_more_misses_never_calm_it(promised: int, counts: list[int]) -> None:
    order = [*Severity, None]
    missed = dict(zip((HOUR, SIX, DAY, THREE), sorted(counts), strict=True))
    more = {length: count + 1 for length, count in missed.items()}
    one, other = (burning.judged(PROCESS, promised, found) for found in (missed, more))
    gravity = [order.index(burn.stretch.severity if burn else None) for burn in (one, other)]
    assert gravity[1] <= gravity[0]


@pytest.mark.django_db
def test_misses_open_an_incident_and_its_quiet_begins_when_they_end() -> None:
    firm = factories.found()
    deals = [firm.deal(answers={"project": factories.refused()}) for _ in range(3)]
    now = timezone.now()
    alarms.look(now=now)
    assert not Incident.objects.filter(subject=f"promise:{PROCESS}").exists()
    late = [deal.pk for deal in deals]
    Transaction.objects.filter(pk__in=late).update(due_at=now - timedelta(minutes=5))
    alarms.look(now=now)
    incident = Incident.objects.get(subject=f"promise:{PROCESS}")
    assert incident.severity == Severity.HIGHEST
    assert "more than 2% of a month's allowance in an hour" in incident.title
    (figures,) = incident.entries.get(kind="opened").figures
    assert figures["count"] == 3
    assert figures["due"] == (now - timedelta(minutes=5)).isoformat()
    cause = firm.cause(deals[0])
    assert list(incident.causes.all()) == [cause]
    text = composing.text_for(firm.otto, incident.entries.get(kind="opened"))
    assert f"Group: {cause.title}: {settings.ADDRESS}/exceptions/{cause.pk}/" in text
    alarms.look(now=now)
    assert incident.entries.count() == 1
    Transaction.objects.filter(pk__in=late).update(due_at=now + timedelta(hours=5))
    alarms.look(now=now)
    incident.refresh_from_db()
    assert incident.quiet_since is not None
