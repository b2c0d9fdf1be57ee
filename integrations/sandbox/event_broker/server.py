"""The firm's event broker: a real Valkey server on a private socket, with users and their rights,
and the other systems that publish there."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from controltower.embedded.valkey import Valkey
from integrations import exact_json
from integrations.sandbox.control import Impossible
from integrations.sandbox.event_broker.door import Door
from integrations.sandbox.vendor import Counterpart

INBOUND, OUTBOUND, GROUP = "firm.events", "tower.events", "control-tower"
KEEPER = "keeper"
PRODUCER = "/larkfield/contracts"
LIVES_EVERY = 45.0
"""Seconds between two events that happen by themselves."""
_ALLOWED = (
    "+ping", "+eval", "+xadd", "+get", "+set", "+xlen", "+xrange", "+xreadgroup", "+xack",
    "+xautoclaim",
    "+xgroup|create", "+xinfo|stream", "+xinfo|groups",
)  # fmt: skip


class Server(Counterpart):
    """One broker of the pretend firm's."""

    name = "event_broker"
    title = "Event broker"
    deeds = {"publish": "Let another system publish an event that is none of ours"}

    def set_up(self, data: Path) -> None:
        """The server, with a user for us who may read and write our streams alone."""
        ours, keeper = self.credentials["user"], self.credentials["keeper_password"]
        self._valkey = Valkey(
            data / self.name,
            settings=(
                *("--appendfsync", "always", "--user", "default", "off"),
                *("--user", ours, "on", _hashed(self.credentials["password"])),
                *(f"~{INBOUND}", f"~{OUTBOUND}*", *_ALLOWED),
                *("--user", KEEPER, "on", _hashed(keeper), "~*", "+@all"),
            ),
            own_session=False,
        )

    def furnish(self) -> None:
        """A broker begins empty."""

    async def serve(self, port: int) -> None:
        """Let callers in, and live, until cancelled."""
        await asyncio.to_thread(self._valkey.start)
        try:
            door = Door(port, self._valkey.socket, self.board)
            await asyncio.gather(door.run(), self._live())
        finally:
            self._valkey.stop()

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``publish`` (an event's attributes; `raw` instead for anything else; `times`); ``held``
        (the events of ours that say `name`=`value`); ``trim`` (`keeps` entries of
        what others have published); ``take_away`` (another consumer of our group is given all that
        is new, and dies); ``waiting`` (how much the group has not acknowledged); ``hold`` and
        ``release`` (events that happen by themselves)."""
        if name in {"hold", "release"}:
            self.store.set("held", name.removesuffix("release"))
            return {}
        try:
            async with self._keeper() as keeper:
                done = await self._done(keeper, name, wanted)
        except RedisError as problem:
            raise Impossible(str(problem)) from None
        return done if done is not None else await super().act(name, wanted)

    async def records(self, kind: str) -> list[dict[str, Any]]:
        """The events that we have published."""
        async with self._keeper() as keeper:
            return await _published(keeper)

    async def _done(
        self, keeper: Redis, name: str, wanted: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        match name:
            case "publish":
                return await self._publish(keeper, wanted)
            case "held":
                return {"events": await _held(keeper, wanted)}
            case "trim":
                return {"gone": await keeper.xtrim(INBOUND, int(wanted["keeps"]), False)}
            case "take_away":
                await keeper.xreadgroup(GROUP, "gone", {INBOUND: ">"}, count=1000)
                return {}
            case "waiting":
                pending = await keeper.xpending(INBOUND, GROUP)
                return {"entries": int(pending["pending"])}
        return None

    def _keeper(self) -> Redis:
        return Redis(
            unix_socket_path=str(self._valkey.socket),
            username=KEEPER,
            password=self.credentials["keeper_password"],
        )

    async def _publish(self, keeper: Redis, wanted: Mapping[str, Any]) -> dict[str, Any]:
        number = self.store.next_number("event")
        event = {
            "specversion": "1.0",
            "id": f"E-{number}",
            "source": PRODUCER,
            "type": "travel.booked",
            "time": datetime.now(UTC).isoformat(),
            "datacontenttype": "application/json",
            "partitionkey": f"E-{number}",
            "sequence": str(number),
            "data": {"trip": number},
            **{name: value for name, value in wanted.items() if name not in {"raw", "times"}},
        }
        raw = str(wanted.get("raw") or exact_json.encode(event))
        for _ in range(int(wanted.get("times", 1))):
            await keeper.xadd(INBOUND, {"event": raw})
        return {"id": event["id"], "source": event["source"]}

    async def _live(self) -> None:
        """Other departments go on with what is none of ours."""
        while True:
            await asyncio.sleep(LIVES_EVERY)
            if not self.store.setting("held"):
                with contextlib.suppress(Impossible):
                    await self.act("publish", {})


async def _held(keeper: Redis, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    name, value = wanted["name"], wanted["value"]
    return [one for one in await _published(keeper) if {**one["data"], **one}.get(name) == value]


async def _published(keeper: Redis) -> list[dict[str, Any]]:
    entries: Any = await keeper.xrange(OUTBOUND)
    return [exact_json.decode(fields[b"event"]) for _place, fields in entries]


def _hashed(password: str) -> str:
    """A password as a command line may hold it."""
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"
