"""Asking a system by what is said of it, reading only: does it let us in, and can it be read?

Nothing is stored, acknowledged or written: what a source keeps until it is told stays there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.personal import of_record
from controltower.canonical.verdicts import Done, Kind, Unavailable, Verdict
from controltower.systems import calls
from controltower.systems.doors import Doors
from controltower.systems.said import Said

SAMPLE, MOST_PAGES = 5, 20
SHOWN = 3
"""How many signs of a record's number are shown."""
NOTHING = "Nothing that changed lately is what its event is meant for."
LET_IN = "It lets us in and answers."
MENDED_BY = {
    Kind.AUTH: "Check the variables that its secrets refer to, and that they hold at the vendor.",
    Kind.PERMISSION: "Give the credential the right that it lacks, at the vendor.",
    Kind.CONTRACT: "Check the options: what is asked for is not there, or not as agreed.",
    Kind.RATE_LIMITED: "Too much was asked of it. Try again later.",
}
"""What to do about a refusal, by its kind."""
NOT_REACHED = "Check the address, and that this machine may reach it."


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one question to the system."""

    question: str
    is_good: bool
    text: str


async def asked(said: Said) -> list[Finding]:
    """All questions with their answers; nothing is read where it does not let us in."""
    door = Doors().of(said.system)
    try:
        verdict = await door.health()
        lists = [one.entity for one in said.feeds if isinstance(verdict, Done)]
        return [_finding("Signing in", verdict), *[await _listed(door, one, said) for one in lists]]
    finally:
        await door.connector.close()


async def _listed(door: calls.Door, entity: str, said: Said) -> Finding:
    """What a list shows, page by page until there is something; a row that cannot be read is a
    fault, though reading would go on without it."""
    question = f"Reading {entity}"
    try:
        page = await door.read_changes(entity, "", SAMPLE)
        for _further in range(MOST_PAGES):
            if page.changes or page.aside or not page.has_more:
                break
            page = await door.read_changes(entity, page.next_cursor, SAMPLE)
    except calls.CallFailed as failure:
        return _finding(question, failure.verdict)
    if page.aside:
        return Finding(question, False, f"A row cannot be read: {page.aside[0].reason}.")
    if not page.changes:
        return Finding(question, True, NOTHING)
    if said.described is None:
        return Finding(question, True, _counted(page))
    names = ", ".join(called(change.event) for change in page.changes)
    return Finding(question, True, f"{names} and more" if page.has_more else names)


def _counted(page: calls.ChangePage) -> str:
    """How much came; of the first its number's last signs alone."""
    ref = page.changes[0].event.record.source_id
    count = f"{len(page.changes)} and more" if page.has_more else str(len(page.changes))
    shown = ref[-SHOWN:] if len(ref) > 2 * SHOWN else "…"
    return f"Records that came: {count}. The number of the first ends in “{shown}”."


def called(event: CanonicalEvent) -> str:
    """What a record is told by: its name, but for those of people."""
    name = event.record.name
    personal = any(of_record(type(event.record).__name__, {"name": name}))
    return event.subject if personal else name or event.subject


def _finding(question: str, verdict: Verdict) -> Finding:
    if isinstance(verdict, Done):
        return Finding(question, True, LET_IN)
    text = str(getattr(verdict, "text", "")) or type(verdict).__name__
    return Finding(question, False, " ".join(filter(None, [_stopped(text), _advice(verdict)])))


def _stopped(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _advice(verdict: Any) -> str:
    if isinstance(verdict, Unavailable):
        return NOT_REACHED
    kind = getattr(verdict, "kind", Kind.UNKNOWN)
    return MENDED_BY.get(kind, "")
