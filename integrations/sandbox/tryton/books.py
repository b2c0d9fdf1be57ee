"""The books of Larkfield Advisory as an accountant would set them up, entered over Tryton's RPC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.sandbox.firm import CLIENTS, ENTITIES, Client
from integrations.sandbox.tryton.company_books import (
    OVER_TIME,
    POINT_IN_TIME,
    REBILLED,
    accounts_by_code,
    open_company,
)
from integrations.sandbox.tryton.console import Console

CURRENCIES = (
    ("EUR", "Euro", "€", "978", ("1", "1")),
    ("GBP", "Pound sterling", "£", "826", ("0.8350", "0.8612")),
    ("USD", "US dollar", "$", "840", ("1.0390", "1.1575")),
)
"""Code, name, symbol, ISO number, units per euro from 1 January 2025 and 2026."""

COUNTRIES = {
    "AT": "Austria", "BE": "Belgium", "CA": "Canada", "CH": "Switzerland", "CZ": "Czechia",
    "DE": "Germany", "DK": "Denmark", "ES": "Spain", "FI": "Finland", "FR": "France",
    "GB": "United Kingdom", "IE": "Ireland", "IT": "Italy", "LU": "Luxembourg",
    "NL": "Netherlands", "NO": "Norway", "PL": "Poland", "PT": "Portugal", "SE": "Sweden",
    "US": "United States",
}  # fmt: skip

TERMS = (("NET30", "30 days net", 30), ("NET14", "14 days net", 14))
SERVICES = (
    ("CONSULTING-HOUR", "Consulting, per hour", "Hour", OVER_TIME),
    ("CONSULTING-DAY", "Consulting, per day", "Day", OVER_TIME),
    ("MILESTONE", "Fixed-fee milestone", "Unit", POINT_IN_TIME),
    ("EXPENSE", "Expenses, re-billed", "Unit", REBILLED),
)
RECOGNITION = ("RECOG", "Revenue recognition")
KNOWN_CLIENTS = ("MHH", "QFM", "NIM")
"""Clients that the ERP has had since before the tower, under numbers of its own."""
TWICE = "TAN"
"""The client that somebody once entered twice."""


async def open_books(console: Console) -> None:
    """Enter everything once into an empty database, signed in as its administrator."""
    currencies = await _currencies(console)
    countries = await _countries(console)
    companies = await _companies(console, currencies, countries)
    await _terms(console)
    await _journal(console)
    for entity in ENTITIES:
        await open_company(console, companies[entity.code], entity)
    await _services(console, companies)
    await _clients(console, countries)


async def enrol_tower(console: Console, user: str, password: str) -> None:
    """Give the tower its user, allowed to keep customers and invoices in all companies."""
    found = await console.rows("res.user", [["login", "=", user]], ["id"])
    if found:
        await console.write("res.user", [found[0]["id"]], {"password": password})
        return
    companies = [row["id"] for row in await console.rows("company.company", [], ["id"])]
    groups = await console.rows(
        "res.group", [["name", "in", ["Accounting", "Party Administration"]]], ["id"]
    )
    await console.create(
        "res.user",
        {
            "name": "Control Tower",
            "login": user,
            "password": password,
            "companies": [["add", companies]],
            "company": companies[0],
            "company_filter": "all",
            "groups": [["add", [row["id"] for row in groups]]],
        },
    )


async def _currencies(console: Console) -> dict[str, int]:
    rows = [
        {
            "code": code, "name": name, "symbol": symbol, "numeric_code": number,
            "rounding": Decimal("0.01"), "digits": 2,
            "rates": [["create", [
                {"date": date(2025, 1, 1), "rate": Decimal(rates[0])},
                {"date": date(2026, 1, 1), "rate": Decimal(rates[1])},
            ]]],
        }
        for code, name, symbol, number, rates in CURRENCIES
    ]  # fmt: skip
    ids = await console.create("currency.currency", *rows)
    return dict(zip((row[0] for row in CURRENCIES), ids, strict=True))


async def _countries(console: Console) -> dict[str, int]:
    rows = [{"code": code, "name": name} for code, name in COUNTRIES.items()]
    return dict(zip(COUNTRIES, await console.create("country.country", *rows), strict=True))


async def _companies(
    console: Console, currencies: dict[str, int], countries: dict[str, int]
) -> dict[str, int]:
    """One company per legal entity; the party's code is the entity's code."""
    found: dict[str, int] = {}
    for entity in ENTITIES:
        address = {"city": entity.city, "country": countries[entity.country]}
        (party,) = await console.create(
            "party.party",
            {"name": entity.name, "code": entity.code, "addresses": [["create", [address]]]},
        )
        (found[entity.code],) = await console.create(
            "company.company",
            {
                "party": party,
                "currency": currencies[entity.currency],
                "timezone": entity.zone,
            },
        )
    (administrator,) = await console.rows("res.user", [["login", "=", "admin"]], ["id"])
    await console.write(
        "res.user",
        [administrator["id"]],
        {
            "companies": [["add", list(found.values())]],
            "company": found[ENTITIES[0].code],
            "company_filter": "all",
        },
    )
    return found


async def _terms(console: Console) -> None:
    for name, text, days in TERMS:
        line = {"type": "remainder", "relativedeltas": [["create", [{"days": days}]]]}
        await console.create(
            "account.invoice.payment_term",
            {"name": name, "description": text, "lines": [["create", [line]]]},
        )


async def _journal(console: Console) -> None:
    """Where revenue is recognised, apart from invoices."""
    code, name = RECOGNITION
    await console.create("account.journal", {"code": code, "name": name, "type": "general"})


async def _services(console: Console, companies: dict[str, int]) -> None:
    """What the firm sells; each service's accounting category names its revenue account."""
    units = {
        row["name"]: row["id"]
        for row in await console.rows(
            "product.uom", [["name", "in", ["Hour", "Day", "Unit"]]], ["name"]
        )
    }
    for code, name, unit, account in SERVICES:
        (category,) = await console.create("product.category", {"name": name, "accounting": True})
        for company in companies.values():
            accounts = await accounts_by_code(console, company)
            await console.write(
                "product.category", [category], {"account_revenue": accounts[account]}, company
            )
        await console.create(
            "product.template",
            {
                "name": name, "code": code, "type": "service", "default_uom": units[unit],
                "account_category": category, "products": [["create", [{}]]],
            },
        )  # fmt: skip


async def _clients(console: Console, countries: dict[str, int]) -> None:
    clients = {client.code: client for client in CLIENTS}
    chosen: Sequence[Client] = [clients[code] for code in (*KNOWN_CLIENTS, TWICE, TWICE)]
    for number, client in enumerate(chosen):
        address = {
            "street": client.street, "city": client.city, "postal_code": client.postal_code,
            "country": countries[client.country],
        }  # fmt: skip
        row: dict[str, Any] = {
            "name": client.name,
            "code": f"K{10010 + 7 * number}",
            "addresses": [["create", [address]]],
        }
        if client.vat_number:
            identifier = {"type": f"{client.country.lower()}_vat", "code": client.vat_number}
            row["identifiers"] = [["create", [identifier]]]
        await console.create("party.party", row)
