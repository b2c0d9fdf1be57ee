"""Carries out blows on a running tower."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from dataclasses import dataclass, field

import redis

from tests.chaos import pulse
from tests.chaos.house import House
from tests.chaos.proxy import CLEAR
from tests.chaos.schedule import Blow, Fault

CONCERNS = {
    "web": (pulse.DOOR,),
    "worker intake": (pulse.READING,),
    "late worker intake": (pulse.READING,),
    "crm": (pulse.CRM,),
    "sandbox CRM and PSA": (pulse.CRM,),
    "erp": (pulse.ERP,),
    "sandbox ERP": (pulse.ERP,),
}
"""Where headway shows after a fault of this target; of all others, anywhere."""
ANYWHERE = (pulse.READING, pulse.CRM, pulse.ERP)


@dataclass(slots=True)
class Faults:
    """What was done so far: `landed` are the blows that met somebody and when each ended."""

    house: House
    landed: list[tuple[Blow, float]] = field(default_factory=list)
    missed: int = 0

    async def strike(self, blow: Blow) -> None:
        """Carry one out, and end it when its time is over."""
        try:
            met = await self._carry_out(blow)
        finally:
            await self._end(blow)
        if met:
            self.landed.append((blow, time.monotonic()))
        else:
            self.missed += 1

    def ends(self) -> list[tuple[str, tuple[str, ...], float]]:
        """Each blow's name, whom it concerned, and when it ended (monotonic seconds)."""
        return [(b.name, CONCERNS.get(b.target, ANYWHERE), end) for b, end in self.landed]

    async def _carry_out(self, blow: Blow) -> bool:
        house = self.house
        match blow.fault:
            case Fault.KILL:
                return house.signal(blow.target, signal.SIGKILL)
            case Fault.FREEZE:
                met = house.signal(blow.target, signal.SIGSTOP)
                await asyncio.sleep(blow.lasts)
                return met
            case Fault.DATABASE:
                # what pg_ctl stop -m immediate sends, from whichever account we are
                return house.signal(blow.target, signal.SIGQUIT)
            case Fault.WIPE:
                await asyncio.to_thread(_wipe, house)
                return house.signal(blow.target, signal.SIGKILL)
            case Fault.CLOCK:
                return house.set_clock(blow.target, blow.jump)
            case Fault.HOSTILE:
                await house.proxies[blow.target].behave(blow.manner)
                await asyncio.sleep(blow.lasts)
                return True

    async def _end(self, blow: Blow) -> None:
        if blow.fault is Fault.FREEZE:
            self.house.signal(blow.target, signal.SIGCONT)
        proxy = self.house.proxies.get(blow.target)
        if proxy is not None and proxy.manner is blow.manner:
            await proxy.behave(CLEAR)


def _wipe(house: House) -> None:
    """Empty Redis, its append-only file included."""
    with contextlib.suppress(redis.RedisError):
        client = redis.Redis.from_url(house.environment["REDIS_URL"], socket_timeout=3)
        with contextlib.closing(client):
            client.flushall()
