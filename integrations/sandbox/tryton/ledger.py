"""The accountant's side of the sandbox: periods, tax codes, and what the books really hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import aiohttp

from integrations.sandbox.control import Impossible
from integrations.sandbox.tryton.books import RECOGNITION
from integrations.sandbox.tryton.company_books import DEFERRED, OVER_TIME, accounts_by_code
from integrations.sandbox.tryton.console import Console, Refused
from integrations.sandbox.tryton.customers import Customers

BOOKED = ("posted", "paid")
_INVOICE = [
    "number", "reference", "state", "invoice_date", "untaxed_amount", "tax_amount", "total_amount",
    "party.code", "party.name", "currency.code", "company.party.code", "move.number", "move.state",
    "move.period.name",
]  # fmt: skip


class Ledger:
    """Reads and changes the ERP past the fault proxy, as its administrator."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._customers = Customers(console)

    async def close_period(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Close the month ``period`` ("2026-11") of ``company`` ("LF-DE")."""
        return await self._turn_period(wanted, "close")

    async def reopen_period(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Open it again, with the journals that closing it closed."""
        return await self._turn_period(wanted, "reopen")

    async def switch_tax(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Make the tax code ``code`` of ``company`` usable or not (``active``)."""
        company = await self._company(wanted)
        code, active = str(wanted.get("code", "")), wanted.get("active") in (True, "true", "on")
        domain = [["company", "=", company], ["name", "=", code], ["active", "in", [True, False]]]
        taxes = await self._console.rows("account.tax", domain, ["active"], company)
        if not taxes:
            raise Impossible(f"{wanted['company']} has no tax code {code}")
        await self._console.write("account.tax", [taxes[0]["id"]], {"active": active}, company)
        return {"company": wanted["company"], "code": code, "active": active}

    async def pay_invoice(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The client pays the invoice ``number`` in full; ``date`` defaults to its invoice date."""
        number = str(wanted.get("number", ""))
        domain = [["number", "=", number], ["type", "=", "out"], ["state", "=", "posted"]]
        fields = ["company", "party", "currency", "amount_to_pay", "invoice_date"]
        found = await self._console.rows("account.invoice", domain, fields)
        if not found:
            raise Impossible(f"no posted invoice has the number {number or '(empty)'}")
        invoice, company = found[0], int(found[0]["company"])
        methods = await self._console.rows(
            "account.invoice.payment.method", [["company", "=", company]], ["id"], company
        )
        if not methods:
            raise Impossible("that company's books know no way to be paid")
        on = wanted.get("date")
        payment = {
            "payee": invoice["party"], "amount": invoice["amount_to_pay"], "company": company,
            "currency": invoice["currency"], "payment_method": methods[0]["id"],
            "date": date.fromisoformat(str(on)) if on else invoice["invoice_date"],
        }  # fmt: skip
        await self._play_payment(invoice["id"], company, payment)
        return {"number": number, "paid": str(invoice["amount_to_pay"])}

    async def _play_payment(self, invoice: int, company: int, payment: dict[str, Any]) -> None:
        wizard = "wizard.account.invoice.pay"
        context = {
            "company": company, "active_model": "account.invoice", "active_id": invoice,
            "active_ids": [invoice],
        }  # fmt: skip
        session, _, _ = await self._console.call(f"{wizard}.create", context)
        await self._console.call(
            f"{wizard}.execute", session, {"start": payment}, "choice", context
        )
        await self._console.call(f"{wizard}.delete", session, context)

    async def periods(self) -> list[dict[str, Any]]:
        """Months that are not open, per company."""
        rows = await self._console.rows(
            "account.period", [["state", "!=", "open"]], ["name", "state", "company.party.code"]
        )
        return [
            {
                "company": row["company."]["party."]["code"],
                "period": row["name"],
                "state": row["state"],
            }
            for row in rows
        ]

    async def invoices(
        self, company: str = "", reference: str = "", kind: str = "out"
    ) -> list[dict[str, Any]]:
        """Customer invoices, or suppliers' ("in"), as the books hold them, drafts included; amounts
        as exact text."""
        domain: list[Any] = [["type", "=", kind]]
        if company:
            domain.append(["company.party.code", "=", company])
        if reference:
            domain.append(["reference", "=", reference])
        rows = await self._console.rows("account.invoice", domain, _INVOICE)
        return [_invoice(row) for row in rows]

    async def unpaid(self) -> list[str]:
        """The numbers of the customer invoices that are posted and not paid, oldest first."""
        domain = [["type", "=", "out"], ["state", "=", "posted"]]
        rows = await self._console.rows("account.invoice", domain, ["number"])
        return [str(row["number"]) for row in rows]

    async def customers(self, code: str = "") -> list[dict[str, Any]]:
        """Customers as the books hold them; one of them by its number."""
        return await self._customers.listed(code)

    async def totals(self) -> list[dict[str, Any]]:
        """Posted and paid invoices summed per company and currency, exact to the cent."""
        sums: dict[tuple[str, str], list[Any]] = {}
        for row in await self._console.rows(
            "account.invoice", [["type", "=", "out"], ["state", "in", BOOKED]], _INVOICE
        ):
            key = (row["company."]["party."]["code"], row["currency."]["code"])
            kept = sums.setdefault(key, [0, 0, 0, 0])
            amounts = (1, row["untaxed_amount"], row["tax_amount"], row["total_amount"])
            sums[key] = [old + new for old, new in zip(kept, amounts, strict=True)]
        return [
            {
                "company": company, "currency": currency, "count": count,
                "untaxed": str(untaxed), "tax": str(tax), "total": str(total),
            }
            for (company, currency), (count, untaxed, tax, total) in sorted(sums.items())
        ]  # fmt: skip

    async def revenue(self, company: str = "", project: str = "") -> list[dict[str, Any]]:
        """What is posted as revenue by entries of its own, of a project or of all, by the month in
        which it was earned, with the months in which it was booked; amounts as exact text."""
        domain = [
            ["move.state", "=", "posted"], ["move.journal.code", "=", RECOGNITION[0]],
            ["description", "like", f"% · {project or '%'} · %"],
        ]  # fmt: skip
        if company:
            domain.append(["move.company.party.code", "=", company])
        fields = ["description", "debit", "credit", "move.period.name", "move.company.party.code"]
        months: dict[tuple[str, ...], dict[str, Any]] = {}
        for row in await self._console.rows("account.move.line", domain, fields):
            _, of, month = row["description"].rsplit(" · ", 2)
            code = row["move."]["company."]["party."]["code"]
            new = {"company": code, "project": of, "period": month, "amount": 0, "booked_in": []}
            kept = months.setdefault((code, of, month), new)
            kept["amount"] += row["credit"] - row["debit"]
            kept["booked_in"].append(row["move."]["period."]["name"])
        return [{**months[m], "amount": str(months[m]["amount"])} for m in sorted(months)]

    async def book_revenue(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """A clerk posts a revenue entry by hand: ``company``, ``project``, ``period`` earned in,
        ``amount`` (less than zero takes back), ``date``."""
        company = await self._company(wanted)
        on = date.fromisoformat(str(wanted["date"]))
        worth = Decimal(str(wanted["amount"]))
        accounts = await accounts_by_code(self._console, company)
        (journal,) = await self._console.rows(
            "account.journal", [["code", "=", RECOGNITION[0]]], ["id"]
        )
        within = [["company", "=", company], ["start_date", "<=", on], ["end_date", ">=", on]]
        (period,) = await self._console.rows("account.period", within, ["id"], company)
        mark = f"By hand · {wanted['project']} · {wanted['period']}"
        sides = (accounts[DEFERRED], worth, None), (accounts[OVER_TIME], -worth, mark)
        nothing = Decimal(0)
        lines = [
            {
                "account": account,
                "debit": max(amount, nothing), "credit": max(-amount, nothing),
                "description": text,
            }
            for account, amount, text in sides
        ]  # fmt: skip
        row = {
            "company": company, "period": period["id"], "journal": journal["id"], "date": on,
            "description": "By hand", "lines": [["create", lines]],
        }  # fmt: skip
        (move,) = await self._console.create("account.move", row, company=company)
        await self._console.press("account.move", "post", [move], company)
        return {"move": move}

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out one of the verbs. Raises Impossible with Tryton's words."""
        verbs = {
            "close_period": self.close_period,
            "reopen_period": self.reopen_period,
            "switch_tax": self.switch_tax,
            "pay_invoice": self.pay_invoice,
            "book_revenue": self.book_revenue,
            "change_customer": self._customers.change,
        }
        if name not in verbs:
            raise Impossible(f"the ERP can {', '.join(verbs)}")
        try:
            return await verbs[name](wanted)
        except Refused as refused:
            raise Impossible(str(refused)) from None
        except aiohttp.ClientError as error:
            raise Impossible(f"Tryton is away: {error}") from None

    async def _turn_period(self, wanted: Mapping[str, Any], button: str) -> dict[str, Any]:
        company = await self._company(wanted)
        month = str(wanted.get("period", ""))
        domain = [["company", "=", company], ["name", "=", month]]
        found = await self._console.rows("account.period", domain, ["state"], company)
        if not found:
            raise Impossible(f"{wanted['company']} has no period {month}, such as 2026-11")
        period, aim = found[0], "open" if button == "reopen" else "closed"
        if period["state"] != aim:
            await self._console.press("account.period", button, [period["id"]], company)
        if aim == "open":
            await self._reopen_journals(period["id"], company)
        return {"company": wanted["company"], "period": month, "state": aim}

    async def _reopen_journals(self, period: int, company: int) -> None:
        journals = await self._console.rows(
            "account.journal.period",
            [["period", "=", period], ["state", "=", "closed"]],
            [],
            company,
        )
        ids = [row["id"] for row in journals]
        if ids:
            await self._console.press("account.journal.period", "reopen", ids, company)

    async def _company(self, wanted: Mapping[str, Any]) -> int:
        code = str(wanted.get("company", ""))
        rows = await self._console.rows("company.company", [["party.code", "=", code]], ["id"])
        if not rows:
            raise Impossible(f"company must be LF-DE, LF-UK or LF-US, not {code or 'empty'}")
        return int(rows[0]["id"])


def _invoice(row: dict[str, Any]) -> dict[str, Any]:
    on: date | None = row["invoice_date"]
    move = row["move."] or {}
    return {
        "id": row["id"],
        "number": row["number"],
        "reference": row["reference"],
        "state": row["state"],
        "date": on.isoformat() if on else None,
        "company": row["company."]["party."]["code"],
        "party": row["party."]["code"],
        "party_name": row["party."]["name"],
        "currency": row["currency."]["code"],
        "untaxed": str(row["untaxed_amount"]),
        "tax": str(row["tax_amount"]),
        "total": str(row["total_amount"]),
        "move": move.get("number"),
        "move_state": move.get("state"),
        "period": (move.get("period.") or {}).get("name"),
    }
