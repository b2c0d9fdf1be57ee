"""What a person can do about a transaction: ranked words, what will not help, and the forms."""

from __future__ import annotations

from dataclasses import replace

from django.urls import reverse
from django.utils.translation import gettext as _

from controltower.canonical.verdicts import Kind
from controltower.firm.models import Person, Role
from controltower.firm.rights import Right, may
from controltower.incidents import triage
from controltower.incidents.models import Cause
from controltower.processes import overwritten, withdrawn_work
from controltower.transactions import cancelling, findings
from controltower.transactions.models import Step, Transaction
from controltower.web import absences, settlements, standing
from controltower.web.actions import Action, leave, only
from controltower.web.amend_actions import amend_actions
from controltower.web.decisions import (
    CREDIT,
    ELSEWHERE,
    LET_STAND,
    NEXT_PERIOD,
    REOPENED,
    WRITE_AGAIN,
    WRITE_OFF,
    Assign,
    DecideWork,
    PlanReplay,
    Reason,
    Settle,
)
from controltower.web.doubt_actions import doubt_actions
from controltower.web.sayings import heard
from controltower.web.transaction_chain import Chain


def actions_for(chain: Chain, person: Person) -> list[Action]:
    """The forms this person is offered; what they may not do is shown with the reason."""
    one, trouble = chain.chosen, chain.trouble
    entity = one.entity.code if one.entity else None
    if one.is_over:
        return []
    if one.gathering:
        return [
            _bill_now(one, person, entity), _foresee(one), cancel_action(chain, person, entity),
        ]  # fmt: skip
    if trouble is None or trouble.state not in standing.STUCK:
        return [cancel_action(chain, person, entity)]
    actions = _first(chain, trouble, person, entity)
    if chain.letter is not None:
        actions.append(assign_action(chain.letter.cause, person, key="a"))
    return [*actions, *_settle(chain, person, entity), cancel_action(chain, person, entity)]


def _first(chain: Chain, trouble: Step, person: Person, entity: str | None) -> list[Action]:
    """What the trouble itself calls for."""
    one = chain.chosen
    url = f"{reverse('transaction_decisions', args=[one.correlation_id])}?part={one.reference}"
    if trouble.kind == Kind.PERIOD_CLOSED:
        return period_actions(url, person, entity)
    if trouble.field == withdrawn_work.APPROVAL:
        label = _("Not owed: credit it")
        return [_decision(CREDIT, label, "receipt-text", url, person, entity)]
    if trouble.field == overwritten.OVERWRITTEN:
        return overwritten_actions(url, person, entity)
    if findings.decidable(trouble):
        return doubt_actions(one, trouble, person, entity)
    if chain.replaying or absences.is_absence(trouble.kind):
        return []
    again = replay_action(one, trouble, person, entity)
    amending = amend_actions(chain, trouble, person, entity)
    if chain.edited:  # it is decided first: sent as it is, the edit would be for nothing
        return [*amending, replace(again, primary=False, seldom=True)]
    return [again, *amending]


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


def period_actions(url: str, person: Person, entity: str | None) -> list[Action]:
    """The two decisions on a closed period."""
    bill, again = _("Bill in the open period"), _("I have reopened the period")
    return [
        _decision(NEXT_PERIOD, bill, "calendar-check", url, person, entity),
        replace(_decision(REOPENED, again, "undo-2", url, person, entity), primary=False),
    ]


def overwritten_actions(url: str, person: Person, entity: str | None) -> list[Action]:
    """The two decisions on a value that a system sets back each time."""
    again, stands = _("Write it once more"), _("Let it stand there")
    return [
        _decision(WRITE_AGAIN, again, "pencil", url, person, entity),
        replace(_decision(LET_STAND, stands, "check", url, person, entity), primary=False),
    ]


def _decision(
    decision: str, label: str, icon: str, url: str, person: Person, entity: str | None
) -> Action:
    may = leave(person, triage.right_to(decision), entity)
    return Action(
        id=f"period-{decision}",
        label=label,
        title=label,
        url=url,
        confirm=label,
        form=DecideWork(auto_id=f"period-{decision}-%s", initial={"decision": decision}),
        icon=icon,
        primary=True,
        allowed=may.allowed,
        why_not=may.why_not,
    )


def beyond_reach(cause: Cause, person: Person) -> str:
    """Why a person may not hand a cause over or put it aside who tried: it is so for all companies
    whose work stands in it. The page does not say beforehand whether there are others."""
    if may(person, Right.ASSIGN) and triage.out_of_reach(person, cause):
        return _("It also holds work of other companies. Split off what is yours first.")
    return only(Right.ASSIGN)


def assign_action(cause: Cause, person: Person, *, key: str = "") -> Action:
    """Give the cause an owner."""
    may = leave(person, Right.ASSIGN)
    return Action(
        id="assign",
        label=_("Assign"),
        title=_("Who takes this cause?"),
        url=reverse("exception_assignments", args=[cause.pk]),
        confirm=_("Assign the cause"),
        form=Assign(auto_id="assign-%s", initial={"to": person.pk}) if may.allowed else None,
        icon="user-plus",
        key=key,
        allowed=may.allowed,
        why_not=may.why_not,
    )


def _settle(chain: Chain, person: Person, entity: str | None) -> list[Action]:
    one = chain.chosen
    if chain.proposed is not None:
        return settlements.actions(chain.proposed, person)
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
            seldom=True,
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
        seldom=True,
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


def _foresee(one: Transaction) -> Action:
    return Action(
        id="foresee",
        label=_("Would it be accepted?"),
        title=_("Ask rules, CRM and ERP about its invoice? Nothing is written."),
        url=f"{reverse('transaction_foresights', args=[one.correlation_id])}?part={one.reference}",
        confirm=_("Ask now"),
        icon="circle-question-mark",
        at_once=True,
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
