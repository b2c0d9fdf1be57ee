"""The BambooHR connector on the pretend account: the common suite and the vendor's own ways."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.verdicts import Done, Kind, Rejected, Verdict
from integrations.connector import Connection
from integrations.sandbox.bamboohr.server import signature
from tests.integrations.conformance import conforming
from tests.integrations.conformance.verdicts import done, verdict_of
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Message, Subject


class People(Subject):
    """Employees as what is read, changed and written back to."""

    name = "bamboohr"
    entity = "resource"
    verb = "update"
    feed = "resource"
    has_money = True
    answers_writes = False
    throttles = ({"kind": "throttle"}, {"kind": "throttle", "status": 503, "retry_after": 5})
    members = ("id", "firstName", "workEmail", "status", "customCostRate", "customLegalEntity")
    feed_members = ("employees", "lastChanged", "status", "customCostRate")
    choices = ("status", "customLegalEntity")
    signed_headers = ("x-bamboohr-signature", "x-bamboohr-timestamp")

    def __init__(self, town: Town) -> None:
        super().__init__(
            Connection(
                "hris",
                town.urls[self.name],
                town.secrets[self.name],
                {"settle_seconds": 1},
                DEADLINE,
            ),
            town.controls[self.name],
        )
        self._hired: dict[str, str] = {}

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        cost = {"value": str(amount), "currency": "EUR"}
        return {"customTowerReference": tag, "jobTitle": name, "customCostRate": cost}

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"email": f"{tag}@larkfield.example"}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["role"], values["cost_rate"]

    async def prepare(self, tag: str) -> None:
        await super().prepare(tag)
        await self.existing(tag)

    async def existing(self, tag: str) -> str:
        if tag not in self._hired:
            hired = self.control.do("hire", workEmail=f"{tag}@larkfield.example")
            self._hired[tag] = str(hired["id"])
        return self._hired[tag]

    async def comparable(self, tag: str) -> str:
        return done(await self.write(tag)).ref

    async def write(
        self, tag: str, name: str = "Conformance", amount: Decimal | None = None
    ) -> Verdict:
        record = self.record(tag, name, self.amount if amount is None else amount)
        ref = await self.existing(tag)
        return await self.connector.act(self.entity, ref, self.verb, record, tag)

    async def find(self, tag: str) -> Verdict:
        """An update is found when it is seen on the record."""
        ref = await self.existing(tag)
        read: Verdict = await verdict_of(self.connector.get(self.entity, ref))
        if isinstance(read, Done) and read.values["reference"] != tag:
            return Rejected(kind=Kind.NOT_FOUND, text=f"{tag} has not been written.")
        return read

    async def make_facts(self, count: int) -> list[str]:
        return [str(self.control.do("hire")["id"]) for _ in range(count)]

    async def touch(self, ref: str) -> None:
        mine = {"customTowerReference": "seen by the tower"}
        done(await self.connector.act(self.entity, ref, "update", mine, "touch"))

    async def messages(self, count: int) -> list[Message]:
        if not self.control.sent():
            self.control.do("subscribe", url="http://127.0.0.1:9/")
        for _ in range(count):
            self.control.do("promote")
        return [
            (
                {name.lower(): value for name, value in sent["headers"].items()},
                sent["body"].encode(),
            )
            for sent in self.control.sent()[-count:]
        ]

    def signed(self, raw: bytes) -> Message:
        return lower(signature(raw, self.connection.secrets["webhook_key"])), raw


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as the webhook door hands them on."""
    return {name.lower(): value for name, value in headers.items()}


@conforming(People)
class TestBambooHR:
    @pytest.fixture
    def subject(self, town: Town) -> People:
        return People(town)
