"""One chain under its correlation id, one of its transactions chosen: what the page is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency
from controltower.firm.models import Person, Role
from controltower.incidents.models import DeadLetter
from controltower.processes import catalogue
from controltower.transactions.models import (
    Attempt,
    ItemState,
    PlanState,
    ReplayItem,
    Step,
    Transaction,
)
from controltower.web import privacy, standing
from controltower.web.diagnosis import diagnose
from controltower.web.step_detail import detail_of
from controltower.web.transaction_journey import journey_of, planned_steps, steps_of

MOST_PARTS = 100
MOST_DRAWN = 6
MOST_RELATED = 12
MOST_KEYS = 7
RELEASED = (PlanState.RUNNING, PlanState.PAUSED)


@dataclass(slots=True)
class Chain:
    """Every transaction of a correlation id that the person may see, newest first."""

    parts: list[Transaction]
    chosen: Transaction
    steps: dict[UUID, list[Step]] = field(default_factory=dict)
    attempts: dict[UUID, list[Attempt]] = field(default_factory=dict)
    letter: DeadLetter | None = None
    replay: ReplayItem | None = None

    @property
    def replaying(self) -> bool:
        """Whether a released replay has the stuck step; a plan alone holds nothing back."""
        return self.replay is not None and self.replay.plan.state in RELEASED

    @property
    def own(self) -> list[Step]:
        """The steps of the chosen transaction, in order."""
        return self.steps.get(self.chosen.pk, [])

    @property
    def trouble(self) -> Step | None:
        """The step that explains the chosen transaction's state."""
        return None if self.chosen.is_over else standing.trouble_in(self.own)

    def tries(self, step: Step) -> list[Attempt]:
        """Every call of a step, oldest first."""
        return self.attempts.get(step.pk, [])


def load(person: Person, correlation_id: str, part: str, now: datetime) -> Chain | None:
    """The chain, or None when nothing of it is there for this person. Six queries."""
    visible = (
        Transaction.objects.visible_to(person)
        .filter(correlation_id=correlation_id)
        .select_related("entity")
    )
    parts = list(visible.order_by("-started_at", "-pk")[:MOST_PARTS])
    chosen = _choose(parts, part) or (visible.filter(reference=part).first() if part else None)
    if chosen is None:
        return None
    chain = Chain(parts, chosen)
    drawn = drawn_parts(chain)
    steps = Step.objects.filter(transaction__in=[one.pk for one in drawn])
    for step in steps.select_related("system", "mapping_version__mapping"):
        chain.steps.setdefault(step.transaction_id, []).append(step)
    attempts = Attempt.objects.filter(step__transaction__in=[one.pk for one in drawn])
    for attempt in attempts.defer("payload", "request", "response").select_related(
        "mapping_version"
    ):
        chain.attempts.setdefault(attempt.step_id, []).append(attempt)
    if trouble := chain.trouble:
        letters = DeadLetter.objects.filter(step=trouble)
        chain.letter = letters.select_related("cause__owner", "cause__system").first()
        chain.replay = (
            ReplayItem.objects.filter(step=trouble, state__in=[ItemState.WAITING, ItemState.SENT])
            .filter(Q(plan__state__in=RELEASED) | Q(plan__expires_at__gt=now))
            .exclude(plan__ended_at__isnull=False)
            .select_related("plan")
            .order_by("-pk")
            .first()
        )
    return chain


def _choose(parts: Sequence[Transaction], part: str) -> Transaction | None:
    """The one that is asked for; else what is stuck, else the newest."""
    if part:
        return next((one for one in parts if one.reference == part), None)
    return next((one for one in parts if standing.is_stuck(one)), parts[0] if parts else None)


def drawn_parts(chain: Chain) -> list[Transaction]:
    """The parts that the journey shows, oldest first: the deal, the chosen one, the newest."""
    first = chain.parts[-1:]
    others = [one for one in chain.parts[:-1] if one.exposure != "unpaid cost"]
    kept = {one.pk: one for one in [chain.chosen, *first, *others[: MOST_DRAWN - 1]]}
    return sorted(kept.values(), key=lambda one: (one.started_at, str(one.pk)))


def present(
    chain: Chain,
    person: Person,
    query: Mapping[str, str],
    session: SessionBase,
    now: datetime,
) -> dict[str, Any]:
    """The context of `transactions/transaction.html`."""
    chosen, trouble = chain.chosen, chain.trouble
    if not chain.own and not chosen.is_over:
        chain.steps[chosen.pk] = planned_steps(chosen, now)
    step = selected(chain, query.get("step", ""))
    journey = journey_of(chosen, drawn_parts(chain), chain.steps, chain.attempts, now)
    late = "" if chosen.is_over else standing.lateness_of(chosen.due_at, now, person.zone)
    diagnosis = diagnose(chain, person, now)
    stuck = trouble is not None and trouble.state in standing.STUCK
    return {
        "tx": head_of(chain),
        "crumbs": _crumbs(chain),
        "state_words": standing.state_words(chosen, trouble, now),
        "lateness": late,
        "lateness_words": standing.lateness_words(chosen.due_at, now) if late else "",
        "owner": owner_of(chain),
        "keys": _keys(chosen),
        "group": _group(chain),
        "journey": journey,
        "steps": steps_of(chosen, chain.own, chain.attempts, step, now),
        "related": _related(chain),
        "forecast": {
            "id": f"forecast-{trouble.pk}-{trouble.fence}",
            "url": f"{reverse('transaction_impact', args=[chosen.correlation_id])}"
            f"?part={chosen.reference}",
            "system": trouble.system.title if trouble.system else _("the tower's own rules"),
        }
        if stuck and trouble is not None
        else None,
        "phone_action": _phone_action(diagnosis.grave, stuck),
        **diagnosis.context(),
        **detail_of(chain, step, person, query, session, now),
    }


def _phone_action(grave: bool, stuck: bool) -> dict[str, str] | None:
    if not grave:
        return None
    if stuck:
        return {"url": "#replay", "label": _("Replay")}
    return {"url": "#what-you-can-do", "label": _("Decide")}


def selected(chain: Chain, name: str) -> Step | None:
    """The step that the query string names; else the troubled one, the next, the last."""
    for step in chain.own:
        if step.name == name:
            return step
    if chain.trouble:
        return chain.trouble
    waiting = [step for step in chain.own if not step.done_at]
    if waiting:
        return waiting[0]
    return chain.own[-1] if chain.own else None


@dataclass(frozen=True, slots=True)
class Head:
    """What a transaction is."""

    id: UUID
    title: str
    state: str
    amount: Decimal
    currency: str
    tax: Money | None
    entity: str
    correlation_id: str
    url: str
    is_over: bool


def head_of(chain: Chain) -> Head:
    """The head of the chosen transaction."""
    one = chain.chosen
    return Head(
        id=one.pk,
        title=one.title,
        state=standing.state_of(one, chain.trouble),
        amount=one.amount,
        currency=one.currency,
        tax=_tax(chain.own, one.currency),
        entity=one.entity.name if one.entity else "",
        correlation_id=one.correlation_id,
        url=standing.url_of(one),
        is_over=one.is_over,
    )


def _tax(steps: Sequence[Step], currency: str) -> Money | None:
    """The tax that the ERP has put on the invoice, once it has."""
    for step in reversed(steps):
        value = step.values.get("tax")
        if step.entity == "invoice" and value not in (None, ""):
            try:
                return Money.of(str(value), currency)
            except (NotAnAmount, UnknownCurrency):
                return None
    return None


@dataclass(frozen=True, slots=True)
class Owner:
    """Who takes care of it: a person, or a role as long as nobody in person must."""

    name: str
    initials: str
    team: str = ""


def owner_of(chain: Chain) -> Owner | None:
    """The cause's owner when it is stuck; else the role that owns the process."""
    if chain.letter is not None and standing.is_stuck(chain.chosen):
        person = chain.letter.cause.owner
        return Owner(str(person), person.initials) if person else None
    try:
        role = Role(catalogue.named(chain.chosen.process).owner_role).label
    except (KeyError, ValueError):
        return None
    words = str(role).split()
    return Owner(str(role), "".join(word[0] for word in words[:2]).upper())


def _crumbs(chain: Chain) -> list[tuple[str, str]]:
    if chain.letter is not None and standing.is_stuck(chain.chosen):
        cause = chain.letter.cause
        return [
            (_("Exceptions"), reverse("exceptions")),
            (privacy.masked_text(cause.title), reverse("exception", args=[cause.pk])),
            (chain.chosen.title, ""),
        ]
    return [(_("Transactions"), reverse("transactions")), (chain.chosen.title, "")]


def _keys(one: Transaction) -> list[tuple[str, str]]:
    """Our reference and a few business keys; of many alike the first, and how many more."""
    by_kind: dict[str, list[str]] = {}
    for key in one.keys.all():
        by_kind.setdefault(key.kind, []).append(key.value)
    shown = [(_("reference"), one.reference)]
    for kind, values in by_kind.items():
        more = f" +{len(values) - 1}" if len(values) > 1 else ""
        shown.append((kind, values[0] + more))
    return shown[:MOST_KEYS]


def _group(chain: Chain) -> dict[str, str] | None:
    if chain.letter is None or not standing.is_stuck(chain.chosen):
        return None
    cause = chain.letter.cause
    return {"title": privacy.masked_text(cause.title), "url": reverse("exception", args=[cause.pk])}


def _related(chain: Chain) -> list[dict[str, Any]]:
    """The other transactions of the chain, oldest first."""
    others = [one for one in chain.parts if one.pk != chain.chosen.pk]
    others = [*others[: MOST_RELATED - 1], *others[-1:]] if len(others) > MOST_RELATED else others
    return [
        {
            "title": one.title,
            "url": standing.url_of(one),
            "state": one.state,
            "relation": standing.process_title(one.process),
            "amount": one.amount,
            "currency": one.currency,
        }
        for one in reversed(others)
    ]
