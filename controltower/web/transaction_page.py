"""One chain under its correlation id, one of its transactions chosen: what the page is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.canonical.money import Money, NotAnAmount, UnknownCurrency
from controltower.firm.models import Person, Role
from controltower.processes import catalogue
from controltower.transactions.models import (
    Step,
    Transaction,
)
from controltower.web import absences, pause_actions, privacy, standing
from controltower.web.chain_milestones import points_of
from controltower.web.diagnosis import diagnose
from controltower.web.sayings import heard
from controltower.web.step_detail import detail_of
from controltower.web.transaction_chain import Chain, drawn_parts
from controltower.web.transaction_journey import journey_of, planned_steps, steps_of

MOST_RELATED = 12
MOST_KEYS = 7
KEYS = {"po": gettext_lazy("PO number")}
"""Kinds of keys whose name as it is kept says too little."""


def present(
    chain: Chain,
    person: Person,
    query: Mapping[str, str],
    session: SessionBase,
    now: datetime,
) -> dict[str, Any]:
    """The context of `transactions/transaction.html`."""
    chosen = chain.chosen
    if not chain.own and not chosen.is_over:
        chain.steps[chosen.pk] = planned_steps(chosen, now)
    step = selected(chain, query.get("step", ""))
    diagnosis = diagnose(chain, person, now)
    return {
        "tx": head_of(chain),
        "crumbs": _crumbs(chain),
        "owner": owner_of(chain),
        "keys": _keys(chosen),
        "group": _group(chain),
        "journey": journey_of(chosen, drawn_parts(chain), chain.steps, chain.attempts, now),
        "steps": steps_of(chosen, chain.own, chain.attempts, step, now),
        "milestones": points_of(chain, now),
        "related": _related(chain),
        "forecast": _forecast(chain),
        **_standing(chain, person, now),
        **diagnosis.context(),
        **detail_of(chain, step, person, query, session, now),
    }


def _standing(chain: Chain, person: Person, now: datetime) -> dict[str, Any]:
    """How it stands, and how it stands to its promise."""
    one = chain.chosen
    late = "" if one.is_over else standing.promise_state(one, now, person.zone)
    return {
        "state_words": standing.state_words(one, chain.trouble, now),
        "lateness": late,
        "lateness_words": standing.promise_words(one, now) if late else "",
        "pause": pause_actions.shown(one, now),
    }


def _ours(chain: Chain) -> Step | None:
    """The step that is stuck and could be sent again, where something is there to send."""
    trouble = chain.trouble
    if trouble is None or trouble.state not in standing.STUCK:
        return None
    return None if absences.is_absence(trouble.kind) else trouble


def _forecast(chain: Chain) -> dict[str, str] | None:
    """Where the page asks what a replay would do."""
    step, chosen = _ours(chain), chain.chosen
    if step is None:
        return None
    return {
        "id": f"forecast-{step.pk}-{step.fence}",
        "url": f"{reverse('transaction_impact', args=[chosen.correlation_id])}"
        f"?part={chosen.reference}",
        "system": step.system.title if step.system else _("the tower's own rules"),
    }


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
                tax = Money.of(str(value), currency)
            except (NotAnAmount, UnknownCurrency):
                return None
            return tax if tax.minor else None
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
        role = heard(Role(catalogue.workflow(chain.chosen.process).owner_role).label)
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
        shown.append((str(KEYS.get(kind, kind)), values[0] + more))
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
