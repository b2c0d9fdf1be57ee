"""Processes: do we keep our promises, which stage holds value, which way do things go?

Every count is a link to exactly the rows behind it; the list adds them up by the same queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from controltower.firm.models import Role
from controltower.measures import health, paths, paused, promises, walks
from controltower.measures.exposure import Stake, reporting_currency
from controltower.measures.promises import ALL, KEPT, MISSED, PromiseLine
from controltower.processes import catalogue
from controltower.web import exports, process_words, umbrellas
from controltower.web.promise_rows import promise_row
from controltower.web.sayings import heard
from controltower.web.security import SignedIn
from controltower.web.stage_rows import MOST_VARIANTS, slowest_rows, stage_rows
from controltower.web.stakes import listing, money, scope_of
from controltower.web.transaction_list import OPEN

LIST_COLUMNS = (
    "process", "owner", "promise_hours", "slowest_tenth_hours", "ended_30_days", "kept_30_days",
    "stuck", "stuck_value", "currency",
)  # fmt: skip
STAGE_COLUMNS = (
    "stage", "past_it", "of_the_latest", "typical_seconds", "share_of_time", "standing",
    "standing_value", "stuck", "stuck_value", "currency",
)  # fmt: skip


@require_safe
def processes(request: SignedIn) -> HttpResponse:
    """Every process against its promise, the one with the least slack first."""
    now = timezone.now()
    lines = promises.promises(scope_of(request), now)
    whole = Stake()
    for line in lines:
        whole.add(line.stuck)
    context = {
        "now": now,
        "processes": [_line(line) for line in lines],
        "sentence": process_words.sentence(lines),
        "total": {"count": whole.count, "value": money(whole)},
        "stale": health.silent(now),
        "over_all": umbrellas.lines(scope_of(request)),
    }
    return render(request, "processes/list.html", context)


def _line(line: PromiseLine) -> dict[str, Any]:
    """A row of the list and the head of the page: each figure with the list behind it."""
    return promise_row(line) | {
        "name": line.name,
        "kept": line.kept,
        "missed": line.ended - line.kept,
        "ended": line.ended,
        "share": line.kept / line.ended if line.ended else None,
        "kept_url": listing(process=line.name, ended=KEPT),
        "missed_url": listing(process=line.name, ended=MISSED),
        "ended_url": listing(process=line.name, ended=ALL),
        "stuck_url": listing(process=line.name, stuck="1"),
    }


@require_safe
def process(request: SignedIn, name: str) -> HttpResponse:
    """One process."""
    now, seen = timezone.now(), scope_of(request)
    one = named(name)
    walked = walks.walks(seen, one)
    stages, ways = paths.stages(seen, one, walked), walks.variants(walked)
    titles = {stage.name: heard(stage.title) for stage in stages}
    context = {
        "now": now,
        "crumbs": [(_("Processes"), reverse("processes")), (one.title, "")],
        "process": _line(promises.promise(seen, one, now)),
        "paused": paused.paused(seen, name, now),
        "stages": _stages(name, stages, len(walked)),
        "bottleneck": process_words.bottleneck(stages),
        "begun": len(walked),
        "begun_url": listing(process=name, latest="1"),
        "variants": [_variant(name, way, titles) for way in ways[:MOST_VARIANTS]],
        "more_variants": len(ways[MOST_VARIANTS:]),
        "ended": sum(way.count for way in ways),
        "slowest": slowest_rows(request.user, walked, now),
        "stale": health.silent(now),
    }
    return render(request, "processes/process.html", context)


def named(name: str) -> catalogue.Process:
    """The process of that name. Raises Http404."""
    try:
        return catalogue.named(name)
    except KeyError:
        raise Http404 from None


def _stages(process: str, found: Sequence[paths.StageLine], begun: int) -> Sequence[dict[str, Any]]:
    def urls(stage: paths.StageLine) -> dict[str, str]:
        return {
            "passed_url": listing(process=process, passed=stage.name),
            "url": listing(process=process, state=OPEN, stage=stage.name),
            "stuck_url": listing(process=process, stuck="1", stage=stage.name),
        }

    return stage_rows(found, begun, urls)


def _variant(process: str, way: walks.Variant, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "count": way.count,
        "url": listing(process=process, way=way.key),
        "words": process_words.way(way, titles),
        "steps": [titles.get(name, name) for name in way.steps],
        "state": way.state,
    }


@require_POST
def processes_file(request: SignedIn) -> HttpResponseBase:
    """The list as a file."""
    rows = (
        (
            line.title,
            str(Role(line.owner_role).label),
            _hours(line.promise),
            _hours(line.slowest_tenth),
            line.ended,
            line.kept,
            line.stuck.count,
            line.stuck.amount,
            reporting_currency(),
        )
        for line in promises.promises(scope_of(request), timezone.now())
    )
    return exports.figures(request, "processes", LIST_COLUMNS, rows)


@require_POST
def process_file(request: SignedIn, name: str) -> HttpResponseBase:
    """One process's stages as a file."""
    seen, one = scope_of(request), named(name)
    walked = walks.walks(seen, one)
    rows = (
        (
            process_words.stage_title(stage),
            stage.passed,
            len(walked),
            None if stage.typical is None else round(stage.typical.total_seconds()),
            Decimal(f"{stage.share:.4f}"),
            stage.standing.count,
            stage.standing.amount,
            stage.stuck.count,
            stage.stuck.amount,
            reporting_currency(),
        )
        for stage in paths.stages(seen, one, walked)
    )
    return exports.figures(request, f"processes/{name}", STAGE_COLUMNS, rows)


def _hours(length: timedelta | None) -> Decimal | None:
    return None if length is None else Decimal(f"{length / timedelta(hours=1):.2f}")
