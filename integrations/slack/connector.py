"""Slack's door: a channel for each project, found again by its name, and notices in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    Quota,
    Rejected,
    Unknown,
    Verdict,
)
from integrations.answers import as_agreed, not_offered
from integrations.connector import (
    Auth,
    CallFailed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Operation,
    Verification,
)
from integrations.http import Answer
from integrations.shape import Drift, required
from integrations.slack import channels
from integrations.slack.client import SlackClient, content_of
from integrations.slack.needs import NEEDS


class SlackConnector:
    """One workspace. Secret: `bot_token`."""

    descriptor = Descriptor(
        name="slack",
        title="Slack",
        domain="Collaboration",
        api_version="Web API",
        feeds={},
        operations=(
            Operation("room", "get", Effect.READ),
            Operation("room", "upsert", Effect.KEYED),
            Operation("room", "notify", Effect.UNREPEATABLE),
        ),
        verification=Verification.CONTRACT,
        auth=Auth.BASIC,
        concurrency=2,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._client = SlackClient(connection)

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for one channel: signed in, and almost nothing to answer."""
        answer = await self._client.read("conversations.list", limit="1")
        if not isinstance(answer, Answer):
            return answer
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """Slack counts calls by method and minute, and tells nobody how many are left."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Not offered: nothing that is said in Slack is a fact for the firm's books."""
        raise CallFailed(not_offered("Slack", f"changes of {entity}"))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """There are no changes to tell."""
        return None

    async def ack(self, refs: Sequence[str]) -> None:
        """There are no changes to acknowledge."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One channel by its id."""
        _offered(entity)
        answer = await self._client.read("conversations.info", channel=ref)
        if not isinstance(answer, Answer):
            return answer
        return as_agreed(lambda: channels.shown(answer), answer.exchange)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """A channel by its `name`, which is unique in a workspace."""
        _offered(entity)
        name = str(business_key.get("name") or "")
        if not name:
            unclear = f"No channel can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        rows = await self._client.channels()
        if not isinstance(rows, list):
            return rows
        known = as_agreed(lambda: {required(row, "name"): required(row, "id") for row in rows})
        if name in known:
            return await self.get(entity, known[name])
        return Rejected(kind=Kind.NOT_FOUND, text=f"Slack has no channel “{name}”.")

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Nothing speaks against a channel that only Slack itself could know."""
        _offered(entity)
        return None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Make the channel `name` with its `purpose`. A name that is taken is our own channel of
        an earlier send: names are made of our references, and Slack gives none of them twice."""
        if entity != "room":
            return not_offered("Slack", f"upsert of {entity}")
        name, purpose = str(record["name"]), str(record.get("purpose") or "")
        made = await self._client.write("conversations.create", {"name": name})
        if isinstance(made, Answer):
            try:
                ref = required(content_of(made), "channel.id")
            except Drift as drift:
                return drift.doubt(made.exchange)
            told = await self._tell_purpose(ref, purpose, Outcome.CREATED)
            return told if isinstance(told, Done) else _half_made(name, told)
        if not (isinstance(made, Rejected) and made.kind is Kind.DUPLICATE):
            return made
        return await self._brought_up_to_date(name, purpose, made)

    async def _brought_up_to_date(self, name: str, purpose: str, taken: Rejected) -> Verdict:
        """The channel of that name with the purpose that it should have."""
        try:
            known = await self.find("room", {"name": name})
        except CallFailed as failure:
            return failure.verdict
        if isinstance(known, Rejected) and known.kind is Kind.NOT_FOUND:
            text = (
                f"Slack has a channel “{name}” that our bot may not see. Invite the bot to it, or "
                "have it renamed."
            )
            return Rejected(kind=Kind.DUPLICATE, text=text, exchange=taken.exchange)
        if not isinstance(known, Done):
            return known
        if known.values["purpose"] == purpose:
            return Done(
                ref=known.ref,
                outcome=Outcome.ALREADY_DONE,
                version=known.version,
                values=known.values,
                exchange=known.exchange,
            )
        return await self._tell_purpose(known.ref, purpose, Outcome.UPDATED)

    async def _tell_purpose(self, ref: str, purpose: str, outcome: Outcome) -> Verdict:
        fields = {"channel": ref, "purpose": purpose}
        answer = await self._client.write("conversations.setPurpose", fields)
        return _as_shown(answer, outcome)

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """``notify``: say `text` in a channel. Slack keeps no key of ours and every repetition is
        a second notice, so it is never sent again by itself."""
        if (entity, action) != ("room", "notify"):
            return not_offered("Slack", f"“{action}” on {entity}")
        fields = {"channel": ref, "text": channels.escaped(str(record["text"]))}
        answer = await self._client.write("chat.postMessage", fields)
        if not isinstance(answer, Answer):
            return answer
        try:
            stamp = required(content_of(answer), "ts")
        except Drift as drift:
            return drift.doubt(answer.exchange)
        return Done(ref=ref, outcome=Outcome.CREATED, version=stamp, exchange=answer.exchange)

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """The channels that were made in the window. Raises CallFailed."""
        _offered(entity)
        rows = await self._client.channels()
        if not isinstance(rows, list):
            raise CallFailed(rows)

        def inside() -> list[Key]:
            return [channels.key_of(r) for r in rows if since <= channels.opened_at(r) < until]

        return as_agreed(inside)


def _offered(entity: str) -> None:
    if entity != "room":
        raise CallFailed(not_offered("Slack", entity))


def _as_shown(answer: Answer | Verdict, outcome: Outcome) -> Verdict:
    """What a write came to; an answer that is not shaped as agreed tells nothing."""
    if not isinstance(answer, Answer):
        return answer
    try:
        return channels.shown(answer, outcome)
    except Drift as drift:
        return drift.doubt(answer.exchange)


def _half_made(name: str, told: Verdict) -> Unknown:
    """The channel is there without its purpose: sending it once more completes it."""
    text = f"Slack has made the channel “{name}”, but its purpose could not be set."
    return Unknown(text=text, exchange=told.exchange)
