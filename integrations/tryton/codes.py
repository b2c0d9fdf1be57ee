"""The natural codes a record is written with, turned into Tryton's ids.

Whatever is not found is collected with a sentence that names code and company, so that one attempt
tells everything that is wrong with a record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN
from time import monotonic
from typing import Any

from controltower.canonical.verdicts import FieldError
from integrations.connector import Connection
from integrations.order_lines import Arithmetic
from integrations.orders import UnknownCodes
from integrations.tryton.client import Talk
from integrations.tryton.sides import Side

UNITS = {"hour": ("Hour", 2), "day": ("Day", 2), "unit": ("Unit", 0)}
"""Our unit to Tryton's name for it and the decimals it allows in a quantity."""
ARITHMETIC = Arithmetic(
    units={ours: decimals for ours, (_, decimals) in UNITS.items()},
    price_decimals=4,
    rounding=ROUND_HALF_EVEN,
)
KEPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Company:
    """A Tryton company; its party's code is the legal entity's code."""

    id: int
    code: str
    name: str
    currency: str


@dataclass(slots=True)
class Directory:
    """What has been looked up already and hardly ever changes.

    Taxes, accounts, terms and parties are not kept: people switch them off while we run.
    """

    companies: dict[str, Company] = field(default_factory=dict)
    ids: dict[tuple[str, str], int] = field(default_factory=dict)
    since: float = field(default_factory=monotonic)


_directories: dict[str, Directory] = {}


def directory_of(connection: Connection) -> Directory:
    """The process's directory of one ERP, forgotten after a minute; connectors live for less."""
    key = f"{connection.base_url} {connection.options.get('database', '')}"
    known = _directories.get(key)
    if known is None or monotonic() - known.since > KEPT_SECONDS:
        known = _directories[key] = Directory()
    return known


class Codes:
    """Look-ups for one record; `settle` raises when any of them failed."""

    def __init__(self, talk: Talk, directory: Directory) -> None:
        self._talk = talk
        self._directory = directory
        self._problems: list[FieldError] = []

    def miss(self, field_name: str, text: str) -> int:
        """Note a problem and go on with an id that is never sent."""
        if text not in {problem.text for problem in self._problems}:
            self._problems.append(FieldError(field_name, text))
        return 0

    def settle(self) -> None:
        """Raises UnknownCodes when something was missing."""
        if self._problems:
            raise UnknownCodes(self._problems)

    async def company(self, code: str) -> Company:
        """The company of a legal entity. Raises UnknownCodes: without it nothing else is known."""
        known = self._directory.companies
        if code not in known:
            fields = ["party.code", "party.name", "currency.code"]
            for row in await self._talk.rows("company.company", [], fields):
                party = row["party."]
                known[party["code"]] = Company(
                    row["id"], party["code"], party["name"], row["currency."]["code"]
                )
        if code not in known:
            text = "The record names no company." if not code else f"Tryton has no company {code}."
            self.miss("company", text)
            self.settle()
        return known[code]

    async def currency(self, code: str) -> int:
        return await self._kept(
            "currency.currency", [["code", "=", code]], "currency",
            f"Currency {code or '(none)'} is not known in Tryton.",
        )  # fmt: skip

    async def country(self, code: str) -> int:
        return await self._kept(
            "country.country", [["code", "=", code]], "country",
            f"Country {code or '(none)'} is not known in Tryton.",
        )  # fmt: skip

    async def unit(self, name: str) -> int:
        tryton_name = UNITS.get(name, (name, 0))[0]
        return await self._kept(
            "product.uom", [["name", "=", tryton_name]], "unit",
            f"Unit {name or '(none)'} is not known in Tryton.",
        )  # fmt: skip

    async def payment_term(self, name: str) -> int:
        rows = await self._talk.rows("account.invoice.payment_term", [["name", "=", name]], ["id"])
        if rows:
            return int(rows[0]["id"])
        text = f"Payment term {name or '(none)'} is not known or is switched off in Tryton."
        return self.miss("payment_term", text)

    async def journal(self, side: Side) -> int:
        return await self._kept(
            "account.journal", [["type", "=", side.journal]], "journal",
            f"Tryton has no journal for {side.journal}.",
        )  # fmt: skip

    async def journal_named(self, code: str) -> int:
        return await self._kept(
            "account.journal", [["code", "=", code]], "journal",
            f"Tryton has no journal {code or '(none)'}.",
        )  # fmt: skip

    async def taxes(self, company: Company, codes: set[str]) -> dict[str, int]:
        """Tax codes of a company that may be used now."""
        return await self._of_company(
            "account.tax", "name", company, codes, "tax_code",
            "Tax code {code} is not known or is switched off in {company}.",
        )  # fmt: skip

    async def accounts(self, company: Company, codes: set[str]) -> dict[str, int]:
        """Accounts of a company's chart that may be used now."""
        return await self._of_company(
            "account.account", "code", company, codes, "account_code",
            "Account {code} is not in the chart of accounts of {company}.",
        )  # fmt: skip

    async def account_of(self, company: Company, party: dict[str, Any], side: Side) -> int:
        """The party's own account on that side in this company, else the company's default."""
        if party.get(side.account):
            return int(party[side.account])
        key = (side.account, company.code)
        if key not in self._directory.ids:
            rows = await self._talk.read(
                "account.configuration", [1], [f"default_{side.account}"], company.id
            )
            found = rows[0][f"default_{side.account}"]
            if not found:
                text = f"{party['name']} has no {side.account_title} in {company.name}."
                return self.miss("party_code", text)
            self._directory.ids[key] = int(found)
        return self._directory.ids[key]

    async def _of_company(
        self, model: str, by: str, company: Company, codes: set[str], name: str, text: str
    ) -> dict[str, int]:
        domain = [["company", "=", company.id], [by, "in", sorted(codes)]]
        rows = await self._talk.rows(model, domain, [by], company.id)
        found = {row[by]: int(row["id"]) for row in rows}
        for code in sorted(codes - found.keys()):
            found[code] = self.miss(name, text.format(code=code or "(none)", company=company.name))
        return found

    async def _kept(self, model: str, domain: list[Any], name: str, text: str) -> int:
        key = (model, str(domain))
        if key not in self._directory.ids:
            rows = await self._talk.rows(model, domain, ["id"])
            if not rows:
                return self.miss(name, text)
            self._directory.ids[key] = int(rows[0]["id"])
        return self._directory.ids[key]
