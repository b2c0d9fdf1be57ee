"""Values that must not show up again, each unmistakable, and where they are looked for."""

from __future__ import annotations

import base64
import json
import logging
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.db import connection

from controltower import queues
from controltower.logs import JsonFormatter

_numbers = count(100_001)


@dataclass
class Planted:
    """What was planted so far: `secrets` belong nowhere, `personal` only where evidence is kept."""

    secrets: list[str] = field(default_factory=list)
    personal: list[str] = field(default_factory=list)

    def secret(self) -> str:
        """A credential of any kind."""
        self.secrets.append(f"zq-S3cret/{next(_numbers)}+kept")
        return self.secrets[-1]

    def person(self) -> dict[str, Any]:
        """What a careless system says of somebody."""
        number = next(_numbers)
        about: dict[str, Any] = {
            "contact_name": f"Zq{number}a Zq{number}b",
            "contact_email": f"zq{number}@planted.example",
            "phone": f"+49 30 {number}77",
            "iban": f"DE44{number:018d}",
            "salary": float(f"{number}.75"),
            "date_of_birth": f"1977-{number}",
            "home_address": f"Planted Street {number}",
        }
        self.personal += [f"Zq{number}a", f"Zq{number}b", f"zq{number}@", f"{number}77"]
        self.personal += [about["iban"], f"{number}.75", f"1977-{number}", f"Street {number}"]
        return about

    @property
    def all(self) -> list[str]:
        """Every value."""
        return self.secrets + self.personal


def found(text: str, planted: Iterable[str]) -> list[str]:
    """Which of the values a text holds, plainly or as JSON and addresses write them."""
    plain = text.replace("\\/", "/").replace("%2F", "/").replace("%2B", "+").replace("%40", "@")
    return [one for one in planted if one in plain]


@contextmanager
def log_lines() -> Iterator[list[str]]:
    """What is logged meanwhile, as it is written in production."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Kept()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def redis_texts() -> Iterator[str]:
    """Every key of Redis with what it holds, unpacked where RQ has packed it."""
    connected: Any = queues.connection()
    for key in connected.scan_iter():
        kind = connected.type(key).decode()
        read = {
            "string": lambda k: [connected.get(k)],
            "hash": lambda k: [part for pair in connected.hgetall(k).items() for part in pair],
            "list": lambda k: connected.lrange(k, 0, -1),
            "set": connected.smembers,
            "zset": lambda k: connected.zrange(k, 0, -1),
            "stream": lambda k: [v for _id, entry in connected.xrange(k) for v in entry.values()],
        }[kind]
        yield key.decode()
        for value in read(key):
            yield from _unpacked(value)


def _unpacked(value: bytes) -> Iterator[str]:
    yield value.decode(errors="replace")
    with suppress(zlib.error):
        yield zlib.decompress(value).decode(errors="replace")
    with suppress(ValueError, zlib.error):
        yield zlib.decompress(base64.b64decode(value)).decode(errors="replace")


def table_texts() -> Iterator[tuple[str, str]]:
    """The content of every table, without bytes that are kept as they came."""
    with connection.cursor() as cursor:
        for table in connection.introspection.get_table_list(cursor):
            if table.type not in {"t", "p"}:
                continue
            cursor.execute(f"SELECT to_jsonb(t) - 'raw' FROM \"{table.name}\" t")
            yield table.name, json.dumps([row[0] for row in cursor.fetchall()])
