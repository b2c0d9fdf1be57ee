"""Advice by the month: a deal whose contract has a fee for each month, and what is signed of it."""

from __future__ import annotations

import zlib
from datetime import date
from decimal import Decimal
from typing import Any

from integrations.sandbox.salesforce.life.firm_at_work import T_AND_M, FirmAtWork, cents
from integrations.sandbox.salesforce.schema import OBJECTS
from integrations.sandbox.salesforce.store import Row

_NAMED = " – by the month"
_COMPANIES = ("LF-DE", "LF-UK")
_HOURS, _MONTHS = 60, 12


def sell_retainer(work: FirmAtWork) -> tuple[str, dict[str, str]]:
    """Somebody wins a year of advice."""
    deal = work.open_deal(entity=work.chance.choice(_COMPANIES), billing=T_AND_M)
    name = str(work.org.live(OBJECTS["Opportunity"], deal)["Name"])
    work.org.change("Opportunity", deal, {"Name": name + _NAMED})
    work.win(deal)
    return "retainer sold", {"opportunity": deal, "name": name + _NAMED}


def retainer_of(deal: Row, today: date) -> dict[str, Any]:
    """What the contract of a deal says of its retainer; nothing where it has none."""
    if not str(deal["Name"]).endswith(_NAMED):
        return {}
    drawn = zlib.crc32(str(deal["Id"]).encode())
    return {
        "retainer": cents(Decimal(str(deal["Amount"])) / _MONTHS),
        "retainer_hours": _HOURS,
        "retainer_billed": "advance",
        "retainer_above": ("bill", "hold")[drawn % 2],
        "retainer_unused": ("expire", "carry over")[drawn // 2 % 2],
        "starts_on": today.isoformat(),
    }
