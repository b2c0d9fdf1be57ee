"""Keeps the interface registry true: by which contract records are read and written, and who uses
them. Contracts are taken from the code that reads what came, and from the mappings by which is
written; uses from the calls that were made.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max
from django.db.transaction import atomic

from controltower import VERSION
from controltower.canonical import contracts as words
from controltower.canonical import records, schema
from controltower.canonical.identity import first_id
from controltower.canonical.strict_json import NotStrictJson, decode
from controltower.mappings.models import MappingVersion, VersionState
from controltower.systems import agreeing, announcements, call_paces, contracts, registry
from controltower.systems.models import (
    Agreement,
    Call,
    Direction,
    Interface,
    InterfaceUse,
    System,
    UseMark,
)
from controltower.transactions.models import Attempt, InboundEvent
from controltower.transactions.protocol import Purpose

log = logging.getLogger(__name__)
SETTLED = timedelta(minutes=1)
"""A call that began this long ago has been committed, and is counted."""
MOST_AT_ONCE = timedelta(hours=6)
LATEST, ANY = 2_000, 3
"""How many of the latest events are looked through for samples, and how many more are taken of
sources that told nothing lately."""
MOST_SAMPLES, MOST_UNREAD = 20, 40
FEED, READ_CHANGES = "feed", "read changes "


def follow(*, now: datetime) -> None:
    """One round: enter what is new, keep what was announced, count, and take contracts down."""
    announcements.keep(now=now)
    count(now=now)
    entered = registry.enter(now=now)
    samples = _samples(entered)
    for one in entered:
        try:
            _take_down(one, samples.get(one.pk, ()), now)
        except Exception:
            log.exception("a contract could not be read", extra={"system": one.system.slug})


def count(*, now: datetime) -> int:
    """Count the calls made since the last round into uses, and how long they took into paces;
    returns how many uses changed."""
    with atomic():
        mark, _new = UseMark.objects.get_or_create(pk=1, defaults={"until": now - SETTLED})
        mark = UseMark.objects.select_for_update().get(pk=mark.pk)
        since, until = mark.until, min(now - SETTLED, mark.until + MOST_AT_ONCE)
        if until <= since:
            return 0
        found = [*_of_steps(since, until), *_of_feeds(since, until)]
        for system, entity, direction, consumer, calls, last, mapping in found:
            one = registry.of(system, entity, direction, now)
            _add(one, consumer, calls, last)
            if mapping and mapping not in one.mappings:
                one.mappings = sorted({*one.mappings, mapping})
                one.save(update_fields=["mappings"])
        call_paces.add(since=first_id(since), until=first_id(until))
        mark.until = until
        mark.save(update_fields=["until"])
    return len(found)


Counted = tuple[System, str, str, str, int, datetime, str]


def _of_steps(since: datetime, until: datetime) -> Iterable[Counted]:
    """The calls of processes, by what was called and by whom."""
    rows = (
        Attempt.objects.filter(
            id__gte=first_id(since), id__lt=first_id(until), step__system__isnull=False
        )
        .order_by()
        .values_list(
            "step__system", "step__entity", "step__verb", "purpose", "step__transaction__process",
            "step__mapping_version__mapping__slug",
        )
        .annotate(calls=Count("id"), last=Max("started_at"))
    )  # fmt: skip
    systems = System.objects.in_bulk()
    for system, entity, verb, purpose, process, mapping, calls, last in rows:
        writes = purpose == Purpose.SEND and verb != "get"
        direction = Direction.OUTBOUND if writes else Direction.INBOUND
        named = mapping if writes and mapping else ""
        yield systems[system], entity, direction, process, calls, last, named


def _of_feeds(since: datetime, until: datetime) -> Iterable[Counted]:
    rows = (
        Call.objects.filter(
            id__gte=first_id(since), id__lt=first_id(until), operation__startswith=READ_CHANGES
        )
        .order_by()
        .values_list("system", "operation")
        .annotate(calls=Count("id"), last=Max("at"))
    )
    systems = System.objects.in_bulk()
    for system, operation, calls, last in rows:
        entity = operation.removeprefix(READ_CHANGES)
        yield systems[system], entity, Direction.INBOUND, FEED, calls, last, ""


def _add(one: Interface, consumer: str, calls: int, last: datetime) -> None:
    use, new = InterfaceUse.objects.get_or_create(
        interface=one,
        consumer=consumer,
        day=last.date(),
        defaults={"calls": calls, "last_at": last},
    )
    if not new:
        InterfaceUse.objects.filter(pk=use.pk).update(calls=F("calls") + calls, last_at=last)


def _samples(interfaces: Sequence[Interface]) -> dict[int, list[bytes]]:
    """The bytes of some changes that each feed brought, the latest first, as far as they are
    kept."""
    sources = {
        f"{one.system.connection}/{one.entity}": one.pk
        for one in interfaces
        if one.direction == Direction.INBOUND
    }
    found: dict[str, list[bytes]] = {source: [] for source in sources}
    latest = InboundEvent.objects.order_by("-id")[:LATEST].values_list("source", "id")
    chosen: dict[str, list[Any]] = {}
    for source, pk in latest:
        if source in found and len(chosen.setdefault(source, [])) < MOST_SAMPLES:
            chosen[source].append(pk)
    wanted = [pk for some in chosen.values() for pk in some]
    for source, raw in InboundEvent.objects.filter(pk__in=wanted).values_list("source", "raw"):
        found[source] += _kept(raw)
    for source in sources:
        if not found[source]:
            some = InboundEvent.objects.filter(source=source).order_by("source", "subject")
            for raw in some.values_list("raw", flat=True)[:ANY]:
                found[source] += _kept(raw)
    return {sources[source]: raws for source, raws in found.items()}


def _kept(raw: Any) -> list[bytes]:
    return [] if raw is None else [bytes(raw)]


def _take_down(one: Interface, raws: Sequence[bytes], now: datetime) -> None:
    """A new version where the contract says anything new."""
    if one.direction == Direction.INBOUND:
        said = _read_of(one, raws)
        if said is not None:
            note = f"As release {VERSION} reads it."
            agreeing.declare(one, said, note=note, now=now, whole=False)
            _note_unread(one, raws, now)
    elif said := _written_by(one):
        names = ", ".join(one.mappings) or "the canonical record"
        agreeing.declare(one, said, note=f"As {names} writes it.", now=now)


def _read_of(one: Interface, raws: Sequence[bytes]) -> Mapping[str, Any] | None:
    """What our code reads of some samples; None without one that can be read."""
    fields: dict[tuple[str, ...], dict[str, Any]] = {}
    for raw in raws:
        try:
            for path, said in contracts.read_of(one.system, one.entity, raw).items():
                fields.setdefault(path, {}).update(said)
        except Exception:  # noqa: BLE001, S112 - what cannot be read any more is drift, told elsewhere
            continue
    return words.schema_of(fields) if fields else None


def _note_unread(one: Interface, raws: Sequence[bytes], now: datetime) -> None:
    """Fields that come and that nobody reads are noted, never refused."""
    active = one.versions.filter(state=Agreement.ACTIVE).first()
    read = set((active.schema if active else {}).get("properties", {}))
    came = {name for raw in raws for name in _names(raw)}
    fresh = sorted(came - read - set(one.unread))[:MOST_UNREAD]
    kept = {name: at for name, at in one.unread.items() if name not in read}
    noted = kept | {name: now.isoformat() for name in fresh}
    if noted != one.unread:
        one.unread = noted
        one.save(update_fields=["unread"])


def _names(raw: bytes) -> Iterable[str]:
    try:
        content = decode(raw)
    except NotStrictJson:
        return ()
    return content if isinstance(content, dict) else ()


def _written_by(one: Interface) -> Mapping[str, Any]:
    """What is sent: by the mappings in force, or the canonical record where there is none. Nothing
    is known before anything was sent."""
    kind = _record_kind(one.entity)
    if not one.mappings and not one.uses.exists():
        return {}
    if not one.mappings:
        return schema.of_record(kind) if kind else {}
    active = MappingVersion.objects.filter(
        state=VersionState.ACTIVE, mapping__slug__in=one.mappings
    ).select_related("mapping")
    fields: dict[tuple[str, ...], dict[str, Any]] = {}
    for version in active:
        source = _record_kind(version.mapping.record)
        fields |= _of_rules(version.rules, schema.of_record(source) if source else {}, ())
    return words.schema_of(fields) if fields else {}


def _of_rules(
    rules: Iterable[Mapping[str, Any]], record: Mapping[str, Any], before: tuple[str, ...]
) -> dict[tuple[str, ...], dict[str, Any]]:
    """The target's fields, each as its rule makes it."""
    fields: dict[tuple[str, ...], dict[str, Any]] = {}
    for rule in rules:
        at = (*before, str(rule["target"]))
        source = record.get("properties", {}).get(str(rule.get("source", "")), {})
        match rule["rule"]:
            case "constant":
                fields[at] = {"const": rule["value"]}
            case "value_map":
                fields[at] = {"enum": sorted({str(one) for one in rule["values"].values()})}
            case "each":
                inner = _of_rules(rule["rules"], source.get("items", {}), (*at, words.EACH))
                fields |= {at: {"type": "array"}} | inner
            case _:
                fields[at] = dict(source)
    return fields


def _record_kind(name: str) -> type[records.Record] | None:
    """The canonical record of that name, as entities and mappings write it."""
    found = getattr(records, "".join(part.title() for part in name.split("_")), None)
    return found if isinstance(found, type) and issubclass(found, records.Record) else None
