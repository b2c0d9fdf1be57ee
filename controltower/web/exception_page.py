"""One cause: why these are grouped, what hangs on it row by row, and what can be done with all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical.money import Money, minor_units
from controltower.canonical.verdicts import Kind
from controltower.firm.rights import Right
from controltower.incidents.models import Cause, DeadLetter
from controltower.measures import exposure
from controltower.measures.exposure import Scope, Stake
from controltower.transactions.models import BusinessKey
from controltower.transactions.references import normalised
from controltower.web import (
    absences,
    aside_words,
    cause_actions,
    cause_lead,
    offers,
    privacy,
    runbook_words,
    settlements,
    standing,
)
from controltower.web.actions import Ranked, leave
from controltower.web.exception_groups import (
    known_fixes,
    letters_of,
    local_value,
    owner_of,
    state_of,
    states_of,
)
from controltower.web.keyset import Order, Page, page

OLDEST_FIRST = Order("opened_at", descending=False)


def present(
    cause: Cause, scope: Scope, query: Mapping[str, str], now: datetime
) -> dict[str, Any] | None:
    """The context of `exceptions/group.html`, or None when nothing of it is this person's."""
    letters = under(cause, scope)
    shown: Page[DeadLetter] = page(letters, OLDEST_FIRST, query)
    if not shown.rows and not letters_of(scope, solved=True).filter(cause=cause).exists():
        return None
    found = whole_of(letters)
    value = Money.of(found.amount, exposure.reporting_currency())
    group = _group(cause, scope, shown, found, value, now)
    one = settlements.about(cause, scope.person)
    return {
        "now": now,
        "crumbs": [
            (_("Exceptions"), reverse("exceptions")),
            (privacy.masked_text(cause.title), ""),
        ],
        "group": group,
        "decided": cause_actions.decided(cause, scope.person, now),
        "proposed": settlements.told(one, scope.person) if one else "",
        "incident": [
            (one.name, reverse("incident", args=[one.pk]))
            for one in cause.incidents.visible_to(scope.person).open()
        ],
        **_offered(cause, scope, found.count, now, has_fix=bool(group["fix"])),
        "rows": rows_of(shown.rows, scope, now),
        "page": shown,
        "matching": {"count": found.count, "value": value},
        "filters": 0,
        "clear_url": "",
        **_acts(cause, scope),
    }


def under(cause: Cause, scope: Scope) -> QuerySet[DeadLetter]:
    """What hangs on a cause, as far as the person sees it, priced."""
    letters = exposure.priced(letters_of(scope).filter(cause=cause), "transaction__")
    return letters.select_related("transaction__entity", "step__system")


def whole_of(letters: QuerySet[DeadLetter]) -> Stake:
    """What the letters of one cause come to."""
    return next(iter(exposure.stakes(letters, "cause", at="transaction__").values()), Stake())


def _offered(
    cause: Cause, scope: Scope, count: int, now: datetime, *, has_fix: bool
) -> dict[str, Any]:
    """Runbooks that fit, and what may be done with the whole of it, one act leading; nothing when
    nothing is stuck any more."""
    offered = offers.for_cause(cause, scope.person, now)
    acts = cause_actions.actions_of(cause, scope, count) if count else []
    leading = cause_lead.by_weight(cause, acts, offered, has_fix=has_fix) if count else Ranked()
    return {**offered, "offered": leading}


def _acts(cause: Cause, scope: Scope) -> dict[str, Any]:
    """What may be done with a part of it, and how that is added up."""
    may, currency = leave(scope.person, Right.REPLAY), exposure.reporting_currency()
    return {
        "reporting": {"currency": currency, "places": minor_units(currency)},
        "replay_url": reverse("exception_replays", args=[cause.pk]),
        "may_replay": may.allowed,
        "why_not": may.why_not,
    }


def _group(
    cause: Cause,
    scope: Scope,
    shown: Page[DeadLetter],
    found: Stake,
    value: Money,
    now: datetime,
) -> dict[str, Any]:
    state = state_of(cause, states_of(scope, [cause.pk]), now)
    times = (
        letters_of(scope)
        .filter(cause=cause)
        .aggregate(oldest=Min("opened_at"), due=Min("transaction__due_at"))
    )
    first = shown.rows[0] if shown.rows else None
    system = cause.system.title if cause.system else ""
    return {
        "id": cause.pk,
        "title": privacy.masked_text(cause.title),
        "state": state,
        "system": system or _("Control Tower"),
        "count": found.count,
        "value": value,
        "local_value": local_value(found.by_currency),
        "oldest": times["oldest"],
        "due": times["due"],
        "lateness": standing.lateness_of(times["due"], now, scope.person.zone) if first else "",
        "owner": owner_of(cause),
        "happened": _happened(cause, found.count),
        "quote": _quote(cause, first),
        "why_grouped": _why(cause, first),
        "fix": known_fixes(scope, [cause.pk]).get(cause.pk, ""),
        "advice": _advice(cause),
        "back_again": state == "back_again",
        "aside": aside_words.of_cause(cause, now),
        "note": cause.note,
    }


def _quote(cause: Cause, first: DeadLetter | None) -> str:
    """What the system said of the oldest one, masked."""
    if first is None or cause.system is None:
        return ""
    return privacy.of(first.transaction).text(first.step.text)


def _happened(cause: Cause, count: int) -> str:
    words = {"n": count, "system": cause.system.title if cause.system else ""}
    if cause.kind == Kind.UNKNOWN:
        sentence = ngettext(
            "%(n)d was sent, but %(system)s gave no answer that can be trusted.",
            "%(n)d were sent, but %(system)s gave no answer that can be trusted.",
            count,
        )
        asks = _("Replaying asks first: what is there is linked, not sent again.")
        return f"{sentence % words} {asks}"
    if cause.kind == Kind.PERIOD_CLOSED:
        sentence = ngettext(
            "%(n)d belongs to a closed period and waits for a decision. It has not been posted.",
            "%(n)d belong to a closed period and wait for a decision. None has been posted.",
            count,
        )
        return sentence % words
    if absences.is_absence(cause.kind):
        return absences.happened(count)
    if cause.system is None:
        return (
            ngettext(
                "%(n)d was stopped by our own check, before anything was sent.",
                "%(n)d were stopped by our own check, before anything was sent.",
                count,
            )
            % words
        )
    return (
        ngettext(
            "%(n)d is stuck because %(system)s refused it. Nobody tries it again by itself.",
            "%(n)d are stuck because %(system)s refused them. Nobody tries them again by itself.",
            count,
        )
        % words
    )


def _advice(cause: Cause) -> str:
    """What helps where nobody has solved it before and no runbook fits."""
    if absences.is_absence(cause.kind):
        return absences.ways_on()[0][0]
    if cause.kind == Kind.PERIOD_CLOSED:
        return _("Decide to which period the work belongs. Waiting will not help.")
    if cause.kind == Kind.UNKNOWN:
        return _("Do not send it again by hand: it may be there already.")
    if cause.system is None:
        return _("Correct the source record: the correction is taken up by itself.")
    words = _("No known fix yet. Put it right in %(system)s, then replay.")
    return words % {"system": cause.system.title}


def _why(cause: Cause, first: DeadLetter | None) -> list[tuple[str, str]]:
    step = first.step if first else None
    lines = [
        (_("System"), cause.system.title if cause.system else _("Control Tower")),
        (_("Step"), step.title if step else cause.step_name),
        (_("Kind of failure"), str(runbook_words.FAILURES.get(cause.kind, cause.kind))),
    ]
    if step:
        lines.append((_("Message"), normalised(privacy.of(step.transaction).text(step.text))[:240]))
    if step and step.field:
        lines.append((_("Field"), step.field))
    return lines


@dataclass(frozen=True, slots=True)
class Row:
    """One stuck step of the cause. `minor` is what ticking it adds to the selection's value."""

    id: UUID
    url: str
    key: str
    title: str
    entity: str
    amount: Decimal
    currency: str
    minor: int
    since: datetime
    tries: int
    lateness: str
    in_doubt: bool


def rows_of(letters: Sequence[DeadLetter], scope: Scope, now: datetime) -> list[Row]:
    """Letters, priced by `under`, as the list shows them."""
    keys = _keys(letters)
    return [_row(letter, keys, scope, now) for letter in letters]


def _row(letter: DeadLetter, keys: Mapping[UUID, str], scope: Scope, now: datetime) -> Row:
    one, step = letter.transaction, letter.step
    worth = getattr(letter, "worth", None) if getattr(letter, "counted", True) else None
    currency = exposure.reporting_currency()
    return Row(
        id=step.pk,
        url=standing.url_of(one),
        key=keys.get(one.pk) or one.reference,
        title=one.title,
        entity=one.entity.code if one.entity else "",
        amount=one.amount,
        currency=one.currency,
        minor=Money.of(worth, currency).minor if worth is not None else 0,
        since=step.changed_at,
        tries=step.tries,
        lateness=standing.lateness_of(one.due_at, now, scope.person.zone),
        in_doubt=False,
    )


def _keys(letters: Sequence[DeadLetter]) -> dict[UUID, str]:
    """The first business key of each transaction: how people call it."""
    found: dict[UUID, str] = {}
    wanted = [letter.transaction_id for letter in letters]
    rows = BusinessKey.objects.filter(transaction__in=wanted).order_by("pk")
    for pk, value in rows.values_list("transaction_id", "value"):
        found.setdefault(pk, value)
    return found
