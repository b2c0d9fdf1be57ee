"""The stages of a process, where its transactions take ways of different length."""

from __future__ import annotations

from uuid import uuid4

from django.utils import timezone

from controltower.measures.walks import Stride, Walk, grounds


def walked(*names: str) -> Walk:
    steps = [
        Stride(name, name.capitalize(), place, "verified", 1, None)
        for place, name in enumerate(names, start=1)
    ]
    return Walk(uuid4(), "verified", timezone.now(), None, steps)


def test_the_links_of_a_short_way_come_after_the_milestones_of_a_long_one() -> None:
    short = walked("check", "project", "link")
    long = walked("check", "project", "milestone", "staffing", "link")
    order = ["check", "project", "milestone", "staffing", "link"]
    for both in ([short, long], [long, short]):
        assert [ground.name for ground in grounds(both)] == order
    assert [ground.name for ground in grounds([short])] == ["check", "project", "link"]
