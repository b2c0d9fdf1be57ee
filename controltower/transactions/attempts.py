"""What is kept of one call: the attempt, from its intent to what came of it, and its line in the
log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controltower.canonical.identity import new_id
from controltower.canonical.verdicts import Verdict
from controltower.systems.models import System
from controltower.transactions import sets
from controltower.transactions.intent import Answered, Draft
from controltower.transactions.models import Attempt
from controltower.transactions.protocol import Move, Tried

MOST_TEXT = 600
MOST_BODY = 200_000
_UNSAID = {"milliseconds": None, "request": "", "response": "", "status": None, "kind": ""}


def intended(draft: Draft, system: System) -> Attempt:
    """The attempt of a call that is about to be made, under the deadline that `system` has for
    it."""
    name, order, step, now = new_id(), draft.order, draft.step, draft.case.now
    return sets.made(
        Attempt,
        id=name,
        step_id=step.id,
        number=draft.past.last + 1,
        purpose=order.purpose,
        state=Tried.SENDING,
        fence=step.fence,
        generation=step.generation,
        idempotency_key=order.key,
        mapping_version_id=step.mapping_version_id,
        traceparent=f"00-{name.hex}-{name.hex[16:]}-01",
        payload=order.record if draft.sends else {},
        payload_digest=_digest(order.record),
        started_at=now,
        deadline_at=now + system.deadline,
    )


def _digest(record: Mapping[str, Any]) -> str:
    payload = json.dumps(record, sort_keys=True, default=str) if record else "{}"
    return hashlib.sha256(payload.encode()).hexdigest()


def ended(answered: Answered, verdict: Verdict, move: Move, now: datetime) -> dict[str, Any]:
    """The columns that say what came of a call."""
    exchange = verdict.exchange
    return {
        "state": move.tried,
        "ended_at": now,
        "milliseconds": answered.milliseconds,
        "request": exchange.request[:MOST_BODY] if exchange else "",
        "response": exchange.response[:MOST_BODY] if exchange else "",
        "status": exchange.status if exchange else None,
        "kind": move.kind or "",
        "text": (move.text or str(getattr(verdict, "text", "")))[:MOST_TEXT],
    }


def not_made(now: datetime) -> dict[str, Any]:
    """The same for a call that was never made."""
    text = "Not sent: the time was too short, or its connection is held."
    return {"state": Tried.FAILED_TRANSIENT, "ended_at": now, "text": text, **_UNSAID}


def line(answered: Answered) -> dict[str, object]:
    """The fields of its line in the log."""
    intent = answered.intent
    order = intent.order
    return {
        "reference": order.key.partition(".")[0],
        "step": intent.definition.name,
        "system": intent.system.slug,
        "operation": f"{order.purpose} {order.verb} {order.entity}",
        "outcome": type(answered.verdict).__name__.lower() if answered.verdict else "not made",
        "milliseconds": answered.milliseconds,
    }
