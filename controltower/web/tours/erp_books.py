"""The firm's books of what it sells, in whichever of its ERPs they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controltower.web.tours.walk import Door, TourFailed

ERPS = ("tryton", "business_central", "netsuite")
BOOKED = frozenset({"posted", "paid"})
"""The sandbox's clients pay by themselves, a while after an invoice is posted."""
Row = dict[str, Any]


@dataclass(frozen=True)
class ErpBooks:
    """What each ERP's own books hold, one after the other. `doors` are the sandbox systems'."""

    doors: Mapping[str, Door]

    def running(self) -> Iterator[tuple[str, Door]]:
        """The ERPs that run here, by name."""
        return ((name, self.doors[name]) for name in ERPS if name in self.doors)

    def booked(self) -> Iterator[tuple[str, Row]]:
        """Posted invoices and credit notes, with the ERP that has each. Raises TourFailed."""
        for name, door in self.running():
            for row in door.books("invoices"):
                if row["state"] in BOOKED:
                    yield name, row

    def revenue(self) -> Iterator[Row]:
        """What is recognised of each project and month. Raises TourFailed."""
        for _name, door in self.running():
            yield from door.books("revenue")

    def pay(self, name: str, invoice: Row) -> None:
        """Have an invoice paid, which its client may have done unasked since it was read. Raises
        TourFailed."""
        door = self.doors[name]
        try:
            door.do("pay_invoice", number=invoice["number"])
        except TourFailed:
            (now,) = (
                row for row in door.books("invoices") if row["reference"] == invoice["reference"]
            )
            if now["state"] != "paid":
                raise
