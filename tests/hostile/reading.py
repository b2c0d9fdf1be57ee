"""From the bytes of a document to the row that would be written, or to a refusal in words."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from time import process_time
from typing import Any

from controltower.canonical import cloud_event
from controltower.canonical.wire import from_json, to_json
from controltower.web import cloudevents
from tests.hostile.documents import documents

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
REFUSED = (cloud_event.Malformed, cloudevents.WrongType)
LONGEST_WORDS = 400


@dataclass
class Findings:
    """What became of the documents; `wrong` must stay empty."""

    seed: int
    count: int
    taken: int = 0
    refused: int = 0
    slowest: float = 0.0
    ways: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For a verdict in JSON."""
        return {**vars(self), "ways": dict(sorted(self.ways.items())), "ok": not self.wrong}


def run(seed: int, count: int) -> Findings:
    """Read so many documents as the door does, alone or as a batch."""
    found = Findings(seed, count)
    for number, (way, raw) in enumerate(documents(seed, count)):
        begun = process_time()
        try:
            taken = read(raw)
        except Exception as error:  # noqa: BLE001 - any other exception is what is looked for
            found.wrong.append(f"document {number} ({way}): {error!r:.200}")
            continue
        found.slowest = max(found.slowest, process_time() - begun)
        found.taken += taken
        found.refused += not taken
        found.ways[f"{way} {'taken' if taken else 'refused'}"] += 1
    return found


def read(raw: bytes) -> bool:
    """Whether it is taken. Raises AssertionError when what is taken could not be kept as it came,
    or a refusal is not fit to be told."""
    kind = cloudevents.BATCH if raw[:1] == b"[" else cloudevents.STRUCTURED
    try:
        content = cloudevents.read({"content-type": kind}, raw)
        events = [cloud_event.translate(one, "partner", NOW) for one in content.messages]
    except REFUSED as refusal:
        words = str(refusal)
        assert words and len(words) <= LONGEST_WORDS, words[:500]
        assert words.isprintable(), words
        return False
    for one in events:
        written = json.dumps(to_json(one))
        assert all("\x00" not in text and text.encode("utf-8") for text in _texts(to_json(one)))
        assert from_json(type(one.record), json.loads(written)["record"]) == one.record
        assert all(number.is_finite() for number in _numbers(one.record.as_dict()))
    return True


def _texts(value: Any) -> list[str]:
    """Every text in a JSON value that is not empty."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) and value else []


def _numbers(value: Any) -> list[Decimal]:
    if isinstance(value, dict):
        return [number for inner in value.values() for number in _numbers(inner)]
    return [value] if isinstance(value, Decimal) else []
