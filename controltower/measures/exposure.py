"""Money at stake: one definition, used by every page, so that a figure equals the list behind it.

Exposure is the value of what is stuck, in its own currency and in the reporting currency at the
newest dated rate. Along one chain it is counted once, at the earliest stuck point: while a deal is
stuck or taken back, or the whole chain lacks something (its contract, its people, its work), stuck
work under the same correlation id is part of the deal's value. Work above its contract's cap is
not: nobody has sold it yet. It is part of a stuck change order that is worth as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Case, Count, Model, Q, QuerySet, Sum, Value, When

from controltower.firm.models import Person
from controltower.firm.rights import entity_keys_of
from controltower.measures.counting import Counted, Worth
from controltower.transactions.models import Transaction
from controltower.transactions.models.journey import TransactionQuerySet
from controltower.transactions.models.states import STUCK

Related = TypeVar("Related", bound=Model)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose eyes, and which legal entity ("" for all the person sees)."""

    person: Person
    entity: str = ""

    @property
    def is_whole_firm(self) -> bool:
        """Whether nothing is left out."""
        return not self.entity and entity_keys_of(self.person) is None


@dataclass(slots=True)
class Stake:
    """A count and its value in the reporting currency; `unpriced` items have no known rate."""

    count: int = 0
    amount: Decimal = Decimal(0)
    unpriced: int = 0
    by_currency: dict[str, Decimal] = field(default_factory=dict)

    def add(self, other: Stake, times: int = 1) -> None:
        """Take another stake in, or with `times` -1 out again."""
        self.count += other.count * times
        self.amount += other.amount * times
        self.unpriced += other.unpriced * times
        for currency, amount in other.by_currency.items():
            own = self.by_currency.get(currency, Decimal(0))
            self.by_currency[currency] = own + amount * times


def transactions(scope: Scope) -> TransactionQuerySet:
    """What the person may see within the chosen entity."""
    visible = Transaction.objects.visible_to(scope.person)
    return visible.of_entity(scope.entity) if scope.entity else visible


def within(scope: Scope, rows: QuerySet[Related]) -> QuerySet[Related]:
    """Those rows of something else whose `transaction` the person may see within the entity."""
    keys = entity_keys_of(scope.person)
    if keys is not None:
        rows = rows.filter(transaction__entity__in=keys)
    return rows.filter(transaction__entity__code=scope.entity) if scope.entity else rows


def priced(queryset: QuerySet[Any], at: str = "") -> QuerySet[Any]:
    """Annotate `worth`: the amount in the reporting currency, null without a rate; and `counted`:
    false where an earlier stuck point of the chain carries the value already.

    `at` is the path to the transaction ("transaction__") when the rows are something else.
    """
    annotated: QuerySet[Any] = queryset.annotate(worth=Worth(at), counted=Counted(at))
    return annotated


def stuck(scope: Scope) -> QuerySet[Transaction]:
    """What waits for a person, priced."""
    return priced(transactions(scope).stuck())


def stake(queryset: QuerySet[Transaction]) -> Stake:
    """Add a priced queryset up."""
    return stakes(queryset).get((), Stake())


def stakes(queryset: QuerySet[Any], *keys: str, at: str = "") -> dict[tuple[Any, ...], Stake]:
    """Add a priced queryset up per combination of `keys`, in one query. Whether a row counts is a
    key as well: it is decided once, not again in each of the sums."""
    rows = (
        queryset.order_by()
        .values_list(*keys, f"{at}currency", "counted")
        .annotate(items=Count("pk"), worths=Sum("worth"), own=Sum(f"{at}amount"))
    )
    found: dict[tuple[Any, ...], Stake] = {}
    for *key, currency, counted, count, worth, own in rows:
        sum_ = found.setdefault(tuple(key), Stake())
        sum_.count += count
        if worth is None:
            sum_.unpriced += count
        elif counted:
            sum_.amount += worth
        if counted:
            sum_.by_currency[currency] = own
    return found


@dataclass(frozen=True, slots=True)
class Parts:
    """Stakes by `keys`, each row in exactly one of them."""

    keys: tuple[str, ...]
    stakes: Mapping[tuple[Any, ...], Stake]

    def by(self, *keys: str) -> dict[tuple[Any, ...], Stake]:
        """The same added up by fewer keys; by none of them, the whole is at ()."""
        places = [self.keys.index(key) for key in keys]
        found: dict[tuple[Any, ...], Stake] = {}
        for key, stake in self.stakes.items():
            found.setdefault(tuple(key[place] for place in places), Stake()).add(stake)
        return found


@dataclass(frozen=True, slots=True)
class Lateness:
    """The same stakes by how late they are."""

    late: Stake
    due_today: Stake
    in_time: Stake

    @property
    def parts(self) -> tuple[Stake, Stake, Stake]:
        """All three."""
        return self.late, self.due_today, self.in_time


LATENESSES = ("late", "due_today", "in_time")
MOVING = ""


def midnight_after(now: datetime, zone: str) -> datetime:
    """The end of the person's own day."""
    local = now.astimezone(ZoneInfo(zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + timedelta(days=1)


def lateness_filter(kind: str, now: datetime, zone: str) -> Q:
    """ "late", "due_today" or "in_time", by the person's own day."""
    midnight = midnight_after(now, zone)
    if kind == "late":
        return Q(due_at__lt=now)
    if kind == "due_today":
        return Q(due_at__gte=now, due_at__lt=midnight)
    return Q(due_at__gte=midnight) | Q(due_at__isnull=True)


def at_risk(now: datetime) -> Q:
    """A promise that is not broken yet, and of which most is used: by its own warning."""
    return Q(warns_at__lte=now, due_at__gte=now)


def near_their_end(now: datetime) -> QuerySet[Transaction]:
    """What is under way and at risk, of all companies."""
    return Transaction.objects.live().filter(at_risk(now))


def lateness(now: datetime, zone: str, at: str = "") -> Case:
    """An expression for a transaction's lateness: "late", "due_today" or "in_time"."""
    due = f"{at}due_at__lt"
    return Case(
        When(**{due: now}, then=Value(LATENESSES[0])),
        When(**{due: midnight_after(now, zone)}, then=Value(LATENESSES[1])),
        default=Value(LATENESSES[2]),
    )


def lateness_of_stuck(now: datetime, zone: str) -> Case:
    """The same for what is stuck; "" while it moves, for nobody is waited for."""
    return Case(When(STUCK, then=lateness(now, zone)), default=Value(MOVING))


def split(found: Mapping[tuple[Any, ...], Stake], *key: Any) -> Lateness:
    """The stakes under a key whose last part is the lateness."""
    return Lateness(*(found.get((*key, kind)) or Stake() for kind in LATENESSES))


def reporting_currency() -> str:
    """The currency of every total."""
    return str(settings.REPORTING_CURRENCY)
