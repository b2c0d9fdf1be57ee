"""What waits for a second person of the rules that all work goes by: mappings, runbooks, policies,
systems and contracts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

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
from controltower.firm.models import Person, PolicyState, PolicyVersion
from controltower.firm.rights import Right
from controltower.incidents import offering as runbook_offering
from controltower.incidents.models import Answer, RunbookState, RunbookVersion
from controltower.incidents.second_person import GONE, Kind, Waiting, Word, who, word_on
from controltower.mappings import offering as mapping_offering
from controltower.mappings import owning, versions
from controltower.mappings.models import MappingVersion, VersionState
from controltower.processes import catalogue
from controltower.processes.quote_to_cash import named
from controltower.systems import connected
from controltower.systems.models import Agreement, Description, InterfaceVersion
from controltower.transactions import agreed_routes, agreed_templates

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
    owning.KIND: "Who owns fields",
    agreed_templates.KIND: "How a project is set up",
}


def _library(_now: datetime) -> Iterator[Waiting]:
    """What the product brings is one question for all of its mappings, and one for its runbooks."""
    mappings, books = mapping_offering.waiting(), runbook_offering.waiting()
    if mappings:
        author = mappings[0].author
        people = frozenset(
            person
            for person in who(Right.APPROVE_MAPPING, besides=author)
            if any(person.pk not in _approvers(one) for one in mappings)
        )
        title = "The mappings that the product brings"
        yield Waiting(
            "library mappings", title, "/library/", author, mappings[0].created_at, people
        )
    if books:
        author = books[0].author
        people = frozenset(who(Right.APPROVE_RUNBOOK, besides=author))
        title = "The runbooks that the product brings"
        yield Waiting("library runbooks", title, "/library/", author, books[0].created_at, people)


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
        people = who(Right.APPROVE_MAPPING, besides=row.author)
        yield Waiting(
            f"mapping {row.pk} {_refusals(row)}",
            f"Mapping “{row.mapping.title}”, version {row.number}",
            f"/mappings/{row.mapping.slug}/v{row.number}/",
            row.author, row.created_at, frozenset(one for one in people if one.pk not in given),
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
        people = frozenset(who(Right.APPROVE_RUNBOOK, besides=row.author))
        yield Waiting(f"runbook {row.pk}", title, path, row.author, row.created_at, people)


def _policies(_now: datetime) -> Iterator[Waiting]:
    rows = PolicyVersion.objects.filter(state=PolicyState.PROPOSED, author__isnull=False)
    for row in rows.select_related("author"):
        assert row.author is not None
        people = frozenset(
            one
            for one in who(Right.APPROVE_POLICY, besides=row.author)
            if row.subject != f"{duties.KIND}:{one.username}"
        )
        title = ": ".join(filter(None, [POLICIES[row.kind], _about(row)]))
        yield Waiting(f"policy {row.pk}", title, "/manage/", row.author, row.proposed_at, people)


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
        case masks.KIND | keeping.KIND | agreed_routes.KIND:
            return ""
    return "the firm" if about == limits.FIRM else about


def _descriptions(_now: datetime) -> Iterator[Waiting]:
    """The latest version that stands of each: an earlier one is given up with it."""
    latest = Description.objects.standing().order_by("slug", "-number").distinct("slug")
    rows = Description.objects.filter(pk__in=latest.values("pk"), state=Agreement.PROPOSED)
    for row in rows.select_related("author"):
        title = f"Description of the system “{row.slug}”, version {row.number}"
        if connected.is_setup(row.document):
            title = f"Connection of {row.document['title']}, version {row.number}"
        path = f"/systems/{row.slug}/descriptions/v{row.number}/"
        people = frozenset(who(Right.APPROVE_MAPPING, besides=row.author))
        yield Waiting(f"description {row.pk}", title, path, row.author, row.created_at, people)


def _contracts(_now: datetime) -> Iterator[Waiting]:
    rows = InterfaceVersion.objects.filter(state=Agreement.PROPOSED, author__isnull=False)
    for row in rows.select_related("interface__system", "author"):
        assert row.author is not None
        title = f"Contract of {row.interface}, version {row.number}"
        people = frozenset(who(Right.APPROVE_MAPPING, besides=row.author))
        path = f"/interfaces/{row.interface_id}/"
        yield Waiting(f"contract {row.pk}", title, path, row.author, row.created_at, people)


KINDS = {
    "library": Kind(_library, _word_on_library),
    "mapping": Kind(_mappings, _word_on_mapping),
    "runbook": Kind(_runbooks, word_on(RunbookVersion, RunbookState.APPROVED)),
    "policy": Kind(_policies, word_on(PolicyVersion, PolicyState.IN_FORCE, PolicyState.RETIRED)),
    "description": Kind(_descriptions, word_on(Description, Agreement.ACTIVE, Agreement.RETIRED)),
    "contract": Kind(_contracts, word_on(InterfaceVersion, Agreement.ACTIVE, Agreement.RETIRED)),
}
