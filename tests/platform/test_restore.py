"""The drill: a tower loses its database, an older backup is restored, and no upstream notices.

Deals become projects and work becomes invoices on a real tower with a real ERP; a backup is taken,
life goes on, and the home with its database is lost. The upstreams are not restored. Nothing tells
the new home that it is a restored one, and in the end the upstreams' own books are compared.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from controltower.supervisor.home import read_json
from tests.integrations.doors import ControlDoor
from tests.platform.commands import Commands
from tests.servers import prepare_home

pytestmark = [pytest.mark.slow, pytest.mark.tryton]

PATIENCE = 600.0
CLIENTS = ("SIL", "BRA")
SLOW, SLOW_ERP = ["kantata", "teams"], ["business_central"]
"""No part of this drill: a tower rests as long as its slowest system may be at work."""
BOOKED = {"posted", "paid"}
"""The clients pay a while after an invoice was posted."""
REPORTING = "write pse__Billing_Event__c pse__Timecard__c"
POSTING = "write account.invoice post"


@dataclass
class Life:
    """What happens in the firm, and both sides' books."""

    commands: Commands
    began: float = field(default_factory=time.monotonic)

    @property
    def environment(self) -> dict[str, str]:
        """The running tower's."""
        given: dict[str, str] = read_json(self.commands.home / "environment.json")
        return given

    @property
    def crm(self) -> ControlDoor:
        return ControlDoor(self.environment["SANDBOX_CONTROL_URL"])

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """The tower's own books."""
        with psycopg.connect(self.environment["DATABASE_OWNER_URL"], autocommit=True) as books:
            return books.execute(question, values).fetchall()

    def invoices(self) -> list[dict[str, Any]]:
        """The ERP's own books, drafts included."""
        url = f"{self.environment['SANDBOX_TRYTON_CONTROL_URL']}/api/books/invoices"
        with urllib.request.urlopen(url, timeout=60) as answer:
            found: list[dict[str, Any]] = json.load(answer)["invoices"]
        return found

    @property
    def erp(self) -> ControlDoor:
        return ControlDoor(self.environment["SANDBOX_TRYTON_CONTROL_URL"])

    def records(self) -> dict[str, int]:
        """How many records of each kind the CRM and PSA hold."""
        records: dict[str, int] = self.crm.state()["life"]["records"]
        return records

    def live(self) -> list[tuple[Any, ...]]:
        """Transactions that are not at their end, but for places and clients: the pretend firm asks
        for what nobody can do now and then, and a person must answer that."""
        return self.ask(
            "SELECT title FROM transactions_transaction WHERE state <> 'verified' "
            "AND process NOT IN ('resource-to-revenue', 'customer-master-sync')"
        )

    def win(self, client: str) -> str:
        deal = self.crm.do("close_deal", entity="LF-DE", client=client, grouping="Project")
        return str(deal["opportunity"])

    def project_of(self, opportunity: str) -> str:
        """Once the deal has arrived."""
        found: list[tuple[Any, ...]] = []

        def there() -> bool:
            found[:] = self.ask(
                "SELECT s.ref FROM transactions_step s JOIN transactions_businesskey k "
                "ON k.transaction_id = s.transaction_id JOIN transactions_transaction t "
                "ON t.id = s.transaction_id WHERE s.name = 'project' AND t.state = 'verified' "
                "AND k.kind = 'opportunity' AND k.value = %s",
                opportunity,
            )
            return bool(found)

        self.until(there)
        return str(found[0][0])

    def approve(self, project: str, hours: str) -> str:
        """A week of work; its id in the PSA."""
        return str(self.crm.do("approve_time", project=project, hours=hours)["timecard"])

    def without(self, systems: list[str]) -> None:
        """Nothing is sent to these or read from them any more."""
        self.ask(
            "UPDATE systems_system SET active = false WHERE slug = ANY(%s) RETURNING 1", systems
        )

    def gather_for(self, length: str) -> None:
        """How long the companies gather from now on."""
        self.ask("UPDATE firm_legalentity SET gather_for = %s::interval RETURNING 1", length)

    def gathered(self, *work: str) -> None:
        """Wait until these are gathered together."""
        self.until(
            lambda: (
                self.ask(
                    "SELECT count(*) FROM transactions_item i JOIN transactions_transaction t "
                    "ON t.id = i.transaction_id WHERE t.gathering AND i.source_id = ANY(%s)",
                    list(work),
                )
                == [(len(work),)]
            )
        )

    def bill(self) -> None:
        """The billing runs begin."""
        self.ask(
            "UPDATE transactions_transaction SET wait_until = now() WHERE gathering RETURNING 1"
        )

    def until(self, done: Callable[[], bool], patience: float = PATIENCE) -> None:
        end = time.monotonic() + patience
        while not done():
            assert time.monotonic() < end, self.story()
            time.sleep(0.2)

    def story(self) -> str:
        """What is not through, and how the recovery stands."""
        rows = self.ask(
            "SELECT t.title, t.state, t.gathering, s.name, s.state, s.kind, s.text "
            "FROM transactions_transaction t LEFT JOIN transactions_step s "
            "ON s.transaction_id = t.id WHERE t.state <> 'verified' ORDER BY t.id, s.position"
        )
        recovery = self.ask("SELECT * FROM systems_recovery")
        feeds = self.ask("SELECT entity, ended_at, trouble FROM systems_feed")
        return "\n".join(map(str, [*rows, *recovery, *feeds, self.invoices()]))

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {text}")


@pytest.fixture
def homes(open_directory: Path) -> Iterator[tuple[Commands, Commands]]:
    lost, found = Commands(open_directory / "lost"), Commands(open_directory / "found")
    yield lost, found
    for commands in (lost, found):
        commands.forget()


def test_a_lost_database_restored_from_an_older_backup_does_nothing_twice(
    homes: tuple[Commands, Commands], open_directory: Path
) -> None:
    lost, found = homes
    life = Life(lost)
    prepare_home(lost.home)
    _start(lost)
    life.without(SLOW)
    life.say("up")
    project, waiting = _life_before(life)
    file = open_directory / "old.backup"
    _succeeds(lost.run("backup", "--to", str(file)))
    life.say("backed up")
    _life_after(life, project, waiting)
    before = _invoices(life), life.records()
    life.say(f"lost, with {len(before[0])} invoices that the backup does not know")
    lost.run("down")
    _succeeds(found.run("restore", str(file)))
    (lost.home / "sandbox").rename(found.home / "sandbox")
    shutil.rmtree(lost.home / "postgres")

    again = Life(found, life.began)
    _start(found)
    started = time.monotonic()
    again.say("restored and up")
    again.until(lambda: bool(again.ask("SELECT 1 FROM systems_recovery")))
    again.until(lambda: not again.ask("SELECT 1 FROM systems_recovery WHERE ended_at IS NULL"))
    again.say(f"recovery over {time.monotonic() - started:.1f} s later")
    again.gather_for("1 second")
    again.bill()
    again.until(lambda: _all_posted(again) and not again.live())
    _compare(again, *before)
    _succeeds(found.run("manage", "shell", "-c", INVARIANTS))
    again.say("all books agree")


INVARIANTS = """
from django.utils import timezone
from controltower.measures import invariants
found = invariants.breaches(timezone.now())
assert found == {}, found
"""


def _start(commands: Commands) -> None:
    _succeeds(commands.up())
    life = Life(commands)
    life.crm.pace("pause")
    life.crm.clear()
    life.erp.clear()


def _succeeds(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def _life_before(life: Life) -> tuple[str, str]:
    """One invoice from start to end, and one fact that waits for more."""
    life.gather_for("1 second")
    project = life.project_of(life.win(CLIENTS[0]))
    life.approve(project, "8")
    life.until(lambda: not life.live() and len(life.invoices()) == 1)
    life.without(SLOW_ERP)  # what had begun in another company is through
    life.gather_for("10 minutes")
    waiting = life.approve(project, "7")
    life.gathered(waiting)
    return project, waiting


def _life_after(life: Life, project: str, waiting: str) -> None:
    """What the backup knows nothing of: a deal, invoices posted but not reported to the PSA, one
    only drafted, one whose facts come in another order when they are read again, and work that
    was approved but not billed."""
    other = life.project_of(life.win(CLIENTS[1]))
    life.crm.order("refuse", operation=REPORTING)
    more = life.approve(project, "6")
    life.gathered(waiting, more)
    life.bill()
    life.until(lambda: _posted(life) == 2)
    alone = life.approve(project, "5")
    life.gathered(alone)
    life.bill()
    life.until(lambda: _posted(life) == 3)
    first, second = life.approve(other, "4"), life.approve(other, "3")
    life.gathered(first, second)
    life.bill()
    life.until(lambda: _posted(life) == 4)
    life.crm.do(
        "change", object="pse__Timecard__c", id=first, fields={"Tower_Correlation_Id__c": "moved"}
    )
    life.erp.order("refuse", operation=POSTING)
    drafted = life.approve(other, "2")
    life.gathered(drafted)
    life.bill()
    life.until(lambda: len(life.invoices()) == 5)
    life.gathered(life.approve(other, "1"))


def _posted(life: Life) -> int:
    return sum(invoice["state"] in BOOKED for invoice in life.invoices())


def _all_posted(life: Life) -> bool:
    invoices = life.invoices()
    return len(invoices) >= 6 and all(invoice["state"] in BOOKED for invoice in invoices)


def _invoices(life: Life) -> dict[str, Decimal]:
    return {invoice["reference"]: Decimal(invoice["untaxed"]) for invoice in life.invoices()}


def _compare(life: Life, invoices: dict[str, Decimal], records: dict[str, int]) -> None:
    """Every invoice there was is there once and unchanged, and the one piece of work that was not
    billed has become the only new one; the PSA has its billing event, and no project more."""
    now = life.invoices()
    assert len(now) == len(invoices) + 1 == len({one["reference"] for one in now})
    after = _invoices(life)
    assert {reference: after[reference] for reference in invoices} == invoices
    counts = life.records()
    assert counts["Project"] == records["Project"]
    assert counts["Billing Event"] == records["Billing Event"] + 1
    life.until(lambda: not life.live())  # clients pay meanwhile, and the figures are told on
