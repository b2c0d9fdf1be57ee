"""Times as systems write them: ISO 8601, or seconds or milliseconds since 1970 (UTC)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from integrations import shape
from integrations.shape import Drift, Path, Row, at

ISO = "iso"
_PARTS = {"seconds": 1, "milliseconds": 1000}
"""How many of them make a second."""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)


def read(row: Row, path: Path, form: str) -> datetime:
    """The time at a path, UTC. Raises Drift."""
    if form == ISO:
        return shape.moment(row, path)
    found = at(row, path)
    text = str(found)
    if isinstance(found, bool) or not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise Drift(f"“{path}” is no time in {form}")
    passed = timedelta(microseconds=int(text) * (1_000_000 // _PARTS[form]))
    if passed > _LATEST - _BEGINNING:
        raise Drift(f"“{path}” is no time in {form}")
    return _BEGINNING + passed


def written(moment: datetime, form: str) -> str:
    """A time as the system takes it; of a fraction that it does not write only the whole."""
    if form == ISO:
        return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    parts = timedelta(microseconds=1_000_000 // _PARTS[form])
    return str((moment - _BEGINNING) // parts)
