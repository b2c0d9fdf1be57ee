"""The tower's side of incidents: opened at the first breach, kept while it lasts, opened again
when it comes back, and resolved once it has been quiet for long enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db.models import Q
from django.db.transaction import atomic

from controltower.firm.models import Person, Role
from controltower.incidents import notices
from controltower.incidents.models import (
    OPEN,
    Cause,
    EntryKind,
    Incident,
    IncidentState,
    Severity,
)
from controltower.incidents.promises import QUIET_FOR
from controltower.incidents.timeline import TOWER, Figures, tell
from controltower.incidents.timers import remind_later, wind_up
from controltower.systems import upkeep
from controltower.systems.models import System
from controltower.transactions import bell

QUIET_ENOUGH = "Nothing of it showed for half an hour."
LADDER = {Role.OPERATOR: Role.CONTROLLER, Role.PMO_LEAD: Role.CONTROLLER}
"""Whom an incident goes to that nobody has acknowledged in time; then to the administrator."""
NOBODY_LEFT = "Nobody has taken it yet, and nobody is left to whom it could go."


def report(
    *,
    subject: str,
    title: str,
    now: datetime,
    severity: Severity = Severity.HIGH,
    owner_role: str = Role.OPERATOR,
    affected: Sequence[str] = (),
    halt: Sequence[System] = (),
    causes: Sequence[Cause] = (),
    systems: Sequence[System] = (),
    figures: Figures = (),
    by: Person | str = TOWER,
) -> Incident:
    """Something must not be: open its incident, or note that it lasts or is back. Systems in
    `halt` are not called on until a person resumes them, and not again for the same breach."""
    with atomic():
        incident, opened = _latest(subject, title, severity, owner_role, by, now)
        incident.causes.add(*causes)
        if opened:
            incident.systems.set(systems)
            wind_up(incident, now)
            tell(incident, EntryKind.OPENED, title, by=by, now=now, figures=figures)
        elif incident.state == IncidentState.RESOLVED or incident.quiet_since is not None:
            _back(incident, now, figures)
        if opened or set(affected) - set(incident.affected):
            _hold_back(incident, halt, now)
        incident.halted = sorted({*incident.halted, *(system.slug for system in halt)})
        _weigh(incident, Severity.HIGHEST if incident.halted else severity, now, figures)
        incident.affected, incident.seen_at = list(affected), now
        incident.save()
    return incident


def _latest(
    subject: str, title: str, severity: str, owner_role: str, by: Person | str, now: datetime
) -> tuple[Incident, bool]:
    """The subject's incident that is not reviewed yet, or a new one."""
    known = Incident.objects.select_for_update().filter(subject=subject)
    resolved = known.filter(state=IncidentState.RESOLVED).order_by("-opened_at").first()
    if resolved is not None and not known.open().exists():
        return resolved, False
    return known.get_or_create(
        subject=subject,
        state__in=OPEN,
        defaults={
            "title": title[:240],
            "severity": severity,
            "opened_by": by if isinstance(by, str) else by.username,
            "owner_role": owner_role,
            "opened_at": now,
            "seen_at": now,
        },
    )


def _back(incident: Incident, now: datetime, figures: Figures) -> None:
    """It shows again, in its quiet time or after it was resolved."""
    again = incident.state == IncidentState.RESOLVED
    incident.state = IncidentState.ACKNOWLEDGED if incident.owner_id else IncidentState.TRIGGERED
    incident.quiet_since = incident.resolved_at = None
    incident.resolved_by = incident.note = ""
    incident.missed, incident.times = 0, incident.times + again
    wind_up(incident, now)
    text = "It is back after it was resolved." if again else "It is not quiet: it shows again."
    tell(incident, EntryKind.REOPENED, text, by=TOWER, now=now, figures=figures)


def _hold_back(incident: Incident, halt: Sequence[System], now: datetime) -> None:
    for system in halt:
        reason = f"Incident {incident.pk}: {incident.title}. Resume once it is understood."
        upkeep.trip(system=system, reason=reason, now=now)
    bell.ring("incidents", "systems", "tower")


def _weigh(incident: Incident, severity: Severity, now: datetime, figures: Figures) -> None:
    """Severity follows what is at stake; a graver one winds the timer up anew."""
    if incident.severity == severity:
        return
    order, was = list(Severity), Severity(incident.severity)
    graver = order.index(severity) < order.index(was)
    text = f"Severity is {severity.label.lower()} now, was {was.label.lower()}."
    incident.severity = severity
    if graver:
        wind_up(incident, now)
    tell(incident, EntryKind.SEVERITY, text, by=TOWER, now=now, figures=figures)


def holds(*, subject: str, now: datetime, figures: Figures = ()) -> None:
    """Nothing of it shows any more: its quiet time begins, or has lasted and resolves it. One that
    has held a system back is left to a person, who must say what it was."""
    with atomic():
        found = Incident.objects.select_for_update().filter(subject=subject).open()
        incident = found.first()
        if incident is None:
            return
        if incident.quiet_since is None:
            incident.quiet_since, incident.affected = now, []
            incident.save(update_fields=["quiet_since", "affected"])
            text = f"Nothing of it shows. It resolves when that has lasted {_minutes()} min."
            tell(incident, EntryKind.QUIET, text, by=TOWER, now=now, figures=figures)
        elif not incident.halted and now - incident.quiet_since >= QUIET_FOR:
            resolve(
                incident,
                by=TOWER,
                note="Nothing of it showed for half an hour.",
                now=now,
                figures=figures,
            )


def _minutes() -> int:
    return int(QUIET_FOR.total_seconds() // 60)


def resolve(
    incident: Incident, *, by: Person | str, note: str, now: datetime, figures: Figures = ()
) -> None:
    """open → resolved, in the caller's database transaction; the timers stop."""
    incident.state, incident.resolved_at, incident.note = IncidentState.RESOLVED, now, note[:600]
    incident.resolved_by = by if isinstance(by, str) else by.username
    wind_up(incident, now)
    incident.save()
    tell(incident, EntryKind.RESOLVED, note, by=by, now=now, figures=figures)


def _without(_incident: Incident) -> Figures:
    return ()


def miss(*, now: datetime, figures_of: Callable[[Incident], Figures] = _without) -> int:
    """What happens when a timer has run out: an incident that nobody acknowledged goes up the
    ladder; a late update is asked for once, then the deputy takes over. Where nobody else is left,
    it is said again in a rhythm (`promises.REMINDED_EVERY`). Below the highest severity it all
    stands still while whoever holds it has quiet hours. Returns how many timers had run out.
    `figures_of` says what hangs on one at this moment."""
    late = Incident.objects.open().filter(Q(remind_at=None) | Q(remind_at__lte=now))
    unseen = list(late.filter(acknowledge_by__lte=now).values_list("pk", flat=True))
    silent = list(late.filter(update_by__lte=now).values_list("pk", flat=True))
    for pk in (*unseen, *silent):
        with atomic():
            incident = Incident.objects.select_for_update().get(pk=pk)
            if incident.remind_at is None and notices.heard_at(incident, now) > now:
                wind_up(incident, now)
            else:
                run_out = _climb if pk in unseen else _remind
                run_out(incident, now, figures_of(incident))
            incident.save()
    return len(unseen) + len(silent)


def _climb(incident: Incident, now: datetime, figures: Figures) -> None:
    incident.missed += 1
    if incident.owner_role == Role.ADMINISTRATOR:
        tell(incident, EntryKind.MISSED, NOBODY_LEFT, by=TOWER, now=now, figures=figures)
        remind_later(incident, now)
        return
    role = LADDER.get(Role(incident.owner_role), Role.ADMINISTRATOR)
    incident.owner_role = role
    text = f"Nobody has acknowledged it in time: it goes to the {role.label.lower()}."
    tell(incident, EntryKind.MISSED, text, by=TOWER, now=now, figures=figures)
    wind_up(incident, now)
    if role == Role.ADMINISTRATOR:
        remind_later(incident, now)


def _remind(incident: Incident, now: datetime, figures: Figures) -> None:
    incident.missed += 1
    if incident.missed == 2 and incident.deputy is not None:
        _relieve(incident, now, figures)
        wind_up(incident, now)
        return
    text = f"The update due from {incident.owner} did not come: it is asked for again."
    tell(incident, EntryKind.MISSED, text, by=TOWER, now=now, figures=figures)
    if incident.missed == 1:
        wind_up(incident, now)
    else:
        remind_later(incident, now)


def _relieve(incident: Incident, now: datetime, figures: Figures) -> None:
    """The deputy takes over; who led stands by."""
    deputy, owner = incident.deputy, incident.owner
    assert deputy is not None
    text = f"{incident.missed} updates due from {owner} did not come: {deputy} takes over."
    incident.owner, incident.deputy = deputy, owner
    entry = tell(incident, EntryKind.HANDED, text, by=TOWER, now=now, figures=figures)
    told = {deputy: notices.LEADS}
    notices.tell_named(entry, told | ({owner: notices.RELIEVED} if owner else {}))
