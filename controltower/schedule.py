"""Every periodic job on one page; the dispatcher plays them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from controltower import queues
from controltower.firm import audit
from controltower.incidents import asking, connections, delivering, drifting, expiring, letters
from controltower.mappings import scheduling
from controltower.measures import exposure, rollups, waking
from controltower.measures.kpis import unproven
from controltower.systems import anchor, downtimes
from controltower.transactions import (
    agreed_templates,
    bodies,
    closing,
    pausing,
    paying,
    polling,
    promising,
    publishing,
    recovery,
    replaying,
    retaining,
    retention,
    stalled,
    sweeper,
    uncapping,
    watching,
)


@dataclass(frozen=True, slots=True)
class Periodic:
    """A job and how often it runs."""

    name: str
    every: timedelta
    run: Callable[[datetime], object]


def ring_polls(now: datetime) -> None:
    """Ask a worker to read the feeds that are due."""
    if polling.feeds_due(now=now).exists():
        queues.ring(queues.FEEDS, "poll")


def ring_replays(_now: datetime) -> None:
    """Have a worker move running replays on: a large wave must not hold up the dispatcher."""
    for plan in replaying.running():
        queues.ring(queues.REPLAYS, "move_replay", str(plan))


def ring_periods(_now: datetime) -> None:
    """Have a worker ask the ERPs: a slow ERP must not hold up the dispatcher itself."""
    queues.ring(queues.ENGINE, "watch_periods")


def ring_assurance(_now: datetime) -> None:
    """Have a worker look at the invariants."""
    queues.ring(queues.ENGINE, "assure")


def release_what_has_room(now: datetime) -> None:
    """Take up what waits for its contract where something has just happened; all of it is looked at
    from time to time."""
    uncapping.release(now=now, since=now - timedelta(minutes=1))


def follow_connections(now: datetime) -> None:
    """Connections that refuse our sign-in: an incident each, and a knock from time to time."""
    if connections.follow(now=now):
        queues.ring(queues.ENGINE, "knock")


def ring_deliveries(now: datetime) -> None:
    """Have a worker send what is due: a slow mail server must not hold up the dispatcher."""
    if delivering.due(now=now).exists():
        queues.ring(queues.ENGINE, "deliver")


def ring_digests(_now: datetime) -> None:
    """Have a worker write the daily mails whose time has come."""
    queues.ring(queues.ENGINE, "write_digests")


def ring_warnings(now: datetime) -> None:
    """Have a worker warn of promises that are near their end, where there are any."""
    if exposure.near_their_end(now).exists():
        queues.ring(queues.ENGINE, "warn_of_promises")


def ring_watch(_now: datetime) -> None:
    """Have a worker open and keep incidents."""
    queues.ring(queues.ENGINE, "watch")


def ring_interfaces(_now: datetime) -> None:
    """Have a worker keep the interface registry."""
    queues.ring(queues.ENGINE, "follow_interfaces")


def ring_subscriptions(_now: datetime) -> None:
    """Have a worker ask vendors for their subscriptions."""
    queues.ring(queues.ENGINE, "watch_subscriptions")


def ring_surveys(now: datetime) -> None:
    """Replay plans whose survey was never done."""
    for plan in replaying.unsurveyed(now=now):
        queues.ring(queues.ENGINE, "plan_replay", str(plan))


def ring_bodies(_now: datetime) -> None:
    """Have a worker remove the bodies of events that are past their time, where there is one."""
    if bodies.kept() is not None:
        queues.ring(queues.ENGINE, "remove_bodies")


_PAYROLL = paying.Looked()


def tell_payroll(now: datetime) -> None:
    """Tell payroll what it does not know yet of months that are cut off; those that nothing has
    come for are not added up each time."""
    paying.tell(now=now, looked=_PAYROLL)


SCHEDULE = (
    Periodic("anchor", timedelta(seconds=5), anchor.mark),
    Periodic("recovery", timedelta(seconds=1), lambda now: recovery.tick(now=now)),
    Periodic("sweep", timedelta(seconds=1), lambda now: sweeper.sweep(now=now)),
    Periodic("expectations", timedelta(seconds=2), lambda now: watching.watch(now=now)),
    Periodic("stalled workers", timedelta(seconds=5), lambda _now: stalled.end_stalled()),
    Periodic("facts", timedelta(seconds=2), lambda now: publishing.publish(now=now)),
    Periodic("polls", timedelta(seconds=1), ring_polls),
    Periodic("replays", timedelta(seconds=1), ring_replays),
    Periodic("surveys", timedelta(seconds=10), ring_surveys),
    Periodic("dead letters", timedelta(seconds=5), lambda now: letters.catch_up(now=now)),
    Periodic("what was put aside", timedelta(seconds=15), lambda now: waking.wake(now=now)),
    Periodic("periods", timedelta(seconds=20), ring_periods),
    Periodic("room below caps", timedelta(seconds=5), release_what_has_room),
    Periodic("all below caps", timedelta(minutes=10), lambda now: uncapping.release(now=now)),
    Periodic("retainers", timedelta(seconds=10), lambda now: retaining.tell(now=now)),
    Periodic("pay inputs", timedelta(minutes=1), tell_payroll),
    Periodic("month ends", timedelta(seconds=10), lambda now: closing.watch(now=now)),
    Periodic("held connections", timedelta(seconds=15), follow_connections),
    Periodic("downtimes", timedelta(seconds=5), lambda now: downtimes.follow(now=now)),
    Periodic("drifts", timedelta(seconds=10), lambda now: drifting.follow(now=now)),
    Periodic("expiries", timedelta(minutes=10), lambda now: expiring.follow(now=now)),
    Periodic("subscriptions", timedelta(minutes=5), ring_subscriptions),
    Periodic("interfaces", timedelta(minutes=2), ring_interfaces),
    Periodic("assurance", timedelta(minutes=1), ring_assurance),
    Periodic("incidents", timedelta(seconds=20), ring_watch),
    Periodic("asks", timedelta(seconds=5), lambda now: asking.follow(now=now)),
    Periodic("messages", timedelta(seconds=5), ring_deliveries),
    Periodic("daily mails", timedelta(minutes=1), ring_digests),
    Periodic("warnings", timedelta(minutes=1), ring_warnings),
    Periodic("audit anchor", timedelta(seconds=30), audit.anchor),
    Periodic("mappings", timedelta(seconds=5), lambda now: scheduling.take_effect(now=now)),
    Periodic("rollups", timedelta(seconds=2), lambda _now: rollups.fold()),
    Periodic("standings", timedelta(minutes=10), lambda now: unproven.keep(now=now)),
    Periodic("pauses", timedelta(seconds=15), lambda now: pausing.follow(now=now)),
    Periodic("promises", timedelta(minutes=10), lambda now: promising.write_down(now=now)),
    Periodic("templates", timedelta(minutes=10), lambda now: agreed_templates.write_down(now=now)),
    Periodic("logs", timedelta(hours=1), lambda now: retention.keep(now=now)),
    Periodic("bodies of events", timedelta(hours=1), ring_bodies),
)
