"""What a person may do with a cause: hand it over, put it aside, solve it, group it anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical.verdicts import Kind
from controltower.firm.models import Person
from controltower.firm.rights import Right, entities_of
from controltower.incidents import grouping
from controltower.incidents.models import By, Cause, DeadLetter, Grouping
from controltower.measures import causes
from controltower.measures.exposure import Scope
from controltower.web import absences, formats, offers, privacy, settlements, undo
from controltower.web.actions import Action, Leave, leave
from controltower.web.decisions import Join, PlanAll, Reason, Snooze, Split
from controltower.web.exception_groups import letters_of
from controltower.web.remedies import assign_action, period_actions, settle_actions

MOST_PARTS = 40
ENTITY, CLIENT = "transaction__entity__code", "transaction__counterparty"
REPLAY = "replay"


def actions_of(cause: Cause, scope: Scope, count: int) -> list[Action]:
    """All that is offered while `count` transactions of the cause are open, in the order of use."""
    person, entity = scope.person, scope.entity or None
    decide = reverse("exception_decisions", args=[cause.pk])
    closed = cause.kind == Kind.PERIOD_CLOSED
    return [
        *(period_actions(decide, person, entity) if closed else _replay(cause, count, person)),
        replace(assign_action(cause, person, key="a"), seen=undo.standing(cause)),
        *_aside(cause, person),
        *_settle(cause, person, entity),
        *_grouping(cause, scope),
        offers.incident_action(reverse("exception_incidents", args=[cause.pk]), person),
    ]


def _replay(cause: Cause, count: int, person: Person) -> list[Action]:
    """Plan the replay of all of it; of what is in doubt, asking comes first by itself."""
    if absences.is_absence(cause.kind):
        return []
    may, form = leave(person, Right.REPLAY), PlanAll(auto_id="replay-%s")
    words = ngettext("Replay %(n)d transaction", "Replay all %(n)d", count)
    if cause.kind == Kind.UNKNOWN:
        words = ngettext("Ask %(system)s about it", "Ask %(system)s about all %(n)d", count)
    if cause.system is None:
        del form.fields["mapping"]
    return [
        Action(
            id=REPLAY,
            label=words % {"n": count, "system": cause.system.title if cause.system else ""},
            title=_("Plan first: nothing is sent before you release it"),
            url=reverse("exception_replays", args=[cause.pk]),
            confirm=_("Make the plan"),
            form=form,
            icon="rotate-ccw",
            allowed=may.allowed,
            why_not=may.why_not,
        )
    ]


def _settle(cause: Cause, person: Person, entity: str | None) -> list[Action]:
    proposed = settlements.about(cause, person)
    if proposed is not None:
        return settlements.actions(proposed, person)
    return settle_actions(reverse("exception_solutions", args=[cause.pk]), person, entity)


def _aside(cause: Cause, person: Person) -> list[Action]:
    snooze = Snooze(auto_id="snooze-%s")
    park = Reason(auto_id="park-%s")
    return [
        _act(cause, person, "snooze", _("Snooze"), _("Put this cause aside"),
             _("Put the cause aside"), snooze, icon="clock", key="s"),
        _act(cause, person, "park", _("Park"), _("Leave it until somebody takes it up"),
             _("Park the cause"), park, icon="square-parking", seldom=True),
    ]  # fmt: skip


def _grouping(cause: Cause, scope: Scope) -> list[Action]:
    parts, others = parts_of(cause, scope), others_than(cause, scope)
    split, join = Split(auto_id="split-%s", parts=parts), Join(auto_id="join-%s", others=others)
    offered = []
    if parts:
        offered.append(_act(cause, scope.person, "split", _("Split off"),
                            _("What stands alone from now on?"), _("Split it off"), split,
                            icon="git-branch", seldom=True))  # fmt: skip
    if others.exists():
        offered.append(_act(cause, scope.person, "join", _("Join"),
                            _("Under which cause does all of this stand?"),
                            _("Join the causes"), join, icon="git-merge", seldom=True))  # fmt: skip
    return offered


def _act(
    cause: Cause, person: Person, noun: str, label: str, title: str, confirm: str,
    form: forms.Form, *, icon: str, key: str = "", seldom: bool = False,
) -> Action:  # fmt: skip
    may = leave(person, Right.ASSIGN)
    return Action(
        id=noun,
        label=label,
        title=title,
        url=reverse(f"exception_{noun}s", args=[cause.pk]),
        confirm=confirm,
        form=form if may.allowed else None,
        icon=icon,
        key=key,
        seldom=seldom,
        seen=undo.standing(cause),
        allowed=may.allowed,
        why_not=may.why_not,
    )


def parts_of(cause: Cause, scope: Scope) -> list[tuple[str, str]]:
    """What may be split off: companies and clients, where there are several; (value, words). Who
    does not see all companies may split off theirs, whether others stand beside it or not."""
    letters = letters_of(scope).filter(cause=cause)
    companies, clients = _counted(letters, ENTITY), _counted(letters, CLIENT)
    alone = len(companies) > 1 or entities_of(scope.person) is not None
    return [
        *(_parts(By.ENTITY, companies) if alone else ()),
        *(_parts(By.CLIENT, clients) if len(clients) > 1 else ()),
    ]


def _counted(letters: QuerySet[DeadLetter], column: str) -> list[tuple[str, int]]:
    counted = letters.order_by().values_list(column).annotate(n=Count("pk"))
    return [(value, n) for value, n in counted.order_by("-n", column) if value]


def _parts(by: By, rows: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    return [(f"{by}:{value}", f"{value} ({n})") for value, n in rows[:MOST_PARTS]]


def others_than(cause: Cause, scope: Scope) -> QuerySet[Cause]:
    """The causes that this one may be joined with."""
    open_ = Cause.objects.filter(causes.having(letters_of(scope)))
    return open_.exclude(pk=cause.pk).order_by("title", "pk")


def decided(cause: Cause, person: Person, now: datetime) -> list[dict[str, Any]]:
    """What people have decided about the grouping, and how it is taken back."""
    return [
        {
            "text": _words(one, cause),
            "by": _("%(name)s, %(at)s: %(reason)s")
            % {
                "name": one.decided_by,
                "at": formats.when(one.decided_at, now),
                "reason": privacy.masked_text(one.reason),
            },
            "action": _take_back(one, cause, person),
        }
        for one in grouping.about(cause)
    ]


def _words(one: Grouping, cause: Cause) -> str:
    here = one.cause_id == cause.pk
    if one.by:
        alone = _("Split off from another cause: %(value)s.")
        apart = _("%(value)s stands alone.")
        return (alone if here else apart) % {"value": one.value}
    into = {"title": privacy.masked_text(one.cause.title)}
    return _("Another cause was joined with it.") if here else _("Joined with %(title)s.") % into


def _take_back(one: Grouping, cause: Cause, person: Person) -> Action:
    own = leave(person, Right.ASSIGN, one.value) if one.by == By.ENTITY else Leave(False)
    may = own if own.allowed else leave(person, Right.ASSIGN)
    return Action(
        id=f"take-back-{one.pk}",
        label=_("Take back"),
        title=_("Group them by their cause again?"),
        url=reverse("exception_regroupings", args=[cause.pk, one.pk]),
        confirm=_("Take the decision back"),
        icon="undo-2",
        small=True,
        allowed=may.allowed,
        why_not=may.why_not,
    )
