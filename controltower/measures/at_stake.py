"""What hangs on an incident, in the figures of `exposure`: never another sum."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    Func,
    Min,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Concat

from controltower.firm.rights import entities_of
from controltower.incidents.models import Cause, DeadLetter, Incident, Run
from controltower.measures import exposure
from controltower.measures.exposure import Parts, Scope, Stake
from controltower.measures.health import OUTSTANDING
from controltower.systems.models import Circuit, System
from controltower.transactions.models import Step, Transaction

UNWELL = Q(paused_at__isnull=False) | ~Q(circuit=Circuit.CLOSED)
"""A system that nothing gets through to."""


def hanging_on(incident: Incident) -> QuerySet[Transaction]:
    """The transactions of an incident: what its causes hold, what waits for its systems while they
    are unwell, and what people have linked and is stuck."""
    return together([incident.pk])


def together(incidents: Sequence[int]) -> QuerySet[Transaction]:
    """The transactions of several incidents, each once."""
    causes = Incident.causes.through.objects.filter(incident__in=incidents)
    systems = Incident.systems.through.objects.filter(incident__in=incidents)
    links = Incident.transactions.through.objects.filter(incident__in=incidents)
    letters = DeadLetter.objects.open().filter(cause__in=causes.values("cause"))
    steps = _waiting_for(System.objects.filter(UNWELL, pk__in=systems.values("system")))
    linked = Transaction.objects.stuck().filter(pk__in=links.values("transaction"))
    found = letters.order_by().values_list("transaction")
    ids = found.union(
        steps.order_by().values_list("transaction"), linked.order_by().values_list("pk")
    )
    return Transaction.objects.filter(pk__in=ids)


def _waiting_for(systems: QuerySet[System]) -> QuerySet[Step]:
    return Step.objects.filter(OUTSTANDING, system__in=systems.order_by().values("pk"))


def of_each(incidents: Collection[int], scope: Scope) -> tuple[Mapping[int, Stake], Stake]:
    """What of each of several incidents this person sees, and of all of them together, each
    transaction once: asked as often for a hundred incidents as for one."""
    found, whole = {pk: Stake() for pk in incidents}, Stake()
    hanging = together(list(incidents)).order_by().values("pk")
    rows = exposure.priced(exposure.transactions(scope).filter(pk__in=hanging))
    alike = exposure.stakes(rows.annotate(hangs_on=_incidents_of(incidents)), "hangs_on")
    for (hangs_on,), own in alike.items():
        whole.add(own)
        for incident in {int(pk) for pk in hangs_on.split()}:
            found[incident].add(own)
    return found, whole


def _incidents_of(incidents: Collection[int]) -> Func:
    """An expression for the incidents on which a transaction hangs, as `together` finds them: their
    numbers side by side, in one order, so that those which hang on the same can be added up."""
    letters = DeadLetter.objects.open().filter(
        transaction=OuterRef("pk"), cause__incidents__in=incidents
    )
    links = Incident.transactions.through.objects.filter(
        incident__in=incidents, transaction=OuterRef("pk"),
        transaction__in=Transaction.objects.stuck(),
    )  # fmt: skip
    steps = Step.objects.filter(
        OUTSTANDING, transaction=OuterRef(OuterRef("pk")), system=OuterRef("system")
    )
    unwell_ones = System.objects.filter(UNWELL).order_by().values("pk")
    about = Incident.systems.through.objects.filter(
        Exists(steps), incident__in=incidents, system__in=unwell_ones
    )
    return Concat(
        _side_by_side(letters, "cause__incidents"),
        Value(" "),
        _side_by_side(links, "incident"),
        Value(" "),
        _side_by_side(about, "incident"),
        output_field=TextField(),
    )


def _side_by_side(rows: QuerySet[Any], incident: str) -> Func:
    numbers = ArraySubquery(rows.order_by(incident).values(incident).distinct())
    return Func(numbers, Value(" "), function="array_to_string", output_field=TextField())


def run_hangs_on(run: Run) -> QuerySet[Transaction]:
    """The transactions that a run of a runbook is about."""
    if run.incident is not None:
        return hanging_on(run.incident)
    assert run.cause is not None
    return held_by(run.cause)


def held_by(cause: Cause) -> QuerySet[Transaction]:
    """The transactions that a cause holds."""
    letters = DeadLetter.objects.open().filter(cause=cause).order_by()
    return Transaction.objects.filter(pk__in=letters.values("transaction"))


def unwell(incident: Incident) -> list[System]:
    """Its systems that nothing gets through to."""
    return list(incident.systems.filter(UNWELL))


def stake(rows: QuerySet[Transaction], scope: Scope) -> Stake:
    """What of it this person sees, in the reporting currency."""
    seen = exposure.transactions(scope).filter(pk__in=rows.order_by().values("pk"))
    return exposure.stake(exposure.priced(seen))


def figures(rows: QuerySet[Transaction], now: datetime) -> list[dict[str, Any]]:
    """The figures of this moment, one line per legal entity, to be kept as evidence. Amounts are
    exact text in the reporting currency; `due` is the first moment at which one is, in UTC."""
    is_late = Case(When(due_at__lt=now, then=True), default=False, output_field=BooleanField())
    keys = ("entity__code", "is_late")
    parts = Parts(keys, exposure.stakes(exposure.priced(rows).annotate(is_late=is_late), *keys))
    whole = parts.by("entity__code")
    due = dict(rows.order_by().values_list("entity__code").annotate(first=Min("due_at")))
    return [
        {
            "entity": code or "",
            "count": one.count,
            "amount": str(one.amount),
            "late": str(parts.stakes.get((code, True), Stake()).amount),
            "currency": exposure.reporting_currency(),
            "due": due[code].isoformat() if due.get(code) else None,
        }
        for (code,), one in sorted(whole.items(), key=lambda pair: pair[0][0] or "")
    ]


@dataclass(frozen=True, slots=True)
class Kept:
    """Evidence as one person may see it: a count, and amounts in `currency`."""

    count: int
    amount: Decimal
    late: Decimal
    currency: str


def kept(lines: Iterable[Mapping[str, Any]], scope: Scope | None = None) -> Kept:
    """Add kept figures up, as far as the person sees; all of them without one."""
    codes = entities_of(scope.person) if scope else None
    seen = [
        line
        for line in lines
        if (codes is None or line["entity"] in codes)
        and (scope is None or scope.entity in {"", line["entity"]})
    ]
    currencies = [str(line["currency"]) for line in seen]
    return Kept(
        count=sum(int(line["count"]) for line in seen),
        amount=sum((Decimal(line["amount"]) for line in seen), Decimal(0)),
        late=sum((Decimal(line["late"]) for line in seen), Decimal(0)),
        currency=currencies[0] if currencies else exposure.reporting_currency(),
    )
