"""The audit chain: every decision, allowed or denied, each entry sealing the one before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.transaction import atomic

from controltower.firm.models import AuditEntry, Person

GENESIS = "0" * 64
CHAIN_LOCK = 7_203_001
MOST_HEADS = 200


def record(
    *,
    actor: Person | str,
    verb: str,
    subject: str,
    allowed: bool,
    now: datetime,
    entity: str = "",
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append one decision to the chain, in the caller's database transaction."""
    with atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
        last = AuditEntry.objects.order_by("-id").first()
        entry = AuditEntry(
            at=now,
            actor=actor if isinstance(actor, str) else actor.username,
            verb=verb,
            allowed=allowed,
            subject=subject,
            entity=entity,
            detail=detail or {},
            previous=last.digest if last else GENESIS,
        )
        entry.digest = seal(entry)
        entry.save()
    return entry


def seal(entry: AuditEntry) -> str:
    """SHA-256 over the entry's canonical JSON, the previous digest included."""
    content = {
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "verb": entry.verb,
        "allowed": entry.allowed,
        "subject": entry.subject,
        "entity": entry.entity,
        "detail": entry.detail,
        "previous": entry.previous,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Walk:
    """How far the chain was followed, and the first entry whose seal or link does not hold."""

    entries: int
    last: int
    broken: int | None = None


def walk(*, after: int = 0, most: int | None = None) -> Walk:
    """Follow the chain behind an entry (0: from its beginning), for so many entries at most."""
    known = AuditEntry.objects.filter(pk=after).first()
    previous, last, count = known.digest if known else GENESIS, after, 0
    for entry in AuditEntry.objects.filter(pk__gt=after).order_by("id")[:most].iterator():
        count += 1
        if entry.previous != previous or seal(entry) != entry.digest:
            return Walk(count, last, entry.pk)
        previous, last = entry.digest, entry.pk
    return Walk(count, last)


def anchor(now: datetime) -> None:
    """Note the chain's head outside the database, when it has moved since the last note."""
    head = AuditEntry.objects.order_by("-id").values_list("pk", "digest").first()
    if head is None or head in _heads(1):
        return
    path = Path(settings.AUDIT_ANCHOR)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as notes:
        notes.write(f"{now.isoformat()} {head[0]} {head[1]}\n")


def missing_heads() -> list[str]:
    """Heads noted outside that the chain no longer holds, in words: it was cut or written anew."""
    noted = dict(_heads(MOST_HEADS))
    there = dict(AuditEntry.objects.filter(pk__in=noted).values_list("pk", "digest"))
    return [f"entry {pk} is not as it was noted" for pk in noted if there.get(pk) != noted[pk]]


def _heads(most: int) -> list[tuple[int, str]]:
    """The last heads noted; a line that a crash cut short is passed over."""
    path = Path(settings.AUDIT_ANCHOR)
    if not path.exists():
        return []
    lines = (line.split() for line in path.read_text().splitlines()[-most:])
    return [(int(parts[1]), parts[2]) for parts in lines if len(parts) == 3]
