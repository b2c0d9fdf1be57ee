"""The logs are cut by time: made ahead, put away by policy, and never in each other's way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.transaction import atomic
from django.utils import timezone

from controltower.canonical.identity import new_id
from controltower.firm.models import AuditEntry
from controltower.transactions import retention
from controltower.transactions.models import Attempt, Step, TimelineEntry, Transaction
from tests import factories

TIMELINE, ATTEMPTS, CALLS = retention.policy()


def id_at(moment: datetime) -> UUID:
    """Some id of that moment."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | uuid4().int & (1 << 80) - 1)


def make(log: retention.Log, moment: datetime) -> None:
    """The partition of a moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT log_ahead(%s, %s, %s, %s)", [log.table, log.unit, moment, moment])


def names(log: retention.Log) -> list[str]:
    return [part.name for part in retention.parts(log)]


def rows_in(part: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {part}")
        return int(cursor.fetchone()[0])


def test_ids_sort_by_when_they_were_made_and_say_when() -> None:
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert all(one.version == 7 for one in made)
    assert abs((made[0].int >> 80) / 1000 - datetime.now(UTC).timestamp()) < 5


@pytest.mark.django_db
class TestPartitions:
    @pytest.fixture
    def transaction(self) -> Transaction:
        return factories.found().deal()

    def entry(self, transaction: Transaction, moment: datetime) -> TimelineEntry:
        return TimelineEntry.objects.create(
            id=id_at(moment), transaction=transaction, at=moment, kind="note", text="As it was."
        )

    def test_a_quarter_is_there_before_it_begins(self) -> None:
        now = timezone.now()
        retention.keep(now=now)
        assert f"{TIMELINE.table}_{now + retention.QUARTER:%Y%m}" in names(TIMELINE)
        assert f"{CALLS.table}_{now + timedelta(days=14):%Y%m%d}" in names(CALLS)

    def test_what_came_before_its_partition_moves_into_it(self, transaction: Transaction) -> None:
        later = timezone.now() + timedelta(days=400)
        entry = self.entry(transaction, later)
        assert rows_in(f"{TIMELINE.table}_other") == 1
        make(TIMELINE, later)
        assert rows_in(f"{TIMELINE.table}_other") == 0
        assert rows_in(f"{TIMELINE.table}_{later:%Y%m}") == 1
        assert TimelineEntry.objects.get(pk=entry.pk) == entry

    def test_an_old_month_is_archived_and_the_chain_says_so(self, transaction: Transaction) -> None:
        now = timezone.now()
        old = now - timedelta(days=3650 + 62)
        make(TIMELINE, old)
        kept, gone = self.entry(transaction, now), self.entry(transaction, old)
        part = f"{TIMELINE.table}_{old:%Y%m}"
        assert part in retention.keep(now=now)
        assert list(TimelineEntry.objects.filter(pk__in=[kept.pk, gone.pk])) == [kept]
        assert rows_in(f"archive.{part}") == 1
        assert AuditEntry.objects.get(verb="archive log").subject == part
        assert retention.keep(now=now) == []

    def test_a_call_is_gone_for_good_after_its_days(self) -> None:
        now = timezone.now()
        old = now - timedelta(days=9)
        make(CALLS, old)
        part = f"{CALLS.table}_{old:%Y%m%d}"
        assert part in retention.keep(now=now)
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s), to_regclass(%s)", [part, f"archive.{part}"])
            assert cursor.fetchone() == (None, None)

    def test_what_is_still_written_cannot_be_put_away(self) -> None:
        with pytest.raises(DatabaseError, match="still being written"), connection.cursor() as c:
            c.execute("SELECT log_put_away(%s, now(), true)", [ATTEMPTS.table])

    def test_one_attempt_is_looked_up_in_one_partition(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "EXPLAIN UPDATE transactions_attempt SET text = 'x' WHERE id = %s", [new_id()]
            )
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert plan.count("Scan") == 1

    def test_a_number_is_given_once(self) -> None:
        step = Step.objects.filter(transaction=factories.found().deal()).first()
        assert step
        values = {
            "step": step, "number": 1, "purpose": "send", "state": "acked", "fence": 1,
            "generation": 1, "started_at": timezone.now(), "deadline_at": timezone.now(),
        }  # fmt: skip
        Attempt.objects.create(**values)
        with pytest.raises(DatabaseError, match="step_id_number"), atomic():
            Attempt.objects.create(**values)

    def test_the_command_prints_what_is_there(self) -> None:
        out = StringIO()
        call_command("retention", apply=True, stdout=out)
        assert "transactions_attempt, by the month: kept 730 days, then archived" in out.getvalue()
        assert "systems_call, by the day: kept 2 days, then destroyed" in out.getvalue()
        assert "transactions_attempt_other" in out.getvalue()
        assert "bodies of received events: kept for ever" in out.getvalue()
