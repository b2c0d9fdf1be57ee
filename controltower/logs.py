"""One JSON object per log line: time, level, message, the fields given, never a secret.

Callers pass fields by `extra`; only the allow-listed names below are written, so that a payload
or a credential cannot slip in by accident.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

FIELDS = (
    "correlation_id",
    "reference",
    "step",
    "system",
    "operation",
    "attempt",
    "outcome",
    "milliseconds",
    "count",
    "event",
    "job",
    "status",
)

EACH = "each"
"""Under this name a record has the fields of each of its lines."""
_WRITE = json.JSONEncoder(default=str, ensure_ascii=False).encode
# Nothing of this is written, and finding it out costs as much as the line itself.
logging._srcfile = None
logging.logThreads = logging.logProcesses = False
logging.logMultiprocessing = False


def each(log: logging.Logger, message: str, lines: Sequence[Mapping[str, object]]) -> None:
    """One line for each of a set, with its fields, written together: a record of its own for each
    costs several times the line."""
    if lines and log.isEnabledFor(logging.INFO):
        log.info(message, extra={EACH: lines})


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON with UTC time, or as one for each of its set."""

    def format(self, record: logging.LogRecord) -> str:
        begun = self._begun(record)
        return "\n".join(_WRITE(begun | _allowed(one)) for one in record.__dict__.get(EACH, ({},)))

    def _begun(self, record: logging.LogRecord) -> dict[str, object]:
        """What all lines of a record share."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _allowed(record.__dict__)
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["where"] = [
                f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-4:]
            ]
        return line


def _allowed(said: Mapping[str, object]) -> dict[str, object]:
    return {name: said[name] for name in FIELDS if name in said}
