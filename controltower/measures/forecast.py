"""When what a month waits for people for will be done, if it goes as it mostly went.

Nine tenths of what was solved in the last 30 days was solved within some time of getting stuck.
What is stuck now is foretold to be done once the last of it has been stuck for as long. Few that
were solved tell nothing, and of what has been stuck for longer than that nothing is foretold.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Aggregate, Count, DurationField, ExpressionWrapper, F, Max

from controltower.incidents.models import DeadLetter
from controltower.measures.exposure import Scope, within
from controltower.measures.kpis.repairs import solved_since
from controltower.measures.promises import DAYS

LEAST = 5
"""Of fewer nobody can say how long it takes."""


class NineTenths(Aggregate):
    """The length of time within which nine tenths lie."""

    template = "percentile_cont(0.9) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


@dataclass(frozen=True, slots=True)
class Forecast:
    """`done_by` is when it will be done (UTC): None where too little was `solved` in 30 days to
    say; `takes` is within how long nine tenths of that was."""

    solved: int
    takes: timedelta | None
    done_by: datetime | None

    def is_overdue(self, now: datetime) -> bool:
        """Whether it should have been done by now."""
        return self.done_by is not None and self.done_by <= now


def forecast(scope: Scope, entities: Collection[str], month: str, now: datetime) -> Forecast | None:
    """Of what needs someone in a month of these companies; None where nothing does."""
    of_month = DeadLetter.objects.open().filter(
        transaction__month=month, transaction__entity__code__in=entities
    )
    last = within(scope, of_month).aggregate(last=Max("opened_at"))["last"]
    if last is None:
        return None
    took = ExpressionWrapper(F("resolved_at") - F("opened_at"), output_field=DurationField())
    solved = within(scope, solved_since(now - timedelta(days=DAYS))).order_by()
    found = solved.aggregate(count=Count("pk"), takes=NineTenths(took))
    if found["count"] < LEAST:
        return Forecast(found["count"], None, None)
    return Forecast(found["count"], found["takes"], last + found["takes"])
