"""Lists as files for a spreadsheet: the rows that the page would show, all of them, as typed cells.

Nothing in a cell is a formula, personal data is hidden as on the page, and each export is in the
audit trail with its filters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain, islice
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.http import HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from controltower.firm import audit
from controltower.measures.exposure import Scope
from controltower.transactions.models import Transaction
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.web import columns as columns_
from controltower.web import keyset, list_order, scope, sheets, standing, transaction_list
from controltower.web.keyset import Order
from controltower.web.privacy import masked_text
from controltower.web.security import SignedIn
from controltower.web.sheets import CSV, TYPES, XLSX, Cell, Workbook

CHUNK = 1_000
MARK = "\N{BYTE ORDER MARK}".encode()
COLUMNS = (
    "reference", "correlation_id", "process", "title", "client", "entity", "state", "amount",
    "currency", "began", "promised", "ended",
)  # fmt: skip
NO_TOTALS: Mapping[str, Decimal] = {}


@require_POST
def transactions(request: SignedIn) -> HttpResponseBase:
    """The filtered list in its order, all of it."""
    now, person = timezone.now(), request.user
    seen = Scope(person, scope.chosen(request))
    filters = transaction_list.Filters(request.GET, scope.entities(person), seen)
    if not filters.is_valid():
        return HttpResponseBadRequest(_("A filter makes no sense. Nothing was exported."))
    rows = transaction_list.matching(scope.transactions(request), filters, person, now)
    totals: dict[str, Decimal] = {}
    told = _told(rows, list_order.order_of(filters.cleaned_data), totals)
    return figures(request, "transactions", COLUMNS, told, totals)


def figures(
    request: SignedIn,
    subject: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    totals: Mapping[str, Decimal] = NO_TOTALS,
) -> HttpResponseBase:
    """A page's own table as a file, with the columns that its address asks for, in the audit trail.
    The rows are read while they are sent, so
    that a long list is never held in memory. `totals` are those of the page, by currency; they
    are asked for when all the rows are told."""
    picked = columns_.of_file(subject, columns, request.GET)
    if picked is not None:
        columns = [columns[index] for index in picked]
        rows = ([row[index] for index in picked] for row in rows)
    now, zone, some = timezone.now(), ZoneInfo(request.user.zone), _chunks(iter(rows))
    _note(request, subject, now)
    if _format(request) == XLSX:
        book = Workbook(columns, zone)
        pieces = _bound(book, some, lambda: _about(request, subject, now, totals))
    else:
        pieces = _lines(columns, some, zone)
    answer = StreamingHttpResponse(streamed(pieces))
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


def _chunks(rows: Iterator[Sequence[Cell]]) -> Iterator[Sequence[Sequence[Cell]]]:
    """The rows, some at a time."""
    while some := list(islice(rows, CHUNK)):
        yield some


def _lines(
    columns: Sequence[str], some: Iterator[Sequence[Sequence[Cell]]], zone: ZoneInfo
) -> Iterator[bytes]:
    yield MARK + sheets.lines([columns], zone)
    for rows in some:
        yield sheets.lines(rows, zone)


def _bound(
    book: Workbook,
    some: Iterator[Sequence[Sequence[Cell]]],
    about: Callable[[], Sequence[tuple[str, Cell]]],
) -> Iterator[bytes]:
    """Nothing is sent before the workbook is whole; a turn is given back after every few rows."""
    for rows in some:
        book.add(rows)
        yield b""
    yield from book.pieces(about())


async def streamed(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece is made off the loop, when the one before is sent; empty ones are not sent."""
    while (piece := await sync_to_async(_next)(pieces)) is not None:
        if piece:
            yield piece


def _next(pieces: Iterator[bytes]) -> bytes | None:
    """None at the end: no StopIteration passes through a coroutine."""
    return next(pieces, None)


def _told(
    rows: TransactionQuerySet, order: Order, totals: dict[str, Decimal]
) -> Iterator[Sequence[Cell]]:
    """Each as cells; its amount is taken into the total of its currency."""
    found = list_order.sortable(rows.select_related("entity"))
    for one in chain.from_iterable(keyset.parts(found, order, CHUNK)):
        totals[one.currency] = totals.get(one.currency, Decimal(0)) + one.amount
        yield _cells(one)


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
