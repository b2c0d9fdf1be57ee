"""What waits for a second person, wherever it is asked: read anew from where it is kept.

A kind of ask says what waits, who may decide it, and what word has been given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.utils.http import urlencode

from controltower.canonical.money import Money
from controltower.firm import (
    calendars,
    companies,
    dated_rates,
    duties,
    keeping,
    limits,
    masks,
    promised,
)
from controltower.firm.models import Approval, Person, PolicyState, PolicyVersion
from controltower.firm.rates import in_reporting_currency
from controltower.firm.rights import Right, beyond, entities_of, holders, may
from controltower.incidents import offering as runbook_offering
from controltower.incidents import settling
from controltower.incidents.models import Answer, RunbookState, RunbookVersion, Settlement
from controltower.mappings import offering as mapping_offering
from controltower.mappings import versions
from controltower.mappings.models import MappingVersion, VersionState
from controltower.processes import catalogue
from controltower.processes.quote_to_cash import named
from controltower.systems.models import Agreement, Description, InterfaceVersion
from controltower.transactions import agreed_routes, replay, replay_approval, selection
from controltower.transactions.models import Amendment, Finding, ReplayPlan, Transaction

POLICIES = {
    duties.KIND: "What a person may do",
    limits.KIND: "An approval limit",
    keeping.KIND: "How long a log is kept",
    calendars.KIND: "The calendar of a company",
    promised.KIND: "A promise of a process",
    agreed_routes.KIND: "Which system takes which records",
    masks.KIND: "Who sees which personal data",
    companies.KIND: "What a company is",
    dated_rates.KIND: "Exchange rates",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits for one of `people`: what it is worth (`worth`, reporting currency,
    major units) and until when it can be decided, where it has either."""

    name: str
    title: str
    path: str
    by: Person
    at: datetime
    people: frozenset[Person]
    worth: Decimal | None = None
    until: datetime | None = None

    @property
    def money(self) -> str:
        """What it is worth, as the engine writes an amount; "" when nothing is known of it."""
        if self.worth is None:
            return ""
        shown = Money.of(self.worth, settings.REPORTING_CURRENCY)
        return f"{shown.currency} {shown.amount:,}"


@dataclass(frozen=True, slots=True)
class Word:
    """What was said in the end, and by whom."""

    answer: Answer
    by: Person | None = None


GONE = Word(Answer.NEEDLESS)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of ask; `word` of a key is None while it waits."""

    waiting: Callable[[datetime], Iterator[Waiting]]
    word: Callable[[str, datetime], Word | None]


def kind_of(name: str) -> tuple[Kind, str]:
    """The kind of an ask, and its key within that."""
    kind, _, key = name.partition(" ")
    return KINDS[kind], key


def _who(right: Right, *, besides: Person) -> list[Person]:
    """Who else has a right somewhere, with the duties that say where."""
    found = holders(right).exclude(pk=besides.pk)
    return list(found.prefetch_related("duties__entity"))


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
        for one in _who(Right.APPROVE_REPLAY, besides=by)
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
            for one in _who(Right.APPROVE_REPLAY, besides=by)
            if not beyond(one, Right.APPROVE_REPLAY, companies)
        ]
        yield Waiting(
            f"settlement {row.pk}",
            f"Write-off: {name}" if row.discard else f"Settled elsewhere: {name}",
            f"/exceptions/{row.cause.pk}/" if row.cause else path,
            by, row.proposed_at, frozenset(people), worth=row.worth,
        )  # fmt: skip


def _library(_now: datetime) -> Iterator[Waiting]:
    """What the product brings is one question for all of its mappings, and one for its runbooks."""
    mappings, books = mapping_offering.waiting(), runbook_offering.waiting()
    if mappings:
        author = mappings[0].author
        who = frozenset(
            person
            for person in _who(Right.APPROVE_MAPPING, besides=author)
            if any(person.pk not in _approvers(one) for one in mappings)
        )
        title = "The mappings that the product brings"
        yield Waiting("library mappings", title, "/library/", author, mappings[0].created_at, who)
    if books:
        author = books[0].author
        who = frozenset(_who(Right.APPROVE_RUNBOOK, besides=author))
        title = "The runbooks that the product brings"
        yield Waiting("library runbooks", title, "/library/", author, books[0].created_at, who)


def _approvers(version: MappingVersion) -> set[int]:
    return {one.reviewer_id for one in version.reviews.all() if one.approved}


def _word_on_library(key: str, _now: datetime) -> Word | None:
    waits = mapping_offering.waiting() if key == "mappings" else runbook_offering.waiting()
    return None if waits else Word(Answer.AGREED, None)


def _mappings(_now: datetime) -> Iterator[Waiting]:
    """Asked anew after each time that changes were requested."""
    offered = {one.pk for one in mapping_offering.waiting()}
    rows = MappingVersion.objects.filter(state__in=[VersionState.IN_REVIEW, VersionState.APPROVED])
    for row in rows.select_related("mapping", "author").prefetch_related("reviews"):
        if row.pk in offered or not versions.may_be_reviewed(row):
            continue
        given = _approvers(row)
        who = _who(Right.APPROVE_MAPPING, besides=row.author)
        yield Waiting(
            f"mapping {row.pk} {_refusals(row)}",
            f"Mapping “{row.mapping.title}”, version {row.number}",
            f"/mappings/{row.mapping.slug}/v{row.number}/",
            row.author, row.created_at, frozenset(one for one in who if one.pk not in given),
        )  # fmt: skip


def _refusals(version: MappingVersion) -> int:
    return sum(1 for one in version.reviews.all() if not one.approved)


def _word_on_mapping(key: str, _now: datetime) -> Word | None:
    pk, _, refusals = key.partition(" ")
    row = MappingVersion.objects.prefetch_related("reviews__reviewer").get(pk=pk)
    if versions.may_be_reviewed(row) and refusals == str(_refusals(row)):
        return None
    last = row.reviews.order_by("-at", "-pk").first()
    if last is None:
        return GONE
    return Word(Answer.AGREED if last.approved else Answer.REFUSED, last.reviewer)


def _runbooks(_now: datetime) -> Iterator[Waiting]:
    rows = RunbookVersion.objects.filter(state=RunbookState.APPROVAL_PENDING)
    rows = rows.exclude(pk__in=[one.pk for one in runbook_offering.waiting()])
    for row in rows.select_related("runbook", "author"):
        title = f"Runbook “{row.runbook.title}”, version {row.number}"
        path = f"/runbooks/{row.runbook.slug}/v{row.number}/"
        who = frozenset(_who(Right.APPROVE_RUNBOOK, besides=row.author))
        yield Waiting(f"runbook {row.pk}", title, path, row.author, row.created_at, who)


def _policies(_now: datetime) -> Iterator[Waiting]:
    rows = PolicyVersion.objects.filter(state=PolicyState.PROPOSED, author__isnull=False)
    for row in rows.select_related("author"):
        assert row.author is not None
        who = frozenset(
            one
            for one in _who(Right.APPROVE_POLICY, besides=row.author)
            if row.subject != f"{duties.KIND}:{one.username}"
        )
        title = ": ".join(filter(None, [POLICIES[row.kind], _about(row)]))
        yield Waiting(f"policy {row.pk}", title, "/manage/", row.author, row.proposed_at, who)


def _about(policy: PolicyVersion) -> str:
    """Whose rights, limit, calendar or promise it is; "" where only its page can say so."""
    about = policy.about
    match policy.kind:
        case duties.KIND:
            return str(Person.objects.filter(username=about).first() or about)
        case promised.KIND:
            milestone = about.removeprefix(promised.MILESTONE)
            found = named(milestone) if milestone != about else catalogue.workflow(about)
            return found.title
        case limits.KIND | calendars.KIND | companies.KIND | dated_rates.KIND:
            return "the firm" if about == limits.FIRM else about
    return ""


def _descriptions(_now: datetime) -> Iterator[Waiting]:
    """The latest version of each: an earlier one is given up with it."""
    latest = Description.objects.order_by("slug", "-number").distinct("slug")
    rows = Description.objects.filter(pk__in=latest.values("pk"), state=Agreement.PROPOSED)
    for row in rows.select_related("author"):
        title = f"Description of the system “{row.slug}”, version {row.number}"
        path = f"/systems/{row.slug}/descriptions/v{row.number}/"
        who = frozenset(_who(Right.APPROVE_MAPPING, besides=row.author))
        yield Waiting(f"description {row.pk}", title, path, row.author, row.created_at, who)


def _contracts(_now: datetime) -> Iterator[Waiting]:
    rows = InterfaceVersion.objects.filter(state=Agreement.PROPOSED, author__isnull=False)
    for row in rows.select_related("interface__system", "author"):
        assert row.author is not None
        title = f"Contract of {row.interface}, version {row.number}"
        who = frozenset(_who(Right.APPROVE_MAPPING, besides=row.author))
        path = f"/interfaces/{row.interface_id}/"
        yield Waiting(f"contract {row.pk}", title, path, row.author, row.created_at, who)


def _on(model: type[Model], *agreed: str) -> Callable[[str, datetime], Word | None]:
    """The word on a row that says itself who decided; `agreed` are the states of a yes."""

    def word(key: str, now: datetime) -> Word | None:
        row: Any = model._default_manager.get(pk=key)
        if row.state in {"proposed", RunbookState.APPROVAL_PENDING}:
            return None
        if row.decided_by is None or row.state == Amendment.State.OUTDATED:
            return GONE
        return Word(Answer.AGREED if row.state in agreed else Answer.REFUSED, row.decided_by)

    return word


KINDS = {
    "replay": Kind(_replays, _word_on_replay),
    "edit": Kind(_edits, _on(Amendment, Amendment.State.IN_FORCE)),
    "settlement": Kind(_settlements, _on(Settlement, Settlement.State.CARRIED_OUT)),
    "finding": Kind(_findings, _on(Finding, Finding.State.CARRIED_OUT)),
    "library": Kind(_library, _word_on_library),
    "mapping": Kind(_mappings, _word_on_mapping),
    "runbook": Kind(_runbooks, _on(RunbookVersion, RunbookState.APPROVED)),
    "policy": Kind(_policies, _on(PolicyVersion, PolicyState.IN_FORCE, PolicyState.RETIRED)),
    "description": Kind(_descriptions, _on(Description, Agreement.ACTIVE)),
    "contract": Kind(_contracts, _on(InterfaceVersion, Agreement.ACTIVE)),
}
