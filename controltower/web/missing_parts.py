"""Which workflows cannot run yet, for want of systems that play their parts."""

from __future__ import annotations

from collections.abc import Sequence

from babel.lists import format_list
from django.utils.translation import gettext as _

from controltower.processes.catalogue import PROCESSES
from controltower.processes.definition import Process
from controltower.processes.parts import needed
from controltower.systems.models import System
from controltower.web import formats, policy_words
from controltower.web.sayings import heard


def sentences(processes: Sequence[Process] = PROCESSES) -> list[str]:
    """One for each workflow that has a part which nobody plays: what it needs and what is there."""
    there = set(System.objects.filter(active=True).values_list("role", flat=True))
    return [
        _sentence(heard(process.title), roles, [role for role in roles if role in there])
        for process in processes
        if not there.issuperset(roles := needed(process))
    ]


def _sentence(title: str, roles: Sequence[str], there: Sequence[str]) -> str:
    said = {"workflow": title, "parts": _listed(roles), "known": _listed(there)}
    if there:
        return _("%(workflow)s needs %(parts)s; there is %(known)s.") % said
    if len(roles) > 1:
        return _("%(workflow)s needs %(parts)s; there is none of them.") % said
    return _("%(workflow)s needs %(parts)s, and there is none.") % said


def _listed(roles: Sequence[str]) -> str:
    names = [policy_words.part(role) for role in roles]
    return format_list(names, locale=formats.locale()) if names else ""
