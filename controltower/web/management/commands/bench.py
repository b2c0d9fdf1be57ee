"""For developers: how long the pages take on the server, over what is in the database now."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.http import StreamingHttpResponse
from django.test import Client

from controltower.firm.models import Person, Role
from controltower.transactions.models import Transaction
from controltower.web import every_page
from controltower.web.every_page import Page

GOAL = {True: 60, False: 100}
"""Milliseconds that a fragment, and a whole page, may take at the 95th percentile."""
READS = ("SELECT", "WITH")


@dataclass(frozen=True, slots=True)
class Measured:
    """One address: milliseconds on the server; of CPU on the average, PostgreSQL's apart;
    database queries, and the blocks of 8 kB that they read, which no other load blurs; bytes.
    `fragment` is what htmx asks for. Of an export: to its first rows."""

    name: str
    fragment: bool
    p50: float
    p95: float
    cpu: float
    database: float
    queries: int
    blocks: int
    size: int

    @property
    def goal(self) -> int:
        return GOAL[self.fragment]


@dataclass(slots=True)
class Asked:
    """An execute wrapper that counts queries, and explains each once more for the blocks that it
    reads."""

    queries: int = 0
    blocks: int = 0
    worst: list[tuple[int, float, str]] = field(default_factory=list)

    def __call__(self, execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        self.queries += 1
        if sql.lstrip().startswith(READS) and not many:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", values)
                found = cursor.fetchone()[0]
            plan = (json.loads(found) if isinstance(found, str) else found)[0]
            blocks = sum(plan["Plan"][f"{kind} Blocks"] for kind in ("Shared Hit", "Shared Read"))
            self.blocks += blocks
            self.worst.append((blocks, plan["Execution Time"], sql))
        return execute(sql, values, many, context)


class Command(BaseCommand):
    """`manage.py bench pages`, best after `manage.py fill 100000`."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """What, how often, and as whom."""
        parser.add_argument("what", choices=["pages"])
        parser.add_argument("--rounds", type=int, default=20)
        parser.add_argument("--person", default="", help="sign-in name; default: a controller")
        parser.add_argument("--only", default="", help="pages of which the name has this in it")
        parser.add_argument("--statements", type=int, default=0, help="the dearest of each page")
        parser.add_argument("--json", action="store_true", help="for a program to read")

    def handle(self, *args: Any, **options: Any) -> None:
        """One table: milliseconds, queries, blocks and size of each page, the slowest last."""
        logging.disable(logging.ERROR)
        person, rows = _person(options["person"]), []
        for each in (person, *_administrators(person)):
            looked = [page for page in every_page.pages(each) if options["only"] in page.name]
            if each != person:
                looked = [page for page in looked if page.name.startswith("Manage")]
            rows += self._look(each, looked, options)
        if options["json"]:
            found = [asdict(row) | {"goal": row.goal} for row in rows]
            count = Transaction.objects.count()
            self.stdout.write(json.dumps({"transactions": count, "pages": found}))
        else:
            self._tell(person, rows)

    def _look(
        self, person: Person, looked: Sequence[Page], options: dict[str, Any]
    ) -> list[Measured]:
        client, rows = Client(headers={"host": "127.0.0.1"}), []
        client.force_login(person)
        try:
            for page in looked:
                measured, asked = _measure(client, page, rounds=options["rounds"])
                rows.append(measured)
                worst = sorted(asked.worst, reverse=True)[: options["statements"]]
                for blocks, took, sql in worst:
                    self.stdout.write(f"{page.name}: {blocks:,} blocks, {took:.0f} ms: {sql}")
        finally:
            client.session.delete()
        return rows

    def _tell(self, person: Person, rows: Sequence[Measured]) -> None:
        self.stdout.write(f"{Transaction.objects.count():,} transactions, as {person}")
        heads = f"{'p50':>7}{'p95':>7}{'queries':>9}{'KB':>7}{'CPU':>7}{'of DB':>7}{'blocks':>9}"
        self.stdout.write(f"{'':44}{heads}")
        for row in sorted(rows, key=lambda row: row.p95):
            late = "" if row.p95 <= row.goal else f"   over {row.goal} ms"
            times = f"{row.name:44}{row.p50:7.0f}{row.p95:7.0f}{row.queries:9}"
            cpu = f"{row.size / 1024:7.1f}{row.cpu:7.0f}{row.database:7.0f}{row.blocks:9}"
            self.stdout.write(f"{times}{cpu}{late}")


def _person(username: str) -> Person:
    people = Person.objects.filter(is_active=True)
    chosen = (
        people.filter(username=username)
        if username
        else people.filter(duties__role=Role.CONTROLLER, duties__entity=None)
    )
    person = chosen.order_by("pk").first()
    if person is None:
        raise CommandError("Nobody to look as: run seed_demo, or name a --person.")
    return person


def _administrators(person: Person) -> list[Person]:
    """Somebody else who is measured on the pages of Admin."""
    others = Person.objects.filter(is_active=True, duties__role=Role.ADMINISTRATOR)
    return list(others.exclude(pk=person.pk).order_by("pk")[:1])


def _measure(client: Client, page: Page, *, rounds: int) -> tuple[Measured, Asked]:
    """The address's times after one round that does not count, and what it asked the database."""
    asked = Asked()
    with connection.execute_wrapper(asked):
        size = _get(client, page)
    times, used = [], _cpu()
    for _round in range(max(rounds, 1)):
        begun = time.perf_counter()
        _get(client, page)
        times.append((time.perf_counter() - begun) * 1000)
    own, database = (
        (now - then) * 1000 / len(times) for now, then in zip(_cpu(), used, strict=True)
    )
    times.sort()
    last = len(times) - 1
    found = Measured(
        page.name, page.by_htmx or page.export, times[last // 2], times[round(last * 0.95)],
        own + database, database, asked.queries, asked.blocks, size,
    )  # fmt: skip
    return found, asked


def _get(client: Client, page: Page) -> int:
    """Ask for it once; how many bytes came. An export leaves no trace in the audit chain."""
    if not page.export:
        headers = {"HX-Request": "true"} if page.by_htmx else {}
        answer = client.get(page.url, headers=headers)
        return len(_whole(answer, page).content)
    with transaction.atomic():
        answer = client.post(page.url)
        pieces = async_to_sync(_first_pieces)(_whole(answer, page))
        transaction.set_rollback(True)
    return sum(map(len, pieces))


def _whole(answer: Any, page: Page) -> Any:
    if answer.status_code >= 400:
        raise CommandError(f"{page.url} answers {answer.status_code}.")
    return answer


async def _first_pieces(answer: StreamingHttpResponse) -> list[bytes]:
    """The header and the first rows."""
    found: list[bytes] = []
    async for piece in answer:
        found.append(piece)
        if len(found) == 2:
            break
    return found


def _cpu() -> tuple[float, float]:
    """CPU seconds that this process, and its database connection's, have used; the latter's are
    read from /proc, where PostgreSQL runs on this machine."""
    server = Path(f"/proc/{connection.connection.info.backend_pid}/stat")
    try:
        fields = server.read_text().rpartition(")")[2].split()
    except OSError:
        return time.process_time(), 0.0
    return time.process_time(), sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
