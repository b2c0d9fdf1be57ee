"""ADP's door: a queue that is read from its head, payrolls, and approved hours handed in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    Quota,
    Rejected,
    Verdict,
)
from integrations import exact_json
from integrations.answers import as_agreed, not_offered
from integrations.connector import (
    Auth,
    CallFailed,
    Change,
    ChangeFeed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Operation,
    Unread,
    Verification,
)
from integrations.http import Answer
from integrations.payroll import translate
from integrations.payroll.client import PayrollClient
from integrations.payroll.needs import NEEDS
from integrations.shape import Drift, Row, choice, listed, moment, object_of, required

QUEUE = "/core/v1/event-notification-messages"
OUTPUTS = "/payroll/v2/payroll-outputs"
PAY_INPUTS = "/payroll/v1/pay-data-inputs"
PAY_DATA = "/events/payroll/v1/pay-data-input.modify"
MESSAGE = "adp-msg-msgid"
LARGEST_PAGE = 100
_ID = re.compile("[A-Za-z0-9-]{1,60}")
_ENTITIES = frozenset({"labour_cost"})
_DONE = {"complete": "complete"}


class PayrollConnector:
    """One client of the provider. Secrets: `client_id`, `client_secret`, `certificate` and
    `private_key` (PEM); `authority` (PEM) only where the provider's certificate is not of a public
    one. Option `sign_in_url`: where tokens are given, when that is another host."""

    descriptor = Descriptor(
        name="payroll",
        title="ADP payroll",
        domain="Payroll",
        api_version="v1 events, v2 outputs",
        feeds={"labour_cost": ChangeFeed.QUEUE},
        operations=(
            Operation("labour_cost", "get", Effect.READ),
            Operation("pay_input", "get", Effect.READ),
            Operation("pay_input", "submit", Effect.UNREPEATABLE),
        ),
        verification=Verification.SANDBOX,
        auth=Auth.CERTIFIED_CLIENT,
        concurrency=4,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._source = connection.slug
        self._client = PayrollClient(connection)

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for one payroll: signed in, and the queue is left alone."""
        answer = await self._client.read(f"{OUTPUTS}?$top=1&$skip=0")
        if not isinstance(answer, Answer):
            return answer
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """The vendor keeps its limits to itself."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """The message at the head of the queue, as a page. Raises CallFailed.

        The queue shows nothing else until that message is deleted, which `ack` does once it is
        committed, or kept aside because it cannot be read. The cursor is the message read last:
        seeing it again means that it could not be deleted, and ends this reading, so that the next
        one begins with it.
        """
        _offered(entity)
        answer = await self._answer(QUEUE)
        if answer.status == 204:
            return ChangePage([], next_cursor="")
        message = answer.headers.get(MESSAGE, "")
        if not message:
            raise CallFailed(Drift(f"the header “{MESSAGE}” is missing").verdict(answer.exchange))
        if message == cursor:
            return ChangePage([], next_cursor="")
        changes, aside = as_agreed(
            lambda: translate.changes(self._source, message, answer.body), answer.exchange
        )
        return ChangePage(changes, next_cursor=message, has_more=True, aside=aside)

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes, under the id of the message that carried it. Raises Drift."""
        message = row.told_as.partition(translate.BETWEEN)[2]
        return translate.change(self._source, message, object_of(exact_json.decode(row.raw)))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """A change's bytes are the whole event."""
        return translate.retold(raw) if entity in _ENTITIES else None

    async def ack(self, refs: Sequence[str]) -> None:
        """Delete the messages of these events. One that is gone already was deleted by us, and
        the answer lost. Raises CallFailed."""
        for message in dict.fromkeys(ref.partition(translate.BETWEEN)[2] for ref in refs):
            verdict = await self._client.delete(f"{QUEUE}/{quote(message, safe='')}")
            gone = isinstance(verdict, Rejected) and verdict.kind is Kind.NOT_FOUND
            if not (gone or isinstance(verdict, Answer)):
                raise CallFailed(verdict)

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One accepted payroll by its number, or one pay input by the provider's id of it."""
        if entity == "pay_input" and _ID.fullmatch(ref):
            return await self._pay_input(ref)
        _offered(entity)
        if not _ID.fullmatch(ref):
            return _absent(ref)
        answer = await self._client.read(f"{OUTPUTS}/{ref}")
        if not isinstance(answer, Answer):
            return answer
        rows = as_agreed(partial(_rows, answer), answer.exchange)
        if not rows:
            return _absent(ref)
        return as_agreed(partial(_read, rows[0], answer), answer.exchange)

    async def _pay_input(self, ref: str) -> Verdict:
        answer = await self._client.read(f"{PAY_INPUTS}/{ref}")
        if not isinstance(answer, Answer):
            return answer

        def taken() -> Done:
            (row,) = listed(object_of(exact_json.decode(answer.body)), "payDataInputs")
            values = translate.pay_input(row)
            return Done(ref=ref, outcome=Outcome.READ, values=values, exchange=answer.exchange)

        return as_agreed(taken, answer.exchange)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """A payroll by its `number`."""
        _offered(entity)
        if "number" not in business_key:
            unclear = f"No {entity} can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        return await self.get(entity, str(business_key["number"]))

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Nothing speaks against pay data that only the provider could know; of a payroll nothing
        is written."""
        if entity != "pay_input":
            _offered(entity)
        return None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Not offered: pay data is handed in as an event, which `act` does."""
        return not_offered("ADP payroll", f"upsert of {entity}")

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``submit`` approved hours and expenses of one worker. The provider keeps no key and
        cannot be asked for what it has taken in: what is uncertain is a person's to look up."""
        if (entity, action) != ("pay_input", "submit"):
            return not_offered("ADP payroll", f"“{action}” on {entity}")
        answer = await self._client.post(PAY_DATA, translate.pay_data(record))
        if not isinstance(answer, Answer):
            return answer
        try:
            return _taken_in(answer)
        except Drift as drift:
            return drift.doubt(answer.exchange)

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Payrolls accepted or changed in the window. Raises CallFailed."""
        _offered(entity)
        found = list[Key]()
        skip = 0
        while True:
            answer = await self._answer(f"{OUTPUTS}?$top={LARGEST_PAGE}&$skip={skip}")
            rows = as_agreed(partial(_rows, answer), answer.exchange)
            found += as_agreed(partial(_keys, rows, since, until), answer.exchange)
            if len(rows) < LARGEST_PAGE:
                return found
            skip += len(rows)

    async def _answer(self, path: str) -> Answer:
        answer = await self._client.read(path)
        if not isinstance(answer, Answer):
            raise CallFailed(answer)
        return answer


def _offered(entity: str) -> None:
    if entity not in _ENTITIES:
        raise CallFailed(not_offered("ADP payroll", entity))


def _absent(ref: str) -> Rejected:
    return Rejected(kind=Kind.NOT_FOUND, text=f"ADP has no payroll “{ref}”.")


def _rows(answer: Answer) -> Sequence[Row]:
    """The payrolls of an answer, none where it is an empty 204. Raises Drift."""
    if answer.status == 204:
        return ()
    return listed(object_of(exact_json.decode(answer.body)), "payrollOutputs")


def _read(row: Row, answer: Answer) -> Done:
    found = translate.labour_cost(row)
    return Done(
        ref=found.source_id,
        outcome=Outcome.READ,
        version=translate.version_of(row),
        values=found.as_dict(),
        exchange=answer.exchange,
    )


def _keys(rows: Sequence[Row], since: datetime, until: datetime) -> list[Key]:
    inside = [row for row in rows if since <= moment(row, "recordDateTime") < until]
    return [translate.key_of(row) for row in inside]


def _taken_in(answer: Answer) -> Done:
    """Pay data that was taken in. Raises Drift."""
    rows = listed(object_of(exact_json.decode(answer.body)), "events")
    if len(rows) != 1:
        raise Drift("one event was sent, and another number answered")
    (event,) = rows
    choice(event, "eventStatusCode.codeValue", _DONE)
    number = required(event, "data.output.payDataInput.itemID")
    return Done(ref=number, outcome=Outcome.CREATED, exchange=answer.exchange)
