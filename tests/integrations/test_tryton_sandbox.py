"""The sandbox ERP as a process: what it keeps, what it says when it cannot start, how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from controltower.canonical.verdicts import Outcome
from integrations.sandbox.firm import CLIENTS, ENTITIES
from integrations.tryton.connector import TrytonConnector
from tests.integrations.doors import ROOT
from tests.integrations.erp import Erp, a_draft, a_posted, done, running_erp

pytestmark = [pytest.mark.tryton, pytest.mark.slow]


def trytonds(data: Path) -> list[str]:
    """Processes that serve the database in `data`."""
    listing = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True)
    return [line for line in listing.stdout.splitlines() if f"{data}/trytond.conf" in line]


async def test_the_books_survive_a_restart_and_nothing_is_left_running(tmp_path: Path) -> None:
    with running_erp(tmp_path) as erp:
        connector = TrytonConnector(erp.connection())
        ref, _ = await a_posted(connector)
        await connector.close()
        erp.control.do("close_period", company="LF-UK", period="2026-01")
        assert len(trytonds(tmp_path)) == 1
    assert trytonds(tmp_path) == []
    with running_erp(tmp_path) as again:
        connector = TrytonConnector(again.connection())
        read = done(await connector.get("invoice", ref), Outcome.READ)
        asked = {"company": "LF-UK", "date": "2026-01-31"}
        period = done(await connector.find("period", asked), Outcome.READ)
        await connector.close()
        assert (read.values["state"], period.values["state"]) == ("posted", "closed")
    assert trytonds(tmp_path) == []


def start(tmp_path: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "integrations.sandbox.tryton", "--port", "0"]
    command += ["--data", str(tmp_path / "data"), "--sandbox-env", str(tmp_path / "nowhere")]
    environment = {**os.environ, "SANDBOX_TRYTON_PASSWORD": "", **given}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_without_a_password_it_does_not_start(tmp_path: Path) -> None:
    ended = start(tmp_path)
    assert ended.returncode == 2
    assert "SANDBOX_TRYTON_PASSWORD is not set" in ended.stderr


def test_without_tryton_it_says_what_is_missing(tmp_path: Path) -> None:
    ended = start(tmp_path, SANDBOX_TRYTON_PASSWORD="long-enough-a-word")
    assert ended.returncode == 1
    assert ended.stderr.startswith("There is no Tryton in ") and "Traceback" not in ended.stderr


async def test_every_legal_entity_keeps_its_own_books(tryton: TrytonConnector) -> None:
    for entity in ENTITIES:
        for code in entity.tax_codes:
            key = {"company": entity.code, "code": code}
            done(await tryton.find("tax_code", key), Outcome.READ)
        for account in ("4.2.2", "4.1.2", "4.1.3"):
            key = {"company": entity.code, "code": account}
            done(await tryton.find("account", key), Outcome.READ)
        for year in (2025, 2026, 2027):
            key = {"company": entity.code, "date": f"{year}-12-31"}
            done(await tryton.find("period", key), Outcome.READ)


async def test_tryton_accepts_clients_of_every_country(tryton: TrytonConnector) -> None:
    for client in {client.country: client for client in CLIENTS}.values():
        record = {
            "company": client.entity,
            "code": f"C-firm-{client.code}",
            "name": client.name,
            "street": client.street,
            "city": client.city,
            "postal_code": client.postal_code,
            "country": client.country,
            "vat_number": client.vat_number,
            "email": client.email,
            "payment_term": "NET30",
        }
        verdict = await tryton.upsert("customer", record, "key")
        found = done(verdict, Outcome.CREATED)
        assert found.values["vat_number"] == client.vat_number
        assert found.values["country"] == client.country


async def test_the_totals_are_those_of_the_booked_invoices(
    tryton: TrytonConnector, erp: Erp
) -> None:
    await a_posted(tryton, company="LF-UK")
    await a_draft(tryton, company="LF-UK")
    for line in erp.totals():
        booked = [
            row
            for row in erp.invoices("")
            if row["state"] in {"posted", "paid"}
            and (row["company"], row["currency"]) == (line["company"], line["currency"])
        ]
        assert line["count"] == len(booked)
        for part in ("untaxed", "tax", "total"):
            assert Decimal(line[part]) == sum(Decimal(row[part]) for row in booked)
