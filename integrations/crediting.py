"""Credit notes for ERPs that link no credited line to the invoiced one: what a line takes back
stands at the end of its origin, where the work that an invoiced line bills stands as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from controltower.canonical.records import Invoice
from controltower.canonical.verdicts import FieldError, Kind, Rejected
from integrations.order_lines import Arithmetic, Line
from integrations.orders import Order, Unfit


def read(record: Mapping[str, Any], arithmetic: Arithmetic) -> tuple[Order, str]:
    """A credit note's record read strictly, and the number of the invoice that it credits: each
    line is over less than zero by its quantity. Raises Unfit."""
    order = Order.read(record, arithmetic)
    marks = [str(line.get("credits") or "") for line in record.get("lines") or ()]
    lines = tuple(map(_turned, order.lines, marks))
    return replace(order, lines=lines), str(record.get("credits") or "").strip()


def judge(
    order: Order, number: str, invoice: Invoice | None, others: Sequence[Invoice], title: str
) -> Invoice:
    """The booked `invoice` of that number. Raises Unfit unless every line takes back work that it
    carries, of which the `others`, all that credits it already, have left enough."""
    if invoice is None:
        raise _absent(number, title)
    if (invoice.customer_code, invoice.currency) != (order.party_code, order.currency):
        words = f"Invoice {number} is not of {order.party_code} in {order.currency}."
        raise _unfit("credits", words)
    for at, line in enumerate(order.lines):
        carried = [
            one for one in invoice.lines if one.amount > 0 and _is_of_one_work(line, one.origin)
        ]
        if len(carried) != 1:
            raise _absent(number, title)
        others_took = [(one.origin, one.amount) for other in others for one in other.lines]
        taken = [*others_took, *((one.origin, one.amount) for one in order.lines[:at])]
        back = sum((worth for origin, worth in taken if _is_of_one_work(line, origin)), Decimal(0))
        left = carried[0].amount + back
        if left + line.amount < 0:
            words = f"Of that work on invoice {number} only {left} is left to be credited."
            raise _unfit("lines", words)
    return invoice


_TAKES_BACK = " takes back "


def _turned(line: Line, mark: str) -> Line:
    if line.amount >= 0:
        raise _unfit("lines", f"A credit note takes back; {line.amount} does not.")
    return replace(
        line,
        quantity=-abs(line.quantity),
        unit_price=abs(line.unit_price),
        origin=f"{line.origin}{_TAKES_BACK}{mark.strip()}",
    )


def mark_of(line: Line) -> str:
    """What the origin of the work ends with that a credit note's line takes back."""
    return line.origin.rpartition(_TAKES_BACK)[2]


def _is_of_one_work(line: Line, origin: str) -> bool:
    mark = mark_of(line)
    return bool(mark) and origin.endswith(mark)


def _absent(number: str, title: str) -> Unfit:
    words = f"No booked invoice {number or '(none)'} of {title} carries that work."
    return _unfit("credits", words, Kind.REFERENCE_MISSING)


def _unfit(field: str, words: str, kind: Kind = Kind.VALIDATION) -> Unfit:
    return Unfit(Rejected(kind=kind, text=words, fields=(FieldError(field, words),)))
