"""Read-only questions before anything is sent: is the month open, is the code known?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from controltower.canonical.verdicts import Done, Kind, Outcome, Rejected, Verdict
from integrations.tryton.client import Talk
from integrations.tryton.codes import Codes, Directory


async def find_period(talk: Talk, directory: Directory, key: Mapping[str, Any]) -> Verdict:
    """The accounting period of `company` on `date`; its `state` is open, closed or locked."""
    company = await Codes(talk, directory).company(str(key.get("company") or ""))
    on = date.fromisoformat(str(key["date"]))
    domain = [
        ["company", "=", company.id], ["type", "=", "standard"],
        ["start_date", "<=", on], ["end_date", ">=", on],
    ]  # fmt: skip
    fields = ["name", "state", "start_date", "end_date", "fiscalyear.state"]
    rows = await talk.rows("account.period", domain, fields, company.id)
    if not rows:
        text = f"{company.name} has no accounting period for {on}."
        return Rejected(kind=Kind.NOT_FOUND, text=text)
    row = rows[0]
    year = row["fiscalyear."]["state"]
    values = {
        "company": company.code,
        "name": row["name"],
        "state": row["state"] if year == "open" else year,
        "start_date": row["start_date"],
        "end_date": row["end_date"],
    }
    return Done(ref=str(row["id"]), outcome=Outcome.READ, values=values)


async def find_code(
    talk: Talk, directory: Directory, entity: str, key: Mapping[str, Any]
) -> Verdict:
    """Whether a `tax_code`, `account` or `payment_term` may be used in `company` now."""
    codes = Codes(talk, directory)
    code = str(key.get("code") or "")
    if entity == "payment_term":
        found = await codes.payment_term(code)
    else:
        company = await codes.company(str(key.get("company") or ""))
        looked_up = codes.taxes if entity == "tax_code" else codes.accounts
        found = (await looked_up(company, {code}))[code]
    codes.settle()
    return Done(ref=str(found), outcome=Outcome.READ, values={"code": code})
