"""Every page and fragment that a person can open, with addresses of what is in the database now:
for measuring them, and for tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, QuerySet
from django.urls import reverse

from controltower.firm.models import Person
from controltower.firm.rights import Right, may_everywhere
from controltower.incidents.models import (
    DeadLetter,
    Incident,
    LetterState,
    Run,
    Runbook,
    RunbookVersion,
)
from controltower.mappings.models import Mapping as FieldMapping
from controltower.mappings.models import MappingVersion
from controltower.measures import exposure
from controltower.measures.exposure import Scope
from controltower.measures.kpis import catalogue as kpis
from controltower.processes import catalogue
from controltower.systems import connected
from controltower.systems.models import Description, Drift, Interface, System
from controltower.transactions.models import Step, Transaction
from controltower.transactions.protocol import STUCK
from controltower.web import exception_filters, incident_list, job_list, list_order
from controltower.web.keyset import SIZE
from controltower.web.manage_frame import TABS
from controltower.web.stakes import listing
from controltower.web.tower import REGIONS


class Page(NamedTuple):
    """One address. `by_htmx` is how a fragment or a list is asked for; an `export` is asked for by
    POST, and answers piece by piece."""

    name: str
    url: str
    by_htmx: bool = False
    export: bool = False


LISTS: Mapping[str, Mapping[str, str]] = {
    "stuck": {"stuck": "1"},
    "open": {"state": "open"},
    "verified": {"state": "verified"},
    "cancelled": {"state": "cancelled"},
    "one process": {"process": "opportunity-to-project"},
    "a rare process": {"process": "customer-master-sync"},
    "one entity": {"entity": "LF-DE"},
    "process and entity": {"process": "time-and-expense-to-billing", "entity": "LF-DE"},
    "all filters": {
        "state": "cancelled", "process": "time-and-expense-to-billing", "entity": "LF-DE",
    },
    "late": {"lateness": "late"},
    "common words": {"q": "Meridian"},
    "rare words": {"q": "Harbour Health LLC"},
    "a key": {"q": "OPP-0000003"},
    "a beginning": {"q": "OPP-00"},
    "an end": {"q": "00003"},
    "missed promises": {"ended": "missed"},
    "kept promises": {"process": "opportunity-to-project", "ended": "kept"},
    "of a stage": {"process": "time-and-expense-to-billing", "state": "open", "stage": "draft"},
    "past a step": {"process": "opportunity-to-project", "passed": "project"},
}  # fmt: skip
FINDS = {
    "a key": "OPP-0000003",
    "a beginning": "OPP-00",
    "an end": "000003",
    "words": "Meridian",
    "nothing": "no such thing",
}
PLAIN = (
    "own_settings", "own_messages", "library", "set_aside", "customers", "mappings",
    "assurance_banner",
    "runbooks", "runbook_new", "recovery", "system_new", "system_describe", "interfaces",
    "assurance", "systems", "incidents", "jobs", "processes", "quote_to_cash", "month_end_close",
    "measures", "calls", "readings",
)  # fmt: skip
EXPORTS = (
    "process_list", "transaction", "measure", "exception", "incident", "job", "system", "mapping",
    "set_aside", "interface", "runbook", "customer", "route", "audit",
    "event_log",
)  # fmt: skip
FRAGMENTS = {
    "assurance_banner", "recovery", "set_aside", "incidents", "jobs", "processes", "quote_to_cash",
    "measures",
}  # fmt: skip
"""Asked for again while the page stands open."""


def pages(person: Person) -> list[Page]:
    """Everything that the person has a page of."""
    seen = Scope(person)
    return [
        *_tower(),
        *_transactions(seen),
        *(Page(_title(name), reverse(name), name in FRAGMENTS) for name in PLAIN),
        *_tabs(),
        *_figures(),
        *_stuck(seen),
        *_things(seen),
        *_administration(person),
        *(Page(f"Export: {_title(name)}", reverse(f"{name}_exports"), export=True)
          for name in EXPORTS),
    ]  # fmt: skip


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _tower() -> Iterator[Page]:
    yield Page("Tower", reverse("tower"))
    yield from (Page(f"Tower: {name}", reverse("tower_region", args=[name]), True)
                for name in REGIONS)  # fmt: skip
    yield Page("Jobs tray", reverse("job_tray"), True)
    yield Page("Asks tray", reverse("asks_tray"), True)
    for name, text in FINDS.items():
        yield Page(f"Find: {name}", f"{reverse('find')}?{urlencode({'q': text})}", True)


def _transactions(seen: Scope) -> Iterator[Page]:
    """The list under its filters and orders, and at its end; then its files."""
    yield Page("Transactions", listing(), True)
    asked = dict(LISTS)
    asked |= {f"stuck, {one} first": {"stuck": "1", "sort": one} for one in list_order.OF_FEW}
    asked |= {"oldest first": {"sort": list_order.OLDEST}}
    asked |= {f"measure {one.name}": one.records for one in kpis.MEASURES if one.records}
    oldest = exposure.transactions(seen).order_by("started_at", "pk").values_list("pk", flat=True)
    if last := list(oldest[: SIZE + 1]):
        asked |= {"last page": {"after": str(last[-1])}}
    for name, filters in asked.items():
        yield Page(f"Transactions: {name}", listing(**filters), True)
    for name in ("verified", "common words", "late"):
        url = f"{reverse('transaction_exports')}?{urlencode(LISTS[name])}"
        yield Page(f"Export: Transactions, {name}", url, export=True)


def _tabs() -> Iterator[Page]:
    for route, tabs in (
        ("exceptions", exception_filters.TABS),
        ("incidents", incident_list.TABS),
    ):
        for tab in tabs:
            yield Page(f"{_title(route)}: {tab}", f"{reverse(route)}?tab={tab}", True)
    yield Page("Incidents: words", f"{reverse('incidents')}?tab=reviewed&q=customer", True)
    yield Page("Jobs: words", f"{reverse('jobs')}?q=customer", True)


def _figures() -> Iterator[Page]:
    for process in catalogue.PROCESSES:
        yield Page(f"Process: {process.name}", reverse("process", args=[process.name]), True)
    name = catalogue.PROCESSES[0].name
    yield Page("Export: Process", reverse("process_exports", args=[name]), export=True)
    for one in kpis.MEASURES:
        yield Page(f"Measure: {one.name}", reverse("measure", args=[one.name]), True)


def _stuck(seen: Scope) -> Iterator[Page]:
    """What is stuck, of which the largest is asked for: it costs most."""
    stuck = exposure.transactions(seen).stuck()
    tried = Step.objects.filter(state__in=STUCK, transaction__in=stuck).order_by("-tries")
    over = exposure.transactions(seen).filter(state="verified").order_by("started_at")
    shown = {
        "newest stuck": stuck.order_by("-started_at").first(),
        "a long timeline": Transaction.objects.filter(steps__in=tried[:1]).first(),
        "long over": over.first(),
    }
    for name, one in shown.items():
        if one is not None:
            yield Page(f"Transaction: {name}", reverse("transaction", args=[one.correlation_id]))
    letters = exposure.within(seen, DeadLetter.objects.all())
    open_ = letters.exclude(state=LetterState.RESOLVED)
    solved = letters.filter(state=LetterState.RESOLVED)
    if held := _largest(open_, "cause"):
        rows_url = reverse("exception_row_exports", args=[held])
        yield Page("Export: Exception, largest", rows_url, export=True)
    for name, rows in (("largest", open_), ("largest solved", solved)):
        if cause := _largest(rows, "cause"):
            yield Page(f"Exception: {name}", reverse("exception", args=[cause]))
            yield Page(f"Transactions: {name} cause", listing(cause=str(cause)), True)


def _largest(rows: QuerySet[Any], of: str) -> Any:
    """Of what most of the rows are."""
    counted = rows.order_by().values_list(of).annotate(n=Count("pk")).order_by("-n", of)
    return next((pk for pk, _count in counted[:1]), None)


def _things(seen: Scope) -> Iterator[Page]:
    """One of each kind that has a page of its own."""
    person = seen.person
    over = Incident.objects.visible_to(person).filter(resolved_at__isnull=False)
    jobs = job_list.visible(person)
    yield from _one("incident", Incident.objects.visible_to(person).open())
    yield from _one("incident", over.order_by("pk"), "over")
    yield from _one("run", Run.objects.visible_to(person))
    yield from _one("job", jobs)
    if job := _largest(jobs, "items__plan"):
        yield Page("Job: largest", reverse("job", args=[job]))
    largest = max(connected.descriptors(), key=lambda one: len(one.needs.options))
    yield Page("System connect", reverse("system_connect", args=[largest.name]))
    yield from _one("drift", Drift.objects.all())
    yield from _one("interface", Interface.objects.all())
    for route, rows, *columns in (
        ("mapping", FieldMapping.objects.all(), "slug"),
        ("mapping_drafts", FieldMapping.objects.all(), "slug"),
        ("runbook", Runbook.objects.all(), "slug"),
        ("runbook_drafts", Runbook.objects.all(), "slug"),
        ("system", System.objects.all(), "slug"),
        ("mapping_version", MappingVersion.objects.all(), "mapping__slug", "number"),
        ("runbook_version", RunbookVersion.objects.all(), "runbook__slug", "number"),
        ("description", Description.objects.all(), "slug", "number"),
    ):
        if found := rows.order_by("pk").values_list(*columns).first():
            yield Page(_title(route), reverse(route, args=found))


def _one(route: str, rows: QuerySet[Any], which: str = "") -> Iterator[Page]:
    if one := rows.first():
        yield Page(f"{_title(route)}{which and ': '}{which}", reverse(route, args=[one.pk]))


def _administration(person: Person) -> Iterator[Page]:
    if not may_everywhere(person, Right.SEE_AUDIT):
        return
    for name, _label in TABS:
        yield Page(_title(name), reverse(name))
    yield Page("Manage person", reverse("manage_person", args=[person.username]))
    audit = reverse("manage_audit")
    for asked in ("actor=nobody", "verb=approve", "subject=FILL", "outcome=denied",
                  "since=2026-01-01&until=2026-01-31"):  # fmt: skip
        yield Page(f"Manage audit: {asked.partition('=')[0]}", f"{audit}?{asked}", True)
