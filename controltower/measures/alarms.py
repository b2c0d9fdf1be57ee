"""Opens incidents for what is down or dear, keeps them while it lasts, and lets them go quiet.

The rules' thresholds are the firm's (docs/settings.md). Incidents about invariants are kept by
`assurance`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from controltower.incidents import leading, watch
from controltower.incidents.models import Cause, DeadLetter, Incident, IncidentState, Severity
from controltower.measures import at_stake, burning, exposure
from controltower.systems.models import Downtime, System
from controltower.transactions.models import Transaction
from controltower.transactions.models.states import LIVE

MOST_KEPT = 200
PROMISE = "promise:"
MOST_BURNING = 3
MUCH_MORE = 5
"""So many times the threshold is of the highest severity."""


def look(*, now: datetime) -> None:
    """Open what the rules ask for, see to what is there, and let missed timers have their way."""
    for cause, figures in dear_causes(now):
        subject = leading.subject_of(cause)
        if not _has_one(subject, Q(causes=cause)):
            watch.report(
                subject=subject, title=cause.title, severity=severity(figures),
                owner_role=cause.owner_role, causes=[cause], figures=figures, now=now,
            )  # fmt: skip
    for system in down_systems(now):
        subject = leading.subject_of(system)
        if not _has_one(subject, Q(systems=system) | Q(halted__contains=system.slug)):
            watch.report(
                subject=subject, title=down_title(system), systems=[system],
                severity=Severity.HIGH, now=now,
            )  # fmt: skip
    _promises(now)
    for incident in _kept():
        keep(incident, now)
    watch.miss(now=now, figures_of=lambda one: at_stake.figures(at_stake.hanging_on(one), now))


def _promises(now: datetime) -> None:
    """Processes whose promises are missed too fast have an incident; others let theirs go."""
    burns = {f"{PROMISE}{burn.process}": burn for burn in burning.burning(now)}
    for subject, burn in burns.items():
        watch.report(
            subject=subject, title=burning.title(burn), severity=burn.stretch.severity,
            owner_role=burning.owner_role(burn), figures=at_stake.figures(_late(burn, now), now),
            causes=_burnt_by(burn, now), now=now,
        )  # fmt: skip
    for incident in Incident.objects.open().filter(subject__startswith=PROMISE):
        if incident.subject not in burns:
            watch.holds(subject=incident.subject, now=now)


def _late(burn: burning.Burn, now: datetime) -> QuerySet[Transaction]:
    return Transaction.objects.filter(process=burn.process, state__in=LIVE, due_at__lt=now)


def _burnt_by(burn: burning.Burn, now: datetime) -> list[Cause]:
    """The causes that hold most of what is late in the process."""
    held = DeadLetter.objects.open().filter(transaction__in=_late(burn, now))
    counted = Cause.objects.filter(letters__in=held).annotate(late=Count("letters"))
    return list(counted.order_by("-late", "pk")[:MOST_BURNING])


def _has_one(subject: str, linked: Q) -> bool:
    """Whether an incident of this subject is kept below, or an open one has it already; one about a
    promise has no eye for how dear its causes become."""
    kept = Incident.objects.exclude(state=IncidentState.REVIEWED)
    others = kept.open().exclude(subject__startswith=PROMISE)
    return kept.filter(subject=subject).exists() or others.filter(linked).exists()


def dear_causes(now: datetime) -> list[tuple[Cause, list[dict[str, Any]]]]:
    """Causes nobody has put aside with so much money or so many transactions that they are worth
    an incident, and their figures."""
    letters = exposure.priced(DeadLetter.objects.open(), "transaction__")
    found = exposure.stakes(letters, "cause", at="transaction__")
    least, many = settings.INCIDENT_ABOVE, settings.INCIDENT_COUNT
    dear = [pk for (pk,), one in found.items() if one.amount >= least or one.count >= many]
    return [
        (cause, at_stake.figures(at_stake.held_by(cause), now))
        for cause in Cause.objects.awake(now).filter(pk__in=dear)
    ]


def down_systems(now: datetime) -> list[System]:
    """Systems that are down, or held back, for longer than the firm promises; but those of which
    everybody knows beforehand."""
    down = Q(opened_at__lte=now - settings.SYSTEM_DOWN_FOR) & ~Q(circuit="closed")
    held = Q(paused_at__lte=now - settings.SYSTEM_HELD_FOR)
    planned = Downtime.objects.under_way(now).values("system")
    return list(System.objects.filter(down | held, active=True).exclude(pk__in=planned))


def down_title(system: System) -> str:
    """What the incident of a system is called."""
    if system.paused_at is not None:
        return f"{system.title} is held back"
    return f"{system.title} does not answer"


def severity(figures: Sequence[dict[str, Any]]) -> Severity:
    """From the money at stake and the promises that are broken."""
    whole = at_stake.kept(figures)
    if whole.amount >= MUCH_MORE * settings.INCIDENT_ABOVE or whole.late >= settings.INCIDENT_ABOVE:
        return Severity.HIGHEST
    if whole.amount >= settings.INCIDENT_ABOVE or whole.late > 0:
        return Severity.HIGH
    return Severity.MODERATE


def _kept() -> list[Incident]:
    """Those about causes, systems and transactions that are not reviewed; invariants' are
    `assurance`'s."""
    about = Q(subject__startswith="cause:") | Q(subject__startswith="system:")
    found = Incident.objects.exclude(state=IncidentState.REVIEWED).filter(about)
    return list(found[:MOST_KEPT])


def keep(incident: Incident, now: datetime) -> None:
    """Tell its watch whether its trouble is still there."""
    figures = at_stake.figures(at_stake.hanging_on(incident), now)
    away = at_stake.unwell(incident)
    if not figures and not away:
        watch.holds(subject=incident.subject, now=now, figures=figures)
        return
    weight = severity(figures)
    if away and weight == Severity.MODERATE:
        weight = Severity.HIGH
    watch.report(
        subject=incident.subject, title=incident.title, severity=weight, figures=figures, now=now,
    )  # fmt: skip
