"""A sales document in the vendor's words, its codes looked up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP
from typing import Any

from integrations.business_central.client import CentralClient
from integrations.business_central.codes import Codes, Company, fitting
from integrations.business_central.papers import Paper
from integrations.business_central.read_invoice import UNITS
from integrations.business_central.wire import ACCOUNT, LONGEST_TEXT, comments, overflow
from integrations.order_lines import Arithmetic
from integrations.orders import Order

ARITHMETIC = Arithmetic(
    units={"hour": 5, "day": 5, "unit": 0}, price_decimals=5, rounding=ROUND_HALF_UP
)
"""The vendor's defaults: quantities and unit prices with five decimals, amounts half up."""
LONGEST_REFERENCE = 35


async def written(
    client: CentralClient, company: Company, order: Order, paper: Paper
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Header and lines in the vendor's words. Raises Unfit with everything that is missing."""
    codes = Codes(client, company)
    header: dict[str, Any] = {
        "externalDocumentNumber": fitting(
            order.reference, LONGEST_REFERENCE, "reference", "The reference"
        ),
        "customerId": await codes.customer(order.party_code),
        "currencyCode": order.currency,
    }
    if paper.ordered_by:
        header[paper.ordered_by] = fitting(
            order.comment, LONGEST_REFERENCE, "comment", "The purchase order"
        )
    if order.on:
        header[paper.dated] = order.on.isoformat()
    if order.payment_term:
        header["paymentTermsId"] = await codes.payment_term(order.payment_term)
    accounts = await codes.accounts({line.account_code for line in order.lines})
    await codes.taxes({line.tax_code for line in order.lines})
    codes.settle()
    lines: list[dict[str, Any]] = comments(order.description)
    for line in order.lines:
        booked = {
            "lineType": ACCOUNT,
            "accountId": accounts[line.account_code],
            "description": line.description[:LONGEST_TEXT],
            "quantity": paper.sign * line.quantity,
            "unitPrice": line.unit_price,
            "taxCode": line.tax_code,
            "unitOfMeasure": {"code": UNITS.get(line.unit, line.unit)},
        }
        origin = fitting(line.origin, LONGEST_TEXT, "origin", "The line's origin")
        lines += [booked, *overflow(line.description), *comments(origin)]
    return header, lines
