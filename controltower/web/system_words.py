"""A system as rows show it, and what all of them come to in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from controltower.measures import health
from controltower.systems.models import System
from controltower.web import formats, wording
from controltower.web.charts import small
from controltower.web.list_filters import ListFilters, choice

GRAVEST_FIRST = ("br", "wt", "rk", "nt", "mv", "pk", "ok")
MOST_NAMED = 3
WAYS = {
    "stream": gettext_lazy("by its stream"),
    "poll": gettext_lazy("by asking"),
    "flag": gettext_lazy("by asking, each told back"),
    "queue": gettext_lazy("from its queue"),
    "file": gettext_lazy("from its files"),
}
"""How changes are read from a system (`integrations.connector.ChangeFeed`)."""


def line(system: System, pulse: health.Pulse, now: datetime) -> dict[str, Any]:
    """One system as rows show it."""
    condition = health.condition(system, pulse, now)
    mark = wording.condition_mark(condition, last_ok=system.last_ok_at, now=now)
    label = _("Call time of %(system)s over 2 h") % {"system": system.title}
    tone = "nt" if condition == "closed" else mark.token
    used, limit = system.quota_used, system.quota_limit
    return {
        "called": system.last_ok_at is not None or condition != "silent",
        "id": system.slug,
        "title": system.title,
        "condition": condition,
        "url": reverse("system", args=[system.slug]),
        "token": mark.token,
        "word": mark.word,
        "spark": small.sparkline(pulse.line, tone, label),
        "limit_used": used / limit if used is not None and limit else None,
    }


class Filters(ListFilters):
    """What narrows the list of systems."""

    state = choice(
        gettext_lazy("State"),
        gettext_lazy("Any state"),
        [
            ("ill", gettext_lazy("To be looked at")),
            ("well", gettext_lazy("Healthy")),
            ("uncalled", gettext_lazy("Not called yet")),
        ],
    )
    hint = gettext_lazy("System or what it is for")

    def leave(self, lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The lines that they ask for; none when one makes no sense."""
        if not self.is_valid():
            return []
        state = self.given("state")
        return [
            one
            for one in lines
            if state in ("", _standing(one)) and self.finds(one["title"], one["domain"])
        ]


def _standing(line: dict[str, Any]) -> str:
    if not line["called"]:
        return "uncalled"
    return "well" if line["condition"] == "closed" else "ill"


def gravest_first(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that need somebody lead, healthy ones stay in their order, and those that were never
    called come last."""
    return sorted(lines, key=lambda one: (not one["called"], GRAVEST_FIRST.index(one["token"])))


def sentence(lines: Sequence[dict[str, Any]]) -> str:
    """How many of the systems are healthy, which ones to look at, and how many were never called:
    together they are the rows of the list."""
    called = [one for one in lines if one["called"]]
    if not called:
        return _("No system has been called yet.")
    uncalled = len(lines) - len(called)
    words = ngettext(
        "%(n)s has not been called yet.", "%(n)s have not been called yet.", uncalled
    ) % {"n": formats.number(uncalled)}
    said = _how_they_are(called, len(lines))
    return f"{said} {words}" if uncalled else said


def _how_they_are(called: Sequence[dict[str, Any]], whole: int) -> str:
    ill = [one["title"] for one in gravest_first(called) if one["condition"] != "closed"]
    if not ill:
        words = ngettext(
            "The %(n)s system that is called is healthy.",
            "All %(n)s systems that are called are healthy.",
            len(called),
        )
        return words % {"n": formats.number(len(called))}
    return _("%(n)s of %(all)s systems are healthy; look at %(names)s.") % {
        "n": len(called) - len(ill),
        "all": formats.number(whole),
        "names": get_text_list(_named(ill), _("and")),
    }


def _named(titles: Sequence[str]) -> list[str]:
    if len(titles) <= MOST_NAMED + 1:
        return list(titles)
    more = len(titles) - MOST_NAMED
    return [*titles[:MOST_NAMED], _("%(n)s more") % {"n": formats.number(more)}]
