"""Policies in words: what they are called, and what a version says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical.money import Money
from controltower.firm import duties, keeping, limits
from controltower.firm.models import Role
from controltower.web import formats

Content = Mapping[str, Any]


def title(kind: str, about: str) -> str:
    """What a policy is called: "Rights of otto.brandt"."""
    names = {
        duties.KIND: _("Rights of %(about)s"),
        limits.KIND: _("Approval limit of %(about)s"),
        keeping.KIND: _("How long the %(about)s is kept"),
    }
    shown = {
        limits.FIRM: _("the firm"),
        keeping.TIMELINE: _("timeline"),
        keeping.ATTEMPTS: _("log of attempts"),
    }
    return names[kind] % {"about": shown.get(about, about)}


def said(kind: str, content: Content | None) -> str:
    """What a version says; what held before anything was agreed upon is nothing."""
    return WORDS[kind](content) if content else _("nothing agreed upon")


def rights(content: Content) -> str:
    """Roles with where they hold."""
    roles = dict(Role.choices)
    words = [
        _("%(role)s in %(entity)s") % {"role": roles[role], "entity": code or _("the whole firm")}
        for role, code in content["duties"]
    ]
    return ", ".join(words) or _("no role at all")


def limit(content: Content) -> str:
    """Above which amount a second person agrees."""
    return formats.money(Money.of(Decimal(content["amount"]), settings.REPORTING_CURRENCY))


def days(content: Content) -> str:
    """For how long a log is kept."""
    return ngettext("%(n)s day", "%(n)s days", content["days"]) % {"n": content["days"]}


WORDS: dict[str, Callable[[Content], str]] = {
    duties.KIND: rights,
    limits.KIND: limit,
    keeping.KIND: days,
}
