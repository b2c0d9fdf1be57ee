"""Days of a person's own calendar, summed from UTC days and the quarters that lie elsewhere."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from controltower.canonical.identity import new_id
from controltower.firm.models import Person
from controltower.measures import arrivals, rollups
from controltower.measures.exposure import Scope
from controltower.measures.flow import start_of_day
from controltower.transactions.models import Transaction
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 4, 10, 10, 7, tzinfo=UTC)
"""Two weeks after clocks went forward in Europe, four after they did in America."""
ZONES = ("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "Asia/Kathmandu",
         "Pacific/Auckland", "America/St_Johns")  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
def test_every_day_of_every_zone_is_that_of_a_recount(zone: str) -> None:
    firm = factories.found()
    one = firm.deal()
    moments = [NOW - timedelta(minutes=907 * number) for number in range(60)]
    Transaction.objects.bulk_create(_copy(one, number, at) for number, at in enumerate(moments))
    Person.objects.filter(pk=firm.anna.pk).update(zone=zone)
    seen = Scope(Person.objects.get(pk=firm.anna.pk))
    first = start_of_day(NOW, zone) - timedelta(days=30)
    counted: Counter[tuple[object, str, bool]] = Counter()
    for row in Transaction.objects.filter(state="verified", ended_at__gte=first, ended_at__lte=NOW):
        assert row.ended_at
        day = row.ended_at.astimezone(ZoneInfo(zone)).date()
        counted[(day, row.process, row.needed_person)] += 1
    assert sum(counted.values()) > 30
    for _folded in (False, True):
        found: Counter[tuple[object, str, bool]] = Counter()
        for arrival, items in arrivals.by_day(seen, first, NOW).items():
            found[(arrival.day, arrival.process, arrival.repaired)] += items
        assert found == counted
        rollups.fold()


def _copy(one: Transaction, number: int, at: datetime) -> Transaction:
    copy = Transaction.objects.get(pk=one.pk)
    copy.pk = new_id()
    copy.reference, copy.correlation_id = f"{one.reference}-{number}", f"ct-{number}"
    copy.ended_at, copy.due_at = at, at + timedelta(hours=number % 3 - 1)
    copy.needed_person = number % 4 == 0
    return copy
