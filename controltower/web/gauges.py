"""The business gauges of `/metrics`, read from the database at each scrape."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import redis
from django.db.models import Count, Min, Sum
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from controltower import queues
from controltower.systems.models import Circuit, Feed, Recovery, System
from controltower.transactions.models import EventState, InboundEvent, Step, Transaction
from controltower.transactions.protocol import CLAIMABLE

CONTENT_TYPE = CONTENT_TYPE_LATEST
PREFIX = "controltower_"


def text(now: datetime) -> bytes:
    """All gauges in Prometheus' text format. Raises django.db.DatabaseError."""
    registry = CollectorRegistry()
    registry.register(_Tower(now))
    return generate_latest(registry)


class _Tower:
    """Collects what is true now."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield self._live()
        yield from self._stuck()
        yield self._due()
        yield self._waiting()
        yield from self._systems()
        yield self._feeds()
        yield self._recovery()
        yield from _queues()

    def _live(self) -> GaugeMetricFamily:
        gauge = _gauge("transactions_live", "Transactions not yet at an end.", "state")
        rows = Transaction.objects.live().order_by().values_list("state").annotate(n=Count("pk"))
        for state, count in rows:
            gauge.add_metric([state], count)
        return gauge

    def _stuck(self) -> Iterator[GaugeMetricFamily]:
        count = _gauge("stuck", "Transactions that wait for a person.", "entity", "currency")
        money = _gauge(
            "stuck_amount", "Their amount in major units of the currency.", "entity", "currency"
        )
        oldest = _gauge("stuck_oldest_seconds", "Age of the one stuck longest.")
        stuck = Transaction.objects.stuck().order_by()
        rows = stuck.values_list("entity__code", "currency").annotate(
            n=Count("pk"), worth=Sum("amount")
        )
        for entity, currency, many, worth in rows:
            count.add_metric([entity or "", currency], many)
            money.add_metric([entity or "", currency], float(worth))
        since = stuck.aggregate(since=Min("changed_at"))["since"]
        oldest.add_metric([], (self.now - since).total_seconds() if since else 0)
        yield from (count, money, oldest)

    def _due(self) -> GaugeMetricFamily:
        gauge = _gauge("steps_due", "Steps that could be played now: scale workers on this.")
        due = Step.objects.filter(state__in=CLAIMABLE, due_at__lte=self.now)
        gauge.add_metric([], due.count())
        return gauge

    def _waiting(self) -> GaugeMetricFamily:
        gauge = _gauge("events_waiting", "Received events not interpreted yet.")
        gauge.add_metric([], InboundEvent.objects.filter(state=EventState.RECEIVED).count())
        return gauge

    def _systems(self) -> Iterator[GaugeMetricFamily]:
        circuit = _gauge("circuit", "1 for the state that the circuit is in.", "system", "state")
        paused = _gauge("system_paused", "1 while a person has paused the system.", "system")
        for system in System.objects.filter(active=True):
            for state in Circuit.values:
                circuit.add_metric([system.slug, state], float(system.circuit == state))
            paused.add_metric([system.slug], float(system.paused_at is not None))
        yield from (circuit, paused)

    def _recovery(self) -> GaugeMetricFamily:
        gauge = _gauge("recovery", "1 in recovery mode, while nothing is sent to any system.")
        gauge.add_metric([], float(Recovery.objects.open().exists()))
        return gauge

    def _feeds(self) -> GaugeMetricFamily:
        gauge = _gauge("feed_lag_seconds", "Since the feed was last read.", "system", "entity")
        for feed in Feed.objects.select_related("system").filter(polled_at__isnull=False):
            assert feed.polled_at is not None
            lag = max((self.now - feed.polled_at).total_seconds(), 0)
            gauge.add_metric([feed.system.slug, feed.entity], lag)
        return gauge


def _queues() -> Iterator[GaugeMetricFamily]:
    """Queue lengths; left out, with `redis_up` 0, while Redis is away."""
    up = _gauge("redis_up", "1 when Redis answers.")
    gauge = _gauge("queue_length", "Jobs that wait in Redis (a doorbell, not the work).", "queue")
    try:
        for name, length in queues.lengths().items():
            gauge.add_metric([name], length)
        up.add_metric([], 1)
    except redis.RedisError:
        up.add_metric([], 0)
    yield from (gauge, up)


def _gauge(name: str, says: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, says, labels=labels)
