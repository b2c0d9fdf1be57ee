"""For developers: how long the pages take on the server, over what is in the database now."""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.test import Client
from django.urls import reverse

from controltower.firm.models import Person, Role
from controltower.incidents.models import Cause, DeadLetter
from controltower.mappings.models import Mapping
from controltower.measures import causes, exposure
from controltower.measures.exposure import Scope
from controltower.systems.models import Interface, System
from controltower.transactions.models import Transaction
from controltower.web import job_list
from controltower.web.tower import REGIONS

GOAL = {True: 60, False: 100}
"""Milliseconds that a fragment, and a whole page, may take at the 95th percentile."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One address: milliseconds on the server, of them milliseconds of CPU (on the average, its
    own and PostgreSQL's), database queries, bytes. `fragment` is what htmx asks for."""

    name: str
    fragment: bool
    p50: float
    p95: float
    cpu: float
    queries: int
    size: int

    @property
    def goal(self) -> int:
        return GOAL[self.fragment]


LISTS = {
    "verified": "state=verified",
    "one process": "process=opportunity-to-project",
    "one entity": "entity=LF-DE",
    "all filters": "state=cancelled&process=time-and-expense-to-billing&entity=LF-DE",
    "late": "lateness=late",
    "common words": "q=Meridian",
    "missed promises": "ended=missed",
    "kept promises": "process=opportunity-to-project&ended=kept",
    "first pass": "passed_by=itself",
    "of a stage": "process=time-and-expense-to-billing&state=open&stage=draft",
    "past a step": "process=opportunity-to-project&passed=project",
}
FINDS = {
    "a key": "OPP-0000003",
    "a beginning": "OPP-00",
    "an end": "000003",
    "words": "Meridian",
    "nothing": "no such thing",
}


class Command(BaseCommand):
    """`manage.py bench pages`, best after `manage.py fill 100000`."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """What, how often, and as whom."""
        parser.add_argument("what", choices=["pages"])
        parser.add_argument("--rounds", type=int, default=20)
        parser.add_argument("--person", default="", help="sign-in name; default: a controller")
        parser.add_argument("--json", action="store_true", help="for a program to read")

    def handle(self, *args: Any, **options: Any) -> None:
        """One table: milliseconds, queries and size of each page, the slowest last."""
        logging.disable(logging.INFO)
        client, person = Client(headers={"host": "127.0.0.1"}), _person(options["person"])
        client.force_login(person)
        try:
            rows = [_measure(client, *page, rounds=options["rounds"]) for page in pages(person)]
        finally:
            client.session.delete()
        count = Transaction.objects.count()
        if options["json"]:
            found = [asdict(row) | {"goal": row.goal} for row in rows]
            self.stdout.write(json.dumps({"transactions": count, "pages": found}))
            return
        self.stdout.write(f"{count:,} transactions, as {person}")
        self.stdout.write(f"{'':38}{'p50':>7}{'p95':>7}{'queries':>9}{'KB':>7}{'CPU':>7}")
        for row in sorted(rows, key=lambda row: row.p95):
            late = "" if row.p95 <= row.goal else f"   over {row.goal} ms"
            times = f"{row.name:38}{row.p50:7.0f}{row.p95:7.0f}"
            self.stdout.write(f"{times}{row.queries:9}{row.size / 1024:7.1f}{row.cpu:7.0f}{late}")


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


def pages(person: Person) -> list[tuple[str, str, bool]]:
    """(name, address, whether htmx asks for it) of everything that the person has a page of."""
    seen = Scope(person)
    stuck = exposure.transactions(seen).stuck().order_by("-started_at").first()
    letters = exposure.within(seen, DeadLetter.objects.open())
    cause = Cause.objects.filter(causes.having(letters)).order_by("-pk").first()
    plan = job_list.visible(person).first()
    mapping, system = Mapping.objects.first(), System.objects.first()
    interface = Interface.objects.first()
    fragments = [(f"Tower: {name}", reverse("tower_region", args=[name]), True) for name in REGIONS]
    found = [
        ("Tower", reverse("tower"), False),
        *fragments,
        ("Transactions", reverse("transactions"), True),
        ("Transactions: stuck", f"{reverse('transactions')}?stuck=1", True),
        *(
            (f"Transactions: {name}", f"{reverse('transactions')}?{asked}", True)
            for name, asked in LISTS.items()
        ),
        ("Exceptions", reverse("exceptions"), True),
        ("Incidents", reverse("incidents"), True),
        ("Jobs", reverse("jobs"), True),
        ("Jobs tray", reverse("job_tray"), True),
        *(
            (f"Exceptions: {tab}", f"{reverse('exceptions')}?tab={tab}", True)
            for tab in ("snoozed", "solved")
        ),
        *((f"Find: {name}", f"{reverse('find')}?q={text}", True) for name, text in FINDS.items()),
        ("Processes", reverse("processes"), True),
        *(
            (f"Process: {name}", reverse("process", args=[name]), True)
            for name in ("opportunity-to-project", "time-and-expense-to-billing")
        ),
        ("Measures", reverse("measures"), True),
        *(
            (f"Measure: {name}", reverse("measure", args=[name]), True)
            for name in ("billing-lag", "first-pass-yield", "backlog")
        ),
        ("Interfaces", reverse("interfaces"), False),
        ("Mappings", reverse("mappings"), False),
        ("Assurance", reverse("assurance"), False),
        ("Health", reverse("systems"), False),
    ]
    if stuck:
        url = reverse("transaction", args=[stuck.correlation_id])
        found.append(("Transaction", url, False))
    if cause:
        found.append(("Exception", reverse("exception", args=[cause.pk]), False))
    if plan:
        found.append(("Job", reverse("job", args=[plan.pk]), False))
    if mapping:
        found.append(("Mapping", reverse("mapping", args=[mapping.slug]), False))
    if interface:
        found.append(("Interface", reverse("interface", args=[interface.pk]), False))
    if system:
        found.append(("System", reverse("system", args=[system.slug]), False))
    return found


def _measure(client: Client, name: str, url: str, by_htmx: bool, *, rounds: int) -> Measured:
    """The address's times after one round that does not count."""
    headers = {"HX-Request": "true"} if by_htmx else {}
    queries = 0

    def counted(execute: Any, *asked: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*asked)

    with connection.execute_wrapper(counted):
        answer = client.get(url, headers=headers)
    if answer.status_code != 200:
        raise CommandError(f"{url} answers {answer.status_code}.")
    times, used = [], _cpu()
    for _round in range(max(rounds, 1)):
        begun = time.perf_counter()
        client.get(url, headers=headers)
        times.append((time.perf_counter() - begun) * 1000)
    cpu = (_cpu() - used) * 1000 / len(times)
    times.sort()
    last = len(times) - 1
    p50, p95 = times[last // 2], times[round(last * 0.95)]
    return Measured(name, by_htmx, p50, p95, cpu, queries, len(answer.content))


def _cpu() -> float:
    """CPU seconds that this process and its database connection's have used; the latter's are
    read from /proc, where PostgreSQL runs on this machine."""
    server = Path(f"/proc/{connection.connection.info.backend_pid}/stat")
    try:
        fields = server.read_text().rpartition(")")[2].split()
    except OSError:
        return time.process_time()
    return time.process_time() + sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
