"""The sandbox's real Tryton for tests, and how the tower's records look to it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from integrations.connector import Connection
from integrations.sandbox.ports import free_port
from integrations.sandbox.tryton.console import Console
from integrations.sandbox.tryton.template import ADMINISTRATOR, administrator_password
from integrations.tryton.connector import TrytonConnector
from tests.integrations.doors import ROOT, ControlDoor, wait_for

USER = "tower-under-test"
FIRST_START = 300.0
"""Seconds: an environment's first start initialises the database; later ones take under 5."""
BOOKS = {
    "LF-DE": ("EUR", "DE-19", "DE"),
    "LF-UK": ("GBP", "GB-20", "GB"),
    "LF-US": ("USD", "US-0", "US"),
}
"""Currency, domestic tax code and country of each company."""
TODAY = datetime.now(UTC).date() - timedelta(days=1)
"""A day that has begun in every zone of the firm."""
_numbers = count(1)


@dataclass
class Erp:
    """A running ERP: how to reach it as the tower does, and its control door."""

    port: int
    control: ControlDoor
    password: str
    data: Path
    looked_at: str = ""
    """The id of a draft that is only ever read."""

    def connection(self, deadline: float = 20.0, **options: Any) -> Connection:
        """A connection for the connector."""
        return Connection(
            slug="tryton",
            base_url=f"http://127.0.0.1:{self.port}",
            secrets={"user": USER, "password": self.password},
            options=options,
            deadline=timedelta(seconds=deadline),
        )

    def once(self, kind: str, operation: str = "", **limits: Any) -> None:
        """Order a fault for the next call."""
        self.control.order(kind, operation=operation, **{"count": 1, **limits})

    @asynccontextmanager
    async def administrator(self) -> AsyncIterator[Console]:
        """What a clerk with all rights can do at the ERP itself."""
        async with Console(f"http://127.0.0.1:{self.port}") as console:
            await console.login(ADMINISTRATOR, administrator_password(self.data))
            yield console

    def invoices(self, reference: str) -> list[dict[str, Any]]:
        """The ERP's own books: every invoice with this reference, drafts included."""
        return list(self._books(f"invoices?reference={reference}")["invoices"])

    def supplier_invoices(self, reference: str) -> list[dict[str, Any]]:
        """The same for what suppliers have sent."""
        return list(self._books(f"invoices?type=in&reference={reference}")["invoices"])

    def revenue(self, company: str, project: str) -> dict[str, str]:
        """What is posted as revenue of a project, by the month in which it was earned."""
        found = self._books(f"revenue?company={company}&project={project}")["revenue"]
        return {one["period"]: one["amount"] for one in found}

    def totals(self) -> list[dict[str, Any]]:
        """Booked totals per company and currency."""
        return list(self._books("totals")["totals"])

    def _books(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.control.url}/api/books/{path}", timeout=30) as answer:
            return json.load(answer)


@contextmanager
def running_erp(data: Path) -> Iterator[Erp]:
    """Start one on free ports with a fresh copy of the books, and stop it."""
    environment = Path(os.environ.get("SANDBOX_ENV", ROOT / ".venv" / "sandbox"))
    assert (environment / "bin" / "trytond").exists(), f"install the sandbox into {environment}"
    port, control, password = free_port(), free_port(), secrets.token_urlsafe(16)
    command = [sys.executable, "-m", "integrations.sandbox.tryton", "--port", str(port)]
    command += ["--control-port", str(control), "--data", str(data)]
    command += ["--sandbox-env", str(environment)]
    given = {"SANDBOX_TRYTON_USER": USER, "SANDBOX_TRYTON_PASSWORD": password}
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **given})
    try:
        for wanted in (port, control):
            wait_for(wanted, process, FIRST_START)
        yield Erp(port, ControlDoor(f"http://127.0.0.1:{control}"), password, data)
    finally:
        process.terminate()
        process.wait(timeout=120)


def fresh(prefix: str) -> str:
    """A key that no other test uses."""
    return f"{prefix}-{next(_numbers):06d}"


def customer(company: str = "LF-DE", **other: Any) -> dict[str, Any]:
    """A customer's record, under a new code."""
    code = fresh("C")
    return {
        "company": company,
        "code": code,
        "name": f"Test & Söhne {code}",
        "street": "Ærøvej 1\n2. Stock",
        "city": "Hamburg",
        "postal_code": "20457",
        "country": BOOKS[company][2],
        "vat_number": "",
        "email": "accounts@test.example",
        "contact_name": "Žofie Ångström",
        "payment_term": "NET30",
    } | other


def invoice(party_code: str, company: str = "LF-DE", **other: Any) -> dict[str, Any]:
    """An invoice's record with one line over 1,076.63, under a new reference."""
    currency, tax, _ = BOOKS[company]
    line = {
        "description": "Zażółć gęślą jaźń — 顧問料 “week 47”",
        "quantity": "7.25",
        "unit": "hour",
        "unit_price": "148.50",
        "tax_code": tax,
        "account_code": "4.2.2",
        "origin": "TC-000123",
    }
    return {
        "company": company,
        "party_code": party_code,
        "reference": fresh("R"),
        "invoice_date": TODAY.isoformat(),
        "currency": currency,
        "payment_term": "NET30",
        "description": "Pricing review · CT-TEST",
        "lines": [line],
    } | other


def done(verdict: Verdict, outcome: Outcome) -> Done:
    """The verdict, which must be this success."""
    assert isinstance(verdict, Done), verdict
    assert verdict.outcome is outcome, verdict
    return verdict


def rejected(verdict: Verdict, kind: Kind) -> Rejected:
    """The verdict, which must be this refusal."""
    assert isinstance(verdict, Rejected), verdict
    assert verdict.kind is kind, verdict
    return verdict


async def a_customer(tryton: TrytonConnector, company: str = "LF-DE") -> str:
    """The code of a new customer."""
    record = customer(company)
    done(await tryton.upsert("customer", record, "key"), Outcome.CREATED)
    return str(record["code"])


async def a_draft(tryton: TrytonConnector, **other: Any) -> tuple[str, dict[str, Any]]:
    """The id of a new draft, and the record it was made from."""
    party = other.pop("party_code", "") or await a_customer(tryton, other.get("company", "LF-DE"))
    record = invoice(party, **other)
    drafted = done(await tryton.upsert("invoice", record, "key"), Outcome.CREATED)
    return drafted.ref, record


async def a_posted(tryton: TrytonConnector, **other: Any) -> tuple[str, dict[str, Any]]:
    """The id of a new posted invoice, and the record it was made from."""
    ref, record = await a_draft(tryton, **other)
    done(await tryton.act("invoice", ref, "post", {}, "key"), Outcome.UPDATED)
    return ref, record
