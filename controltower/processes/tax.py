"""Which tax treatment a sale has: place-of-supply rules for services between businesses.

Source: EU VAT Directive 2006/112/EC art. 44 and 196 (business customer's country taxes; reverse
charge inside the EU); services to customers outside the seller's tax territory leave untaxed.
"""

from __future__ import annotations

from controltower.canonical.verdicts import Kind
from controltower.processes.definition import Entity, Refuse

EU = frozenset(
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE".split()
)

DOMESTIC, REVERSE_CHARGE, EXPORT = "domestic", "reverse_charge", "export"


def treatment(seller: Entity, country: str, vat_number: str) -> str | Refuse:
    """The treatment of a service sold by `seller` to a business in `country`.

    Refuses when the country is unknown, or a reverse charge has no VAT number to rest on.
    """
    if not country:
        return Refuse(
            Kind.VALIDATION,
            "The client has no billing country, so its tax treatment cannot be decided.",
            "country",
        )
    if country == seller.country:
        return DOMESTIC
    if country in EU and seller.country in EU:
        if not vat_number:
            return Refuse(
                Kind.VALIDATION,
                f"The client is in {country} and has no VAT number: reverse charge from "
                f"{seller.name} needs one.",
                "vat_number",
            )
        return REVERSE_CHARGE
    return EXPORT
