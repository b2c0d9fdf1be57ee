"""The codes and periods that the ERP accepts, as it last exported them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from controltower.canonical.verdicts import FieldError
from integrations.legacy_erp.batch import field, read
from integrations.orders import Order, UnknownCodes
from integrations.shape import Drift

if TYPE_CHECKING:
    from integrations.legacy_erp.client import Session

FILE = "master/MASTER.csv"
_STATES = {"OPEN": "open", "CLOSED": "closed"}
_WORDS = {
    "company": "Company {code} is not known to the ERP.",
    "tax_code": "Tax code {code} is not known to the ERP.",
    "account": "Account {code} is not known to the ERP.",
    "payment_term": "Payment term {code} is not known to the ERP.",
    "currency": "Currency {code} is not known to the ERP.",
}


@dataclass(frozen=True, slots=True)
class Master:
    """What may be named in a file."""

    codes: frozenset[tuple[str, str]]
    periods: Mapping[tuple[str, str], str]

    @classmethod
    async def of(cls, session: Session) -> Master:
        """Read the export. Raises CallFailed, Drift."""
        raw = await session.read(FILE)
        if raw is None:
            raise Drift(f"{FILE} is not there")
        records = read(raw, "MASTER", {}).records
        codes = {(field(row, 1), field(row, 2)) for row in records if row[:1] == ["C"]}
        periods = {
            (field(row, 1), field(row, 2)): _STATES.get(field(row, 3), "")
            for row in records
            if row[:1] == ["P"]
        }
        return cls(frozenset(codes), periods)

    def knows(self, kind: str, code: str) -> bool:
        """Whether a code may be used."""
        return (kind, code) in self.codes

    def period(self, company: str, on: date) -> str:
        """ "open" or "closed"; "" for a month that the ERP does not have."""
        return self.periods.get((company, f"{on:%Y-%m}"), "")

    def accept(self, order: Order) -> None:
        """Raises UnknownCodes with every code of an order that is not known."""
        wanted = [
            ("company", "company", order.company),
            ("currency", "currency", order.currency),
            *([("payment_term", "payment_term", order.payment_term)] if order.payment_term else []),
            *(("tax_code", "tax_code", line.tax_code) for line in order.lines),
            *(("account", "account_code", line.account_code) for line in order.lines),
        ]
        problems = {
            (kind, code): FieldError(name, _WORDS[kind].format(code=code or "(none)"))
            for kind, name, code in wanted
            if not self.knows(kind, code)
        }
        if problems:
            raise UnknownCodes(list(problems.values()))
