"""Work of several projects that was gathered for one invoice, such as by their purchase order.

Each project's part is judged by itself. What one contract holds up leaves, and waits under its own
name; the rest goes on. The part that was gathered first stays where it is, whose name it bears.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controltower.processes.definition import Apart, Facts, Leaving, Refuse


def by_project(facts: Facts) -> dict[str, Facts]:
    """Everything known, with the work of one project each, in the order in which they came."""
    return {
        project: replace(facts, items=[facts.items[place] for place in places])
        for project, places in _places(facts).items()
    }


def without(
    refused: Mapping[str, Refuse], parts: Mapping[str, Facts], facts: Facts
) -> Refuse | Apart:
    """What becomes of gathered work of which some may not be billed: who was gathered with others
    parts from them."""
    if len(parts) == 1:
        return next(iter(refused.values()))
    places = _places(facts)
    first, *others = places
    leaving = [Leaving(places[one], refused[one].text) for one in others if one in refused]
    sound = [place for one in others if one not in refused for place in places[one]]
    if first in refused and sound:
        name = parts[first].items[0]["project"]["name"]
        leaving.append(Leaving(tuple(sorted(sound)), f"The work on “{name}” has to wait."))
    return Apart(tuple(leaving))


def _places(facts: Facts) -> dict[str, tuple[int, ...]]:
    """Where each project's facts stand among all."""
    found: dict[str, tuple[int, ...]] = {}
    for place, item in enumerate(facts.items):
        project = str((item.get("project") or {}).get("source_id") or "")
        found[project] = (*found.get(project, ()), place)
    return found
