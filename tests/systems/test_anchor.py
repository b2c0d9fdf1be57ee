"""The database notices by itself that it is older than what was done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from controltower import queues
from controltower.systems import anchor
from controltower.systems.anchor import Mark, older
from controltower.systems.models import Anchor, Recovery

pytestmark = pytest.mark.django_db
HERE, THERE = "1.5.00000001", "1.5.00000002"


def _mark(number: int, identity: str = "a", at: str = "2026-11-21T10:00:00+00:00") -> Mark:
    return Mark(identity, number, at)


LATER = "2026-11-21T11:00:00+00:00"


@pytest.mark.parametrize(
    ("inside", "outside", "is_on", "word"),
    [
        (_mark(7), _mark(7), HERE, ""),
        (_mark(8), _mark(7), HERE, ""),
        (_mark(7), None, HERE, ""),
        (None, None, HERE, ""),
        (_mark(7), _mark(7), "", ""),
        (_mark(7), _mark(8), HERE, "older than"),
        (_mark(7), _mark(7), THERE, "earlier moment"),
        (_mark(7), None, THERE, "earlier moment"),
        (None, _mark(7), HERE, "is new"),
        (_mark(7), _mark(2, "b", LATER), HERE, "Another database"),
        (_mark(7, at=LATER), _mark(9, "b"), HERE, ""),
    ],
)
def test_what_the_marks_say(
    inside: Mark | None, outside: Mark | None, is_on: str, word: str
) -> None:
    said = older(inside, outside, was_on=HERE if inside else "", is_on=is_on)
    assert word in said
    assert bool(said) is bool(word)


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A file for the mark, and a Redis without one."""
    settings.ANCHOR = tmp_path / "anchor.json"
    queues.connection().delete(anchor.KEY)
    yield tmp_path / "anchor.json"
    queues.connection().delete(anchor.KEY)


def _restore_older(row: Anchor) -> None:
    Anchor.objects.filter(pk=row.pk).update(number=row.number, marked_at=row.marked_at)


@pytest.mark.parametrize("lost", ["nothing", "redis", "file"])
def test_an_older_database_begins_recovery_from_its_own_last_mark(place: Path, lost: str) -> None:
    began = timezone.now()
    anchor.mark(began)
    backup = Anchor.objects.get()
    for second in range(1, 4):
        anchor.mark(began + timedelta(seconds=second))
    assert not Recovery.objects.exists()
    _restore_older(backup)
    if lost == "redis":
        queues.connection().delete(anchor.KEY)
    if lost == "file":
        place.unlink()
    anchor.watch(began + timedelta(hours=1))
    recovery = Recovery.objects.get()
    assert recovery.restore_point == backup.marked_at
    anchor.watch(began + timedelta(hours=2))
    anchor.mark(began + timedelta(hours=2))
    assert Recovery.objects.count() == 1


def test_a_database_on_another_timeline_begins_recovery_without_any_mark_outside(
    place: Path,
) -> None:
    anchor.mark(timezone.now())
    queues.connection().delete(anchor.KEY)
    place.unlink()
    Anchor.objects.update(cluster="7000.5.00000001")
    anchor.watch(timezone.now())
    assert "restored to an earlier moment" in Recovery.objects.get().why


def test_the_server_says_who_it_is(place: Path) -> None:
    anchor.mark(timezone.now())
    assert len(Anchor.objects.get().cluster.split(".")) == 3


def test_looking_alone_leaves_no_mark(place: Path) -> None:
    anchor.watch(timezone.now())
    assert not Anchor.objects.exists()
    assert not place.exists()


def test_a_second_restore_begins_the_recovery_anew(place: Path) -> None:
    now = timezone.now()
    anchor.begin(why="first", restore_point=None, now=now)
    anchor.begin(why="second", restore_point=None, now=now + timedelta(hours=1))
    assert Recovery.objects.get().began_at == now + timedelta(hours=1)
