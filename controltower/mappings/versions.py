"""The life of a mapping version: draft → in review → approved (→ scheduled) → active → deprecated →
retired. `scheduling.py` has what happens by date and after.

The author never approves; a version that changes a field that carries money needs two approvers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dict
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.db.transaction import atomic

from controltower.canonical import moneyed
from controltower.canonical.rules import check_rules
from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.mappings import own_codes
from controltower.mappings.models import Mapping, MappingVersion, Review, VersionState

WAS_IN_FORCE = frozenset({VersionState.ACTIVE, VersionState.DEPRECATED, VersionState.RETIRED})
USABLE = frozenset({VersionState.APPROVED, VersionState.SCHEDULED, VersionState.DEPRECATED})
"""States from which a version can be put in use."""
FOLLOWS: list[Callable[[MappingVersion, datetime], None]] = []
"""What follows once a version is in force. Rooms above this one add theirs when they start
(`apps.py`)."""


class NotAllowed(Exception):
    """This person may not take this step; the text says why."""


class WrongState(Exception):
    """The version is not in a state from which this step is possible."""


def active(slug: str, system: str) -> MappingVersion:
    """The version in force of a mapping into a system: of the one made for that system alone
    (“<mapping>-for-<system>”) where there is one. Rules of others never stand in for it while it
    is in review. Raises MappingVersion.DoesNotExist, whose text says what is missing and whose
    turn it is."""
    named = Mapping.objects.filter(slug__in=[slug, f"{slug}-for-{system}"])
    mapping = max(named, key=lambda one: len(one.slug), default=None)
    versions = MappingVersion.objects.select_related("mapping").filter(mapping=mapping)
    found = versions.filter(state=VersionState.ACTIVE).first()
    if found is None:
        raise MappingVersion.DoesNotExist(_missing(slug, mapping, versions.first()))
    return found


def _missing(slug: str, mapping: Mapping | None, newest: MappingVersion | None) -> str:
    """Why nothing is mapped; `newest` is the mapping's latest version, whatever its state."""
    name = mapping.title if mapping else slug
    text = nothing_in_force(name)
    if newest is None or newest.state != VersionState.IN_REVIEW:
        return text
    return f"{text} Its version {newest.number} waits for the {who_grants(Right.APPROVE_MAPPING)}."


def nothing_in_force(name: str) -> str:
    """The sentence by which a step is parked that wants a mapping."""
    return f"No version of the mapping “{name}” is in force."


def adopt(
    *,
    mapping: Mapping,
    rules: Sequence[Dict[str, Any]],
    note: str,
    author: Person,
    reviewer: Person,
    now: datetime,
) -> MappingVersion | None:
    """A version that came with something two people have agreed on: in force at once, or in review
    while it changes money and needs a second approval. None when these rules are in force
    already."""
    newest = mapping.versions.order_by("-number").first()
    if newest is not None and newest.rules == list(rules):
        return None
    check_rules(rules)
    version = MappingVersion.objects.create(
        mapping=mapping,
        number=newest.number + 1 if newest else 1,
        rules=list(rules),
        note=note,
        author=author,
        state=VersionState.IN_REVIEW,
    )
    reviewed = review(version=version, by=reviewer, approve=True, comment=note, now=now)
    if reviewed.state == VersionState.APPROVED:
        return activate(version=reviewed, by=reviewer, now=now)
    return reviewed


def draft(
    *,
    mapping: Mapping,
    rules: Sequence[Dict[str, Any]],
    note: str,
    author: Person,
    now: datetime,
) -> MappingVersion:
    """Begin a new version. Raises NotAllowed (recorded as a denial) or BadRules."""
    require_editor(author, str(mapping), now)
    check_rules(rules)
    with atomic():
        Mapping.objects.select_for_update().get(pk=mapping.pk)
        last = mapping.versions.aggregate(last=Max("number"))["last"] or 0
        version = MappingVersion.objects.create(
            mapping=mapping, number=last + 1, rules=list(rules), note=note, author=author
        )
        _record(author, "draft mapping", version, now)
    return version


def require_editor(person: Person, subject: str, now: datetime) -> None:
    """Raises NotAllowed (recorded as a denial) for whoever may not write mappings."""
    if may(person, Right.EDIT_MAPPING):
        return
    audit.record(actor=person, verb="draft mapping", subject=subject, allowed=False, now=now)
    raise NotAllowed("No right to edit mappings.")


def submit(*, version: MappingVersion, by: Person, now: datetime) -> None:
    """draft or changes_requested → in_review. Raises WrongState also while it wants values."""
    if wanted := own_codes.blanks(version.rules):
        raise WrongState(
            f"{version} has no value yet for {', '.join(wanted)}: write your own in a new draft."
        )
    _move(
        version,
        (VersionState.DRAFT, VersionState.CHANGES_REQUESTED),
        VersionState.IN_REVIEW,
        by,
        "submit mapping",
        now,
    )


def replaced_by(version: MappingVersion) -> MappingVersion | None:
    """The version that this one is to replace: the one in force; for what has been in force, the
    one before it."""
    others = MappingVersion.objects.filter(mapping=version.mapping_id).exclude(pk=version.pk)
    if version.state not in WAS_IN_FORCE:
        return others.filter(state=VersionState.ACTIVE).first()
    earlier = others.filter(number__lt=version.number, state__in=WAS_IN_FORCE)
    return earlier.order_by("-number").first()


def money_changes(version: MappingVersion) -> list[str]:
    """The targets that carry money and are filled otherwise than by the version it replaces."""
    before = replaced_by(version)
    return moneyed.changed(before.rules if before else [], version.rules)


def approvals_needed(version: MappingVersion) -> int:
    """Two for what changes a field that carries money, else one."""
    return 2 if money_changes(version) else 1


def approvals_missing(version: MappingVersion) -> int:
    """How many more people must approve it. More than none also of an approved version, once
    another was put in force from which it differs in money."""
    approved = version.reviews.filter(approved=True).count()
    return max(0, approvals_needed(version) - approved)


def may_be_reviewed(version: MappingVersion) -> bool:
    """Whether reviewers may still decide on it."""
    open_again = version.state == VersionState.APPROVED and approvals_missing(version) > 0
    return version.state == VersionState.IN_REVIEW or open_again


def review(
    *, version: MappingVersion, by: Person, approve: bool, comment: str, now: datetime
) -> MappingVersion:
    """in_review → approved (when enough have approved) or changes_requested.

    Raises NotAllowed for the author or a person without the right (recorded as denials).
    """
    _require_reviewer(version, by, now)
    with atomic():
        row = MappingVersion.objects.select_for_update().get(pk=version.pk)
        if not may_be_reviewed(row):
            raise WrongState(f"{row} is {row.get_state_display().lower()}, not in review.")
        if row.reviews.filter(reviewer=by, approved=True).exists():
            raise WrongState("You have approved this version already.")
        Review.objects.create(
            version=row,
            author=row.author,
            reviewer=by,
            approved=approve,
            comment=comment,
            back_test=row.back_tests.order_by("-at", "-pk").first(),
            at=now,
        )
        if not approve:
            row.state = VersionState.CHANGES_REQUESTED
        elif not approvals_missing(row):
            row.state = VersionState.APPROVED
        row.save(update_fields=["state"])
        verb = "approve mapping" if approve else "request changes"
        _record(by, verb, row, now, {"comment": comment})
    return row


def _require_reviewer(version: MappingVersion, by: Person, now: datetime) -> None:
    own = by.pk == version.author_id
    if not own and may(by, Right.APPROVE_MAPPING):
        return
    why = "The author may not approve their own version." if own else "No right to approve."
    audit.record(
        actor=by, verb="approve mapping", subject=str(version), allowed=False, now=now,
        detail={"why": why},
    )  # fmt: skip
    raise NotAllowed(why)


def activate(*, version: MappingVersion, by: Person, now: datetime) -> MappingVersion:
    """approved, scheduled or deprecated → active; the version so far becomes deprecated. Attempts
    that pinned the old one keep it."""
    if not may(by, Right.APPROVE_MAPPING):
        audit.record(
            actor=by, verb="activate mapping", subject=str(version), allowed=False, now=now
        )
        raise NotAllowed("No right to activate mappings.")
    with atomic():
        Mapping.objects.select_for_update().get(pk=version.mapping_id)
        row = MappingVersion.objects.get(pk=version.pk)
        if row.state not in USABLE:
            raise WrongState(f"{row} is {row.get_state_display().lower()}, not approved.")
        if why := why_not_yet(row):
            raise WrongState(why)
        put_in_force(row, now)
        _record(by, "activate mapping", row, now)
    return row


def why_not_yet(version: MappingVersion) -> str:
    """Why an approved version may not be put in use: it changes money against what was put in
    force since its approval. One that has been in force is gone back to without asking again."""
    if version.state == VersionState.DEPRECATED or not approvals_missing(version):
        return ""
    fields = ", ".join(money_changes(version))
    return f"{version} changes what carries money ({fields}): a second person must approve it."


def put_in_force(version: MappingVersion, now: datetime) -> None:
    """Make it the active one. The caller holds the mapping's lock, has judged the state, and tells
    the audit trail."""
    MappingVersion.objects.filter(mapping=version.mapping_id, state=VersionState.ACTIVE).update(
        state=VersionState.DEPRECATED, active_until=now
    )
    version.state, version.active_from, version.active_until = VersionState.ACTIVE, now, None
    version.save(update_fields=["state", "active_from", "active_until"])
    for follow in FOLLOWS:
        follow(version, now)


def _move(
    version: MappingVersion,
    origins: tuple[VersionState, ...],
    target: VersionState,
    by: Person,
    verb: str,
    now: datetime,
) -> None:
    if not may(by, Right.EDIT_MAPPING):
        audit.record(actor=by, verb=verb, subject=str(version), allowed=False, now=now)
        raise NotAllowed("No right to edit mappings.")
    with atomic():
        moved = MappingVersion.objects.filter(pk=version.pk, state__in=origins).update(state=target)
        if not moved:
            raise WrongState(f"{version} cannot go to {target.label.lower()} now.")
        _record(by, verb, version, now)


def _record(
    by: Person, verb: str, version: MappingVersion, now: datetime, detail: Any = None
) -> None:
    audit.record(
        actor=by, verb=verb, subject=str(version), allowed=True, now=now, detail=detail or {}
    )
