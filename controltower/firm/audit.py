"""The audit chain: every decision, allowed or denied, each entry sealing the one before."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.transaction import atomic

from controltower.firm.models import AuditEntry, Person

GENESIS = "0" * 64
CHAIN_LOCK = 7_203_001


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


def first_break() -> AuditEntry | None:
    """The first entry whose seal or link does not hold, or None when the chain is whole."""
    previous = GENESIS
    for entry in AuditEntry.objects.order_by("id").iterator():
        if entry.previous != previous or seal(entry) != entry.digest:
            return entry
        previous = entry.digest
    return None
