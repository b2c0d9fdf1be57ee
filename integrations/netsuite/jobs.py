"""Writes that NetSuite works on by itself, told apart by an idempotency key.

A key is good once, also when its job has failed. So a failure is told while it is fresh; later,
when somebody may have put right what was wrong, the write is begun anew under a key that names the
job that failed. All of them upsert the same record.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from controltower.canonical.verdicts import Exchange, Pending, Verdict
from integrations import exact_json
from integrations.netsuite.client import SuiteClient
from integrations.netsuite.refusals import failure_of
from integrations.shape import flag, listed, moment, required

REST = timedelta(seconds=10)
"""How long a job is left alone before it is asked for."""
FRESH = timedelta(minutes=2)
_MOST_FAILURES = 8


async def write(
    client: SuiteClient, path: str, body: Mapping[str, Any], idempotency_key: str
) -> Verdict | Exchange:
    """Hand a write over as a job, or say what became of the one handed over before: the exchange
    that told so when it has succeeded. Raises CallFailed, Drift."""
    key = uuid.uuid5(uuid.NAMESPACE_URL, idempotency_key + exact_json.encode(body))
    for _ in range(_MOST_FAILURES):
        job, exchange, is_new = await client.begin(path, body, str(key))
        pending = Pending(job=job, after=REST, exchange=exchange)
        if is_new:
            return pending
        state, seen = await client.job(job)
        if not flag(state, "completed"):
            return pending
        if required(state, "progress") == "succeeded":
            return seen
        failure, ended = await _failure(client, job)
        if datetime.now(UTC) - ended < FRESH:
            return failure
        key = uuid.uuid5(key, job)
    return failure


async def _failure(client: SuiteClient, job: str) -> tuple[Verdict, datetime]:
    """What a job has failed of, and when. Raises CallFailed, Drift."""
    tasks, _ = await client.job(f"{job}/task")
    (task, *_) = listed(tasks, "items")
    link = next(one for one in listed(task, "links") if required(one, "rel") == "self")
    number = required(link, "href").rpartition("/")[2]
    state, _ = await client.job(f"{job}/task/{number}")
    return failure_of(await client.result(f"{job}/task/{number}")), moment(state, "endTime")
