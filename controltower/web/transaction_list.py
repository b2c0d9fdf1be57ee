"""The list of transactions: what the query string asks for, one page of it, and its rows.

Every figure on another page that links here must equal what is listed: the filters are those of
`measures.exposure`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Reverse, Upper
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from controltower.canonical.money import Money
from controltower.firm.models import LegalEntity, Person
from controltower.incidents.models import Cause, DeadLetter
from controltower.measures import causes, exposure
from controltower.processes import catalogue
from controltower.transactions.models import (
    BusinessKey,
    Pause,
    Transaction,
    TransactionState,
    Words,
)
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.web import list_order, marks, standing
from controltower.web.keyset import Page, page
from controltower.web.measure_filters import MeasureFilters, within_measure
from controltower.web.privacy import masked_text
from controltower.web.sayings import heard_lazy

SHORTEST = 3
"""Letters below which only a whole name is looked for."""
MOST_FOUND = 500
STUCK, OPEN = "stuck", "open"
OFFERED = ("q", "state", "lateness", "process", "entity", "sort")
PROOFS = ("cause", "stage", "wait", "unproven", "moved_by", "awaits", "lane")
"""Filters that come with a figure in money, whose list is added up."""
STATE_CHOICES = [
    ("", _("Any state")),
    (STUCK, _("Needs a person")),
    (OPEN, _("Not over yet")),
    *(
        (state.value, marks.state_mark("transaction", state.value).word)
        for state in TransactionState
    ),
]


class Filters(MeasureFilters):
    """The query string of the list. An unknown value is an error beside its field."""

    hint = _("Invoice, customer, project or ID")
    state = forms.ChoiceField(label=_("State"), required=False, choices=STATE_CHOICES)
    lateness = forms.ChoiceField(
        label=_("Promise"),
        required=False,
        choices=[("", _("Any")), *((key, mark.word) for key, mark in marks.LATENESS.items())],
    )
    process = forms.ChoiceField(
        label=_("Process"),
        required=False,
        choices=[
            ("", _("Any process")),
            *((one.name, heard_lazy(one.title)) for one in catalogue.WORKFLOWS),
        ],
    )
    entity = forms.ChoiceField(label=_("Entity"), required=False)
    cause = forms.ModelChoiceField(
        label=_("Cause"), required=False, queryset=Cause.objects.none(), empty_label=_("Any cause")
    )

    sort = list_order.sort_field()

    def __init__(
        self, query: QueryDict, entities: Iterable[LegalEntity], seen: exposure.Scope
    ) -> None:
        super().__init__({**query.dict(), "state": STUCK} if query.get("stuck") else query)
        entity, cause = self.fields["entity"], self.fields["cause"]
        assert isinstance(entity, forms.ChoiceField) and isinstance(cause, forms.ModelChoiceField)
        entity.choices = [("", _("Any entity")), *((one.code, one.code) for one in entities)]
        number = str(query.get("cause", ""))
        if number.isdecimal():
            letters = exposure.within(seen, DeadLetter.objects.all())
            found = Cause.objects.filter(causes.having(letters), pk=int(number[:18]))
            cause.queryset = found
            titles = [(one.pk, masked_text(one.title)) for one in found]
            cause.choices = [("", _("Any cause")), *titles]
        else:
            del self.fields["cause"]
        self.seen = seen
        self.offer(query, seen)
        self.order_fields(OFFERED)
        self.is_valid()

    def clean(self) -> dict[str, Any]:
        """An order that only few rows can stand in, for few rows only."""
        given = super().clean()
        if why := list_order.refused(given):
            self.add_error("sort", why)
        return given


def _standing(
    rows: TransactionQuerySet, lateness: str, now: datetime, zone: str
) -> TransactionQuerySet:
    """Those that stand so to their promise; "paused" while a person holds its clock,
    "at_risk" once its end is near."""
    if lateness == "paused":
        return rows.filter(pk__in=Pause.objects.open().order_by().values("transaction"))
    if lateness == "at_risk":
        return rows.filter(exposure.at_risk(now))
    return rows.filter(exposure.lateness_filter(lateness, now, zone))


def matching(
    rows: TransactionQuerySet, filters: Filters, person: Person, now: datetime
) -> TransactionQuerySet:
    """Those of the visible rows that the filters ask for; none when a filter makes no sense."""
    if not filters.is_valid():
        return rows.none()
    rows = _in_state(rows, filters.given("state"))
    if lateness := filters.given("lateness"):
        rows = _standing(rows.live(), lateness, now, person.zone)
    if process := filters.given("process"):
        rows = rows.filter(process=process)
    if entity := filters.given("entity"):
        rows = rows.of_entity(entity)
    if cause := filters.given("cause"):
        rows = _stuck_by(rows, cause)
    rows = within_measure(rows, filters.cleaned_data, filters.seen, now)
    text = str(filters.given("q")).strip()
    return search(rows, text) if text else rows


def _stuck_by(rows: TransactionQuerySet, cause: Cause) -> TransactionQuerySet:
    """Few are looked up one by one; many are met soon on the way from the newest row backwards."""
    letters = DeadLetter.objects.open().filter(cause=cause).order_by()
    few = list(letters.values_list("transaction_id", flat=True)[: MOST_FOUND + 1])
    if len(few) <= MOST_FOUND:
        return rows.filter(pk__in=few)
    return rows.filter(pk__in=letters.values("transaction"))


def _in_state(rows: TransactionQuerySet, state: str) -> TransactionQuerySet:
    if state == STUCK:
        return rows.stuck()
    if state == OPEN:
        return rows.live()
    return rows.filter(state=state) if state else rows


def search(rows: TransactionQuerySet, text: str, *, most: int = MOST_FOUND) -> TransactionQuerySet:
    """By any business key: the whole chain of an exact one, else what begins or ends so; only when
    no name matches, by words of title and client. Each is one look-up in an index of its own."""
    spellings = _spellings(text)
    chains = _chains(rows, spellings, most)
    if chains:
        return rows.filter(correlation_id__in=chains)
    if len(text) < SHORTEST:
        return rows.none()
    found = _beginning(rows, spellings, most) or _ending(rows, spellings, most)
    return rows.filter(pk__in=found) if found else _worded(rows, text, most)


def _spellings(text: str) -> list[str]:
    """Ids are case-sensitive in the index; people are not."""
    forms_ = [text, text.upper(), text.lower()]
    if text[:3].lower() == "ct-":
        forms_.append("ct-" + text[3:].upper())
    return list(dict.fromkeys(forms_))


def _chains(rows: TransactionQuerySet, names: Sequence[str], most: int) -> list[str]:
    keys = BusinessKey.objects.filter(value__in=names).values_list("transaction_id", flat=True)
    own = rows.filter(Q(reference__in=names) | Q(correlation_id__in=names))
    keyed = rows.filter(pk__in=list(keys[:most]))
    found = [
        *own.order_by().values_list("correlation_id", flat=True)[:most],
        *keyed.order_by().values_list("correlation_id", flat=True),
    ]
    return list(dict.fromkeys(found))


def _beginning(rows: TransactionQuerySet, names: Sequence[str], most: int) -> list[UUID]:
    keyed, own = Q(), Q()
    for name in names:
        keyed |= Q(value__startswith=name)
        own |= Q(reference__startswith=name) | Q(correlation_id__startswith=name)
    found = _keyed(rows, BusinessKey.objects.filter(keyed), most)
    return [*found, *rows.filter(own).order_by().values_list("pk", flat=True)[:most]]


def _ending(rows: TransactionQuerySet, names: Sequence[str], most: int) -> list[UUID]:
    """The last digits of a number, by the index over keys written backwards."""
    keyed = Q()
    for name in names:
        keyed |= Q(backwards__startswith=name[::-1])
    return _keyed(rows, BusinessKey.objects.alias(backwards=Reverse("value")).filter(keyed), most)


def _keyed(rows: TransactionQuerySet, keys: QuerySet[BusinessKey], most: int) -> list[UUID]:
    named = keys.order_by().values_list("transaction_id", flat=True)[:most]
    return list(rows.filter(pk__in=list(named)).order_by().values_list("pk", flat=True))


def _worded(rows: TransactionQuerySet, text: str, most: int) -> TransactionQuerySet:
    """Few matches are read from the index of words; many are met soon on the way from the newest
    row backwards."""
    typed = Upper(Value(text))
    found = list(
        Words.objects.filter(text__contains=typed).values_list("pk", flat=True)[: most + 1]
    )
    if len(found) <= most:
        return rows.filter(pk__in=found)
    return rows.filter(words__text__contains=typed)


@dataclass(frozen=True, slots=True)
class Row:
    """One transaction in the list."""

    id: UUID
    url: str
    title: str
    counterparty: str
    process: str
    entity: str
    state: str
    state_words: str
    lateness: str
    amount: Decimal
    currency: str
    started_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    reference: str
    owner: str = ""


def rows_of(found: Sequence[Transaction], person: Person, now: datetime) -> list[Row]:
    """The rows of some transactions, in one more query."""
    troubles = standing.troubles(found)
    return [
        Row(
            id=one.pk,
            url=standing.url_of(one),
            title=one.title,
            counterparty=one.counterparty,
            process=standing.process_title(one.process),
            entity=one.entity.code if one.entity else "",
            state=standing.state_of(one, troubles.get(one.pk)),
            state_words=standing.state_words(one, troubles.get(one.pk), None),
            lateness="" if one.is_over else standing.promise_state(one, now, person.zone),
            amount=one.amount,
            currency=one.currency,
            started_at=one.started_at,
            due_at=None if one.is_over else one.due_at,
            ended_at=one.ended_at,
            reference=one.reference,
        )
        for one in found
    ]


def one_page(
    rows: TransactionQuerySet, filters: Filters, query: Mapping[str, str]
) -> Page[Transaction]:
    """A page in the order that is asked for. Words may be rare among many rows: how many there are
    of them is not counted."""
    return page(
        list_order.sortable(rows.select_related("entity")),
        list_order.order_of(filters.cleaned_data),
        query,
        among=list_order.sortable(Transaction.objects.all()),
        counted="q" not in query,
    )


def total_of(rows: TransactionQuerySet, filters: Filters) -> Money | None:
    """The value of all that match, where the list is the proof of a figure: what is stuck. Adding
    up every transaction ever made is no page's business."""
    proofs = [filters.given(name) for name in PROOFS]
    named = filters.given("process") or filters.given("month")
    is_figure = filters.given("state") == STUCK or (filters.given("state") == OPEN and named)
    if not (is_figure or any(proofs)):
        return None
    found = exposure.stake(exposure.priced(rows))
    return Money.of(found.amount, exposure.reporting_currency())
