"""The webhook door: a partner's signed event, stored durably before it is acknowledged.

In this order: known connection, size, signature, kind of content, form, and then one commit. What
is refused has not been stored, and the answer says so.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.transaction import atomic
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from controltower.canonical.events import CanonicalEvent
from controltower.transactions import intake
from controltower.transactions.models import InboundEvent
from controltower.web import cloudevents, signature
from controltower.web.body_limit import limit_of, too_large
from controltower.web.errors import problem, reference_of
from controltower.web.models import WebhookMessage

log = logging.getLogger(__name__)

NOTHING_STORED = "Nothing was stored."


class OtherContent(Exception):
    """The id has been used before, for another content."""


@csrf_exempt
def receive(request: HttpRequest, connection: str) -> HttpResponse:
    """POST /inbound/<connection>/: 202 stored, 200 seen before, else a problem document."""
    answer = _receive(request, connection)
    log.info(
        "webhook at %s: %s",
        connection[:60],
        answer.status_code,
        extra={"reference": reference_of(request), "status": answer.status_code},
    )
    return answer


def _receive(request: HttpRequest, connection: str) -> HttpResponse:
    reference, now = reference_of(request), timezone.now()
    secrets = settings.INBOUND_SECRETS.get(connection)
    if not secrets:
        return problem(
            404, "unknown-connection", "There is no such connection",
            f"{NOTHING_STORED} Check the address; the tower's administrator sets connections up.",
            reference=reference,
        )  # fmt: skip
    if request.method != "POST":
        answer = problem(
            405, "only-post", "Events are sent by POST", NOTHING_STORED, reference=reference
        )
        answer.headers["Allow"] = "POST"
        return answer
    limit = limit_of(request.path)
    body = request.read(limit + 1)
    if len(body) > limit:
        return too_large(limit, reference)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        message_id = signature.check(headers, body, secrets, now)
        message = cloudevents.read(headers, body)
        event = cloudevents.translate(message, connection, now)
    except signature.Refused as error:
        return _forged(str(error), reference)
    except cloudevents.WrongType as error:
        return _wrong_type(str(error), reference)
    except cloudevents.Malformed as error:
        return problem(
            400, "malformed", "The event could not be read",
            f"{error} {NOTHING_STORED} Correct it and send it again under a new webhook-id.",
            reference=reference,
        )  # fmt: skip
    return _store(message_id, message.raw, event, reference, now)


def _forged(why: str, reference: str) -> HttpResponse:
    answer = problem(
        401, "signature", "The signature does not hold",
        f"{why} {NOTHING_STORED} Sign id, timestamp and body with the connection's key.",
        reference=reference,
    )  # fmt: skip
    answer.headers["WWW-Authenticate"] = "StandardWebhooks"
    return answer


def _wrong_type(why: str, reference: str) -> HttpResponse:
    answer = problem(
        415, "wrong-type", "This kind of content is not taken", f"{why} {NOTHING_STORED}",
        reference=reference,
    )  # fmt: skip
    answer.headers["Accept"] = f"{cloudevents.STRUCTURED}, {cloudevents.BINARY}"
    return answer


def _store(
    message_id: str, raw: bytes, event: CanonicalEvent, reference: str, now: datetime
) -> HttpResponse:
    try:
        duplicate = keep(message_id=message_id, raw=raw, event=event, now=now)
    except OtherContent:
        return problem(
            409, "id-reused", "This id was used before for another content",
            f"{NOTHING_STORED} The first content stands. Give the new event an id of its own.",
            reference=reference,
        )  # fmt: skip
    except (OperationalError, InterfaceError) as error:
        log.warning("database away: %s", type(error).__name__, extra={"reference": reference})
        answer = problem(
            503, "database-away", "The tower cannot store anything at the moment",
            f"{NOTHING_STORED} Send the same event again in a few seconds.",
            reference=reference,
        )  # fmt: skip
        answer.headers["Retry-After"] = "10"
        return answer
    told = {"id": event.id, "duplicate": duplicate, "reference": reference}
    return JsonResponse(told, status=200 if duplicate else 202)


def keep(*, message_id: str, raw: bytes, event: CanonicalEvent, now: datetime) -> bool:
    """Store message and event in one commit; whether it had been stored before.

    The unique index lets parallel deliveries of one message wait for each other. Raises
    OtherContent, and stores nothing then.
    """
    digest = hashlib.sha256(raw).hexdigest()
    with atomic():
        message = WebhookMessage(
            connection=event.source, message_id=message_id, digest=digest, at=now
        )
        WebhookMessage.objects.bulk_create([message], ignore_conflicts=True)
        known = WebhookMessage.objects.get(connection=event.source, message_id=message_id)
        if known.digest != digest:
            raise OtherContent
        receipt = intake.receive(facts=[(raw, event)], signature="webhook", now=now)
        if receipt.stored:
            return False
        stored = InboundEvent.objects.get(source=event.source, event_id=event.id)
        if stored.digest != digest:
            raise OtherContent
        return True
