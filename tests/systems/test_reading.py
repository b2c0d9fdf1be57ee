"""An answer about another record than the one that was asked for is no answer."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from controltower.canonical.verdicts import Done, Effect, Kind, Outcome, TryLater, Verdict
from controltower.systems.calls import Door, Order
from controltower.systems.models import System
from controltower.systems.pace import Pace
from controltower.transactions.protocol import Purpose, Situation, State, judge
from integrations.connector import Connector


class Mixed:
    """A connector that is handed somebody else's answer."""

    def __init__(self, ref: str) -> None:
        self.ref = ref

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """Whatever the connection handed over."""
        return Done(ref=self.ref, outcome=Outcome.READ, values={"total": "12.00"})


def _answered(by: str, **asked: Any) -> Verdict:
    system = System(title="The ERP", deadline_seconds=60)

    async def told() -> Verdict:
        connector = cast("Connector", Mixed(by))
        door = Door(system, connector, asyncio.Semaphore(1), Pace(0))
        return await door.perform(Order(**asked))

    return asyncio.run(told())


@pytest.mark.parametrize(
    ("purpose", "verb"), [("read_back", "upsert"), ("probe", "post"), ("send", "get")]
)
def test_another_records_answer_is_asked_for_again(purpose: str, verb: str) -> None:
    asked = {"purpose": purpose, "verb": verb, "entity": "invoice", "ref": "LF-UK/7"}
    verdict = _answered("LF-UK/8", **asked)
    assert isinstance(verdict, TryLater) and verdict.kind is Kind.CONTRACT
    assert "“LF-UK/7”" in verdict.text and "“LF-UK/8”" in verdict.text
    for mine in ("LF-UK/7", "lf-uk/7", ""):
        assert isinstance(_answered(mine, **asked), Done)


def test_names_to_look_for_are_no_id() -> None:
    asked = {"purpose": "send", "verb": "get", "entity": "standing", "ref": "LF-1\n7\na@b.example"}
    assert isinstance(_answered("003A", **asked), Done)


def test_it_is_no_difference_in_what_was_written() -> None:
    """What is written stays acknowledged until it was really read."""
    verdict = _answered("8", purpose="read_back", verb="upsert", entity="invoice", ref="7")
    at = Situation(Purpose.READ_BACK, Effect.KEYED)
    assert judge(verdict, at).to is State.ACKED
