"""DocuSign's door: contracts that were signed, told by Connect and polled to fill its gaps."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
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
    Verdict,
)
from integrations import exact_json
from integrations.answers import as_agreed, each, not_offered
from integrations.connector import (
    Auth,
    CallFailed,
    Change,
    ChangeFeed,
    ChangePage,
    Connection,
    Descriptor,
    Forged,
    Key,
    Operation,
    Subscription,
    Unread,
    Verification,
)
from integrations.docusign import translate
from integrations.docusign.client import DocuSignClient, row_of
from integrations.docusign.needs import NEEDS
from integrations.http import Answer
from integrations.places import Place, following, page_of
from integrations.shape import Row, moment, object_of, required

SETTLED = 60.0
_SIGNATURE = "x-docusign-signature-"
_MOST_SIGNATURES = 100
_FIRST_CONTRACT = "2000-01-01T00:00:00Z"


class DocuSignConnector:
    """One account. Secrets: `integration_key`, `secret_key`, `refresh_token`, `hmac_key`. Options:
    those of the client, `lookback_days` (30), where a feed without a cursor begins, and
    `settle_seconds` (60), how far it stays behind the clock, and `languages`, in which amounts are
    written, by company."""

    descriptor = Descriptor(
        name="docusign",
        title="DocuSign",
        domain="Contracts",
        api_version="v2.1",
        feeds={"contract": ChangeFeed.POLL},
        operations=(Operation("contract", "get", Effect.READ),),
        verification=Verification.SANDBOX,
        auth=Auth.REFRESH,
        concurrency=2,
        told=("contract",),
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client = DocuSignClient(connection)
        options = connection.options
        self._lookback = timedelta(days=float(options.get("lookback_days", 30)))
        self._settle = timedelta(seconds=float(options.get("settle_seconds", SETTLED)))
        self._languages: translate.Languages = dict(options.get("languages") or {})

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for what was signed since now: signed in, and almost nothing to answer."""
        try:
            answer = await self._client.page(_since(datetime.now(UTC)), count=1)
        except CallFailed as failure:
            return failure.verdict
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """An hourly limit by account, which is not kept here."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Contracts signed after `cursor`, oldest first. Raises CallFailed."""
        _offered(entity)
        now = datetime.now(UTC)
        known = Place.read(cursor)
        start = known or Place(now - self._lookback)
        rows = await self._client.envelopes(_since(start.at))
        return as_agreed(lambda: self._page(rows, start, limit, now, bool(cursor) and not known))

    def _page(
        self, rows: Sequence[Row], start: Place, limit: int, now: datetime, gap: bool
    ) -> ChangePage:
        found = {_place(row): row for row in rows}
        places, has_more = page_of(list(found), start, limit)
        last = places[-1] if places else start
        changes, aside = each(
            (
                place.ref,
                found[place],
                partial(self._change, found[place]),
            )
            for place in places
        )
        return ChangePage(
            changes=changes,
            aside=aside,
            next_cursor=following(last, has_more, now - self._settle).text(),
            has_more=has_more,
            gap=gap,
        )

    def _change(self, row: Row) -> Change:
        return translate.change(self._connection.slug, row, self._languages)

    async def reread(self, entity: str, row: Unread) -> Change | None:
        """From its bytes. Raises Drift."""
        return self._change(object_of(exact_json.decode(row.raw)))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """A change's bytes are all that the contract is read from."""
        return translate.retold(raw, self._languages) if entity == "contract" else None

    def verify_inbound(
        self, headers: Mapping[str, str], raw: bytes, now: datetime
    ) -> Sequence[Change]:
        """HMAC-SHA256, base64, over the body: one of our keys must have made one of the signatures.

        What is signed does not say when it was sent, and Connect repeats a message for days until
        it is acknowledged: age proves nothing here. A message that somebody plays again tells the
        same facts under the same ids. Raises Forged, Drift.
        """
        keys = self._connection.secrets.get("hmac_key", "").split()
        given = [
            headers[name].encode("utf-8", "replace")
            for number in range(1, _MOST_SIGNATURES + 1)
            if (name := f"{_SIGNATURE}{number}") in headers
        ]
        wanted = [base64.b64encode(hmac.digest(k.encode(), raw, hashlib.sha256)) for k in keys]
        if not any(hmac.compare_digest(ours, theirs) for ours in wanted for theirs in given):
            raise Forged("It is not signed with a key of the account.")
        return translate.told(self._connection.slug, raw, self._languages)

    async def subscriptions(self, address: str) -> Sequence[Subscription]:
        """Connect's configurations, also those that are switched off or tell too little."""
        answer = await self._client.configurations()
        return as_agreed(lambda: translate.subscriptions(row_of(answer), address), answer.exchange)

    async def ack(self, refs: Sequence[str]) -> None:
        """Nothing to say: a poll leaves the source as it is."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One contract by its envelope's id."""
        _offered(entity)
        answer = await self._client.envelope(ref)
        if not isinstance(answer, Answer):
            return answer
        return as_agreed(lambda: _done(answer, self._languages), answer.exchange)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """The signed contract of an `opportunity_id`; or any by its `ref`."""
        _offered(entity)
        if "ref" in business_key:
            return await self.get(entity, str(business_key["ref"]))
        wanted = str(business_key.get("opportunity_id") or "")
        if not wanted:
            unclear = f"No contract can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        query = {
            "from_date": _FIRST_CONTRACT,
            "status": translate.SIGNED,
            "custom_field": f"opportunity_id={wanted}",
        }
        rows = await self._client.envelopes(query)
        found = as_agreed(lambda: [required(row, "envelopeId") for row in rows])
        if len(found) > 1:
            several = f"{len(found)} signed contracts name this deal: {', '.join(found)}."
            return Rejected(kind=Kind.DUPLICATE, text=several)
        if not found:
            text = "DocuSign has no signed contract that names this deal."
            return Rejected(kind=Kind.NOT_FOUND, text=text)
        return await self.get(entity, found[0])

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Nothing is sent to DocuSign."""
        _offered(entity)
        return None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Not offered: contracts are written and signed there, not here."""
        return not_offered("DocuSign", f"upsert of {entity}")

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """Not offered: what is signed is not changed any more."""
        return not_offered("DocuSign", f"“{action}” on {entity}")

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """Contracts signed in the window, with their value. Raises CallFailed."""
        _offered(entity)
        rows = await self._client.envelopes(_since(since))
        return as_agreed(
            lambda: [_key(row, self._languages) for row in rows if _place(row).at < until]
        )


def _offered(entity: str) -> None:
    if entity != "contract":
        raise CallFailed(not_offered("DocuSign", entity))


def _since(at: datetime) -> dict[str, str]:
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds")
    return {"from_date": stamp, "status": translate.SIGNED}


def _place(row: Row) -> Place:
    return Place(moment(row, "statusChangedDateTime"), required(row, "envelopeId"))


def _done(answer: Answer, languages: translate.Languages) -> Done:
    row = row_of(answer)
    found = translate.contract(row, languages)
    return Done(
        ref=found.source_id,
        outcome=Outcome.READ,
        version=translate.version_of(row),
        values=found.as_dict(),
        exchange=answer.exchange,
    )


def _key(row: Row, languages: translate.Languages) -> Key:
    found = translate.contract(row, languages)
    named = found.number or found.opportunity_id or found.source_id
    version = translate.version_of(row)
    return Key(found.source_id, named, version, str(found.value), found.currency)
