"""What may be done with a replay now: ask, approve, release, pause, go on, stop, plan again."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from controltower.firm.models import Approval, Person
from controltower.firm.rights import Right
from controltower.transactions import replay_approval
from controltower.transactions.models import PlanState, ReplayPlan
from controltower.web.actions import Action, Leave, leave, only
from controltower.web.decisions import DecideApproval, Sealed


def actions_of(
    plan: ReplayPlan,
    person: Person,
    state: str,
    approval: Approval | None,
    changed: str,
    count: int,
) -> list[Action]:
    """The buttons of the job's page, the next step first."""
    if state in {PlanState.RUNNING, PlanState.PAUSED}:
        return _steering(plan, person, state)
    if state == PlanState.DRAFT:
        return [_plain(plan, person, "stop", "job_stops", _("Do not plan it"), "square-stop")]
    if state in {PlanState.STALE, PlanState.CANCELLED, PlanState.WITH_FAILURES} or changed:
        return [_again(plan, person)]
    if state == PlanState.COMPLETED:
        return []
    if not count:
        return [_again(plan, person)]
    stop = _plain(plan, person, "give-up", "job_stops", _("Give it up"), "square-stop")
    granted = approval is not None and approval.state == Approval.State.APPROVED
    if plan.needs_second_person and not granted:
        return [*_approving(plan, person, approval), stop]
    return [_release(plan, person, count), stop]


def _release(plan: ReplayPlan, person: Person, count: int) -> Action:
    may = leave(person, Right.REPLAY)
    label = ngettext("Replay %(n)d", "Replay %(n)d", count) % {"n": count}
    return Action(
        id="release",
        label=label,
        title=_("Release exactly this plan?"),
        url=reverse("job_releases", args=[plan.pk]),
        confirm=label,
        form=Sealed(auto_id="release-%s", initial={"digest": plan.digest}),
        icon="rotate-ccw",
        key="r",
        primary=True,
        allowed=may.allowed,
        why_not=may.why_not,
    )


def _approving(plan: ReplayPlan, person: Person, approval: Approval | None) -> list[Action]:
    if approval is None or approval.state == Approval.State.REFUSED:
        may = _may_ask(plan, person)
        return [
            Action(
                id="ask",
                label=_("Ask for approval"),
                title=_("Ask a second person to approve exactly this plan?"),
                url=reverse("job_requests", args=[plan.pk]),
                confirm=_("Ask for approval"),
                icon="users-round",
                primary=True,
                allowed=may.allowed,
                why_not=may.why_not,
            )
        ]
    why_not = ""
    if approval.requested_by_id == person.pk:
        why_not = _("You have asked for it, so somebody else must decide.")
    elif not replay_approval.may_decide(plan, person):
        why_not = only(Right.APPROVE_REPLAY)
    return [
        _decide(plan, approve=True, label=_("Approve"), icon="check", why_not=why_not),
        _decide(plan, approve=False, label=_("Refuse"), icon="x", why_not=why_not),
    ]


def _may_ask(plan: ReplayPlan, person: Person) -> Leave:
    """A request that nobody could grant is not made."""
    may = leave(person, Right.REPLAY)
    if not may.allowed or replay_approval.deciders(plan, besides=person):
        return may
    if replay_approval.may_decide(plan, person):
        return Leave(False, _("Nobody but you may approve it. Let somebody else plan it and ask."))
    return Leave(False, _("Nobody has the right to approve it. An administrator can give it."))


def _decide(plan: ReplayPlan, *, approve: bool, label: str, icon: str, why_not: str) -> Action:
    word = "yes" if approve else "no"
    return Action(
        id=f"decide-{word}",
        label=label,
        title=_("Approve exactly this plan?") if approve else _("Refuse this plan?"),
        url=reverse("job_decisions", args=[plan.pk]),
        confirm=_("Approve the plan") if approve else _("Refuse the plan"),
        form=DecideApproval(
            auto_id=f"decide-{word}-%s", initial={"approve": word, "digest": plan.digest}
        ),
        icon=icon,
        primary=approve,
        allowed=not why_not,
        why_not=why_not,
    )


def _steering(plan: ReplayPlan, person: Person, state: str) -> list[Action]:
    stop = _plain(plan, person, "stop", "job_stops", _("Stop"), "square-stop")
    if state == PlanState.RUNNING:
        return [_plain(plan, person, "pause", "job_pauses", _("Pause"), "pause"), stop]
    return [_plain(plan, person, "resume", "job_resumptions", _("Go on"), "play"), stop]


def _again(plan: ReplayPlan, person: Person) -> Action:
    return _plain(plan, person, "again", "job_plans", _("Plan again"), "rotate-ccw", primary=True)


TITLES = {
    "stop": gettext_lazy("Leave out what has not been sent? What is under way ends by itself."),
    "give-up": gettext_lazy("Give this plan up? Nothing of it has been sent."),
    "pause": gettext_lazy("Pause it? What is under way ends by itself."),
    "resume": gettext_lazy("Go on with what is left?"),
    "again": gettext_lazy("Plan again what is still stuck? Nothing is sent before you release it."),
}


def _plain(
    plan: ReplayPlan,
    person: Person,
    name: str,
    route: str,
    label: str,
    icon: str,
    *,
    primary: bool = False,
) -> Action:
    may = leave(person, Right.REPLAY)
    return Action(
        id=name,
        label=label,
        title=str(TITLES[name]),
        url=reverse(route, args=[plan.pk]),
        confirm=label,
        icon=icon,
        primary=primary,
        allowed=may.allowed,
        why_not=may.why_not,
    )
