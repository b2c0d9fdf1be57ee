"""The Idempotency-Key header (draft-07): a repeated request is answered, not repeated."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.transaction import atomic
from django.http import HttpRequest
from django.utils import timezone

from controltower.firm.models import Person
from controltower.web.api_words import Refusal
from controltower.web.models import KeyedRequest

GIVEN_UP = timedelta(minutes=2)
"""After this long without an answer, the process that took the request is taken for dead."""
KEPT = timedelta(days=7)
HEADER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "description": "New for each intention: the same key and body give the same answer again.",
    "schema": {"type": "string", "minLength": 8, "maxLength": 200},
}
"""How operations that need it describe it."""
_KEY = re.compile(r'"?([!#-\[\]-~]{8,200})"?')


def once(
    request: HttpRequest,
    person: Person,
    payload: dict[str, Any],
    act: Callable[[], tuple[int, dict[str, Any]]],
) -> tuple[int, dict[str, Any]]:
    """Act under the request's key, or give the answer that was given before.

    The answer is kept in the same commit as what was done. A refused act leaves the key free.
    Raises Refusal: 400 without a key, 422 for a key used with another payload, 409 while the
    first request is still under way.
    """
    found = _KEY.fullmatch(request.headers.get("Idempotency-Key", ""))
    if found is None:
        raise Refusal(
            400, "no-idempotency-key", "An Idempotency-Key is needed",
            "Send a key of 8 to 200 visible characters, new for each intention. "
            "Nothing was changed.",
        )  # fmt: skip
    now = timezone.now()
    text = json.dumps([request.path, payload], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    answered = _claim(person, found[1], digest, now)
    if answered is not None:
        return answered
    row = KeyedRequest.objects.filter(person=person, key=found[1])
    try:
        with atomic():
            status, answer = act()
            row.update(status=status, answer=answer)
    except BaseException:
        row.filter(status__isnull=True).delete()
        raise
    return status, answer


def _claim(
    person: Person, key: str, digest: str, now: datetime
) -> tuple[int, dict[str, Any]] | None:
    """None when the request is ours to play; the answer when it has been played."""
    mine = KeyedRequest.objects.filter(person=person)
    mine.filter(at__lt=now - KEPT).delete()
    mine.filter(key=key, status__isnull=True, at__lt=now - GIVEN_UP).delete()
    with atomic():
        _, created = mine.get_or_create(
            person=person, key=key, defaults={"digest": digest, "at": now}
        )
    if created:
        return None
    row = mine.get(key=key)
    if row.digest != digest:
        raise Refusal(
            422, "key-reused", "This key was used for another request",
            "Take a new Idempotency-Key for a new intention. Nothing was changed.",
        )  # fmt: skip
    if row.status is None:
        raise Refusal(
            409, "in-flight", "The first request is still under way",
            "Ask again in a moment with the same key. Nothing was done twice.",
        )  # fmt: skip
    return row.status, row.answer
