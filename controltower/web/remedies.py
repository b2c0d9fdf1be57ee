"""What a person can do about a transaction: ranked words, what will not help, and the forms."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from controltower.canonical.verdicts import Kind
from controltower.firm.models import Person, Role
from controltower.firm.rights import Right
from controltower.mappings.models import MappingVersion, VersionState
from controltower.transactions import cancelling, findings
from controltower.transactions.models import Step, Transaction, TransactionState, WaitKind
from controltower.web import absences, standing
from controltower.web.actions import Action, leave
from controltower.web.amend_actions import amend_actions
from controltower.web.decisions import (
    ELSEWHERE,
    NEXT_PERIOD,
    REOPENED,
    WRITE_OFF,
    Assign,
    DecidePeriod,
    PlanReplay,
    Reason,
    Settle,
)
from controltower.web.doubt_actions import doubt_actions, ways_on
from controltower.web.sayings import heard
from controltower.web.transaction_chain import Chain

Option = tuple[str, bool]


def options_for(chain: Chain, now: datetime) -> list[Option]:
    """The ways on, the best first; (words, whether it helps). Empty when nothing is needed."""
    one, trouble = chain.chosen, chain.trouble
    if one.is_over:
        return []
    if one.gathering:
        return [
            (_("Wait: the billing run begins by itself."), True),
            (_("Bill now, if the invoice should go out with what is here."), True),
        ]
    if trouble is None or trouble.state not in standing.STUCK:
        return _while_moving(chain)
    if chain.replaying:
        return [(_("Wait for the replay that has it."), True)]
    if trouble.kind == Kind.PERIOD_CLOSED:
        return _closed_period()
    if standing.in_doubt(trouble):
        return _doubt(trouble)
    if absences.is_absence(trouble.kind):
        return absences.ways_on()
    return _refused(chain, trouble)


def _while_moving(chain: Chain) -> list[Option]:
    one = chain.chosen
    if one.state == TransactionState.WAITING and one.wait == WaitKind.CIRCUIT_OPEN:
        return [
            (_("Wait: it goes on by itself once the system answers."), True),
            (_("Replaying will not help before that."), False),
        ]
    return []


def _closed_period() -> list[Option]:
    return [
        (_("Bill it in the open period."), True),
        (_("Reopen the period in the ERP, then say so here: it is tried again at once."), True),
        (_("Book it by hand and settle it here with a reason."), True),
        (_("Waiting will not help: a closed period stays closed."), False),
    ]


def _doubt(step: Step) -> list[Option]:
    system = step.system.title if step.system else ""
    if findings.decidable(step):
        return ways_on(step, system)
    asked = _("Ask %(system)s whether it exists. If it does, it is linked and not sent again.")
    looked = _("Look it up in %(system)s by our reference, then settle it here with a reason.")
    return [
        (asked % {"system": system}, True),
        (looked % {"system": system}, True),
        (_("Sending it again by hand may double it."), False),
    ]


def _refused(chain: Chain, step: Step) -> list[Option]:
    options: list[Option] = []
    if newer := newer_mapping(step):
        words = _("Replay with mapping v%(new)d, in force now; it was sent with v%(old)d.")
        old = step.mapping_version.number if step.mapping_version else 0
        options.append((words % {"new": newer.number, "old": old}, True))
    if chain.editable:
        words = _("Edit what this step sends and try it again; the source record stays as it is.")
        options.append((words, True))
    options += _at_the_source(step)
    if step.system is not None:
        words = _("Replay it as it is, once %(system)s would take it.")
        options.append((words % {"system": step.system.title}, True))
    options.append((_("Waiting will not help: nobody tries it again by itself."), False))
    return options


def _at_the_source(step: Step) -> list[Option]:
    """Who must put what right, and where."""
    if step.kind in {Kind.AUTH, Kind.PERMISSION, Kind.CONTRACT}:
        words = _("Have an integration operator put the connection or the mapping right.")
        return [(words, True)]
    if step.system is None or step.sent_at is None:
        field = _(" (field “%(field)s”)") % {"field": step.field} if step.field else ""
        words = _("Correct the source record%(field)s: the correction is taken up by itself.")
        return [(words % {"field": field}, True)]
    words = _("Put it right in %(system)s or in the source record, then replay.")
    return [(words % {"system": step.system.title}, True)]


def newer_mapping(step: Step) -> MappingVersion | None:
    """The version in force, when the step was sent with another one."""
    pinned = step.mapping_version
    if pinned is None:
        return None
    active = MappingVersion.objects.filter(mapping=pinned.mapping_id, state=VersionState.ACTIVE)
    newest = active.first()
    return newest if newest is not None and newest.pk != pinned.pk else None


def actions_for(chain: Chain, person: Person) -> list[Action]:
    """The forms this person is offered; what they may not do is shown with the reason."""
    one, trouble = chain.chosen, chain.trouble
    entity = one.entity.code if one.entity else None
    if one.is_over:
        return []
    if one.gathering:
        return [_bill_now(one, person, entity), cancel_action(chain, person, entity)]
    if trouble is None or trouble.state not in standing.STUCK:
        return [cancel_action(chain, person, entity)]
    actions = []
    if trouble.kind == Kind.PERIOD_CLOSED:
        url = reverse("transaction_decisions", args=[one.correlation_id])
        actions += period_actions(url, one.reference, person, entity)
    elif findings.decidable(trouble):
        actions += doubt_actions(one, trouble, person, entity)
    elif not chain.replaying and not absences.is_absence(trouble.kind):
        actions.append(replay_action(one, trouble, person, entity))
        actions += amend_actions(one, trouble, chain.editable, person, entity)
    if chain.letter is not None:
        actions.append(assign_action(chain.letter.cause_id, person, key="a"))
    return [*actions, *_settle(one, person, entity), cancel_action(chain, person, entity)]


def replay_action(
    one: Transaction, step: Step, person: Person, entity: str | None, *, suffix: str = ""
) -> Action:
    """Plan a replay; of what is in doubt, asking comes first by itself."""
    may = leave(person, Right.REPLAY, entity)
    doubt = standing.in_doubt(step)
    system = step.system.title if step.system else ""
    label = _("Ask %(system)s whether it exists") if doubt else _("Replay from step %(number)d")
    form = PlanReplay(auto_id=f"plan{suffix}-%s", steps=[step.pk])
    if step.mapping_version is None:
        del form.fields["mapping"]
    return Action(
        id=f"plan{suffix}",
        label=label % {"system": system, "number": step.position},
        title=_("Plan first: nothing is sent before you release it"),
        url=f"{reverse('transaction_replays', args=[one.correlation_id])}?part={one.reference}",
        confirm=_("Make the plan"),
        form=form,
        icon="rotate-ccw",
        key="" if suffix else "r",
        primary=True,
        allowed=may.allowed,
        why_not=may.why_not,
    )


def period_actions(url: str, part: str, person: Person, entity: str | None) -> list[Action]:
    """The two decisions on a closed period."""
    may = leave(person, Right.DECIDE_PERIOD, entity)
    where = f"{url}?part={part}" if part else url
    ways = (
        (NEXT_PERIOD, _("Bill in the open period"), "calendar-check", True),
        (REOPENED, _("I have reopened the period"), "undo-2", False),
    )
    return [
        Action(
            id=f"period-{decision}",
            label=label,
            title=label,
            url=where,
            confirm=label,
            form=DecidePeriod(auto_id=f"period-{decision}-%s", initial={"decision": decision}),
            icon=icon,
            primary=primary,
            allowed=may.allowed,
            why_not=may.why_not,
        )
        for decision, label, icon, primary in ways
    ]


def assign_action(cause: int, person: Person, *, key: str = "") -> Action:
    """Give the cause an owner."""
    may = leave(person, Right.ASSIGN)
    return Action(
        id="assign",
        label=_("Assign"),
        title=_("Who takes this cause?"),
        url=reverse("exception_assignments", args=[cause]),
        confirm=_("Assign the cause"),
        form=Assign(auto_id="assign-%s", initial={"to": person.pk}) if may.allowed else None,
        icon="user-plus",
        key=key,
        allowed=may.allowed,
        why_not=may.why_not,
    )


def _settle(one: Transaction, person: Person, entity: str | None) -> list[Action]:
    url = f"{reverse('transaction_solutions', args=[one.correlation_id])}?part={one.reference}"
    return settle_actions(url, person, entity)


def settle_actions(url: str, person: Person, entity: str | None) -> list[Action]:
    """End it as settled outside the tower, or write it off."""
    may = leave(person, Right.RESOLVE, entity)
    ways = (
        (ELSEWHERE, _("Settled elsewhere"), _("How was it settled?"), "check"),
        (WRITE_OFF, _("Write off"), _("Why is it written off?"), "archive"),
    )
    return [
        Action(
            id=f"settle-{how}",
            label=label,
            title=title,
            url=url,
            confirm=_("End it: %(how)s") % {"how": label.lower()},
            form=Settle(auto_id=f"settle-{how}-%s", initial={"how": how}),
            icon=icon,
            allowed=may.allowed,
            why_not=may.why_not,
        )
        for how, label, title, icon in ways
    ]


def cancel_action(chain: Chain, person: Person, entity: str | None) -> Action:
    """Call it off, as long as nothing was sent."""
    one, may = chain.chosen, leave(person, Right.RESOLVE, entity)
    why_not = may.why_not or cancelling.obstacle(chain.own)
    url = reverse("transaction_cancellations", args=[one.correlation_id])
    return Action(
        id="cancel",
        label=_("Cancel"),
        title=_("Why is it called off? Nothing of it was sent."),
        url=f"{url}?part={one.reference}",
        confirm=_("Call it off"),
        form=Reason(auto_id="cancel-%s"),
        icon="circle-x",
        allowed=not why_not,
        why_not=why_not,
    )


def _bill_now(one: Transaction, person: Person, entity: str | None) -> Action:
    may = leave(person, Right.REPLAY, entity)
    return Action(
        id="bill-now",
        label=_("Bill now"),
        title=_("Begin the billing run with what is gathered so far?"),
        url=f"{reverse('transaction_billings', args=[one.correlation_id])}?part={one.reference}",
        confirm=_("Begin the billing run"),
        icon="receipt-text",
        primary=True,
        allowed=may.allowed,
        why_not=may.why_not,
    )


def reveal_action(one: Transaction, person: Person) -> Action:
    """Show personal data for five minutes, for a reason."""
    may = leave(person, Right.REVEAL_PERSONAL, one.entity.code if one.entity else None)
    return Action(
        id="reveal",
        label=_("Show personal data for 5 min"),
        title=_("Why do you need to see it?"),
        url=f"{reverse('transaction_reveals', args=[one.correlation_id])}?part={one.reference}",
        confirm=_("Show it"),
        form=Reason(auto_id="reveal-%s"),
        icon="eye",
        small=True,
        allowed=may.allowed,
        why_not=may.why_not,
    )


def owner_role_words(role: str) -> str:
    """The role's name for people."""
    try:
        return str(heard(Role(role).label))
    except ValueError:
        return role
