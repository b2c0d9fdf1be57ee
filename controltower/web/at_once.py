"""The webhook door's short way, for what most send: one event that has come whole.

It is read where it arrives and joins the line without a task of its own, which costs as much as
reading it. Whatever is not sound, or not so simple, has not been touched: it goes the usual way,
where it is told what is wrong.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from asgiref.typing import HTTPScope
from django.conf import settings
from django.utils import timezone

from controltower.web import cloudevents, inbound, refusals, signature
from controltower.web.errors import new_reference
from controltower.web.inbound import Door
from controltower.web.ledger import Delivery, NotKept, Uncertain
from controltower.web.refusals import Answer

SMALL = 16_384
"""Bytes of a body that is read at once: others get their turn after it."""
Say = Callable[[int, list[tuple[bytes, bytes]], bytes], None]
"""Tells whoever sent it a status, headers and a content."""


def take(door: Door, scope: HTTPScope, body: bytes, say: Say) -> bool:
    """Whether it has joined the line; `say` is then called once, after its commit."""
    if len(body) > min(SMALL, settings.INBOUND_BODY_LIMIT):
        return False
    if door.is_full or not door.has_room(len(body)):
        return False
    try:
        delivery = _delivery(scope, body)
    except Exception:  # noqa: BLE001 - the usual way says what is wrong with it
        return False
    if delivery is None:
        return False
    door.requests += 1
    door.bytes += len(body)

    def committed(kept: asyncio.Future[list[bool]]) -> None:
        door.requests -= 1
        door.bytes -= len(body)
        reference = new_reference()
        answer = _answer(scope, delivery, kept, reference)
        say(answer.status, inbound.head_of(answer, reference), answer.content)

    door.writer.keep(delivery).add_done_callback(committed)
    return True


def _delivery(scope: HTTPScope, body: bytes) -> Delivery | None:
    """None for what is no single event of a known connection. Raises what reading it raises."""
    address = inbound.ADDRESS.fullmatch(scope["path"])
    connection = address[1] if address else ""
    secrets = settings.INBOUND_SECRETS.get(connection)
    if not secrets or scope["method"] != "POST":
        return None
    headers, now = inbound.headers_of(scope), timezone.now()
    if headers.get("content-type", "").startswith(cloudevents.BATCH):
        return None
    message_id = signature.check(headers, body, secrets, now)
    content = cloudevents.read(headers, body)
    fact = inbound.fact_of_one(content, connection, now)
    return Delivery(connection, message_id, hashlib.sha256(content.raw).hexdigest(), [fact])


def _answer(
    scope: HTTPScope, delivery: Delivery, kept: asyncio.Future[list[bool]], reference: str
) -> Answer:
    try:
        new = kept.result()
    except (NotKept, Uncertain) as error:
        refused = refusals.not_kept(error)
        inbound.note(scope, refused, reference)
        return refused.answer(reference)
    ids = [event.id for _, event in delivery.facts]
    return inbound.told(ids, new, reference, many=False)
