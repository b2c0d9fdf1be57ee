"""Work between companies: people of one company on the project of another.

The client is billed by the project's company alone; that the employing one bears the cost is said
where the work is taken up, kept with it, and told to the figures. No price between companies is
agreed, so nothing is booked for it: whoever closes the month reads it from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]
LENT = "between_companies"
"""Under which a step says whose people have worked here, and for how many hours."""


def is_between(item: Row, company: str) -> bool:
    """Whether work was done by somebody whom another company employs, as far as that is known."""
    return item.get("employer", "") not in ("", company)


def lent(items: Sequence[Row], company: str) -> dict[str, str]:
    """By employing company, how many hours its people have worked for this one."""
    found: dict[str, Decimal] = {}
    for item in items:
        if is_between(item, company) and "hours" in item:
            employer = str(item["employer"])
            found[employer] = found.get(employer, Decimal(0)) + Decimal(str(item["hours"]))
    return {employer: str(hours) for employer, hours in sorted(found.items())}


def kept(hours: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """What a step keeps of it; nothing where nobody has worked for another company."""
    return {LENT: hours} if hours else {}


def told(hours: Mapping[str, str], company: str) -> str:
    """The same in words; "" where nobody has worked for another company."""
    parts = ", ".join(f"{count} hours of {employer}" for employer, count in hours.items())
    return f"Between companies: {parts} for {company}." if parts else ""
