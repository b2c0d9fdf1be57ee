"""Work above a cap is billed by itself once its contract has room for it, oldest work first."""

from __future__ import annotations

from datetime import datetime

from controltower.processes import capped_work, time_and_expense_to_billing
from controltower.transactions import cases, contracts, engine
from controltower.transactions.cases import Case
from controltower.transactions.models import Step
from controltower.transactions.protocol import State


def release(*, now: datetime) -> int:
    """Take up what waits for room that is there now, such as by a change order; returns how many
    transactions."""
    waiting = Step.objects.filter(
        state=State.PARKED,
        field=capped_work.CAP,
        transaction__process=time_and_expense_to_billing.PROCESS.name,
    ).order_by("transaction__started_at")
    released = 0
    for owner in waiting.values_list("transaction_id", flat=True):
        with cases.opened([owner], now=now, patient=False) as found:
            for case in found.values():
                if _has_room(case):
                    engine.reconsider(case, why="the cap of its contract has room again")
                    released += 1
    return released


def _has_room(case: Case) -> bool:
    known = contracts.agreed(case)["contracts"]
    waits = any(s.state == State.PARKED and s.field == capped_work.CAP for s in case.steps)
    return waits and any(
        capped_work.room(one).minor > 0 for one in known.values() if capped_work.CAP in one
    )
