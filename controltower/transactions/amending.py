"""Edit and retry: a person puts fields of a refused step right, and it is sent again.

Only what the process's field policy names can be edited (`StepDefinition.editable`); what came from
the source and what was sent before stay as they are. Above a limit a second person agrees first. A
step that may be in its target is not edited: whether it is there must be known before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.processes.definition import Facts, Send
from controltower.processes.editing import Change, Editable, Holds, edited
from controltower.transactions import cases, engine
from controltower.transactions.cases import Case
from controltower.transactions.consent import NotAllowed, deny, needs_second_person, require
from controltower.transactions.facts import conclude, definitions, facts
from controltower.transactions.models import Amendment, ItemState, ReplayItem, Step
from controltower.transactions.protocol import STUCK, State
from controltower.transactions.resolver import in_doubt

NOTHING = "–"
"""How an empty field is told, before or after its edit."""


class NotEditable(Exception):
    """There is nothing to edit here, not yet, or not any more; the text says why."""


class Wrong(Exception):
    """What was entered cannot be taken; `fields` says of each why."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields


def obstacle(step: Step) -> str:
    """Why the step cannot be edited at present; "" when it can."""
    if step.state not in STUCK:
        return "It is not stuck: there is nothing to put right."
    if in_doubt(State(step.state), step.kind, sent=step.sent_at is not None):
        return "Nobody knows whether it arrived. Have that decided first."
    return ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that may be edited: what its source says, and what would be sent at present."""

    policy: Editable
    source: str
    present: str


def offered(step: Step, known: Facts) -> list[Field]:
    """What a person may edit in this step, by the facts of its transaction. Empty when nothing, as
    when the step's own rule says no: that is put right at the source."""
    if obstacle(step):
        return []
    definition = definitions(step.transaction, known).get(step.name)
    prepared = conclude(definition, known) if definition and definition.editable else None
    if definition is None or not isinstance(prepared, Send):
        return []
    now = edited(prepared.record, in_force([step.pk]).get(step.pk, {}))
    return [
        Field(one, str(prepared.record.get(one.name) or ""), str(now.get(one.name) or ""))
        for one in definition.editable
    ]


def open_amendment(step: Step) -> Amendment | None:
    """The edit of this step that waits for a second person."""
    return Amendment.objects.filter(step=step, state=Amendment.State.PROPOSED).first()


def in_force(steps: Collection[UUID]) -> dict[UUID, dict[str, Change]]:
    """What was edited in these steps; the later edit of a field counts."""
    found: dict[UUID, dict[str, Change]] = {}
    rows = Amendment.objects.filter(step__in=steps, state=Amendment.State.IN_FORCE)
    for amendment in rows if steps else ():
        found.setdefault(amendment.step_id, {}).update(changes_of(amendment))
    return found


def changes_of(amendment: Amendment) -> dict[str, Change]:
    """Its changes by field."""
    return {name: Change(*pair) for name, pair in amendment.changes.items()}


def propose(
    *, step: Step, fence: int, entered: Mapping[str, str], reason: str, by: Person, now: datetime
) -> Amendment:
    """parked / held → scheduled with the fields entered; above the limit it stays until `decide`.

    Raises NotAllowed, NotEditable, Wrong.
    """
    require(by, Right.REPLAY, "edit", step.transaction, now)
    with cases.case_of(step.transaction, now=now) as case:
        current = _as_it_was(case, step.pk, fence)
        if open_amendment(current) is not None:
            raise NotEditable("Somebody has edited it already; a second person must decide.")
        changes = _changes(dict(_read(case, current, entered)), reason)
        amendment = Amendment.objects.create(
            step=current, fence=fence, changes={n: [c.was, c.becomes] for n, c in changes.items()},
            reason=reason.strip()[:300], proposed_by=by, proposed_at=now,
        )  # fmt: skip
        _audit(amendment, "edit", by, case)
        if needs_second_person(case.transaction):
            text = f"{current.title}: {_words(amendment)} A second person must agree."
            case.note("reported", text, step=current.name, actor=by.username)
            case.touch("exceptions", f"tx-{case.transaction.pk}")
        else:
            _carry_out(case, current, amendment)
    return amendment


def decide(*, amendment: Amendment, agree: bool, by: Person, now: datetime) -> Amendment:
    """The second person's word: the step is sent with the edit, or stays as it is. Whoever edited
    may take it back.

    Raises NotAllowed (also for whoever edited and agrees) or NotEditable.
    """
    transaction = amendment.step.transaction
    if by.pk == amendment.proposed_by_id and not agree:
        return _withdraw(amendment, by, now)
    require(by, Right.APPROVE_REPLAY, "decide edit", transaction, now)
    if by.pk == amendment.proposed_by_id:
        deny(by, "decide edit", transaction, now)
        raise NotAllowed("Whoever edited may not agree to it: another person must.")
    gone = ""
    with cases.case_of(transaction, now=now) as case:
        row = Amendment.objects.select_for_update().select_related("proposed_by")
        mine = row.get(pk=amendment.pk)
        if mine.state != Amendment.State.PROPOSED:
            raise NotEditable("This has been decided already.")
        mine.decided_by, mine.decided_at = by, now
        try:
            step = _as_it_was(case, mine.step_id, mine.fence)
        except NotEditable as why:
            gone, mine.state = str(why), Amendment.State.OUTDATED
        else:
            _audit(mine, "agree to edit" if agree else "refuse edit", by, case)
            if agree:
                _carry_out(case, step, mine)
            else:
                mine.state = Amendment.State.REFUSED
                text = f"{step.title}: {by} did not agree to what {mine.proposed_by} edited."
                case.note("refused", text, step=step.name, actor=by.username)
        mine.save()
        case.touch("exceptions", f"tx-{transaction.pk}")
    if gone:
        raise NotEditable(gone)
    return mine


def _withdraw(amendment: Amendment, by: Person, now: datetime) -> Amendment:
    """The edit is taken back; the step stays as it is. Raises NotEditable."""
    transaction = amendment.step.transaction
    with cases.case_of(transaction, now=now) as case:
        mine = Amendment.objects.select_for_update().select_related("proposed_by", "step")
        row = mine.get(pk=amendment.pk)
        if row.state != Amendment.State.PROPOSED:
            raise NotEditable("This has been decided already.")
        row.state, row.decided_at = Amendment.State.REFUSED, now
        row.save()
        _audit(row, "withdraw edit", by, case)
        text = f"{row.step.title}: {by} took back what they had edited."
        case.note("refused", text, step=row.step.name, actor=by.username)
        case.touch("exceptions", f"tx-{transaction.pk}")
    return row


def told_of(amendment: Amendment) -> list[str]:
    """What changed to what, field by field. What names a person is not told."""
    step = amendment.step
    known = facts(step.transaction, amendment.proposed_at)
    policy = {one.name: one for one in definitions(step.transaction, known)[step.name].editable}
    changes = changes_of(amendment).items()
    return [_told(policy[name], change) if name in policy else name for name, change in changes]


def _words(amendment: Amendment) -> str:
    return f"{amendment.proposed_by} edited {', '.join(told_of(amendment))}. {amendment.reason}"


def _told(field: Editable, change: Change) -> str:
    if field.holds is Holds.EMAIL:
        return field.title
    was, becomes = change.was or NOTHING, change.becomes or NOTHING
    return f"{field.title} from “{was}” to “{becomes}”"


def _as_it_was(case: Case, pk: UUID, fence: int) -> Step:
    step = next(one for one in case.steps if one.pk == pk)
    if step.fence != fence:
        raise NotEditable("It has moved since you looked. Look at the page again.")
    if why := obstacle(step):
        raise NotEditable(why)
    if ReplayItem.objects.filter(step=step, state=ItemState.SENT).exists():
        raise NotEditable("A replay has it at the moment. Wait for its outcome.")
    return step


def _read(case: Case, step: Step, entered: Mapping[str, str]) -> Iterator[tuple[str, Change]]:
    """What was entered, where it differs from what would be sent. Raises NotEditable, Wrong."""
    fields = {one.policy.name: one for one in offered(step, case.facts())}
    if not set(entered) <= set(fields):
        raise NotEditable("The field policy of this step does not allow that.")
    wrong = {}
    for name, text in entered.items():
        field = fields[name]
        try:
            becomes = field.policy.read(text)
        except ValueError as error:
            wrong[name] = str(error)
        else:
            if becomes != field.present:
                yield name, Change(field.source, becomes)
    if wrong:
        raise Wrong(wrong)


def _changes(changes: Mapping[str, Change], reason: str) -> Mapping[str, Change]:
    if not changes:
        raise Wrong({"": "Nothing differs from what would be sent."})
    if not reason.strip():
        raise Wrong({"reason": "It needs a reason."})
    return changes


def _carry_out(case: Case, step: Step, amendment: Amendment) -> None:
    amendment.state = Amendment.State.IN_FORCE
    amendment.save()
    by = amendment.proposed_by
    case.note("edited", f"{step.title}: {_words(amendment)}", step=step.name,
              actor=by.username)  # fmt: skip
    engine.again(case, step, why=f"edited by {by}", actor=by.username)
    engine.advance(case)


def _audit(amendment: Amendment, verb: str, by: Person, case: Case) -> None:
    entity = case.transaction.entity
    audit.record(
        actor=by, verb=verb, subject=case.transaction.reference, allowed=True, now=case.now,
        entity=entity.code if entity else "",
        detail={"step": amendment.step.name, "fields": sorted(amendment.changes),
                "reason": amendment.reason},
    )  # fmt: skip
