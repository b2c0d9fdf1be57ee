"""Buttons that open a small form: what a page offers a person, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django import forms
from django.utils.translation import gettext as _

from controltower.firm.models import Person
from controltower.firm.rights import FIRM_WIDE, Right, companies_where, may, who_grants
from controltower.web.sayings import heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One act, drawn by `components/action_form.html`. `confirm` is a verb with its object; one
    that `leads` away is a link to `url`, one that is done `at_once`, since it only looks, asks
    nothing, and one without a title is the button of a form that stands elsewhere on the page. What
    is done `seldom` stands behind “More”. `seen` is how things stood when it was offered: what
    somebody has changed since is not overwritten. `said` is why it was refused a moment ago: its
    form is open, with what was typed."""

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
    leads: bool = False
    seldom: bool = False
    at_once: bool = False
    seen: str = ""
    said: str = ""


FEW = 3
"""So many buttons need no “More”."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Acts by weight, drawn by `components/actions.html`: the first one leads."""

    shown: Sequence[Action] = ()
    more: Sequence[Action] = ()


def ranked(actions: Sequence[Action], lead: str = "") -> Ranked:
    """The act with the id `lead` first, or else the one that is primary; no other has its weight.
    What is done seldom, and what this person may not do, stand behind “More”."""
    first = next((one for one in actions if one.id == lead), None)
    first = first or next((one for one in actions if one.primary), None)
    rest = [replace(one, primary=False) for one in actions if one is not first]
    head = [replace(first, primary=True)] if first else []
    if len(actions) <= FEW:
        return Ranked([*head, *rest])
    often = [one for one in rest if one.allowed and not one.seldom]
    return Ranked([*head, *often], [one for one in rest if one not in often])


@dataclass(frozen=True, slots=True)
class Leave:
    """Whether a person may do something, and if not, who may."""

    allowed: bool
    why_not: str = ""


def leave(person: Person, right: Right, entity: str | None = None) -> Leave:
    """May this person do this, here? `entity` None asks for any of theirs."""
    if may(person, right, entity):
        return Leave(True)
    return Leave(False, only_firm_wide(person, right) if right in FIRM_WIDE else only(right))


def only(right: Right) -> str:
    """The sentence that says who may."""
    return _("Only the %(roles)s may do this.") % {"roles": heard(who_grants(right))}


def only_firm_wide(person: Person, right: Right) -> str:
    """The same where the whole firm is concerned: who may do it in single companies is told so, for
    they are one of those whom the other sentence names."""
    if companies := companies_where(person, right):
        words = _("Your right covers %(companies)s, not the whole firm.")
        return words % {"companies": ", ".join(companies)}
    return only(right)
