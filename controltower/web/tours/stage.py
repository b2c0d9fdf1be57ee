"""What a workflow is played on, once a deal was set up and billed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from controltower.transactions.models import Expectation
from controltower.web.tours.main_job import MainJob
from controltower.web.tours.walk import Door, TourFailed, Walk

Lines = Iterator[dict[str, Any]]
ONCE = "SIL"
"""A client whom the ERP has once; the firm has one on purpose that exists twice."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a workflow is played on: the walk, the sandbox's doors, the project set up before."""

    walk: Walk
    doors: Mapping[str, Door]
    job: MainJob

    @property
    def chain(self) -> str:
        """The correlation id of the deal."""
        assert self.job.setup is not None
        return self.job.setup.correlation_id

    def reached(self, milestone: str, about: str = "") -> Callable[[], bool]:
        """Whether the chain has come to a milestone."""
        rows = Expectation.objects.filter(correlation_id=self.chain, milestone=milestone)
        found = rows.filter(about=about) if about else rows
        return found.filter(met_at__isnull=False).exists

    def agree(self, what: str, here: Decimal, there: Decimal) -> dict[str, Any]:
        """Both sides' books, to the cent. Raises TourFailed."""
        if here != there:
            raise TourFailed(f"{what}: one side's books say {here}, the other's {there}.")
        return self.walk.tell("Books", f"{what}: {here:,.2f} on both sides")
