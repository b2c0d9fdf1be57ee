"""The natural codes that a record is written with, turned into the vendor's ids.

Whatever is not found is collected with a sentence that names code and company, so that one attempt
tells everything that is wrong with a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from controltower.canonical.verdicts import FieldError, Kind, Rejected
from integrations.answers import as_agreed
from integrations.business_central.client import CentralClient, any_of
from integrations.orders import Unfit, UnknownCodes
from integrations.shape import Row, flag, required, text

KEPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Company:
    """A company of the environment; its name is the legal entity's code."""

    id: str
    code: str
    title: str

    @property
    def path(self) -> str:
        """Below the API root."""
        return f"/companies({self.id})"

    def ref(self, row: Row) -> str:
        """How the tower refers to a record of this company. Raises Drift."""
        return f"{self.code}/{required(row, 'id')}"


class Companies:
    """The companies of one environment, asked for again after a minute or for a code not known."""

    _kept: dict[str, tuple[float, dict[str, Company]]] = {}

    def __init__(self, client: CentralClient, environment: str) -> None:
        self._client = client
        self._environment = environment

    async def all(self) -> Sequence[Company]:
        """Every company. Raises CallFailed."""
        return list((await self._known()).values())

    async def find(self, code: str) -> Company | None:
        """The company of a legal entity. Raises CallFailed."""
        known = await self._known()
        return known.get(code) or (await self._asked()).get(code)

    async def named(self, code: str) -> Company:
        """As `find`. Raises UnknownCodes: without the company nothing else is known."""
        found = await self.find(code)
        if found is None:
            text = f"Business Central has no company {code}." if code else _NO_COMPANY
            raise UnknownCodes([FieldError("company", text)])
        return found

    async def _known(self) -> dict[str, Company]:
        since, known = self._kept.get(self._environment, (0.0, {}))
        return known if known and monotonic() - since < KEPT_SECONDS else await self._asked()

    async def _asked(self) -> dict[str, Company]:
        rows, exchange = await self._client.rows("/companies", {})
        found = as_agreed(lambda: [_company(row) for row in rows], exchange)
        known = {company.code: company for company in found}
        self._kept[self._environment] = (monotonic(), known)
        return known


class Codes:
    """Look-ups for one record in one company; `settle` raises when any of them failed."""

    def __init__(self, client: CentralClient, company: Company) -> None:
        self._client = client
        self._company = company
        self._problems: dict[str, FieldError] = {}

    def settle(self) -> None:
        """Raises UnknownCodes when something was missing."""
        if self._problems:
            raise UnknownCodes(list(self._problems.values()))

    async def accounts(self, numbers: set[str]) -> dict[str, str]:
        """Ids of accounts that may be booked on."""
        rows = await self._rows("accounts", "number", numbers)
        usable = [row for row in rows if not flag(row, "blocked")]
        found = {required(row, "number"): required(row, "id") for row in usable}
        for number in sorted(numbers - found.keys()):
            words = f"Account {number or '(none)'} is not in the chart of accounts"
            self._miss("account_code", number, words)
        return found

    async def taxes(self, codes: set[str]) -> None:
        """Whether the tax codes are known."""
        rows = await self._rows("taxGroups", "code", codes)
        for code in sorted(codes - {required(row, "code") for row in rows}):
            self._miss("tax_code", code, f"Tax code {code or '(none)'} is not known")

    async def payment_term(self, code: str) -> str:
        """The id of a payment term."""
        rows = await self._rows("paymentTerms", "code", {code})
        if not rows:
            self._miss("payment_term", code, f"Payment term {code} is not known")
            return ""
        return required(rows[0], "id")

    async def customer(self, number: str) -> str:
        """The id of a customer who may be invoiced."""
        rows = await self._rows("customers", "number", {number})
        if not rows:
            self._miss("party_code", number, f"Customer {number or '(none)'} is not known")
            return ""
        if text(rows[0], "blocked").strip():
            self._miss("party_code", number, f"Customer {number} is blocked")
        return required(rows[0], "id")

    async def _rows(self, collection: str, member: str, values: set[str]) -> Sequence[Row]:
        query = {"$filter": any_of(member, sorted(values))}
        rows, _ = await self._client.rows(f"{self._company.path}/{collection}", query)
        return rows

    def _miss(self, field: str, code: str, words: str) -> None:
        text = f"{words} in {self._company.title} (Business Central)."
        self._problems[f"{field} {code}"] = FieldError(field, text)


def fitting(value: str, most: int, field: str, what: str) -> str:
    """Text that the vendor's field can hold. Raises Unfit rather than cut it."""
    if len(value) > most:
        words = f"{what} “{value}” is longer than the {most} signs that Business Central keeps."
        raise Unfit(Rejected(kind=Kind.VALIDATION, text=words, fields=(FieldError(field, words),)))
    return value


_NO_COMPANY = "The record names no company."


def _company(row: Row) -> Company:
    code = required(row, "name")
    return Company(required(row, "id"), code, text(row, "displayName") or code)
