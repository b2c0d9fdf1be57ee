"""Text and money arrive as they were sent, to the last sign and the last cent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.integrations.conformance.needs import has_money, has_text, needs, writes
from tests.integrations.conformance.verdicts import done
from tests.integrations.subject import Subject

NAMES = (
    'Ünïcode ‘Söhne’ & 漢字 🎷 <b>O\'Brien</b> \\ "q"',
    "مرحبا بالعالم",
    "e\u0301 is not é",
    "50 % off; a=b&c=d #1 + 2",
    "=SUM(A1:A9)",
)
AMOUNTS = tuple(map(Decimal, ("0.01", "0.10", "1234567.89", "99999999.99", "33.33")))


def floats(values: object) -> list[object]:
    """Every float in a record: there must be none, for it has lost what it was."""
    if isinstance(values, Mapping):
        return [found for item in values.values() for found in floats(item)]
    if isinstance(values, list | tuple):
        return [found for item in values for found in floats(item)]
    return [values] if isinstance(values, float) else []


async def _written(subject: Subject, tag: str, **changed: Any) -> Mapping[str, Any]:
    verdict = done(await subject.write(tag, **changed))
    return done(await subject.connector.get(subject.entity, verdict.ref)).values


class Fidelity:
    """Unicode and money."""

    @needs(writes, has_text)
    @pytest.mark.parametrize("name", NAMES)
    async def test_text_arrives_exactly(self, subject: Subject, tag: str, name: str) -> None:
        assert subject.shown(await _written(subject, tag, name=name))[0] == name

    @needs(writes, has_money)
    @pytest.mark.parametrize("amount", AMOUNTS, ids=str)
    async def test_money_arrives_exactly(self, subject: Subject, tag: str, amount: Decimal) -> None:
        values = await _written(subject, tag, amount=amount)
        assert subject.shown(values)[1] == amount

    async def test_no_number_is_a_float(self, subject: Subject, tag: str) -> None:
        ref = await subject.existing(tag)
        values = done(await subject.connector.get(subject.entity, ref)).values
        assert floats(values) == []
