"""What RQ may run: shells that say "look at this", and call one function each."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from uuid import UUID

from django.db import close_old_connections, connection

from controltower import queues
from controltower.systems import anchor, announcements, subscribing
from controltower.transactions import (
    bodies,
    clock,
    interfaces,
    interpretation,
    knocking,
    periods,
    polling,
    regrouping,
    replay,
    replaying,
)
from controltower.transactions import drain as draining
from controltower.transactions.giving_way import give_way
from controltower.transactions.world import Outlook, World

AT_ONCE = 60.0
"""Seconds after which the interpretation of a backlog leaves the rest to a job of its own."""


def interpret() -> None:
    """Interpret received events until none is due, at every ring, or for as long as one job may."""
    close_old_connections()
    outlook, over = Outlook(), monotonic() + AT_ONCE
    for _ring in queues.rings(queues.INTAKE, "interpret"):
        if connection.connection is not None and not connection.is_usable():
            connection.close()
        while _interpret_some(outlook.now()):
            if monotonic() > over:
                queues.ring_now(queues.INTAKE, "interpret")
                return


def _interpret_some(around: World) -> bool:
    began = monotonic()
    taken_up = interpretation.interpret_due(limit=100, now=clock.now(), around=around)
    if taken_up:
        give_way(monotonic() - began)
    return bool(taken_up)


def drain() -> None:
    """Play what is due in all systems at every ring, once it is certain that the books are not
    older ones."""
    close_old_connections()
    anchor.watch(clock.now())
    draining.drain(rings=_rings_for_steps())


def _rings_for_steps() -> Iterator[None]:
    """What answers announced is kept after each ring."""
    for _ring in queues.rings(queues.ENGINE, "drain"):
        yield
        announcements.keep(now=clock.now())


def poll() -> None:
    """Read the change feeds that are due."""
    close_old_connections()
    queues.answered("poll")
    polling.poll()
    announcements.keep(now=clock.now())


def plan_replay(plan: str) -> None:
    """Ask the targets what a replay would do, and seal the plan."""
    close_old_connections()
    queues.answered("plan_replay", plan)
    replay.survey(plan)


def move_replay(plan: str) -> None:
    """Learn what came of a running replay's steps, and send its next wave."""
    close_old_connections()
    queues.answered("move_replay", plan)
    replaying.tick(UUID(plan), now=clock.now())


def watch_periods() -> None:
    """Ask the ERPs which months are open."""
    close_old_connections()
    queues.answered("watch_periods")
    periods.watch(now=clock.now())


def knock() -> None:
    """Ask connections that refused our sign-in whether they accept it again."""
    close_old_connections()
    queues.answered("knock")
    knocking.knock(now=clock.now())


def compare() -> None:
    """In recovery mode: ask which invoices carry the gathered work already."""
    close_old_connections()
    queues.answered("compare")
    regrouping.compare(now=clock.now())


def follow_interfaces() -> None:
    """Count who uses which interface, and take down by which contract."""
    close_old_connections()
    queues.answered("follow_interfaces")
    interfaces.follow(now=clock.now())


def watch_subscriptions() -> None:
    """Ask vendors whether they still send us what they were told to send."""
    close_old_connections()
    queues.answered("watch_subscriptions")
    subscribing.watch(now=clock.now())


def remove_bodies() -> None:
    """Remove a set of bodies that are past their time, once it is certain that the books are not
    older ones; the next set has its turn behind what else waits."""
    close_old_connections()
    queues.answered("remove_bodies")
    anchor.watch(clock.now())
    if bodies.remove(now=clock.now(), sets=1) == bodies.SET:
        queues.ring_now(queues.ENGINE, "remove_bodies")
