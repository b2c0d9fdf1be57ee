"""The books of one company: accounts, taxes, fiscal years with their periods and numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from integrations.sandbox.firm import Entity
from integrations.sandbox.tryton.console import Console

TAXES = {
    "DE-19": ("19 % VAT", Decimal("0.19"), ""),
    "EU-RC": ("Reverse charge", Decimal(0), "Tax liability of the recipient, Art. 196 VAT Dir."),
    "EX-0": ("Outside the scope of VAT", Decimal(0), ""),
    "GB-20": ("20 % VAT", Decimal("0.20"), ""),
    "US-0": ("No sales tax on services", Decimal(0), ""),
}
"""Per code: text on the invoice, rate, legal notice. The tax's name in Tryton is the code."""

YEARS = (2025, 2026, 2027)
BANK, RECEIVABLE, PAYABLE, TAX_ACCOUNT, EXCHANGE = "1.1.1", "1.2.1", "2.1.1", "2.2.3", "6.2.1"
DEFERRED = "4.3.3"
"""What was invoiced at a fixed price and is not earned yet. An adjustment of revenue: Tryton takes
no other account on a customer's invoice."""
OVER_TIME, POINT_IN_TIME, REBILLED = "4.2.2", "4.1.2", "4.1.3"


async def open_company(console: Console, company: int, entity: Entity) -> None:
    """Enter what every company needs before it can invoice anybody."""
    accounts = await _chart(console, company)
    await _taxes(console, company, accounts, entity)
    await _bank(console, company, accounts)
    for year in YEARS:
        await _fiscal_year(console, company, entity, year)


async def _chart(console: Console, company: int) -> dict[str, int]:
    """Tryton's universal chart through its wizard, plus an account for re-billed expenses."""
    context = {"company": company}
    wizard = "wizard.account.create_chart"
    (template,) = await console.rows("account.account.template", [["parent", "=", None]], ["id"])
    session, _, _ = await console.call(f"{wizard}.create", context)
    chosen = {"company": company, "account_template": template["id"]}
    await console.call(f"{wizard}.execute", session, {"account": chosen}, "create_account", context)
    accounts = await accounts_by_code(console, company)
    properties = {
        "company": company,
        "account_receivable": accounts[RECEIVABLE],
        "account_payable": accounts[PAYABLE],
        "category_account_revenue": accounts[OVER_TIME],
    }
    await console.call(
        f"{wizard}.execute",
        session,
        {"account": chosen, "properties": properties},
        "create_properties",
        context,
    )
    await console.call(f"{wizard}.delete", session, context)
    await _complete_chart(console, company, accounts)
    return await accounts_by_code(console, company)


async def accounts_by_code(console: Console, company: int) -> dict[str, int]:
    """Ids of a company's accounts by their codes in the chart."""
    rows = await console.rows("account.account", [["company", "=", company]], ["code"], company)
    return {row["code"]: row["id"] for row in rows if row["code"]}


async def _complete_chart(console: Console, company: int, accounts: dict[str, int]) -> None:
    (revenue,) = await console.rows(
        "account.account.type", [["company", "=", company], ["revenue", "=", True]], ["id"], company
    )
    await console.create(
        "account.account",
        {
            "name": "Expenses re-billed", "code": REBILLED, "type": revenue["id"],
            "company": company, "parent": accounts["4.1.0"],
        },
        company=company,
    )  # fmt: skip
    exchange = accounts[EXCHANGE]
    await console.write(
        "account.configuration",
        [1],
        {"currency_exchange_credit_account": exchange, "currency_exchange_debit_account": exchange},
        company,
    )


async def _taxes(console: Console, company: int, accounts: dict[str, int], entity: Entity) -> None:
    for code in entity.tax_codes:
        text, rate, notice = TAXES[code]
        await console.create(
            "account.tax",
            {
                "name": code, "description": text, "type": "percentage", "rate": rate,
                "legal_notice": notice, "company": company,
                "invoice_account": accounts[TAX_ACCOUNT],
                "credit_note_account": accounts[TAX_ACCOUNT],
            },
            company=company,
        )  # fmt: skip


async def _bank(console: Console, company: int, accounts: dict[str, int]) -> None:
    """Clients pay by bank transfer."""
    (journal,) = await console.rows("account.journal", [["type", "=", "cash"]], ["id"], company)
    await console.create(
        "account.invoice.payment.method",
        {
            "name": "Bank transfer", "company": company, "journal": journal["id"],
            "credit_account": accounts[BANK], "debit_account": accounts[BANK],
        },
        company=company,
    )  # fmt: skip


async def _fiscal_year(console: Console, company: int, entity: Entity, year: int) -> None:
    """Twelve monthly periods, each numbering its own customer invoices: ``LF-DE-2026-11-0001``.

    Tryton refuses an invoice dated before the last one of its sequence; with one sequence per month
    a month that is opened again can still be billed after the next one has begun.
    """
    prefix = f"{entity.code}-{year}"
    (moves,) = await _sequences(console, company, "Account Move", [f"{prefix}-M"])
    (fiscal_year,) = await console.create(
        "account.fiscalyear",
        {
            "name": str(year), "company": company, "move_sequence": moves,
            "start_date": date(year, 1, 1), "end_date": date(year, 12, 31),
        },
        company=company,
    )  # fmt: skip
    await console.call(
        "model.account.fiscalyear.create_period", [fiscal_year], {"company": company}
    )
    periods = await console.rows(
        "account.period", [["fiscalyear", "=", fiscal_year]], ["start_date"], company
    )
    prefixes = [f"{prefix}-{period['start_date']:%m}-" for period in periods]
    prefixes += [f"{prefix}-CN-", f"{prefix}-S-", f"{prefix}-SC-"]
    *monthly, credit, supplier, supplier_credit = await _sequences(
        console, company, "Invoice", prefixes
    )
    rows = [
        {
            "company": company, "fiscalyear": fiscal_year, "period": period["id"],
            "out_invoice_sequence": sequence, "out_credit_note_sequence": credit,
            "in_invoice_sequence": supplier, "in_credit_note_sequence": supplier_credit,
        }
        for period, sequence in zip(periods, monthly, strict=True)
    ]  # fmt: skip
    await console.create("account.fiscalyear.invoice_sequence", *rows, company=company)


async def _sequences(console: Console, company: int, kind: str, prefixes: list[str]) -> list[int]:
    """Gapless number sequences, named for what they number."""
    (found,) = await console.rows("ir.sequence.type", [["name", "=", kind]], ["id"])
    rows = [
        {
            "name": f"{kind} {prefix}".rstrip("-"), "sequence_type": found["id"],
            "company": company, "prefix": prefix, "padding": 4,
        }
        for prefix in prefixes
    ]  # fmt: skip
    return await console.create("ir.sequence.strict", *rows, company=company)
