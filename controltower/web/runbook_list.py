"""The list of runbooks: which there are, when each was followed last, and what narrows them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy

from controltower.firm.models import Person
from controltower.incidents.models import Run, Runbook, RunbookState, RunbookVersion
from controltower.web import marks, runbook_words
from controltower.web.list_filters import ListFilters, choice
from controltower.web.sayings import heard

CURRENT = (RunbookState.APPROVED, RunbookState.EXPIRED)


class Filters(ListFilters):
    """What narrows the list of runbooks."""

    state = choice(
        gettext_lazy("State"),
        gettext_lazy("Any state"),
        [
            *((one.value, marks.state_mark("runbook", one.value).word) for one in RunbookState),
        ],
    )
    hint = gettext_lazy("Runbook, or what it is for")

    def leave(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The lines that they ask for; none when one makes no sense."""
        if not self.is_valid():
            return []
        state = self.given("state")
        return [
            one
            for one in lines
            if state in ("", one["version"].state)
            and self.finds(heard(one["book"].title), one["book"].title, *map(str, one["fits"]))
        ]


def lines(person: Person) -> list[dict[str, Any]]:
    """Every runbook as the list shows it, by title."""
    seen = Run.objects.visible_to(person).filter(version__runbook=OuterRef("pk"))
    count = seen.order_by().values("version__runbook").values(n=Count("pk"))
    found = Runbook.objects.prefetch_related("versions").annotate(followed=Subquery(count))
    last = _last_runs(person)
    return [_line(one, last.get(one.pk)) for one in found]


def _last_runs(person: Person) -> dict[int, Run]:
    """When each runbook was followed last, by its key, as far as the person may know."""
    runs = Run.objects.visible_to(person).select_related("version")
    newest = runs.order_by("version__runbook_id", "-started_at", "-pk").distinct(
        "version__runbook_id"
    )
    return {run.version.runbook_id: run for run in newest}


def _line(book: Runbook, last: Run | None) -> dict[str, Any]:
    versions = list(book.versions.all())
    current = next((one for one in versions if one.state in CURRENT), versions[0])
    coming = next((one for one in versions if one.number > current.number), None)
    return {
        "book": book,
        "version": current,
        "url": url_of(current),
        "fits": runbook_words.fits(current.fits, as_kept=False),
        "steps": len(current.steps),
        "coming": coming,
        "coming_url": url_of(coming) if coming else "",
        "followed": getattr(book, "followed", None) or 0,
        "last": last,
    }


def url_of(version: RunbookVersion) -> str:
    """The version's page."""
    return reverse("runbook_version", args=[version.runbook.slug, version.number])
