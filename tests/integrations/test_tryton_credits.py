"""Credit notes in a real Tryton: linked to what they take back, once, and never more than it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.verdicts import Kind, Outcome
from integrations.tryton.connector import TrytonConnector
from tests.integrations.erp import Erp, a_posted, done, fresh, rejected

pytestmark = [pytest.mark.tryton, pytest.mark.slow]


async def invoiced(tryton: TrytonConnector) -> tuple[str, dict[str, Any]]:
    """The number of a posted invoice over 1,076.63, and its record."""
    ref, record = await a_posted(tryton)
    number = str(done(await tryton.get("invoice", ref), Outcome.READ).values["number"])
    return number, record


def credit(number: str, invoice: dict[str, Any], hours: str, **other: Any) -> dict[str, Any]:
    """A credit note over some hours of that invoice, under a new reference."""
    (line,) = invoice["lines"]
    back = line | {"quantity": f"-{hours}", "origin": "TC-9 · a0T9", "credits": line["origin"]}
    record = {**invoice, "reference": fresh("CT-CN"), "credits": number, "lines": [back]}
    return record | other


async def test_a_credit_note_is_posted_once_and_linked_to_its_invoice(
    tryton: TrytonConnector, erp: Erp
) -> None:
    number, invoice = await invoiced(tryton)
    wanted = credit(number, invoice, "7.25")
    assert await tryton.check("credit_note", wanted) is None
    drafted = done(await tryton.upsert("credit_note", wanted, "k"), Outcome.CREATED)
    again = done(await tryton.upsert("credit_note", wanted, "k"), Outcome.UNCHANGED)
    assert again.ref == drafted.ref
    for outcome in (Outcome.UPDATED, Outcome.ALREADY_DONE):
        posted = done(await tryton.act("credit_note", drafted.ref, "post", {}, "k"), outcome)
    assert posted.values["untaxed"] == Decimal("-1076.63")
    found = await tryton.find("credit_note", {"reference": wanted["reference"]})
    assert done(found, Outcome.READ).ref == drafted.ref
    (kept,) = erp.invoices(wanted["reference"])
    assert (kept["state"], kept["untaxed"], kept["move_state"]) == ("posted", "-1076.63", "posted")
    assert "-CN-" in kept["number"]
    async with erp.administrator() as console:
        (line,) = await console.rows(
            "account.invoice.line", [["invoice", "=", int(drafted.ref)]], ["origin.invoice.number"]
        )
    assert line["origin."]["invoice."]["number"] == number
    (original,) = erp.invoices(invoice["reference"])
    assert (original["untaxed"], original["state"]) == ("1076.63", "posted")


async def test_no_more_is_credited_than_was_invoiced(tryton: TrytonConnector) -> None:
    number, invoice = await invoiced(tryton)
    first = credit(number, invoice, "4")
    done(await tryton.upsert("credit_note", first, "k"), Outcome.CREATED)
    more = credit(number, invoice, "3.5")
    for verdict in (
        await tryton.check("credit_note", more),
        await tryton.upsert("credit_note", more, "k"),
    ):
        assert verdict is not None
        text = rejected(verdict, Kind.VALIDATION).text
        assert f"on invoice {number} only 482.63 is left to be credited." in text
    rest = credit(number, invoice, "3.25")
    done(await tryton.upsert("credit_note", rest, "k"), Outcome.CREATED)
    changed = {**first, "lines": [first["lines"][0] | {"quantity": "-3"}]}
    done(await tryton.upsert("credit_note", changed, "k"), Outcome.UPDATED)


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        ({"credits": "LF-DE-0"}, Kind.REFERENCE_MISSING, "No booked invoice LF-DE-0"),
        ({"credits": ""}, Kind.REFERENCE_MISSING, "No booked invoice (none)"),
        ({"party_code": "K10010"}, Kind.VALIDATION, "is not of K10010 in EUR"),
        ({"currency": "GBP"}, Kind.VALIDATION, "in GBP."),
    ],
)
async def test_what_cannot_be_credited_is_refused_in_words(
    tryton: TrytonConnector, changed: dict[str, str], kind: Kind, words: str
) -> None:
    number, invoice = await invoiced(tryton)
    wanted = credit(number, invoice, "1") | changed
    assert words in rejected(await tryton.upsert("credit_note", wanted, "k"), kind).text


async def test_a_credit_note_takes_back(tryton: TrytonConnector) -> None:
    number, invoice = await invoiced(tryton)
    wanted = {**credit(number, invoice, "1"), "lines": invoice["lines"]}
    refused = await tryton.upsert("credit_note", wanted, "k")
    assert "A credit note takes back" in rejected(refused, Kind.VALIDATION).text
