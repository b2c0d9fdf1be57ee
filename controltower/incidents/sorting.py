"""Which cause a stuck step belongs to: its fingerprint's, unless a person decided otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import SequenceMatcher
from uuid import UUID

from controltower.canonical import contracts
from controltower.canonical.verdicts import Kind
from controltower.incidents.models import By, Cause, Grouping
from controltower.transactions import people
from controltower.transactions.facts import definitions, facts
from controltower.transactions.models import Step, Transaction

Rules = Mapping[tuple[str, str, str], Cause]
"""The cause of what has a fingerprint and, where it is split off, a value."""
TITLE = 240
"""Characters of a title at the most."""
ENOUGH = 5
"""Words that say what is wrong: "Tryton ERP refuses" does not."""
_PARTS = re.compile(r"\w+(?:[-.,’'/]\w+)*|\s+|.")


def sort(steps: Sequence[Step], now: datetime) -> dict[UUID, Cause]:
    """The cause of each stuck step; causes that are new are made. `steps` with their transactions
    and systems."""
    own, rules = _own_causes(steps, now), in_force()
    found = {step.pk: settled(own[step.fingerprint], step.transaction, rules) for step in steps}
    seen = {found[step.pk].pk: step.changed_at for step in sorted(steps, key=_last_changed)}
    for pk, at in seen.items():
        Cause.objects.filter(pk=pk, last_seen_at__lt=at).update(last_seen_at=at)
    return found


def _last_changed(step: Step) -> datetime:
    return step.changed_at


def in_force() -> Rules:
    """What people have decided and not taken back."""
    found = Grouping.objects.in_force().select_related("cause")
    return {(one.fingerprint, one.by, one.value): one.cause for one in found}


def settled(cause: Cause, transaction: Transaction, rules: Rules) -> Cause:
    """Where a letter of this cause stands: a part that is split off comes before a join."""
    while found := next(filter(None, map(rules.get, _questions(cause, transaction))), None):
        cause = found
    return cause


def _questions(cause: Cause, transaction: Transaction) -> Iterator[tuple[str, str, str]]:
    for by, value in values_of(transaction).items():
        yield cause.fingerprint, by, value
    yield cause.fingerprint, By.ALL, ""


def values_of(transaction: Transaction) -> dict[By, str]:
    """What a transaction may be told apart by."""
    entity = transaction.entity.code if transaction.entity else ""
    return {By.ENTITY: entity, By.CLIENT: transaction.counterparty}


def _own_causes(steps: Sequence[Step], now: datetime) -> dict[str, Cause]:
    """The causes of stuck steps by fingerprint, made where they are new, called by what all of
    theirs have in common."""
    latest = {step.fingerprint: step for step in sorted(steps, key=_last_changed)}
    known = Cause.objects.filter(fingerprint__in=latest).values_list("fingerprint", flat=True)
    about = people.told_by([step.transaction for step in steps])
    titles = {step.pk: people.without(title_of(step), about[step.transaction_id]) for step in steps}
    for mark in set(latest) - set(known):
        _make_cause(latest[mark], titles[latest[mark].pk], now)
    own = {cause.fingerprint: cause for cause in Cause.objects.filter(fingerprint__in=latest)}
    for step in steps:
        cause = own[step.fingerprint]
        common = shared(cause.title, titles[step.pk])
        if common != cause.title:
            cause.title = common
            cause.save(update_fields=["title"])
    return own


def _make_cause(step: Step, title: str, now: datetime) -> None:
    Cause.objects.get_or_create(
        fingerprint=step.fingerprint,
        defaults={
            "title": title,
            "system": None if step.unmapped else step.system,
            "step_name": step.name,
            "kind": step.kind,
            "owner_role": _owner_role(step, now),
            "first_seen_at": step.changed_at,
            "last_seen_at": step.changed_at,
        },
    )


def shared(title: str, other: str) -> str:
    """What two titles of one cause have in common, "…" for what is particular to a record.

    The title as it is where they have too few words in common to say what is wrong.
    """
    if title == other:
        return title
    parts, others = _PARTS.findall(title), _PARTS.findall(other)
    kept, words = list[str](), 0
    for how, start, end, _, _ in SequenceMatcher(None, parts, others, False).get_opcodes():
        if how == "equal":
            kept += parts[start:end]
            words += sum(part[0].isalnum() for part in parts[start:end])
        else:
            kept.append("…")
    common = re.sub(r"…(?:\s*…)+", "…", "".join(kept))
    return common[:TITLE] if words >= ENOUGH else title


def title_of(step: Step) -> str:
    """The cause in one sentence."""
    system = step.system.title if step.system else ""
    if step.kind == Kind.UNKNOWN:
        return f"In doubt whether {system} has it: {step.title.lower()}"
    first = re.split(r"(?<=[.!?])\s+(?=[A-Z“])", step.text)[0].rstrip(".")
    if step.kind == Kind.PERIOD_CLOSED:
        return f"Closed period: {first}"
    ours = step.unmapped or (step.kind == Kind.CONTRACT and step.sent_at is None)
    if ours or not system:
        return first[:TITLE]
    if drift := contracts.told(step.text):
        return f"{system} tells of {step.entity} otherwise than agreed: {drift}"[:TITLE]
    speaker, colon, said = first.partition(": ")
    if colon and system.startswith(speaker):
        first = said
    return f"{system} refuses: {first}"[:TITLE]


def _owner_role(step: Step, now: datetime) -> str:
    if step.kind == Kind.PERIOD_CLOSED:
        return "controller"
    definition = definitions(step.transaction, facts(step.transaction, now)).get(step.name)
    return definition.owner_role if definition else "operator"
