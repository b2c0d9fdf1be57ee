"""What a person may do with a version of a mapping in its state; without the right, visible and
disabled."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.mappings import versions
from controltower.mappings.models import BackTest, MappingVersion, VersionState
from controltower.transactions.backtesting import MOST
from controltower.web.actions import Action, leave

TESTED = (
    VersionState.DRAFT,
    VersionState.CHANGES_REQUESTED,
    VersionState.IN_REVIEW,
    VersionState.APPROVED,
    VersionState.SCHEDULED,
)
"""States in which it still matters what a version would change."""


class Decision(forms.Form):
    """A reviewer's decision. Asking for changes needs a word on what."""

    approve = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")], widget=forms.HiddenInput)
    comment = forms.CharField(
        label=gettext_lazy("Comment"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Kept with the version."),
    )

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError for changes without a comment."""
        cleaned = super().clean() or {}
        if cleaned.get("approve") == "no" and not str(cleaned.get("comment", "")).strip():
            raise forms.ValidationError(_("Say what should change."))
        return cleaned


class Note(forms.Form):
    """What a draft is for."""

    note = forms.CharField(
        label=gettext_lazy("What changes and why"),
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("The reviewers read this first."),
    )


class Date(forms.Form):
    """From when a version is in use, in the person's own zone."""

    at = forms.DateTimeField(
        label=gettext_lazy("In use from"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Your own time. It happens by itself."),
    )

    def moment(self, zone: str) -> datetime:
        """The date that was given; the form must be valid."""
        at: datetime = self.cleaned_data["at"]
        return at.replace(tzinfo=ZoneInfo(zone))


def actions(
    version: MappingVersion,
    person: Person,
    approved: set[int],
    test: BackTest | None,
    now: datetime,
) -> list[Action]:
    """What the state allows next."""
    found = _by_state(version, person, approved, test, now)
    return [*found, _test(version, person, test)] if version.state in TESTED else found


def _by_state(
    version: MappingVersion,
    person: Person,
    approved: set[int],
    test: BackTest | None,
    now: datetime,
) -> list[Action]:
    match version.state:
        case VersionState.DRAFT | VersionState.CHANGES_REQUESTED:
            return [_submit(version, person)]
        case VersionState.IN_REVIEW:
            return _decisions(version, person, approved, test)
        case VersionState.APPROVED if versions.may_be_reviewed(version):
            return _decisions(version, person, approved, test)
        case VersionState.APPROVED:
            return [_activate(version, person), _schedule(version, person)]
        case VersionState.SCHEDULED:
            return [_activate(version, person), _call_off(version, person)]
        case VersionState.DEPRECATED:
            return [_activate(version, person), _retire(version, person)]
    return []


def _submit(version: MappingVersion, person: Person) -> Action:
    allowed = leave(person, Right.EDIT_MAPPING)
    return Action(
        id="submit",
        label=_("Submit for review"),
        title=_("Submit %(label)s for review") % _named(version),
        url=_url("mapping_submit", version),
        confirm=_("Submit %(label)s") % _named(version),
        primary=True,
        allowed=allowed.allowed,
        why_not=allowed.why_not,
    )


def _test(version: MappingVersion, person: Person, test: BackTest | None) -> Action:
    either = may(person, Right.EDIT_MAPPING) or may(person, Right.APPROVE_MAPPING)
    words = _("Test again") if test else _("Test on real records")
    return Action(
        id="test",
        label=words,
        title=_("Test %(label)s on the last %(n)d real records") % {**_named(version), "n": MOST},
        url=_url("mapping_trials", version),
        confirm=_("Test %(label)s") % _named(version),
        icon="flask-conical",
        allowed=either,
        why_not="" if either else leave(person, Right.EDIT_MAPPING).why_not,
    )


def _activate(version: MappingVersion, person: Person) -> Action:
    back = version.state == VersionState.DEPRECATED
    words = (_("Roll back to %(label)s") if back else _("Put %(label)s in use")) % _named(version)
    return _of_approver(version, person, "activate", words, "mapping_activate", primary=not back)


def _schedule(version: MappingVersion, person: Person) -> Action:
    words = _("Schedule %(label)s") % _named(version)
    form = Date(auto_id="schedule-%s")
    return _of_approver(version, person, "schedule", words, "mapping_schedule", form=form)


def _call_off(version: MappingVersion, person: Person) -> Action:
    words = _("Call off the date of %(label)s") % _named(version)
    return _of_approver(version, person, "call-off", words, "mapping_unschedule")


def _retire(version: MappingVersion, person: Person) -> Action:
    words = _("Retire %(label)s") % _named(version)
    return _of_approver(version, person, "retire", words, "mapping_retire")


def _of_approver(
    version: MappingVersion,
    person: Person,
    name: str,
    words: str,
    route: str,
    *,
    form: forms.Form | None = None,
    primary: bool = False,
) -> Action:
    """An act of those who may approve; its words name it on the button and in its form."""
    allowed = leave(person, Right.APPROVE_MAPPING)
    return Action(
        id=name,
        label=words,
        title=words,
        url=_url(route, version),
        confirm=words,
        form=form,
        primary=primary,
        allowed=allowed.allowed,
        why_not=allowed.why_not,
    )


def _url(route: str, version: MappingVersion) -> str:
    return reverse(route, args=[version.mapping.slug, version.number])


def _named(version: MappingVersion) -> dict[str, Any]:
    return {"label": f"v{version.number}"}


def _decisions(
    version: MappingVersion, person: Person, approved: set[int], test: BackTest | None
) -> list[Action]:
    allowed, why_not = _may_decide(version, person, approved)
    untested = allowed and test is None
    url = _url("mapping_review", version)
    return [
        Action(
            id="approve",
            label=_("Approve"),
            title=_("Approve %(label)s") % _named(version),
            url=url,
            confirm=_("Approve %(label)s") % _named(version),
            form=Decision(initial={"approve": "yes"}, auto_id="approve-%s"),
            primary=True,
            allowed=allowed and not untested,
            why_not=_("Test it on real records first.") if untested else why_not,
        ),
        Action(
            id="request-changes",
            label=_("Ask for changes"),
            title=_("Ask for changes to %(label)s") % _named(version),
            url=url,
            confirm=_("Ask for changes"),
            form=Decision(initial={"approve": "no"}, auto_id="changes-%s"),
            allowed=allowed,
        ),
    ]


def _may_decide(version: MappingVersion, person: Person, approved: set[int]) -> tuple[bool, str]:
    if version.author_id == person.pk:
        return False, _("You wrote this version, so someone else must approve it: a %(roles)s.") % {
            "roles": who_grants(Right.APPROVE_MAPPING)
        }
    if person.pk in approved:
        return False, _("You have approved it. A second person must approve it too.")
    allowed = leave(person, Right.APPROVE_MAPPING)
    return allowed.allowed, allowed.why_not
