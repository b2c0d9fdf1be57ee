"""For machines that watch the tower: alive, ready, and the business gauges."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from controltower import VERSION, queues
from controltower.transactions import recovery
from controltower.web import gauges
from controltower.web.errors import problem, reference_of

HEARTBEAT = "controltower:dispatcher"
"""The key under which the dispatcher writes the time of its last beat."""
LATE_AFTER = 15
"""Seconds without a beat after which the dispatcher counts as gone."""

_migrated = False


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; it looks at nothing else."""
    return JsonResponse({"alive": True, "version": VERSION})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when all that the tower needs is there, else 503; each part says how it is."""
    checks = {name: _sentence(check) for name, check in CHECKS.items()}
    fine = all(said.startswith("ok") for said in checks.values())
    return JsonResponse({"ready": fine, "checks": checks}, status=200 if fine else 503)


def _sentence(check: Callable[[], str]) -> str:
    try:
        return check()
    except DatabaseError:
        return "PostgreSQL does not answer."
    except redis.RedisError:
        return "Redis does not answer."


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations() -> str:
    """Whether the schema is this version's; asked until it is, then remembered."""
    global _migrated  # noqa: PLW0603 - a fact of the process
    if not _migrated:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            return f"{len(missing)} migrations have not been applied. Run bin/manage migrate."
        _migrated = True
    return "ok"


def _redis() -> str:
    queues.connection().ping()
    return "ok"


def _dispatcher() -> str:
    beat = queues.connection().get(HEARTBEAT)
    if not isinstance(beat, bytes):
        return "The dispatcher is not running."
    silent = (timezone.now() - datetime.fromisoformat(beat.decode())).total_seconds()
    return "ok" if silent < LATE_AFTER else f"The dispatcher has been silent for {silent:.0f} s."


def _recovery() -> str:
    """ "ok" too while nothing may be sent: the pages are needed then."""
    under_way = recovery.current()
    return f"ok: recovery mode, nothing is sent. {under_way.why}" if under_way else "ok"


CHECKS = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "dispatcher": _dispatcher,
    "recovery": _recovery,
}


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for who holds the token, or without one for this machine only."""
    if not _may_scrape(request):
        answer = problem(
            401,
            "no-token",
            "A token is needed",
            "Send the metrics token as a bearer token; without one, ask from the same machine.",
            reference=reference_of(request),
        )
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    try:
        return HttpResponse(gauges.text(timezone.now()), content_type=gauges.CONTENT_TYPE)
    except DatabaseError:
        return problem(
            503, "database-away", "PostgreSQL does not answer", "Nothing can be measured now."
        )


def _may_scrape(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
