"""What waits for a second person of work that is under way: replays, edits, findings, and what is
ended by people's word."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.http import urlencode

from controltower.firm.models import Approval, Person
from controltower.firm.rates import in_reporting_currency
from controltower.firm.rights import Right, beyond, entities_of, may
from controltower.incidents import settling
from controltower.incidents.models import Answer, Settlement
from controltower.incidents.second_person import GONE, Kind, Waiting, Word, who, word_on
from controltower.transactions import replay, replay_approval, selection
from controltower.transactions.models import Amendment, Finding, ReplayPlan, Transaction


def _replays(now: datetime) -> Iterator[Waiting]:
    asked = Approval.objects.filter(state=Approval.State.REQUESTED, subject__startswith="replay ")
    found = {one.subject: one for one in asked.select_related("requested_by")}
    keys = [subject.removeprefix("replay ") for subject in found]
    plans = ReplayPlan.objects.filter(pk__in=keys, state__in=replay.READY, expires_at__gt=now)
    for plan in plans:
        ask = found[replay_approval.subject_of(plan)]
        if ask.digest == plan.digest:
            yield Waiting(
                f"replay {plan.pk} {plan.digest[:16]}", plan.title, f"/jobs/{plan.pk}/",
                ask.requested_by, ask.requested_at,
                frozenset(replay_approval.deciders(plan, besides=ask.requested_by)),
                worth=selection.worth(plan), until=plan.expires_at,
            )  # fmt: skip


def _word_on_replay(key: str, now: datetime) -> Word | None:
    pk, _, digest = key.partition(" ")
    plan = ReplayPlan.objects.get(pk=pk)
    word = replay_approval.latest(plan)
    if word is None or not plan.digest.startswith(digest):
        return GONE
    if word.state == Approval.State.REQUESTED:
        lasts = plan.state in replay.READY and plan.expires_at and plan.expires_at > now
        return None if lasts else GONE
    agreed = word.state == Approval.State.APPROVED
    return Word(Answer.AGREED if agreed else Answer.REFUSED, word.decided_by)


def _edits(_now: datetime) -> Iterator[Waiting]:
    rows = Amendment.objects.filter(state=Amendment.State.PROPOSED)
    for row in rows.select_related("step__transaction__entity", "proposed_by"):
        about, by = row.step.transaction, row.proposed_by
        title = f"Edited fields of {about.reference}"
        yield _of_transaction(f"edit {row.pk}", title, about, by, row.proposed_at)


def _findings(_now: datetime) -> Iterator[Waiting]:
    rows = Finding.objects.filter(state=Finding.State.PROPOSED)
    for row in rows.select_related("step__transaction__entity", "reported_by"):
        about, by = row.step.transaction, row.reported_by
        title = f"What was found out about {about.reference}"
        yield _of_transaction(f"finding {row.pk}", title, about, by, row.reported_at)


def _of_transaction(name: str, title: str, about: Transaction, by: Person, at: datetime) -> Waiting:
    query = urlencode({"part": about.reference})
    code = about.entity.code if about.entity else None
    people = [
        one
        for one in who(Right.APPROVE_REPLAY, besides=by)
        if may(one, Right.APPROVE_REPLAY, code) and (code or entities_of(one) is None)
    ]
    return Waiting(
        name, title, f"/tx/{about.correlation_id}/?{query}", by, at, frozenset(people),
        worth=in_reporting_currency(about.amount, about.currency),
    )  # fmt: skip


def _settlements(_now: datetime) -> Iterator[Waiting]:
    rows = Settlement.objects.filter(state=Settlement.State.PROPOSED)
    for row in rows.select_related("cause", "proposed_by"):
        about, by = settling.concerned_by(row), row.proposed_by
        if not about:
            continue
        first, companies = about[0], [one.entity for one in about]
        query = urlencode({"part": first.reference})
        path = f"/tx/{first.correlation_id}/?{query}"
        name = row.cause.title if row.cause else first.title
        people = [
            one
            for one in who(Right.APPROVE_REPLAY, besides=by)
            if not beyond(one, Right.APPROVE_REPLAY, companies)
        ]
        yield Waiting(
            f"settlement {row.pk}",
            f"Write-off: {name}" if row.discard else f"Settled elsewhere: {name}",
            f"/exceptions/{row.cause.pk}/" if row.cause else path,
            by, row.proposed_at, frozenset(people), worth=row.worth,
        )  # fmt: skip


KINDS = {
    "replay": Kind(_replays, _word_on_replay),
    "edit": Kind(_edits, word_on(Amendment, Amendment.State.IN_FORCE)),
    "settlement": Kind(_settlements, word_on(Settlement, Settlement.State.CARRIED_OUT)),
    "finding": Kind(_findings, word_on(Finding, Finding.State.CARRIED_OUT)),
}
