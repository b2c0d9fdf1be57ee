"""Money at stake: one definition, used by every page, so that a figure equals the list behind it.

Exposure is the value of what is stuck, in its own currency and in the reporting currency at the
newest dated rate. Along one chain it is counted once, at the earliest stuck point: while a deal is
stuck, stuck work under the same correlation id is part of the deal's value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import (
    Case,
    Count,
    DecimalField,
    Exists,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Round

from controltower.firm.models import Person
from controltower.firm.rates import rates
from controltower.incidents.models import Cause, DeadLetter
from controltower.transactions.models import Transaction

UPSTREAM = "opportunity-to-project"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose eyes, and which legal entity ("" for all the person sees)."""

    person: Person
    entity: str = ""


@dataclass(slots=True)
class Stake:
    """A count and its value in the reporting currency; `unpriced` items have no known rate."""

    count: int = 0
    amount: Decimal = Decimal(0)
    unpriced: int = 0
    by_currency: dict[str, Decimal] = field(default_factory=dict)


def transactions(scope: Scope) -> QuerySet[Transaction]:
    """What the person may see within the chosen entity."""
    visible = Transaction.objects.visible_to(scope.person)
    return visible.filter(entity__code=scope.entity) if scope.entity else visible


def priced(queryset: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """Annotate `worth`: the amount in the reporting currency, null without a rate; and `counted`:
    false where an earlier stuck point of the chain carries the value already."""
    whens = [
        When(currency=code, then=Round(F("amount") * Value(rate), precision=2))
        for code, rate in rates().items()
    ]
    earlier = Transaction.objects.stuck().filter(
        correlation_id=OuterRef("correlation_id"), process=UPSTREAM
    )
    return queryset.annotate(
        worth=Case(
            *whens,
            default=None,
            output_field=DecimalField(max_digits=24, decimal_places=2, null=True),
        ),
        counted=Q(process=UPSTREAM) | ~Exists(earlier),
    )


def stuck(scope: Scope) -> QuerySet[Transaction]:
    """What waits for a person, priced."""
    return priced(Transaction.objects.filter(pk__in=transactions(scope).stuck().values("pk")))


def stake(queryset: QuerySet[Transaction]) -> Stake:
    """Add a priced queryset up."""
    row = queryset.aggregate(
        count=Count("pk"),
        amount=Sum("worth", filter=Q(counted=True)),
        unpriced=Count("pk", filter=Q(worth__isnull=True)),
    )
    found = Stake(row["count"], row["amount"] or Decimal(0), row["unpriced"])
    for line in queryset.filter(counted=True).values("currency").annotate(sum=Sum("amount")):
        found.by_currency[line["currency"]] = line["sum"]
    return found


@dataclass(frozen=True, slots=True)
class Lateness:
    """The same stakes by how late they are."""

    late: Stake
    due_today: Stake
    in_time: Stake


def lateness_filter(kind: str, now: datetime, zone: str) -> Q:
    """ "late", "due_today" or "in_time", by the person's own day."""
    local = now.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    if kind == "late":
        return Q(due_at__lt=now)
    if kind == "due_today":
        return Q(due_at__gte=now, due_at__lt=midnight)
    return Q(due_at__gte=midnight) | Q(due_at__isnull=True)


def by_lateness(scope: Scope, now: datetime) -> Lateness:
    """Stuck money that is late, due today, and still in time."""
    base, zone = stuck(scope), scope.person.zone
    return Lateness(
        *(
            stake(base.filter(lateness_filter(kind, now, zone)))
            for kind in ("late", "due_today", "in_time")
        )
    )


@dataclass(frozen=True, slots=True)
class CauseLine:
    """A cause with what hangs on it, for lists."""

    cause: Cause
    stake: Stake
    oldest: datetime
    due: datetime | None
    late: int


def by_cause(
    scope: Scope, now: datetime, *, snoozed: bool = False, limit: int = 200
) -> Sequence[CauseLine]:
    """Open causes in the scope, most money first."""
    visible = transactions(scope)
    letters = DeadLetter.objects.open().filter(transaction__in=visible)
    causes = Cause.objects.filter(letters__in=letters).distinct().select_related("owner", "system")
    causes = causes.filter(snoozed_until__gt=now) if snoozed else causes.awake(now)
    lines = [_line(cause, letters, now) for cause in causes[:limit]]
    return sorted(lines, key=lambda line: (-line.stake.amount, -line.stake.count, line.cause.pk))


def _line(cause: Cause, letters: QuerySet[DeadLetter], now: datetime) -> CauseLine:
    own = letters.filter(cause=cause)
    times: Mapping[str, datetime | None] = own.aggregate(
        oldest=Min("opened_at"), due=Min("transaction__due_at")
    )
    members = priced(Transaction.objects.filter(pk__in=own.values("transaction")))
    return CauseLine(
        cause=cause,
        stake=stake(members),
        oldest=times["oldest"] or now,
        due=times["due"],
        late=members.filter(due_at__lt=now).count(),
    )


AGES = (
    ("Under 1 h", timedelta(0), timedelta(hours=1)),
    ("1 to 4 h", timedelta(hours=1), timedelta(hours=4)),
    ("4 to 24 h", timedelta(hours=4), timedelta(hours=24)),
    ("1 to 3 days", timedelta(days=1), timedelta(days=3)),
    ("Over 3 days", timedelta(days=3), timedelta(days=36500)),
)


@dataclass(frozen=True, slots=True)
class AgeLine:
    """How much has been stuck for how long, split by lateness."""

    label: str
    stake: Stake
    split: Lateness


def by_age(scope: Scope, now: datetime) -> Sequence[AgeLine]:
    """Stuck money by the time since it last moved."""
    base, zone = stuck(scope), scope.person.zone
    lines = []
    for label, least, most in AGES:
        part = base.filter(changed_at__lte=now - least, changed_at__gt=now - most)
        split = Lateness(
            *(
                stake(part.filter(lateness_filter(kind, now, zone)))
                for kind in ("late", "due_today", "in_time")
            )
        )
        lines.append(AgeLine(label, stake(part), split))
    return lines


def reporting_currency() -> str:
    """The currency of every total."""
    return str(settings.REPORTING_CURRENCY)
