"""A channel as the room of a project: its name is our reference, its purpose tells people why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from controltower.canonical.verdicts import Done, Outcome
from integrations.connector import Key
from integrations.http import Answer
from integrations.shape import Drift, Row, flag, object_of, of_type, required, text
from integrations.slack.client import content_of

_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def room(row: Row) -> dict[str, Any]:
    """A channel in canonical words. Raises Drift."""
    ref = required(row, "id")
    return {
        "source_id": ref,
        "name": required(row, "name"),
        "purpose": plain(text(row, "purpose.value")),
        "archived": flag(row, "is_archived"),
        "url": f"https://slack.com/app_redirect?channel={ref}",
    }


def shown(answer: Answer, outcome: Outcome = Outcome.READ) -> Done:
    """The channel that an answer tells of. Raises Drift."""
    row = object_of(content_of(answer).get("channel"))
    values = room(row)
    return Done(
        ref=values["source_id"],
        outcome=outcome,
        version=version_of(row),
        values=values,
        exchange=answer.exchange,
    )


def version_of(row: Row) -> str:
    """The last second in which the channel or its purpose was set, epoch. Raises Drift."""
    return f"{max(_second(row, 'created'), _second(row, 'purpose.last_set')):011d}"


def opened_at(row: Row) -> datetime:
    """When the channel was made, UTC. Raises Drift."""
    return datetime.fromtimestamp(_second(row, "created"), UTC)


def key_of(row: Row) -> Key:
    """What reconciliation compares. Raises Drift."""
    return Key(required(row, "id"), required(row, "name"), version_of(row))


def escaped(words: str) -> str:
    """Text for a message, in which Slack reads three signs as its own."""
    for sign, written in _ESCAPES:
        words = words.replace(sign, written)
    return words


def plain(words: str) -> str:
    """Text as it was meant, from how Slack writes it."""
    for sign, written in reversed(_ESCAPES):
        words = words.replace(written, sign)
    return words


def _second(row: Row, path: str) -> int:
    found = of_type(row, path, int)
    if found is None or not 0 <= found < 10**11:
        raise Drift(f"“{path}” is not a time")
    return found
