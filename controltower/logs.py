"""One JSON object per log line: time, level, message, the fields given, never a secret.

Callers pass fields by `extra`; only the allow-listed names below are written, so that a payload
or a credential cannot slip in by accident.
"""

from __future__ import annotations

import json
import logging
import traceback
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

_WRITE = json.JSONEncoder(default=str, ensure_ascii=False).encode
# Nothing of this is written, and finding it out costs as much as the line itself.
logging._srcfile = None
logging.logThreads = logging.logProcesses = False
logging.logMultiprocessing = False


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON with UTC time."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        said = record.__dict__
        line |= {name: said[name] for name in FIELDS if name in said}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["where"] = [
                f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-4:]
            ]
        return _WRITE(line)
