"""Lists of pages as files: the rows that each page shows under its filters, all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain

from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from controltower.canonical.money import Money
from controltower.incidents.models import OPEN, Cause, Incident
from controltower.mappings import owning
from controltower.mappings.models import MappingVersion
from controltower.measures import at_stake
from controltower.measures.exposure import reporting_currency
from controltower.transactions import set_aside
from controltower.transactions.models import InboundEvent
from controltower.web import (
    exception_filters,
    exception_groups,
    exception_page,
    exports,
    incident_list,
    job_list,
    keyset,
    mapping_page,
    marks,
    system_words,
    systems,
)
from controltower.web.incident_list import Line
from controltower.web.keyset import Order
from controltower.web.privacy import masked_text
from controltower.web.security import SignedIn
from controltower.web.sheets import Cell
from controltower.web.stakes import scope_of

EXCEPTIONS = (
    "cause", "system", "state", "count", "oldest", "due", "promise", "owner", "known_fix",
    "value", "currency",
)  # fmt: skip
STUCK = (
    "key", "title", "entity", "since", "tries", "promise", "amount", "currency", "value",
    "value_currency",
)  # fmt: skip
INCIDENTS = (
    "name", "incident", "severity", "state", "opened", "times", "lead", "due_next", "stuck",
    "at_stake", "currency",
)  # fmt: skip
JOBS = ("job", "state", "worked", "failed", "left", "by", "asked_for", "value", "currency")
SYSTEMS = (
    "system", "part", "state", "last_answer", "call_milliseconds", "errors", "limit_used",
    "waiting", "waiting_value", "currency",
)  # fmt: skip
FIELDS = ("record", "field", "system_of_record", "owner", "steward", "money", "personal",
          "mappings_in_use")  # fmt: skip
SET_ASIDE = ("event", "record", "source", "why", "received", "event_id")
CHUNK = 200
"""Rows that are worked out together while a file is sent."""
NEWEST_JOBS = Order("requested_at", descending=True)
NEWEST_EVENTS = Order("received_at", descending=True)


def word(kind: str, state: str) -> str:
    """A state as the pages say it."""
    return str(marks.state_mark(kind, state).word)


@require_POST
def exceptions(request: SignedIn) -> HttpResponseBase:
    """Causes under the tab that is shown. One transaction may hang on two of them; the total counts
    it once."""
    found = exception_groups.listing(
        scope_of(request), exception_filters.Filters(request.GET), timezone.now(), whole=True
    )
    rows = (_group(one) for one in found.groups)
    return exports.figures(
        request, "exceptions", EXCEPTIONS, rows, totals=_total(found.total.value)
    )


def _total(value: Money) -> Mapping[str, Decimal]:
    return {value.currency: value.amount}


def _group(one: exception_groups.Group) -> tuple[Cell, ...]:
    return (
        one.title,
        one.system,
        word("group", one.state),
        one.count,
        one.oldest,
        one.due,
        str(marks.LATENESS[one.lateness].word) if one.lateness else "",
        one.owner.name if one.owner else "",
        one.fix,
        one.value.amount,
        one.value.currency,
    )


@require_POST
def stuck(request: SignedIn, pk: int) -> HttpResponseBase:
    """What hangs on one cause, the oldest first; `value` is what a row adds to the total."""
    cause, seen, now = get_object_or_404(Cause, pk=pk), scope_of(request), timezone.now()
    letters = exception_page.under(cause, seen)
    if not letters.exists():
        raise Http404
    currency = reporting_currency()
    rows = (
        (
            one.key, masked_text(one.title), one.entity, one.since, one.tries,
            str(marks.LATENESS[one.lateness].word), one.amount, one.currency,
            Money(currency, one.minor).amount, currency,
        )
        for some in keyset.parts(letters, exception_page.OLDEST_FIRST, CHUNK)
        for one in exception_page.rows_of(some, seen, now)
    )  # fmt: skip
    totals = {currency: exception_page.whole_of(letters).amount}
    return exports.figures(request, f"exceptions/{pk}", STUCK, rows, totals=totals)


@require_POST
def incidents(request: SignedIn) -> HttpResponseBase:
    """Incidents under the tab that is shown, as far as the filters ask for them."""
    seen, now = scope_of(request), timezone.now()
    rows = incident_list.under(incident_list.Filters(request.GET), request.user)
    ids = list(rows.values_list("pk", flat=True))
    open_ = list(rows.filter(state__in=OPEN).values_list("pk", flat=True))
    total = {reporting_currency(): at_stake.stake(at_stake.together(open_), seen).amount}
    told = (
        _incident(line)
        for some in _named(rows, ids)
        for line in incident_list.lines_of(some, seen, now)
    )
    return exports.figures(request, "incidents", INCIDENTS, told, totals=total)


def _named(rows: QuerySet[Incident], ids: Sequence[int]) -> Iterator[list[Incident]]:
    """The rows in the order of their ids, some at a time."""
    for first in range(0, len(ids), CHUNK):
        some = ids[first : first + CHUNK]
        found = rows.in_bulk(some)
        yield [found[pk] for pk in some if pk in found]


def _incident(one: Line) -> tuple[Cell, ...]:
    return (
        one.row.name,
        one.title,
        word("severity", one.row.severity),
        word("incident", one.row.state),
        one.row.opened_at,
        one.row.times,
        one.owner.name if one.owner else "",
        one.due,
        one.stake.count,
        one.value.amount,
        one.value.currency,
    )


@require_POST
def jobs(request: SignedIn) -> HttpResponseBase:
    """The replays that the filters ask for, the newest first."""
    person, now = request.user, timezone.now()
    plans = job_list.matching(job_list.Filters(request.GET), person, now)
    rows = (
        (
            masked_text(one["title"]), word("job", one["state"]), one["progress"].worked,
            one["progress"].failed, one["progress"].left, one["by"], one["at"],
            one["value"].amount, one["value"].currency,
        )
        for some in keyset.parts(plans, NEWEST_JOBS, CHUNK)
        for one in job_list.lines_of(some, person, now)
    )  # fmt: skip
    return exports.figures(request, "jobs", JOBS, rows)


@require_POST
def health(request: SignedIn) -> HttpResponseBase:
    """The systems as Health shows them."""
    filters = system_words.Filters(request.GET)
    lines = filters.leave(systems.lines_of(scope_of(request), timezone.now()))
    rows = (
        (
            one["title"], one["domain"], str(one["word"]), one["last_ok"], one["median"],
            one["errors"], one["limit_used"], one["waiting"], one["waiting_value"].amount,
            one["waiting_value"].currency,
        )
        for one in lines
    )  # fmt: skip
    total = sum((one["waiting_value"].amount for one in lines), Decimal(0))
    return exports.figures(request, "systems", SYSTEMS, rows, totals={reporting_currency(): total})


@require_POST
def mappings(request: SignedIn) -> HttpResponseBase:
    """The ownership board: fields with their owners, and by which versions they are filled."""
    active = MappingVersion.objects.filter(state="active").select_related("mapping")
    used: dict[str, list[str]] = {}
    for version in active:
        used.setdefault(version.mapping.record, []).append(str(version))
    fields = mapping_page.Filters(request.GET).owned(owning.fields())
    rows: Iterator[tuple[Cell, ...]] = (
        (
            one.record, one.field, one.system_of_record, str(one.owner or ""),
            str(one.steward or ""), _yes(one.is_money), _yes(one.is_personal),
            ", ".join(used.get(one.record, [])),
        )
        for one in fields
    )  # fmt: skip
    return exports.figures(request, "mappings", FIELDS, rows)


def _yes(value: bool) -> str:
    return "yes" if value else ""


@require_POST
def events(request: SignedIn) -> HttpResponseBase:
    """What was set aside, the newest first, without the records themselves."""
    rows = set_aside.visible_to(request.user).defer("raw", "record")
    found = chain.from_iterable(keyset.parts(rows, NEWEST_EVENTS, CHUNK))
    return exports.figures(request, "set-aside", SET_ASIDE, map(_event, found))


def _event(one: InboundEvent) -> tuple[Cell, ...]:
    return (
        one.type,
        masked_text(one.subject),
        one.source,
        masked_text(one.reason),
        one.received_at,
        one.event_id,
    )
