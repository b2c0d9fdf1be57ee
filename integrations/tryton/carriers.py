"""Which invoices carry our facts: by the origin that every line keeps in its note."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controltower.canonical.verdicts import Kind, Outcome, Rejected, Verdict
from integrations.tryton.client import Talk
from integrations.tryton.codes import Company
from integrations.tryton.read_invoice import FIELDS, MODEL, done

AT_ONCE = 100
"""Facts that are looked for in one question."""


async def of(talk: Talk, facts: Sequence[str], company: Company | None) -> list[dict[str, Any]]:
    """Invoices any of whose lines comes from one of these facts. Cancelled ones do not count."""
    found: dict[int, dict[str, Any]] = {}
    for start in range(0, len(facts), AT_ONCE):
        lines = [["lines.note", "like", f"%{literally(fact)}"]
                 for fact in facts[start : start + AT_ONCE]]  # fmt: skip
        domain: list[Any] = [["type", "=", "out"], ["state", "!=", "cancelled"], ["OR", *lines]]
        if company:
            domain.append(["company", "=", company.id])
        rows = await talk.rows(MODEL, domain, FIELDS, company.id if company else 0)
        found |= {row["id"]: row for row in rows}
    return list(found.values())


def judged(rows: Sequence[dict[str, Any]], facts: Sequence[str]) -> Verdict:
    """The one invoice that carries exactly these facts; anything else is for a person."""
    carried = [line["note"] or "" for line in rows[0]["lines."] if line["type"] == "line"]
    exactly = len(carried) == len(facts) == _facts_on(rows[0], facts)
    if len(rows) == 1 and exactly:
        return done(rows[0], Outcome.READ)
    shown = "; ".join(_shown(row, facts) for row in rows)
    text = f"Work of this invoice is on another one in Tryton already: {shown}."
    return Rejected(kind=Kind.DUPLICATE, text=text)


def _facts_on(row: dict[str, Any], facts: Sequence[str]) -> int:
    notes = [line["note"] or "" for line in row["lines."]]
    return sum(any(note.endswith(fact) for note in notes) for fact in facts)


def _shown(row: dict[str, Any], facts: Sequence[str]) -> str:
    name = row["number"] or f"draft {row['id']}"
    return f"{name} ({row['reference']}) carries {_facts_on(row, facts)} of {len(facts)}"


def literally(text: str) -> str:
    """As a LIKE pattern that stands for itself."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text
