"""Which approved runbook fits a cause or an incident: the one that says the most about it.

`fits` holds any of: `kinds` (of failure), `words` (one of them stands in the title), `steps`,
`systems`, `down` (true: for a system that does not answer). All that it holds must apply.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from controltower.canonical.verdicts import Kind
from controltower.incidents.connections import SUBJECT as SIGN_IN
from controltower.incidents.models import Cause, Incident, RunbookState, RunbookVersion
from controltower.systems.models import System

WEIGHTS = {"words": 8, "steps": 4, "systems": 2, "kinds": 1, "down": 1}
DOWN = "down"
BROAD = frozenset({Kind.VALIDATION})
"""What has many causes, for each of which something else is to be done."""


class BadFit(Exception):
    """It says nothing, or something unknown, about what the runbook is for."""


def check_fits(fits: Mapping[str, Any]) -> None:
    """It must say something of the cause, in known words. Raises BadFit."""
    said = {name for name, wanted in fits.items() if wanted}
    if not said:
        raise BadFit("Say what the runbook is for: a kind of failure, words, a system.")
    if said == {"kinds"} and BROAD & set(fits["kinds"]):
        raise BadFit("That kind of failure is too wide alone: name words, a step or a system, too.")
    if unknown := set(fits) - set(WEIGHTS):
        raise BadFit(f"Nothing is known of “{', '.join(sorted(unknown))}”.")
    if strange := set(fits.get("kinds", ())) - set(Kind):
        raise BadFit(f"There is no kind of failure “{', '.join(sorted(strange))}”.")
    known = set(System.objects.values_list("slug", flat=True))
    if strange := set(fits.get("systems", ())) - known:
        raise BadFit(f"There is no system “{', '.join(sorted(strange))}”.")


def for_cause(cause: Cause, now: datetime) -> list[RunbookVersion]:
    """Approved versions for a cause, the best first."""
    system = cause.system.slug if cause.system else ""
    about = {"kinds": cause.kind, "steps": cause.step_name, "systems": system}
    return _best([(about, cause.title)], now)


def for_incident(incident: Incident, now: datetime) -> list[RunbookVersion]:
    """Approved versions for what hangs on an incident, the best first."""
    subjects: list[tuple[dict[str, str], str]] = []
    for cause in incident.causes.select_related("system"):
        system = cause.system.slug if cause.system else ""
        about = {"kinds": cause.kind, "steps": cause.step_name, "systems": system}
        subjects.append((about, cause.title))
    refused = incident.subject.startswith(SIGN_IN)
    why = {"kinds": Kind.AUTH} if refused else {DOWN: DOWN}
    down = [({**why, "systems": one.slug}, "") for one in incident.systems.all()]
    return _best([*subjects, *down], now)


def _best(subjects: Sequence[tuple[dict[str, str], str]], now: datetime) -> list[RunbookVersion]:
    usable = RunbookVersion.objects.select_related("runbook").filter(
        state=RunbookState.APPROVED, expires_at__gt=now
    )
    scored = [(score(one.fits, subjects), one) for one in usable]
    fitting = [pair for pair in scored if pair[0]]
    return [one for _score_, one in sorted(fitting, key=lambda p: (-p[0], p[1].runbook.title))]


def score(fits: Mapping[str, Any], subjects: Sequence[tuple[dict[str, str], str]]) -> int:
    return max((sum(_weights(fits, *subject)) for subject in subjects), default=0)


def _weights(fits: Mapping[str, Any], about: Mapping[str, str], title: str) -> Iterator[int]:
    """The weight of each thing that applies; nothing at all when one does not."""
    said = {name: wanted for name, wanted in fits.items() if wanted}
    if not all(_applies(name, wanted, about, title) for name, wanted in said.items()):
        return
    for name in said:
        yield WEIGHTS[name]


def _applies(name: str, wanted: Any, about: Mapping[str, str], title: str) -> bool:
    if name == "words":
        return any(str(word).casefold() in title.casefold() for word in wanted)
    if name == DOWN:
        return DOWN in about
    return about.get(name, "") in wanted
