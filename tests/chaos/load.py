"""What happens in the firm during a run, and partners at the webhook door."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from controltower.web.signature import TOLERANCE, sign
from tests.chaos.firm import CLIENTS, CURRENCY, Firm
from tests.chaos.house import House
from tests.chaos.schedule import Deed, Event, Pattern

STUBBORN = 40
"""How often a partner sends the same message until somebody has answered for it."""
AGAIN = (0, 429, 503)
"""Answers (0: none) after which a partner sends the same message again."""
ENTITIES = tuple(CLIENTS)


@dataclass(slots=True)
class Load:
    """Plays events. `told` are the webhook events that were acknowledged, and their deals;
    `complaints` is what the door did that no partner should see."""

    house: House
    firm: Firm
    told: dict[str, str] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)
    played: int = 0
    skipped: int = 0
    complaints: list[str] = field(default_factory=list)
    _projects: list[str] = field(default_factory=list)
    _looked: float = 0.0

    @property
    def acknowledged(self) -> int:
        """How many messages the door has answered for."""
        return self.answers.get(202, 0) + self.answers.get(200, 0)

    async def play(self, event: Event) -> None:
        """One event, stubbornly: people try again while a system is away."""
        entity = ENTITIES[int(event.choice * 1000) % len(ENTITIES)]
        client = random.Random(event.choice).choice(CLIENTS[entity])
        match event.deed:
            case Deed.DEAL:
                done = await self._stubbornly(lambda: self.firm.win(entity, client))
            case Deed.TOLD_DEAL:
                done = await self._tell(event, entity, client)
            case _:
                done = await self._approve(event)
        if done:
            self.played += 1
        else:
            self.skipped += 1

    async def _approve(self, event: Event) -> bool:
        deed = "approve_time" if event.deed is Deed.TIME else "approve_expense"
        projects = await self._known_projects()
        if not projects:
            return False
        project = projects[int(event.choice * len(projects))]
        return await self._stubbornly(lambda: self.firm.approve(deed, project)) is not None

    async def _known_projects(self) -> list[str]:
        if time.monotonic() - self._looked > 5:
            soql = "SELECT Id FROM pse__Proj__c WHERE Tower_External_Id__c != null ORDER BY Id"
            rows = await self._stubbornly(lambda: self.firm.query(soql)) or []
            self._projects, self._looked = [row["Id"] for row in rows], time.monotonic()
        return self._projects

    async def _stubbornly(self, deed: Callable[[], Any]) -> Any:
        """What a deed gives, `True` for nothing; None when the system stayed away."""
        for _ in range(STUBBORN):
            try:
                given = await asyncio.to_thread(deed)
                return True if given is None else given
            except (OSError, http.client.HTTPException):
                await asyncio.sleep(0.5)
        return None

    async def _tell(self, event: Event, entity: str, client: str) -> bool:
        offer = await self._stubbornly(lambda: self.firm.offer(entity, client))
        if offer is None:
            return False
        name = f"chaos-{event.number:06d}"
        first = _message(f"{name}-1", 1, offer, entity)
        second = _message(f"{name}-2", 2, offer, entity)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
            post = _poster(session, self.house)
            match event.pattern:
                case Pattern.TWICE:
                    await self._post(post, first, times=2)
                case Pattern.AT_ONCE:
                    await asyncio.gather(*(self._post(post, first) for _ in range(8)))
                case Pattern.REORDERED:
                    await self._post(post, second)
                    await self._post(post, first)
                case Pattern.LATE:
                    await self._forget(post, first)
                    await self._post(post, first)
                case Pattern.ONCE:
                    await self._post(post, first)
        return True

    async def _post(self, post: Poster, message: Message, times: int = 1) -> None:
        """Send until it is answered for; then again, as partners do that lost our answer."""
        for _ in range(times):
            for _ in range(STUBBORN):
                status = await post(message, time.time())
                self.answers[status] = self.answers.get(status, 0) + 1
                if status in (200, 202):
                    self.told[message.id] = message.deal
                    break
                if status not in AGAIN:
                    self.complaints.append(f"the door answered {status} to {message.id}")
                    return
                await asyncio.sleep(0.5)

    async def _forget(self, post: Poster, message: Message) -> None:
        """A message from long ago must not be taken: its signature has expired."""
        status = await post(message, time.time() - TOLERANCE - 60)
        self.answers[status] = self.answers.get(status, 0) + 1
        if status in (200, 202):
            self.complaints.append(f"the door took {message.id}, signed six minutes ago")


@dataclass(frozen=True, slots=True)
class Message:
    """A partner's event: its id, the deal it is about, its body."""

    id: str
    deal: str
    body: bytes


Poster = Callable[[Message, float], Awaitable[int]]


def _poster(session: aiohttp.ClientSession, house: House) -> Poster:
    """Sends a message signed at a moment; hands back the status, 0 when there was no answer."""
    secret = house.credentials["SANDBOX_WEBHOOK_SECRET"]

    async def post(message: Message, at: float) -> int:
        signed = f"{message.id}.{int(at)}.".encode() + message.body
        headers = {
            "Content-Type": "application/cloudevents+json",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(at)),
            "webhook-signature": sign(secret, signed).decode(),
        }
        url = f"http://127.0.0.1:{house.port}/inbound/sandbox/"
        try:
            async with session.post(url, data=message.body, headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    return post


def _message(event: str, sequence: int, offer: dict[str, Any], entity: str) -> Message:
    """A won deal as a CloudEvent; a later sequence outranks an earlier one."""
    account = offer["account"]
    at = datetime.now(UTC) - timedelta(minutes=1)
    content = {
        "specversion": "1.0", "id": event, "type": "opportunity.won", "source": "/chaos/partner",
        "time": at.isoformat(timespec="seconds").replace("+00:00", "Z"), "sequence": str(sequence),
        "data": {
            "source_id": offer["id"], "name": offer["name"], "entity": entity,
            "customer_id": account["Id"], "customer_name": account["Name"], "amount": "24000.00",
            "currency": CURRENCY[entity], "close_date": at.date().isoformat(),
            "billing_method": "Time and materials", "billing_grouping": "Project",
        },
    }  # fmt: skip
    return Message(event, offer["id"], json.dumps(content).encode())
