"""What governs the firm as files: the audit chain, routes, runbooks and clients, as their pages
show them under their filters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_POST

from controltower.firm.models import AuditEntry
from controltower.transactions import duplicates
from controltower.web import (
    audit_names,
    audit_search,
    audit_words,
    customers,
    exports,
    keyset,
    list_files,
    manage_routes,
    runbook_list,
)
from controltower.web.keyset import Order
from controltower.web.list_files import word
from controltower.web.manage_frame import guarded
from controltower.web.privacy import masked_text
from controltower.web.sayings import heard
from controltower.web.security import SignedIn
from controltower.web.sheets import Cell

AUDIT = ("entry", "what", "object", "name", "person", "person_name", "at", "outcome", "entity",
         "detail", "digest")  # fmt: skip
ROUTES = ("part", "company", "records", "system", "from", "until", "state")
RUNBOOKS = ("runbook", "for", "version", "state", "steps", "followed", "last_time", "last_state",
            "good_until", "coming")  # fmt: skip
CUSTOMERS = ("list", "client", "number", "other_client", "other_number", "why", "word", "by", "at")
NEWEST = Order("id", descending=True)


@require_POST
@guarded
def audit(request: SignedIn) -> HttpResponseBase:
    """The entries that are searched for, newest first, up to the export's own."""
    last = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    rows = audit_search.asked_for(request.GET).filter(pk__lte=last)
    told = chain.from_iterable(map(_entries, keyset.parts(rows, NEWEST, list_files.CHUNK)))
    return exports.figures(request, "audit", AUDIT, told)


def _entries(some: list[AuditEntry]) -> Iterator[tuple[Cell, ...]]:
    who, called, now = audit_names.people(some), audit_names.objects(some), timezone.now()
    for one in some:
        about = called.get(one.subject)
        said = (f"{label}: {words}" for label, words in audit_words.lines(one, now))
        yield (
            one.pk, heard(one.verb), one.subject, about.name if about else "", one.actor,
            who[one.actor], one.at, "allowed" if one.allowed else "denied", one.entity,
            "; ".join(said), one.digest,
        )  # fmt: skip


@require_POST
def routes(request: SignedIn) -> HttpResponseBase:
    """The routes of every part, a record of each by itself."""
    rows = (
        (
            str(part["title"]), one["company"].code if one["company"] else "",
            ", ".join(map(str, one["records"])), one["system"].title, one["from"].isoformat(),
            one["until"].isoformat() if one["until"] else "", str(one["mark"].word),
        )
        for part in manage_routes.parts(request, manage_routes.Filters(request.GET))
        for one in part["routes"]
    )  # fmt: skip
    return exports.figures(request, "routes", ROUTES, rows)


@require_POST
def runbooks(request: SignedIn) -> HttpResponseBase:
    """The runbooks by title, each by the version that is in force."""
    lines = runbook_list.Filters(request.GET).leave(runbook_list.lines(request.user))
    rows = (
        (
            heard(one["book"].title),
            "; ".join(f"{heard(label)}: {heard(words)}" for label, words in one["fits"]),
            one["version"].number, word("runbook", one["version"].state), one["steps"],
            one["followed"], one["last"].started_at if one["last"] else None,
            word("run", one["last"].state) if one["last"] else "", one["version"].expires_at,
            one["coming"].number if one["coming"] else None,
        )
        for one in lines
    )  # fmt: skip
    return exports.figures(request, "runbooks", RUNBOOKS, rows)


@require_POST
def clients(request: SignedIn) -> HttpResponseBase:
    """What waits for a data owner's word, what was decided and what was overruled."""
    found = customers.Filters(request.GET).leave(request.user)
    waiting: Iterator[tuple[Cell, ...]] = (
        (
            "waiting", masked_text(one.client["name"]), one.client["erp_code"],
            masked_text(one.other["name"]), one.other["erp_code"],
            customers.why_of(one), "", "", None,
        )
        for one in found.pairs
    )  # fmt: skip
    decided: Iterator[tuple[Cell, ...]] = (
        ("decided", "", "", "", "", masked_text(one.reason), heard(duplicates.said(one)),
         str(one.decided_by), one.decided_at)
        for one in found.decisions
    )  # fmt: skip
    overruled: Iterator[tuple[Cell, ...]] = (
        ("overruled", masked_text(one.counterparty), "", "", "", " ".join(map(heard, words)), "",
         "", one.started_at)
        for one, words in found.overruled
    )  # fmt: skip
    return exports.figures(request, "customers", CUSTOMERS, chain(waiting, decided, overruled))
