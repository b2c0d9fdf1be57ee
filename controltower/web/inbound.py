"""The webhook door: a partner's signed events, stored durably before they are acknowledged.

A system may also send here in its vendor's own dialect, under its short name. An ASGI application
beside Django, because it must take a month-end's surge. In this order: size, room, known
connection, signature, kind of content, form, and then a commit shared with whoever came at the same
time. What is refused has not been stored, and the answer says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from controltower.canonical import cloud_event
from controltower.canonical.contracts import NOTHING_TAKEN
from controltower.incidents import drifting
from controltower.systems import receiving
from controltower.systems.models import System
from controltower.transactions.intake import Fact
from controltower.web import cloudevents, refusals, signature
from controltower.web.errors import new_reference
from controltower.web.group_commit import Full, GroupCommit
from controltower.web.ledger import VENDOR, Delivery, NotKept, Uncertain
from controltower.web.refusals import Answer, Refused
from controltower.web.security import POLICY

log = logging.getLogger(__name__)

ADDRESS = re.compile(r"/inbound/([^/]+)/")
MOST_REQUESTS = 500
"""Requests that may wait for their commit at a time."""
MOST_BODIES = 4
"""As many bodies of the greatest size, or more smaller ones, may be in memory at a time. Beyond
either, a sender is asked to come again."""
SENDING = 10.0
"""Seconds that a body may take to arrive."""
AT_A_TIME = 20
"""Events of a batch that are read before other requests get their turn."""

STANDING_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]


class Gone(Exception):
    """The sender has hung up."""


class Door:
    """Answers what is sent to `/inbound/<connection>/`, or by a system to `/inbound/<system>/`."""

    def __init__(self) -> None:
        self.writer = GroupCommit()
        self.receivers = receiving.Receivers()
        self.requests = self.bytes = 0
        self.one_batch = asyncio.Lock()
        self.sent_away, self.said_at = 0, 0.0

    async def close(self) -> None:
        """Keep what still waits, and leave the database."""
        await self.writer.close()

    async def __call__(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        reference, body = new_reference(), bytearray()
        try:
            await self._read(body, receive)
            answer = await self._in_turn(scope, bytes(body), reference)
        except Gone:
            return
        except Refused as refused:
            answer = refused.answer(reference)
            note(scope, refused, reference)
        except Exception:
            log.exception("webhook failed", extra={"reference": reference})
            answer = refusals.our_fault().answer(reference)
        finally:
            self.bytes -= len(body)
        await send_answer(send, answer, reference)

    async def _read(self, body: bytearray, receive: ASGIReceiveCallable) -> None:
        """All of the body; what has come of it is counted as held. Raises Gone, or Refused when
        there is no room or it takes too long."""
        try:
            async with asyncio.timeout(SENDING):
                is_more = True
                while is_more:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise Gone
                    self._hold(body, message["body"])
                    is_more = message["more_body"]
        except TimeoutError:
            raise refusals.too_slow(SENDING) from None

    def _hold(self, body: bytearray, piece: bytes) -> None:
        if not self.has_room(len(piece)):
            raise self._busy()
        self.bytes += len(piece)
        body += piece

    async def _in_turn(self, scope: HTTPScope, body: bytes, reference: str) -> Answer:
        """As one of those who wait. Who is still sending is none: slow senders keep nobody out."""
        if self.is_full:
            raise self._busy()
        self.requests += 1
        try:
            return await self._take(scope, body, reference)
        finally:
            self.requests -= 1

    @property
    def is_full(self) -> bool:
        """Whether as many wait as may."""
        return self.requests >= MOST_REQUESTS or self.writer.is_full

    def has_room(self, length: int) -> bool:
        """Whether so many bytes more may be held."""
        return self.bytes + length <= MOST_BODIES * int(settings.INBOUND_BODY_LIMIT)

    def _busy(self) -> Refused:
        """In a surge one line a second is written, not one for each who is sent away."""
        self.sent_away += 1
        if time.monotonic() - self.said_at > 1:
            log.warning("too much at once", extra={"count": self.sent_away})
            self.sent_away, self.said_at = 0, time.monotonic()
        return refusals.busy()

    async def _take(self, scope: HTTPScope, body: bytes, reference: str) -> Answer:
        """From the bytes to the commit. Raises Refused."""
        address = ADDRESS.fullmatch(scope["path"])
        connection = address[1] if address else ""
        secrets = settings.INBOUND_SECRETS.get(connection)
        if not secrets:
            return await self._take_vendors(scope, connection, body, reference)
        if scope["method"] != "POST":
            raise refusals.only_post()
        headers, now = headers_of(scope), timezone.now()
        try:
            message_id = signature.check(headers, body, secrets, now)
            content = cloudevents.read(headers, body)
            if content.is_batch:
                async with self.one_batch:
                    facts = await _facts_of_many(content.messages, connection, now)
            else:
                facts = [fact_of_one(content, connection, now)]
        except signature.Refused as error:
            raise refusals.forged(str(error)) from None
        except cloudevents.WrongType as error:
            raise refusals.wrong_type(str(error)) from None
        except cloud_event.Malformed as error:
            raise refusals.malformed(str(error)) from None
        digest = hashlib.sha256(content.raw).hexdigest()
        new = await self._keep(Delivery(connection, message_id, digest, facts))
        ids = [event.id for _, event in facts]
        return told(ids, new, reference, many=content.is_batch)

    async def _take_vendors(
        self, scope: HTTPScope, slug: str, body: bytes, reference: str
    ) -> Answer:
        """A message in a vendor's own dialect, which has no id but its content; or a vendor's
        question whether this is our door. Raises Refused."""
        try:
            if greeting := await self.receivers.greeting(slug, scope["query_string"]):
                return Answer(200, greeting, {"Content-Type": "text/plain; charset=utf-8"})
            facts = await self.receivers.read(slug, headers_of(scope), body, timezone.now())
        except receiving.Forged as error:
            raise refusals.not_the_vendors(str(error)) from None
        except receiving.Drift as error:
            await _report(slug, str(error))
            raise refusals.drifted(str(error)) from None
        except OperationalError:
            raise refusals.database_away() from None
        if facts is None:
            raise refusals.unknown_connection()
        if scope["method"] != "POST":
            raise refusals.only_post()
        digest = hashlib.sha256(body).hexdigest()
        delivery = Delivery(slug, digest, digest, facts, signature=VENDOR)
        new = await self._keep(delivery) if facts else []
        return told([event.id for _, event in facts], new, reference, many=True)

    async def _keep(self, delivery: Delivery) -> list[bool]:
        try:
            return await self.writer.keep(delivery)
        except Full:
            raise self._busy() from None
        except (NotKept, Uncertain) as error:
            raise refusals.not_kept(error) from None


def headers_of(scope: HTTPScope) -> dict[str, str]:
    """By lower-case name; one that is sent twice counts as one with a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


async def _report(slug: str, why: str) -> None:
    """A vendor's own message could not be read: people see what differs among the interfaces."""

    def met() -> None:
        system = System.objects.get(slug=slug)
        drifting.met_by_message(system, f"{why}. {NOTHING_TAKEN}", now=timezone.now())

    with suppress(OperationalError):
        await database_sync_to_async(met)()


def fact_of_one(content: cloudevents.Content, connection: str, now: datetime) -> Fact:
    """The event of a request that is no batch, with its bytes. Raises Malformed."""
    (one,) = content.messages
    return one.raw, cloud_event.translate(one, connection, now)


async def _facts_of_many(
    messages: Sequence[cloud_event.Message], connection: str, now: datetime
) -> list[Fact]:
    """Each event of a batch with its bytes. Raises Refused, naming every event at fault."""
    facts: list[Fact] = []
    faults: list[dict[str, object]] = []
    for number, message in enumerate(messages):
        if number % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
        try:
            event = cloud_event.translate(message, connection, now)
        except cloud_event.Malformed as error:
            faults.append({"position": number, "detail": str(error)})
        else:
            facts.append((message.raw, event))
    if faults:
        raise refusals.malformed_among_others(faults)
    if len({event.id for _, event in facts}) < len(facts):
        raise refusals.malformed("Two events of the batch have the same id.")
    return facts


def told(ids: Sequence[str], new: Sequence[bool], reference: str, *, many: bool) -> Answer:
    """202 when something was new, 200 when all had been stored before, or nothing was told."""
    events = [{"id": one, "duplicate": not fresh} for one, fresh in zip(ids, new, strict=True)]
    told = {"events": events} if many else events[0]
    document = json.dumps(told | {"reference": reference}).encode()
    return Answer(202 if any(new) else 200, document, {"Content-Type": "application/json"})


def note(scope: HTTPScope, refused: Refused, reference: str) -> None:
    """A line in the log for what was refused."""
    if refused.name == "busy":
        return
    log.info(
        "webhook refused: %s",
        refused.name,
        extra={"reference": reference, "status": refused.status, "operation": scope["path"][:80]},
    )


def head_of(answer: Answer, reference: str) -> list[tuple[bytes, bytes]]:
    """Its headers, and those that every answer of the door has."""
    return [
        *((name.lower().encode(), value.encode()) for name, value in answer.headers.items()),
        (b"content-length", str(len(answer.content)).encode()),
        (b"x-reference", reference.encode()),
        *STANDING_HEADERS,
    ]


async def send_answer(send: ASGISendCallable, answer: Answer, reference: str) -> None:
    """Say it."""
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": head_of(answer, reference),
            "trailers": False,
        }
    )
    await send({"type": "http.response.body", "body": answer.content, "more_body": False})
