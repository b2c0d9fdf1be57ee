"""What an entry of the audit chain holds besides, in words: a label and a text each. The chain
keeps names and values as they were sealed; those are shown below, as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.firm.models import AuditEntry
from controltower.web import formats
from controltower.web.sayings import heard

LABELS: Mapping[str, Any] = {
    "account": gettext_lazy("Account of the machine"),
    "active_from": gettext_lazy("From"),
    "again": gettext_lazy("Planned again from"),
    "all_matching": gettext_lazy("All that match"),
    "amount": gettext_lazy("Amount"),
    "answer": gettext_lazy("Answer"),
    "by": gettext_lazy("By"),
    "cause": gettext_lazy("Group"),
    "causes": gettext_lazy("Groups"),
    "classes": gettext_lazy("What was shown"),
    "companies": gettext_lazy("Companies"),
    "content": gettext_lazy("Content"),
    "count": gettext_lazy("Count"),
    "counted": gettext_lazy("Counted in"),
    "decision": gettext_lazy("Decision"),
    "digest": gettext_lazy("Sealed as"),
    "digest_at": gettext_lazy("Daily mail at"),
    "due": gettext_lazy("Due"),
    "entries": gettext_lazy("Entries"),
    "evidence": gettext_lazy("Evidence"),
    "expires_at": gettext_lazy("Expires"),
    "fields": gettext_lazy("Fields"),
    "filters": gettext_lazy("Filters"),
    "from": gettext_lazy("From"),
    "halted": gettext_lazy("Held back"),
    "kept_days": gettext_lazy("Days kept"),
    "kind": gettext_lazy("Kind"),
    "list": gettext_lazy("List"),
    "n": gettext_lazy("Count"),
    "name": gettext_lazy("Name"),
    "people": gettext_lazy("People"),
    "purpose": gettext_lazy("Purpose"),
    "query": gettext_lazy("Filters"),
    "reason": gettext_lazy("Reason"),
    "records": gettext_lazy("Records"),
    "run": gettext_lazy("Run of a runbook"),
    "selection": gettext_lazy("Chosen"),
    "shared": gettext_lazy("For the whole team"),
    "step": gettext_lazy("Step"),
    "survivor": gettext_lazy("What stays"),
    "system": gettext_lazy("System"),
    "text": gettext_lazy("Text"),
    "there_as": gettext_lazy("There as"),
    "title": gettext_lazy("Title"),
    "to": gettext_lazy("To"),
    "touched": gettext_lazy("Touched"),
    "until": gettext_lazy("Until"),
    "value": gettext_lazy("Value"),
    "version": gettext_lazy("Version"),
    "warn_at": gettext_lazy("Warns at"),
    "whole": gettext_lazy("Whole"),
    "why": gettext_lazy("Why"),
}


def lines(entry: AuditEntry, now: datetime) -> list[tuple[str, str]]:
    """(label, words) of what the entry tells; what is empty tells nothing."""
    return list(_lines(entry.detail or {}, now))


def sealed(entry: AuditEntry) -> str:
    """The same as it is sealed in the chain; "" when there is nothing."""
    return json.dumps(entry.detail, indent=2, ensure_ascii=False) if entry.detail else ""


def _lines(detail: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    for name, value in detail.items():
        words = _words(value, now)
        if words:
            yield label(name), words


def label(name: str) -> str:
    """What a name is called; one that is not known is said as it is written."""
    return str(LABELS.get(name) or name.replace("_", " ").capitalize())


def _words(value: Any, now: datetime) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {words}" for name, words in _lines(value, now))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(filter(None, (_words(one, now) for one in value)))
    text = str(value)
    at = parse_datetime(text) if "T" in text and len(text) > len("2026-11-22T08:00") else None
    return formats.when(at, now) if at and at.tzinfo else str(heard(text))
