"""What is offered beside a trouble: the runbooks under way, those that fit, to write one down, and
to open an incident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.incidents import matching
from controltower.incidents.models import Cause, Incident, Run, RunbookVersion
from controltower.web.actions import Action, leave

MOST_RUNS = 5


class Follow(forms.Form):
    """Which version is followed."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31)


def for_incident(incident: Incident, person: Person, now: datetime) -> dict[str, Any]:
    """The context of `components/runbooks.html` on an incident."""
    fitting = matching.for_incident(incident, now) if incident.is_open else []
    cause = incident.causes.first() if incident.is_open and not fitting else None
    url = reverse("incident_runs", args=[incident.pk])
    return _offers(incident.runs.all(), fitting, url, cause, person)


def for_cause(cause: Cause, person: Person, now: datetime) -> dict[str, Any]:
    """The context of `components/runbooks.html` on a group."""
    fitting = matching.for_cause(cause, now)
    url = reverse("exception_runs", args=[cause.pk])
    return _offers(cause.runs.all(), fitting, url, None if fitting else cause, person)


def _offers(
    runs: QuerySet[Run],
    fitting: Iterable[RunbookVersion],
    url: str,
    unwritten: Cause | None,
    person: Person,
) -> dict[str, Any]:
    found = list(runs.select_related("version__runbook", "started_by")[:MOST_RUNS])
    followed = {run.version_id for run in found if not run.is_over}
    return {
        "runs": [(run, reverse("run", args=[run.pk])) for run in found],
        "runbooks": [
            {
                "version": one,
                "url": reverse("runbook_version", args=[one.runbook.slug, one.number]),
                "follow": _follow(one, url, person),
            }
            for one in fitting
            if one.pk not in followed
        ],
        "write_down": _write_down(unwritten, person) if unwritten else None,
    }


def _follow(version: RunbookVersion, url: str, person: Person) -> Action:
    may = leave(person, Right.LEAD_INCIDENT)
    return Action(
        id=f"follow-{version.pk}",
        label=_("Follow it"),
        title=_("Follow “%(title)s”?") % {"title": version.runbook.title},
        url=url,
        confirm=_("Begin with step 1"),
        form=Follow(auto_id=f"follow-{version.pk}-%s", initial={"version": version.pk}),
        icon="list-checks",
        allowed=may.allowed,
        why_not=may.why_not,
    )


def runbook_act(offered: Mapping[str, Any]) -> Action | None:
    """To go on with the run that is under way, or to begin with the runbook that fits best. Its
    form stands beside the runbook, so that this is a button alone."""
    for run, url in offered["runs"]:
        if not run.is_over:
            return Action(
                id="go-on", label=_("Go on with the runbook"), title="", url=url, confirm="",
                icon="arrow-right", leads=True,
            )  # fmt: skip
    for offer in offered["runbooks"]:
        follow: Action = offer["follow"]
        if follow.allowed:
            return replace(follow, label=_("Follow the runbook"), title="")
    return None


def _write_down(cause: Cause, person: Person) -> Action:
    may = leave(person, Right.EDIT_RUNBOOK)
    return Action(
        id="write-down",
        label=_("Write down what you do now"),
        title=_("Draft a runbook from what was done about this group?"),
        url=reverse("exception_runbooks", args=[cause.pk]),
        confirm=_("Draft a runbook"),
        icon="pencil",
        allowed=may.allowed,
        why_not=may.why_not,
    )


def incident_action(url: str, person: Person) -> Action:
    """Open an incident about a cause or a system, or come to the one that is open."""
    may = leave(person, Right.LEAD_INCIDENT)
    return Action(
        id="incident",
        label=_("Open an incident"),
        title=_("Open an incident? Whoever has to do with it is told."),
        url=url,
        confirm=_("Open the incident"),
        icon="siren",
        seldom=True,
        allowed=may.allowed,
        why_not=may.why_not,
    )
