"""What holds a whole connection: a sign-in that is refused, and the wish to be called less often.

Both belong to the connection, not to the step that met them: nothing is set aside one by one, and
other connections go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from controltower.canonical.verdicts import Kind, Misconfigured, TryLater, Verdict
from controltower.systems.models import System

PAUSE = timedelta(seconds=5)
"""How long a connection rests that does not say for how long."""
LONGEST_PAUSE = timedelta(hours=1)


def refuses_sign_in(verdict: Verdict) -> bool:
    """Whether our credentials are not accepted. A missing permission is of one record or
    operation, and stays with its step."""
    return isinstance(verdict, Misconfigured) and verdict.kind is Kind.AUTH


def pause_asked(verdict: Verdict) -> timedelta | None:
    """For how long the connection is to be left alone, if it has asked for that."""
    if not isinstance(verdict, TryLater) or verdict.kind is not Kind.RATE_LIMITED:
        return None
    return min(max(verdict.after or PAUSE, timedelta(0)), LONGEST_PAUSE)


def note(system: System, verdicts: Sequence[Verdict], now: datetime) -> bool:
    """Hold the connection of a system for what its answers say; whether anything changed.

    What was under way while a hold began shortens none, and an answer to it ends none.
    """
    refusal = next((one for one in verdicts if refuses_sign_in(one)), None)
    pauses = [asked for one in verdicts if (asked := pause_asked(one)) is not None]
    if refusal is None and not pauses:
        return False
    changed = 0
    shared = System.objects.filter(connection=system.connection)
    if refusal is not None and system.refused_at is None:
        text = str(getattr(refusal, "text", ""))[:300]
        changed = shared.filter(refused_at__isnull=True).update(refused_at=now, refusal=text)
        system.refused_at, system.refusal = now, text
    if pauses and (system.slow_until is None or system.slow_until < now + max(pauses)):
        system.slow_until = now + max(pauses)
        changed += shared.update(slow_until=system.slow_until)
    return bool(changed)


def release(connection: str) -> bool:
    """Its sign-in works again, or a person wants it tried; whether it was held."""
    held = System.objects.filter(connection=connection, refused_at__isnull=False)
    return bool(held.update(refused_at=None, refusal=""))


def refused() -> dict[str, list[System]]:
    """The active systems whose sign-in is refused, by connection."""
    found: dict[str, list[System]] = {}
    for system in System.objects.filter(active=True, refused_at__isnull=False):
        found.setdefault(system.connection, []).append(system)
    return found


def held(system: System, now: datetime) -> bool:
    """Whether no call to the system may go out now."""
    waits = system.slow_until is not None and system.slow_until > now
    return system.refused_at is not None or waits
