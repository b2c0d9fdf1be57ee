"""Lists as files for a spreadsheet: the rows that the page would show, all of them, as typed cells.

Nothing in a cell is a formula, personal data is hidden as on the page, and each export is in the
audit trail.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.measures.exposure import Scope
from controltower.transactions.models import Transaction
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.web import list_order, scope, standing, transaction_list
from controltower.web.keyset import Order, beyond
from controltower.web.privacy import masked_text
from controltower.web.security import SignedIn

MOST, CHUNK = 100_000, 1_000
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take text for a formula (OWASP, CSV injection)."""
COLUMNS = (
    "reference", "correlation_id", "process", "title", "client", "entity", "state", "amount",
    "currency", "began", "promised", "ended",
)  # fmt: skip


@require_POST
def transactions(request: SignedIn) -> HttpResponse | StreamingHttpResponse:
    """The filtered list in its order, at most a hundred thousand rows."""
    now, person = timezone.now(), request.user
    seen = Scope(person, scope.chosen(request))
    filters = transaction_list.Filters(request.GET, scope.entities(person), seen)
    if not filters.is_valid():
        return HttpResponseBadRequest(_("A filter makes no sense. Nothing was exported."))
    rows = transaction_list.matching(scope.transactions(request), filters, person, now)
    audit.record(
        actor=person, verb="export", subject="transactions", allowed=True, now=now,
        detail={"filters": request.GET.dict()},
    )  # fmt: skip
    answer = StreamingHttpResponse(
        _file(rows, list_order.order_of(filters.cleaned_data), person),
        content_type="text/csv; charset=utf-8",
    )
    name = f"transactions-{now:%Y-%m-%d-%H%M}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


async def _file(rows: TransactionQuerySet, order: Order, person: Person) -> AsyncIterator[bytes]:
    """Chunk by chunk along the list's own index: a large export is never held in memory."""
    yield "\N{BYTE ORDER MARK}".encode() + lines([COLUMNS])
    last: Transaction | None = None
    for _chunk in range(MOST // CHUNK):
        found = await sync_to_async(_next)(rows, order, last)
        if not found:
            return
        yield lines(_cells(one, person) for one in found)
        last = found[-1]


def _next(rows: TransactionQuerySet, order: Order, last: Transaction | None) -> list[Transaction]:
    rows = list_order.sortable(rows.select_related("entity"))
    if last is None:
        return list(rows.order_by(*order.names)[:CHUNK])
    return list(beyond(rows, order, (getattr(last, order.column), last.pk))[:CHUNK])


def _cells(one: Transaction, person: Person) -> Sequence[str]:
    zone = ZoneInfo(person.zone)
    return (
        one.reference,
        one.correlation_id,
        standing.process_title(one.process),
        cell(masked_text(one.title)),
        cell(masked_text(one.counterparty)),
        one.entity.code if one.entity else "",
        str(one.get_state_display()),
        f"{one.amount:f}",
        one.currency,
        *(_moment(at, zone) for at in (one.started_at, one.due_at, one.ended_at)),
    )


def figures(
    request: SignedIn, subject: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> HttpResponse:
    """A page's own table as a file: the same rows, in the audit trail like any other."""
    now = timezone.now()
    audit.record(
        actor=request.user, verb="export", subject=subject, allowed=True, now=now,
        detail={"filters": request.GET.dict()},
    )  # fmt: skip
    text = "\N{BYTE ORDER MARK}".encode() + lines([columns]) + lines(rows)
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    name = f"{subject.replace('/', '-')}-{now:%Y-%m-%d-%H%M}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def cell(words: str) -> str:
    """Words that a spreadsheet takes for words."""
    return f"'{words}" if words.startswith(FORMULA) else words


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds") if at else ""


def lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
