"""The natural codes that a record is written with, turned into NetSuite's internal ids.

Whatever is not found is collected with a sentence that names it, so that one attempt tells all that
is wrong with a record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from controltower.canonical.verdicts import FieldError
from integrations.netsuite.client import SuiteClient, among, select
from integrations.orders import UnknownCodes
from integrations.shape import required

KEPT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Subsidiary:
    """A company of the account; its external id is the legal entity's code."""

    id: str
    code: str
    title: str


class Subsidiaries:
    """The account's companies, asked for again after a minute or for one not known."""

    _kept: dict[str, tuple[float, Sequence[Subsidiary]]] = {}

    def __init__(self, client: SuiteClient, account: str) -> None:
        self._client = client
        self._account = account

    async def named(self, code: str) -> Subsidiary:
        """The company of a legal entity. Raises UnknownCodes, CallFailed, Drift."""
        for asked in (False, True):
            for one in await self._all(again=asked):
                if code and one.code == code:
                    return one
        words = f"NetSuite has no subsidiary {code}." if code else "The record names no company."
        raise UnknownCodes([FieldError("company", words)])

    async def codes(self) -> Mapping[str, str]:
        """The legal entities by the companies' ids, where they have one. Raises CallFailed,
        Drift."""
        return {one.id: one.code for one in await self._all()}

    async def _all(self, *, again: bool = False) -> Sequence[Subsidiary]:
        since, known = self._kept.get(self._account, (0.0, ()))
        if known and not again and monotonic() - since < KEPT_SECONDS:
            return known
        query = "SELECT id, externalid, name FROM subsidiary WHERE externalid IS NOT NULL"
        rows, _ = await self._client.rows(query)
        found = [
            Subsidiary(required(row, "id"), required(row, "externalid"), required(row, "name"))
            for row in rows
        ]
        self._kept[self._account] = (monotonic(), found)
        return found


class Codes:
    """Look-ups for one record; `settle` raises when any of them failed."""

    def __init__(self, client: SuiteClient) -> None:
        self._client = client
        self._problems: dict[str, FieldError] = {}

    def settle(self) -> None:
        """Raises UnknownCodes when something was missing."""
        if self._problems:
            raise UnknownCodes(list(self._problems.values()))

    async def items(self, codes: set[str]) -> Mapping[str, str]:
        """Items that are sold; the revenue account is the item's."""
        words = "Item {code} (for the revenue account) is not known or is inactive in NetSuite."
        return await self._ids("item", "externalid", codes, "account_code", words)

    async def accounts(self, numbers: set[str]) -> Mapping[str, str]:
        """Accounts of the general ledger."""
        words = "Account {code} is not in the chart of accounts or is inactive in NetSuite."
        return await self._ids("account", "acctnumber", numbers, "account_code", words)

    async def taxes(self, codes: set[str]) -> Mapping[str, str]:
        """Tax codes that may be used."""
        words = "Tax code {code} is not known or is inactive in NetSuite."
        return await self._ids("salestaxitem", "itemid", codes, "tax_code", words)

    async def payment_term(self, code: str) -> str:
        """A payment term."""
        words = "Payment term {code} is not known or is inactive in NetSuite."
        return (await self._ids("term", "name", {code}, "payment_term", words))[code]

    async def currency(self, code: str) -> str:
        """A currency by its ISO 4217 code."""
        words = "Currency {code} is not known or is inactive in NetSuite."
        return (await self._ids("currency", "symbol", {code}, "currency", words))[code]

    async def customer(self, code: str) -> str:
        """A customer by our number."""
        words = "Customer {code} is not known or is inactive in NetSuite."
        return (await self._ids("customer", "entityid", {code}, "party_code", words))[code]

    async def _ids(
        self, table: str, column: str, codes: set[str], field: str, words: str
    ) -> Mapping[str, str]:
        wanted = among(sorted(codes))
        query = select(f"id, {column}", table, f"{column} IN {wanted}", "isinactive = 'F'")
        rows, _ = await self._client.rows(query)
        found = {required(row, column): required(row, "id") for row in rows}
        for code in sorted(codes - found.keys()):
            said = words.format(code=code or "(none)")
            self._problems[f"{field} {code}"] = FieldError(field, said)
            found[code] = ""
        return found
