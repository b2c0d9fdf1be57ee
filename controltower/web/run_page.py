"""A run of a runbook: its steps, the one at hand with what can be done, and the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.canonical.money import Money
from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.incidents import acts, runs, steps
from controltower.incidents.models import Run, RunStep, StepState
from controltower.measures import at_stake
from controltower.measures.exposure import Scope, reporting_currency
from controltower.transactions import replay_approval
from controltower.transactions.models import ReplayPlan
from controltower.web import privacy, runbook_words
from controltower.web.actions import Action, leave
from controltower.web.decisions import Reason
from controltower.web.exception_groups import letters_of
from controltower.web.incident_page import evidence
from controltower.web.job_actions import actions_of as job_actions
from controltower.web.job_list import state_of
from controltower.web.job_tally import tallies
from controltower.web.named import names_of
from controltower.web.sayings import heard

LOOK, ACT, CHOOSE, SKIP, EVIDENCE = "look", "act", "choose", "skip", "evidence"


class Choose(forms.Form):
    """What is decided, and why."""

    do = forms.CharField(widget=forms.HiddenInput, initial=CHOOSE)
    choice = forms.TypedChoiceField(
        coerce=int, label=gettext_lazy("Decision"), widget=forms.RadioSelect
    )
    reason = Reason.base_fields["reason"]

    def __init__(self, *args: Any, labels: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["choice"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = list(enumerate(labels))


class Do(forms.Form):
    """What is done with the step at hand."""

    do = forms.ChoiceField(
        choices=[(one, one) for one in (LOOK, ACT, CHOOSE, SKIP, EVIDENCE)],
        widget=forms.HiddenInput,
    )
    choice = forms.IntegerField(required=False, min_value=0, max_value=steps.MOST_STEPS)
    reason = forms.CharField(required=False, max_length=300)
    text = forms.CharField(required=False, max_length=runs.MOST_EVIDENCE)


class ForAReason(Reason):
    """An act or a skip that needs a reason."""

    do = forms.CharField(widget=forms.HiddenInput)


class Seen(forms.Form):
    """What somebody has seen or was told."""

    do = forms.CharField(widget=forms.HiddenInput)
    text = forms.CharField(
        label=gettext_lazy("What shows it?"),
        max_length=runs.MOST_EVIDENCE,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("A ticket, a call, a link. It is kept with the step and your name."),
    )


class Plainly(forms.Form):
    """An act that needs none."""

    do = forms.CharField(widget=forms.HiddenInput)


def present(run: Run, seen: Scope, now: datetime) -> dict[str, Any]:
    """The context of `runs/run.html`."""
    found = list(run.steps.select_related("plan"))
    names = names_of([*(one.by for one in found), *(note["by"] for note in _notes(found))])
    about = _about(run, seen)
    return {
        "now": now,
        "crumbs": [about[0], (run.version.runbook.title, "")],
        "run": run,
        "about": about,
        "version_url": reverse(
            "runbook_version", args=[run.version.runbook.slug, run.version.number]
        ),
        "value": _value(run, seen),
        "steps": [
            _step(one, run, seen, now)
            | {"by": names[one.by], "notes": [_note(note, names) for note in _notes([one])]}
            for one in found
        ],
        "done": sum(1 for one in found if one.state in {StepState.DONE, StepState.SKIPPED}),
        "stop": None if run.is_over else _stop(run, seen.person),
    }


def _notes(found: Iterable[RunStep]) -> list[dict[str, str]]:
    """What people have added to steps as evidence."""
    return [note for step in found for note in step.evidence.get(runs.NOTES, ())]


def _note(note: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "by": names[note["by"]],
        "at": datetime.fromisoformat(note["at"]),
        "text": privacy.masked_text(note["text"]),
    }


def _about(run: Run, seen: Scope) -> list[tuple[str, str]]:
    """The incident, if it is followed for one, and the groups that it is about: text and url."""
    found = [] if run.incident is None else [
        (run.incident.name, reverse("incident", args=[run.incident.pk]))
    ]  # fmt: skip
    for cause in acts.causes_of(run):
        if letters_of(seen).filter(cause=cause).exists() or cause == run.cause:
            title = privacy.masked_text(cause.title)
            found.append((title, reverse("exception", args=[cause.pk])))
    return found


def _value(run: Run, seen: Scope) -> dict[str, Any]:
    """What still hangs on the matter, as everywhere."""
    found = at_stake.stake(at_stake.run_hangs_on(run), seen)
    return {"count": found.count, "money": Money.of(found.amount, reporting_currency())}


def _step(step: RunStep, run: Run, seen: Scope, now: datetime) -> dict[str, Any]:
    at_hand = not run.is_over and step.state in runs.AT_HAND
    plan = step.plan
    return runbook_words.row(step.rule, step.position) | {
        "row": step,
        "at_hand": at_hand,
        "outcome": privacy.masked_text(step.outcome),
        "evidence": evidence(step.evidence.get("figures", ()), seen),
        "plan_url": reverse("job", args=[plan.pk]) if plan else "",
        "plan_progress": tallies([plan.pk], seen.person)[plan.pk].progress if plan else None,
        "actions": _actions(step, run, seen.person, now) if at_hand else [],
        "add": _evidence(run, step, seen.person) if step.state != StepState.AHEAD else None,
    }


def _actions(step: RunStep, run: Run, person: Person, now: datetime) -> list[Action]:
    """What can be done with the step at hand; a replay's own buttons while one is planned."""
    if step.plan is not None and step.state == StepState.UNDER_WAY:
        return _of_plan(step.plan, person, now)
    kind = step.rule["kind"]
    leave_out = _("Stop waiting") if kind == steps.WAIT else _("Skip")
    skip = _button(run, step, person, SKIP, leave_out, "arrow-right", reason=True)
    if kind == steps.DECIDE:
        return [_decide(run, step, person), skip]
    if kind == steps.ACT:
        what = step.rule["what"]
        needs = what not in steps.WITHOUT_REASON
        words = str(runbook_words.ACTS[what])
        act = _button(run, step, person, ACT, words, "zap", reason=needs, primary=True, key="r")
        return [act, skip]
    if not step.rule.get("what"):
        return [skip]
    words = _("Look again") if step.state != StepState.NOW else _("Look")
    look = _button(run, step, person, LOOK, words, "eye", primary=True, key="r")
    return [replace(look, at_once=True), skip]


def _of_plan(plan: ReplayPlan, person: Person, now: datetime) -> list[Action]:
    approval = replay_approval.latest(plan) if plan.digest else None
    state = state_of(plan, approval, now)
    return job_actions(plan, person, state, approval, "", tallies([plan.pk], person)[plan.pk].total)


def _decide(run: Run, step: RunStep, person: Person) -> Action:
    may = leave(person, Right.LEAD_INCIDENT)
    labels = [heard(str(one["label"])) for one in step.rule["choices"]]
    return Action(
        id="choose", label=_("Decide"), title=step.rule["title"], url=_url(run, step),
        confirm=_("Decide"), form=Choose(labels=labels, auto_id="choose-%s"), icon="check",
        key="r", primary=True, allowed=may.allowed, why_not=may.why_not,
    )  # fmt: skip


def _button(
    run: Run,
    step: RunStep,
    person: Person,
    do: str,
    label: str,
    icon: str,
    *,
    reason: bool = False,
    primary: bool = False,
    key: str = "",
) -> Action:
    may = leave(person, Right.LEAD_INCIDENT)
    form = ForAReason if reason else Plainly
    return Action(
        id=f"do-{do}", label=label, title=f"{label}: {step.rule['title']}", url=_url(run, step),
        confirm=label, form=form(auto_id=f"do-{do}-%s", initial={"do": do}), icon=icon, key=key,
        primary=primary, allowed=may.allowed, why_not=may.why_not,
    )  # fmt: skip


def _evidence(run: Run, step: RunStep, person: Person) -> Action:
    may, words = leave(person, Right.LEAD_INCIDENT), _("Add evidence")
    name = f"evidence-{step.position}"
    return Action(
        id=name, label=words, title=f"{words}: {heard(step.rule['title'])}", url=_url(run, step),
        confirm=_("Keep"), icon="file-text", small=step.state not in runs.AT_HAND,
        form=Seen(auto_id=f"{name}-%s", initial={"do": EVIDENCE}),
        allowed=may.allowed, why_not=may.why_not,
    )  # fmt: skip


def _url(run: Run, step: RunStep) -> str:
    return reverse("run_steps", args=[run.pk, step.position])


def _stop(run: Run, person: Person) -> Action:
    may = leave(person, Right.LEAD_INCIDENT)
    words = _("Stop this run")
    return Action(
        id="stop-run", label=words, title=_("Why is it stopped?"),
        url=reverse("run_stops", args=[run.pk]), confirm=words, form=Reason(auto_id="stop-run-%s"),
        icon="square-stop", small=True, allowed=may.allowed, why_not=may.why_not,
    )  # fmt: skip
