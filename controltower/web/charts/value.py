"""Stuck value, split by lateness: the measure that every drawing of backlog shares."""

from __future__ import annotations

from dataclasses import dataclass

from controltower.canonical.money import Money


@dataclass(frozen=True, slots=True)
class Part:
    """So many transactions and what they are worth, in the reporting currency."""

    count: int
    value: Money


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is stuck, by lateness. Each transaction counts in exactly one part."""

    late: Part
    due_today: Part
    in_time: Part

    @property
    def count(self) -> int:
        """All that is stuck."""
        return self.late.count + self.due_today.count + self.in_time.count

    @property
    def value(self) -> Money:
        """The value of all that is stuck."""
        return self.late.value + self.due_today.value + self.in_time.value

    @property
    def parts(self) -> tuple[tuple[str, str, Part], ...]:
        """(lateness, token, part) of the parts that are not empty, most urgent first."""
        parts = (
            ("late", "br", self.late),
            ("due_today", "rk", self.due_today),
            ("in_time", "nt", self.in_time),
        )
        return tuple(part for part in parts if part[2].count)
