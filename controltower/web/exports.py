"""Lists as files for a spreadsheet: the rows that the page would show, all of them, as typed cells.

Nothing in a cell is a formula, personal data is hidden as on the page, and each export is in the
audit trail with its filters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from controltower.firm import audit
from controltower.measures.exposure import Scope
from controltower.transactions.models import Transaction
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.web import list_order, scope, sheets, standing, transaction_list
from controltower.web.keyset import Order, beyond
from controltower.web.privacy import masked_text
from controltower.web.security import SignedIn
from controltower.web.sheets import CSV, TYPES, XLSX, Cell, Workbook

MOST, CHUNK = 100_000, 1_000
MARK = "\N{BYTE ORDER MARK}".encode()
COLUMNS = (
    "reference", "correlation_id", "process", "title", "client", "entity", "state", "amount",
    "currency", "began", "promised", "ended",
)  # fmt: skip
AMOUNT = COLUMNS.index("amount")
NO_TOTALS: Mapping[str, Decimal] = {}
Next = Callable[[], Sequence[Sequence[Cell]]]
"""Some more rows; none when all are told."""


@require_POST
def transactions(request: SignedIn) -> HttpResponseBase:
    """The filtered list in its order, at most a hundred thousand rows."""
    now, person = timezone.now(), request.user
    seen = Scope(person, scope.chosen(request))
    filters = transaction_list.Filters(request.GET, scope.entities(person), seen)
    if not filters.is_valid():
        return HttpResponseBadRequest(_("A filter makes no sense. Nothing was exported."))
    rows = transaction_list.matching(scope.transactions(request), filters, person, now)
    _note(request, "transactions", now)
    further = _further(rows, list_order.order_of(filters.cleaned_data))
    answer = StreamingHttpResponse(_streamed(request, "transactions", now, further))
    _attach(answer, request, "transactions", now)
    return answer


def figures(
    request: SignedIn,
    subject: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    totals: Mapping[str, Decimal] = NO_TOTALS,
) -> HttpResponse:
    """A page's own table as a file: the same rows, in the audit trail like any other. `totals` are
    those of the page, by currency."""
    now, zone = timezone.now(), ZoneInfo(request.user.zone)
    _note(request, subject, now)
    if _format(request) == XLSX:
        book = Workbook(columns, zone)
        book.add(rows)
        content = b"".join(book.pieces(_about(request, subject, now, totals)))
    else:
        content = MARK + sheets.lines([columns], zone) + sheets.lines(rows, zone)
    answer = HttpResponse(content)
    _attach(answer, request, subject, now)
    return answer


def _format(request: SignedIn) -> str:
    return XLSX if request.POST.get("format") == XLSX else CSV


def _note(request: SignedIn, subject: str, now: datetime) -> None:
    audit.record(
        actor=request.user, verb="export", subject=subject, allowed=True, now=now,
        detail={"filters": request.GET.dict()},
    )  # fmt: skip


def _about(
    request: SignedIn, subject: str, now: datetime, totals: Mapping[str, Decimal]
) -> list[tuple[str, Cell]]:
    """What a workbook says of itself."""
    filters: list[tuple[str, Cell]] = [
        (f"filter {name}", str(value)) for name, value in request.GET.items() if value
    ]
    sums: list[tuple[str, Cell]] = [(f"total {code}", sum_) for code, sum_ in totals.items()]
    return [("list", subject), ("written for", str(request.user)), ("at", now), *filters, *sums]


def _attach(answer: HttpResponseBase, request: SignedIn, subject: str, now: datetime) -> None:
    """Say what it is and under which name it is kept."""
    name = f"{subject.replace('/', '-')}-{now:%Y-%m-%d-%H%M}.{_format(request)}"
    answer["Content-Type"] = TYPES[_format(request)]
    answer["Content-Disposition"] = f'attachment; filename="{name}"'


async def _streamed(
    request: SignedIn, subject: str, now: datetime, further: Next
) -> AsyncIterator[bytes]:
    """Chunk by chunk along the list's own index: a large export is never held in memory."""
    zone = ZoneInfo(request.user.zone)
    book = Workbook(COLUMNS, zone) if _format(request) == XLSX else None
    totals: dict[str, Decimal] = {}
    if book is None:
        yield MARK + sheets.lines([COLUMNS], zone)
    for _chunk in range(MOST // CHUNK):
        found = await sync_to_async(further)()
        if not found:
            break
        if book is None:
            yield sheets.lines(found, zone)
        else:
            await sync_to_async(book.add)(found)
            _add_up(found, totals)
    if book is not None:
        pieces = book.pieces(_about(request, subject, now, totals))
        while piece := await sync_to_async(_piece)(pieces):
            yield piece


def _add_up(rows: Sequence[Sequence[Cell]], totals: dict[str, Decimal]) -> None:
    """Take the amounts of transactions into the totals of their currencies."""
    for row in rows:
        amount, currency = row[AMOUNT], str(row[AMOUNT + 1])
        assert isinstance(amount, Decimal)
        totals[currency] = totals.get(currency, Decimal(0)) + amount


def _piece(pieces: Iterator[bytes]) -> bytes:
    """The next one, empty at the end."""
    return next(pieces, b"")


def _further(rows: TransactionQuerySet, order: Order) -> Next:
    """Reads on behind the last row that was told."""
    rows = list_order.sortable(rows.select_related("entity"))
    last: Transaction | None = None

    def further() -> Sequence[Sequence[Cell]]:
        nonlocal last
        if last is None:
            found = list(rows.order_by(*order.names)[:CHUNK])
        else:
            found = list(beyond(rows, order, (getattr(last, order.column), last.pk))[:CHUNK])
        last = found[-1] if found else last
        return [_cells(one) for one in found]

    return further


def _cells(one: Transaction) -> Sequence[Cell]:
    return (
        one.reference,
        one.correlation_id,
        standing.process_title(one.process),
        masked_text(one.title),
        masked_text(one.counterparty),
        one.entity.code if one.entity else "",
        str(one.get_state_display()),
        one.amount,
        one.currency,
        one.started_at,
        one.due_at,
        one.ended_at,
    )
