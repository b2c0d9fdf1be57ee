"""Buttons that open a small form: what a page offers a person, and why not."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext as _

from controltower.firm.models import Person
from controltower.firm.rights import Right, may, who_grants
from controltower.web.sayings import heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One act, drawn by `components/action_form.html`. `confirm` is a verb with its object."""

    id: str
    label: str
    title: str
    url: str
    confirm: str
    form: forms.BaseForm | None = None
    icon: str = ""
    key: str = ""
    primary: bool = False
    small: bool = False
    allowed: bool = True
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """Whether a person may do something, and if not, who may."""

    allowed: bool
    why_not: str = ""


def leave(person: Person, right: Right, entity: str | None = None) -> Leave:
    """May this person do this, here? `entity` None asks for any of theirs."""
    if may(person, right, entity):
        return Leave(True)
    return Leave(False, only(right))


def only(right: Right) -> str:
    """The sentence that says who may."""
    return _("Only the %(roles)s may do this.") % {"roles": heard(who_grants(right))}
