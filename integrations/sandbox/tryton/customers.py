"""The clerk's side of customers: what only the ERP knows of them, and who may not buy any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.sandbox.control import Impossible
from integrations.sandbox.tryton.console import Console

ON_HOLD = "Credit hold"
_PARTY = ["code", "name", "email", "addresses", "identifiers", "customer_payment_term"]
_SHOWN = [
    "code", "name", "email", "customer_payment_term.name", "addresses.street", "addresses.city",
    "addresses.postal_code", "addresses.country.code", "identifiers.code", "categories.name",
    "contact_mechanisms.name",
]  # fmt: skip
_ADDRESS = ("street", "city", "postal_code")


class Customers:
    """Reads and changes customers as somebody does who sits at the ERP."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def change(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The customer ``code``, or the one that comes at ``pick``: any of ``name``,
        ``vat_number``, ``street``, ``city``, ``postal_code``, ``payment_term`` and ``credit_hold``
        becomes as given."""
        party = await self._picked(wanted)
        changes: dict[str, Any] = {}
        if wanted.get("name"):
            changes["name"] = str(wanted["name"])
        if address := {name: str(wanted[name]) for name in _ADDRESS if wanted.get(name)}:
            changes["addresses"] = [["write", party["addresses"][:1], address]]
        if wanted.get("vat_number"):
            number = {"code": str(wanted["vat_number"])}
            changes["identifiers"] = [["write", party["identifiers"][:1], number]]
        if wanted.get("payment_term"):
            changes["customer_payment_term"] = await self._term(str(wanted["payment_term"]))
        if "credit_hold" in wanted:
            verb = "add" if wanted["credit_hold"] in (True, "true", "on") else "remove"
            changes["categories"] = [[verb, [await self._hold()]]]
        if not changes:
            raise Impossible("say what changes: name, vat_number, street, payment_term, …")
        await self._console.write("party.party", [party["id"]], changes)
        return {"code": party["code"], "changed": sorted(changes)}

    async def listed(self, code: str = "") -> list[dict[str, Any]]:
        """Customers as the books hold them; one of them by its number."""
        domain = [["code", "=", code]] if code else [["code", "!=", None]]
        return [_shown(row) for row in await self._console.rows("party.party", domain, _SHOWN)]

    async def _picked(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """By number; else one of those that the tower keeps, in their order."""
        code = str(wanted.get("code") or "")
        domain = [["code", "=", code]] if code else [["code", "like", "C-%"]]
        rows = await self._console.rows("party.party", domain, _PARTY)
        if not rows:
            raise Impossible(f"no customer has the number {code or '(any)'}")
        return dict(rows[int(str(wanted.get("pick") or 0)) % len(rows)])

    async def _term(self, name: str) -> int:
        model = "account.invoice.payment_term"
        rows = await self._console.rows(model, [["name", "=", name]], ["id"])
        if not rows:
            raise Impossible(f"no payment term is called {name}")
        return int(rows[0]["id"])

    async def _hold(self) -> int:
        """The category of who is on hold; a new ERP has none yet."""
        rows = await self._console.rows("party.category", [["name", "=", ON_HOLD]], ["id"])
        if rows:
            return int(rows[0]["id"])
        (made,) = await self._console.create("party.category", {"name": ON_HOLD})
        return made


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    address: dict[str, Any] = next(iter(row["addresses."]), {})
    number: dict[str, Any] = next(iter(row["identifiers."]), {})
    return {
        "code": row["code"],
        "name": row["name"],
        "email": row["email"] or "",
        "contact": next((one["name"] for one in row["contact_mechanisms."]), "") or "",
        "vat_number": number.get("code") or "",
        "street": address.get("street") or "",
        "city": address.get("city") or "",
        "postal_code": address.get("postal_code") or "",
        "country": (address.get("country.") or {}).get("code") or "",
        "payment_term": (row["customer_payment_term."] or {}).get("name") or "",
        "credit_hold": ON_HOLD in {one["name"] for one in row["categories."]},
    }
