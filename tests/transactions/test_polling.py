"""Feeds are read beside each other: a slow source delays nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controltower.canonical.contracts import VALUE, Difference, told
from controltower.canonical.verdicts import Kind, TryLater
from controltower.firm.models import Person
from controltower.incidents import drifting
from controltower.incidents.models import Incident
from controltower.systems import agreeing, calls
from controltower.systems.models import Call, Drift, Feed
from controltower.transactions import interpretation, polling, set_aside
from controltower.transactions.models import EventState, InboundEvent
from integrations.connector import Change, Unread
from tests.factories import Firm, found

pytestmark = pytest.mark.django_db
NOTHING = calls.ChangePage(changes=(), next_cursor="7")


def _feeds() -> tuple[Feed, Feed]:
    """Two feeds that are due, of two systems, the CRM’s before the PSA’s."""
    found()
    Feed.objects.update(due_at=timezone.now() + timedelta(days=1))
    past = timezone.now() - timedelta(minutes=1)
    crm = Feed.objects.filter(system__slug="salesforce").order_by("pk")[0]
    psa = Feed.objects.filter(system__slug="certinia").order_by("pk")[0]
    for feed, ago in ((crm, 2), (psa, 1)):
        Feed.objects.filter(pk=feed.pk).update(due_at=past - timedelta(seconds=ago), cursor="1")
    return crm, psa


def test_a_slow_feed_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    crm, psa = _feeds()
    read: list[str] = []

    async def read_changes(door: calls.Door, *_: object) -> calls.ChangePage:
        await asyncio.sleep(0.5 if door.system.pk == crm.system_id else 0)
        read.append(door.system.slug)
        return NOTHING

    monkeypatch.setattr(calls.Door, "read_changes", read_changes)
    polling.poll(budget=timedelta(0))
    assert read == ["certinia", "salesforce"]
    assert set(Feed.objects.filter(pk__in=[crm.pk, psa.pk]).values_list("cursor", flat=True)) == {
        "7"
    }


def test_a_feed_that_fails_says_so_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    crm, psa = _feeds()

    async def read_changes(door: calls.Door, *_: object) -> calls.ChangePage:
        if door.system.pk == crm.system_id:
            raise calls.CallFailed(TryLater(kind=Kind.OUTAGE, text="The CRM rests."))
        return NOTHING

    monkeypatch.setattr(calls.Door, "read_changes", read_changes)
    polling.poll(budget=timedelta(0))
    crm.refresh_from_db()
    psa.refresh_from_db()
    assert (crm.trouble, crm.cursor) == ("The CRM rests.", "1")
    assert (psa.trouble, psa.cursor) == ("", "7")
    assert crm.due_at > timezone.now()


@pytest.mark.parametrize("name", ["a\x00b", "half \ud800", "x" * 10**6])
def test_what_cannot_be_kept_stops_no_other_feed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm, psa = _feeds()
    event = Firm(timezone.now()).opportunity(name=name, source_id=name[:3])
    page = calls.ChangePage(changes=(Change(b"{}", event),), next_cursor="7")

    async def read_changes(door: calls.Door, *_: object) -> calls.ChangePage:
        return page if door.system.pk == crm.system_id else NOTHING

    monkeypatch.setattr(calls.Door, "read_changes", read_changes)
    polling.poll(budget=timedelta(0))
    interpretation.interpret_due(limit=10, now=timezone.now())
    crm.refresh_from_db()
    psa.refresh_from_db()
    assert (psa.trouble, psa.cursor) == ("", "7")
    assert crm.cursor == "7" or "put it right at the source" in crm.trouble
    assert not InboundEvent.objects.filter(state=EventState.RECEIVED).exists()


def test_a_feed_is_read_by_one_worker_at_a_time() -> None:
    crm, psa = _feeds()
    assert {reading.feed.pk for reading in polling._claim()} == {crm.pk, psa.pk}
    assert polling._claim() == []


def test_a_gap_is_told_until_all_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    crm, _psa = _feeds()
    Feed.objects.exclude(pk=crm.pk).update(due_at=timezone.now() + timedelta(days=1))
    pages = [
        calls.ChangePage(changes=(), next_cursor="8", gap=True, has_more=True),
        calls.ChangePage(changes=(), next_cursor="9", has_more=True, trouble="By asking."),
        calls.ChangePage(changes=(), next_cursor="10"),
    ]
    seen: list[tuple[bool, str]] = []

    async def read_changes(door: calls.Door, *_: object) -> calls.ChangePage:
        return pages.pop(0)

    def keep(feed: Feed, *details: Any) -> int:
        kept = keeping(feed, *details)
        fresh = Feed.objects.get(pk=feed.pk)
        seen.append((fresh.is_healed, fresh.trouble))
        return kept

    keeping = polling._keep
    monkeypatch.setattr(calls.Door, "read_changes", read_changes)
    monkeypatch.setattr(polling, "_keep", keep)
    polling.poll(budget=timedelta(0))
    assert seen == [(False, ""), (False, "By asking."), (True, "")]
    crm.refresh_from_db()
    assert crm.gap_at is not None


def test_listening_is_no_call_time(monkeypatch: pytest.MonkeyPatch) -> None:
    crm, _psa = _feeds()
    heard = calls.ChangePage(changes=(), next_cursor="8", listened=timedelta(hours=1))

    async def read_changes(door: calls.Door, *_: object) -> calls.ChangePage:
        return heard if door.system.pk == crm.system_id else NOTHING

    monkeypatch.setattr(calls.Door, "read_changes", read_changes)
    polling.poll(budget=timedelta(0))
    assert Call.objects.get(system=crm.system).milliseconds == 0


def test_a_row_that_cannot_be_read_is_kept_until_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    crm, _psa = _feeds()
    firm, otto = Firm(timezone.now()), Person.objects.get(username="otto.brandt")
    good, mended = (firm.opportunity(source_id=ref) for ref in ("006A", "006B"))
    bad = Unread(b'{"Id":"006B"}', "006B", "“Amount” is missing")
    until = timezone.now() + timedelta(hours=72)
    pages = [
        calls.ChangePage(
            changes=(Change(b"{}", good),), next_cursor="8", aside=(bad,), expires_at=until
        ),
        calls.ChangePage(changes=(), next_cursor="9", aside=(bad,)),
        calls.ChangePage(changes=(Change(b"{} ", mended),), next_cursor="10"),
    ]

    async def read_changes(door: calls.Door, *_: object) -> calls.ChangePage:
        return pages.pop(0) if door.system.pk == crm.system_id else NOTHING

    monkeypatch.setattr(calls.Door, "read_changes", read_changes)
    kept = InboundEvent.objects.filter(type="unread")
    for expires_at in (until, None):
        polling.poll(budget=timedelta(0))
        assert Feed.objects.get(pk=crm.pk).expires_at == expires_at
        (event,) = kept
        assert (event.state, event.body) == (EventState.QUARANTINED, bad.raw)
        assert "“Amount” is missing" in event.reason
        assert set_aside.visible_to(otto).count() == 1
        assert not set_aside.read_again(event=event.pk, by=otto, now=timezone.now())
        Feed.objects.filter(pk=crm.pk).update(due_at=timezone.now() - timedelta(minutes=1))
    polling.poll(budget=timedelta(0))
    assert kept.get().state == EventState.SUPERSEDED
    crm.refresh_from_db()
    assert (crm.cursor, crm.trouble) == ("10", "")


def test_a_row_is_read_anew_when_its_form_is_agreed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    crm, _psa = _feeds()
    firm, named = Firm(timezone.now()), Person.objects.get
    lena, anna = named(username="lena.weil"), named(username="anna.lindqvist")
    deal = firm.opportunity(source_id="006C")
    new = Difference(VALUE, "StageName", "one of “Closed Won”, “Open”", "“Won Big”")
    bad = Unread(b'{"Id":"006C"}', "006C", str(new), told_as="x")
    asked: list[Unread] = []

    async def read_changes(door: calls.Door, _entity: str, cursor: str, _: int) -> calls.ChangePage:
        first = door.system.pk == crm.system_id and cursor == "1"
        return calls.ChangePage(changes=(), next_cursor="8", aside=(bad,) if first else ())

    async def reread(
        _door: calls.Door, _entity: str, rows: Sequence[Unread]
    ) -> dict[Unread, Change | Unread | None]:
        asked.extend(rows)
        return dict.fromkeys(rows if len(asked) > 1 else (), Change(bad.raw, deal))

    monkeypatch.setattr(calls.Door, "read_changes", read_changes)
    monkeypatch.setattr(calls.Door, "reread", reread)
    polling.poll(budget=timedelta(0))
    kept = InboundEvent.objects.filter(type="unread")
    assert kept.get().state == EventState.QUARANTINED
    drifting.follow(now=firm.now)
    drift = Drift.objects.get()
    assert (drift.interface.entity, drift.samples) == (crm.entity, 1)
    assert told(drift.sentence) == new
    assert list(drifting.rows_of(drift)) == [kept.get()]
    assert Incident.objects.filter(subject=f"drift:{drift.pk}").exists()
    made = agreeing.propose(drift=drift, stands_for="Closed Won", note="", by=lena, now=firm.now)
    agreeing.decide(version=made, agree=True, by=anna, now=firm.now)
    assert not asked, "nothing is read anew before two have agreed"
    polling.poll(budget=timedelta(0))
    assert [(row.raw, row.ref, row.told_as) for row in asked] == [(bad.raw, "006C", "x")]
    assert kept.get().state == EventState.QUARANTINED, "nobody could say, so it is asked again"
    Feed.objects.filter(pk=crm.pk).update(due_at=timezone.now() - timedelta(minutes=1))
    polling.poll(budget=timedelta(0))
    assert kept.get().state == EventState.SUPERSEDED
    assert InboundEvent.objects.filter(source=deal.source, event_id=deal.id).exists()
    drifting.follow(now=firm.now)
    assert Drift.objects.get().ended_at is not None
