"""A replay as a job: the sealed plan, how far it has come, and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Case, QuerySet, Value, When
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.firm.models import Approval, Person
from controltower.incidents.models import DeadLetter, Run
from controltower.measures import exposure
from controltower.measures.exposure import Scope
from controltower.transactions import replay_approval, selection
from controltower.transactions.models import (
    Forecast,
    ItemState,
    PlanState,
    ReplayItem,
    ReplayPlan,
)
from controltower.web import formats, job_promise, privacy, standing
from controltower.web.decisions import NOW
from controltower.web.job_actions import actions_of
from controltower.web.job_list import ASKED, READY, state_of
from controltower.web.job_tally import Tally, tallies
from controltower.web.keyset import Order, page
from controltower.web.sayings import heard

OVER = (PlanState.COMPLETED, PlanState.WITH_FAILURES, PlanState.CANCELLED, PlanState.STALE)
FAILED_FIRST = Order("rank", descending=False)
MOST_NAMED = 3
RANKS = (
    ItemState.FAILED,
    ItemState.UNKNOWN,
    ItemState.SENT,
    ItemState.WAITING,
    ItemState.VERIFIED,
)


def present(
    plan: ReplayPlan, person: Person, query: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """The context of `jobs/job.html`."""
    tally = tallies([plan.pk], person)[plan.pk]
    approval = replay_approval.latest(plan) if plan.digest else None
    state = state_of(plan, approval, now)
    changed = selection.changed_since(plan, now) if plan.state in READY else ""
    items = _items(plan, person)
    shown = page(items, FAILED_FIRST, query, among=items)
    return {
        "crumbs": [(_("Jobs"), reverse("jobs")), (plan.title, "")],
        "job": _job(plan, state, approval, changed, tally, person),
        "stages": _stages(state, plan),
        "progress": tally.progress,
        "expected": job_promise.told(plan, person, now),
        "limit_words": _in_doubt(tally),
        "forecasts": tally.forecasts if plan.state != PlanState.DRAFT else [],
        "conditions": _conditions(plan, approval, state, changed, tally, now),
        "actions": actions_of(plan, person, state, approval, changed, tally.total),
        "receipt": _receipt(plan, approval, tally, now) if state in OVER else [],
        "items": _lines(shown.rows),
        "page": shown,
    }


def _items(plan: ReplayPlan, person: Person) -> QuerySet[ReplayItem]:
    """What of the plan this person may see; failures first."""
    whens = [When(state=state, then=Value(rank)) for rank, state in enumerate(RANKS)]
    items = exposure.within(Scope(person), ReplayItem.objects.filter(plan=plan))
    return items.annotate(rank=Case(*whens, default=Value(len(RANKS))))


def _lines(items: Sequence[ReplayItem]) -> list[dict[str, Any]]:
    """Their lines. What they are about is read once it is known which are shown: all of a plan's
    are sorted."""
    about = ReplayItem.objects.select_related("transaction__entity", "step")
    found = about.in_bulk([item.pk for item in items])
    return [_item(found[item.pk]) for item in items]


def _item(item: ReplayItem) -> dict[str, Any]:
    planned = item.state == ItemState.WAITING or item.forecast == "would_fail"
    why = item.why if planned else item.text or item.why
    return {
        "title": item.transaction.title,
        "url": standing.url_of(item.transaction, step=item.step.name),
        "forecast": item.forecast,
        "state": item.state,
        "why": privacy.masked_text(why),
        "differences": [
            (name, *(_hidden(name, value) for value in (before, after)))
            for name, before, after in item.difference
        ],
        "amount": item.amount,
        "currency": item.currency,
        "at": item.ended_at or item.sent_at,
    }


def _hidden(name: str, value: str) -> str:
    return privacy.EVERYTHING.field(name, value)


def _job(
    plan: ReplayPlan,
    state: str,
    approval: Approval | None,
    changed: str,
    tally: Tally,
    person: Person,
) -> dict[str, Any]:
    approved = approval is not None and approval.state == Approval.State.APPROVED
    count = tally.total + tally.count(ItemState.EXCLUDED)
    words = ngettext("%(n)d chosen", "%(n)d chosen", count) % {"n": count}
    frozen = _("%(words)s, frozen %(at)s") % {
        "words": words,
        "at": formats.clock(plan.requested_at, zone=False),
    }
    return {
        "id": plan.pk,
        "title": plan.title,
        "url": reverse("job", args=[plan.pk]),
        "state": state,
        "stopped_because": _notice(plan, changed),
        "by": str(plan.requested_by),
        "at": plan.requested_at,
        "approved_by": str(approval.decided_by) if approved and approval else "",
        "released_at": plan.released_at,
        "ended_at": plan.ended_at,
        "expires_at": plan.expires_at,
        "needs_second_person": plan.needs_second_person,
        "digest": plan.digest[:12],
        "selection_words": frozen,
        "mapping_words": _("mapping as it is now")
        if plan.mapping_choice == NOW
        else _("mapping as it was"),
        "value": tally.value,
        "run_url": _run_url(plan, person),
        "arrived_since": _arrived(plan, person),
    }


def _run_url(plan: ReplayPlan, person: Person) -> str:
    """The run of a runbook whose step this is, if the person sees it."""
    run = Run.objects.visible_to(person).filter(pk=plan.selection.get("run")).first()
    return reverse("run", args=[run.pk]) if run else ""


def _notice(plan: ReplayPlan, changed: str) -> str:
    """Why nothing moves, when that is not plain from the state."""
    if changed:
        return _("The plan no longer holds, so nothing is sent. %(why)s") % {"why": heard(changed)}
    return plan.stopped_because if plan.state == PlanState.PAUSED else ""


def _arrived(plan: ReplayPlan, person: Person) -> int:
    """How many of the same cause came after the set was frozen."""
    cause = plan.selection.get("cause")
    if cause is None or plan.released_at is None:
        return 0
    letters = DeadLetter.objects.open().filter(cause=cause, opened_at__gt=plan.requested_at)
    return (
        exposure.within(Scope(person), letters).exclude(step__in=plan.items.values("step")).count()
    )


def _stages(state: str, plan: ReplayPlan) -> list[tuple[str, str]]:
    approved = [_("approved")] if plan.needs_second_person else []
    names = [_("planned"), *approved, _("running"), _("done")]
    if state in {PlanState.DRAFT, PlanState.STALE}:
        at = 0
    elif state in {*READY, ASKED}:
        at = len(approved)
    elif state in {PlanState.RUNNING, PlanState.PAUSED}:
        at = len(names) - 2
    elif plan.released_at is None:  # given up: nothing of it ran
        return [(name, "ahead" if i else "done") for i, name in enumerate(names)]
    else:
        at = len(names)
    return [
        (name, "done" if i < at else "now" if i == at else "ahead") for i, name in enumerate(names)
    ]


def _in_doubt(tally: Tally) -> str:
    count = tally.count(ItemState.UNKNOWN)
    if not count:
        return ""
    return ngettext("%(n)d in doubt", "%(n)d in doubt", count) % {"n": count}


def _conditions(
    plan: ReplayPlan,
    approval: Approval | None,
    state: str,
    changed: str,
    tally: Tally,
    now: datetime,
) -> list[tuple[str, str, str]]:
    lines: list[tuple[str, str, str]] = []
    if plan.state == PlanState.DRAFT:
        lines.append(("hourglass", "mv", _asking(tally)))
    left_out = tally.count(ItemState.EXCLUDED)
    if left_out and plan.state != PlanState.DRAFT:
        words = ngettext("%(n)d left out, see why below", "%(n)d left out, see why below", left_out)
        lines.append(("circle-x", "nt", words % {"n": left_out}))
    if plan.state in READY and not tally.total:
        return lines  # nothing goes, so nothing is said of how and until when
    if plan.state in READY and not changed and plan.expires_at:
        at = formats.clock(plan.expires_at, zone=False)
        lines.append(("clock", "nt", _("Holds until %(at)s, then plan again") % {"at": at}))
    if plan.needs_second_person and plan.state in READY:
        lines.append(("users-round", "rk", _second_person(plan, approval)))
    if plan.state in {PlanState.PLANNED, PlanState.APPROVED, PlanState.RUNNING}:
        words = _("One goes first, then the rest. The same keys are used, so nothing is doubled.")
        lines.append(("shield-check", "ok", words))
    return lines


def _asking(tally: Tally) -> str:
    """How far the survey of a plan is."""
    whole = sum(count for _forecast, count, _value in tally.forecasts)
    unasked = sum(n for name, n, _value in tally.forecasts if name == Forecast.UNASKED)
    words = _("The targets are being asked what would happen: %(done)s of %(all)s.")
    return words % {
        "done": whole - unasked,
        "all": selection.sampled(whole),
    }


def _second_person(plan: ReplayPlan, approval: Approval | None) -> str:
    if approval is None:
        return _("So much money needs a second person: ask for approval")
    if approval.state == Approval.State.APPROVED:
        return _("%(name)s has approved it") % {"name": approval.decided_by}
    if approval.state == Approval.State.REFUSED:
        words = {"name": approval.decided_by, "reason": approval.reason or _("No reason given.")}
        return _("%(name)s has refused it. %(reason)s") % words
    asked = approval.requested_by
    who = deciders(plan, asked) or _("a second person")
    return _("Waits for %(who)s; %(name)s has asked") % {"who": who, "name": asked}


def deciders(plan: ReplayPlan, asked: Person) -> str:
    """Who may approve a plan that somebody asks for, by their names; "" when nobody may."""
    found = replay_approval.deciders(plan, besides=asked)
    return _(" or ").join(str(one) for one in found[:MOST_NAMED])


def _receipt(
    plan: ReplayPlan, approval: Approval | None, tally: Tally, now: datetime
) -> list[tuple[str, str]]:
    """What remains of it on paper: who, when, which set, what came of it."""
    lines = [(_("Asked for"), f"{plan.requested_by}, {formats.when(plan.requested_at, now)}")]
    if approval and approval.decided_by and approval.decided_at:
        at = formats.when(approval.decided_at, now)
        lines.append((_("Decided"), f"{approval.decided_by}, {at}"))
    if plan.released_at:
        lines.append((_("Released"), formats.when(plan.released_at, now)))
    if plan.ended_at:
        lines.append((_("Ended"), formats.when(plan.ended_at, now)))
    lines += [
        (_("Sealed as"), plan.digest),
        (_("Verified by reading back"), str(tally.count(ItemState.VERIFIED))),
        (_("Failed again"), str(tally.count(ItemState.FAILED))),
        (_("Sent, not read back yet"), str(tally.count(ItemState.SENT))),
        (_("In doubt"), str(tally.count(ItemState.UNKNOWN))),
        (_("Left out"), str(tally.count(ItemState.EXCLUDED))),
        (_("Value"), formats.money(tally.value)),
    ]
    return lines
