"""Our own references, which the vendor keeps beside a record and writes together with it.

They are the only thing by which the vendor finds what we have sent. Whether it narrows a listing
of them down as asked is not documented, so what comes back is compared here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controltower.canonical.verdicts import Exchange
from integrations.answers import as_agreed
from integrations.kantata.client import KantataClient
from integrations.kantata.envelope import identifier
from integrations.shape import Row, text


@dataclass(frozen=True, slots=True)
class Reference:
    """One of ours: the name that the account knows us by, our word for the record, and its key."""

    service: str
    model: str
    ref: str

    def fields(self) -> dict[str, str]:
        """As a member of the record that is created with it."""
        return {
            "service_name": self.service,
            "service_model": self.model,
            "service_model_ref": self.ref,
        }

    def is_in(self, row: Row) -> bool:
        """Whether a row is this reference. Raises Drift."""
        return self.fields() == {name: text(row, name) for name in self.fields()}


async def subjects(
    client: KantataClient, subject: str, ours: Reference
) -> tuple[Sequence[str], Exchange]:
    """The ids of the records of that kind that carry the reference. Raises CallFailed."""
    found = await client.all("external_references", **ours.fields())

    def carrying() -> list[str]:
        rows = [row for row in found.rows if ours.is_in(row)]
        named = [row for row in rows if _words(text(row, "subject_type")) == subject]
        return list(dict.fromkeys(identifier(row, "subject_id") for row in named))

    return as_agreed(carrying, found.exchange), found.exchange


def _words(name: str) -> str:
    """ "TimeEntry" as the vendor's paths write it."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
