"""Two sides' books of one matter, record by record and to the cent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple


class Place(NamedTuple):
    """Whose money, in which currency, of which accounting month ("2026-11", "" where a side does
    not say)."""

    company: str
    currency: str
    month: str = ""


class Ledger(dict[str, dict[Place, Decimal]]):
    """What one side holds: by record, what it is worth in each place. Amounts in major units."""

    def add(self, record: str, place: Place, amount: Decimal) -> None:
        """Count an amount; a record that stands there twice counts twice."""
        kept = self.setdefault(record, {})
        kept[place] = kept.get(place, Decimal(0)) + amount

    def totals(self) -> dict[Place, Decimal]:
        """What all records come to in each place."""
        found: dict[Place, Decimal] = {}
        for parts in self.values():
            for place, amount in parts.items():
                found[place] = found.get(place, Decimal(0)) + amount
        return found


@dataclass(frozen=True, slots=True)
class Difference:
    """A record of which the sides say different things; `because` is why they may, "" where nobody
    can say."""

    record: str
    here: Mapping[Place, Decimal]
    there: Mapping[Place, Decimal]
    because: str = ""

    def __str__(self) -> str:
        said = f"{self.record}: {_told(self.here)} against {_told(self.there)}"
        return f"{said} ({self.because})" if self.because else said


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two sides hold of one matter. `excuses` says of records what a person knows to be open,
    by their names: that is no difference of the books, and is told."""

    title: str
    sides: tuple[str, str]
    here: Ledger
    there: Ledger
    excuses: Mapping[str, str]

    def records(self) -> list[str]:
        """What either side holds, by name."""
        return sorted(self.here.keys() | self.there.keys())

    def differences(self) -> Iterator[Difference]:
        """Every record on which the sides do not agree. What is worth nothing is as good as
        absent."""
        for record in self.records():
            here, there = (_worth(side.get(record, {})) for side in (self.here, self.there))
            if here != there:
                yield Difference(record, here, there, self.excuses.get(record, ""))

    def unexplained(self) -> list[Difference]:
        """The differences that nobody knows of."""
        return [one for one in self.differences() if not one.because]

    def rows(self) -> Iterator[tuple[Place, Decimal, Decimal]]:
        """What each side holds in each place."""
        here, there = self.here.totals(), self.there.totals()
        for place in sorted(here.keys() | there.keys()):
            yield place, here.get(place, Decimal(0)), there.get(place, Decimal(0))


def _worth(parts: Mapping[Place, Decimal]) -> dict[Place, Decimal]:
    return {place: amount for place, amount in parts.items() if amount}


def _told(parts: Mapping[Place, Decimal]) -> str:
    said = [f"{amount:,.2f} {' '.join(filter(None, place))}" for place, amount in parts.items()]
    return " + ".join(said) or "nothing"
