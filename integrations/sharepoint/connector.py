"""SharePoint's door: a folder for each project, copied from a template and found by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from controltower.canonical.records import Record
from controltower.canonical.verdicts import (
    Done,
    Effect,
    Kind,
    Misconfigured,
    Outcome,
    Pending,
    Quota,
    Rejected,
    Unknown,
    Verdict,
)
from integrations.answers import as_agreed, not_offered
from integrations.connector import (
    CallFailed,
    ChangePage,
    Connection,
    Descriptor,
    Key,
    Operation,
    Verification,
)
from integrations.graph import content_of
from integrations.shape import Drift, Row, at, moment, required, text
from integrations.sharepoint import folders
from integrations.sharepoint.client import LibraryClient
from integrations.sharepoint.needs import NEEDS

_LOOK_AGAIN = timedelta(seconds=5)
_WORKING = {"notStarted", "inProgress", "running", "waiting", "updating"}
_MONITORS: dict[tuple[str, str], str] = {}
"""Where the copies that this process has ordered are watched, by library and name; in memory only,
for such an address lets in whoever knows it. Where it is not known, the folder itself tells."""


class SharePointConnector:
    """One document library. Secrets: `client_id`, `client_secret`. Options: those of the client,
    `parent` ("Projects"), where the folders are made, and `template` ("Templates/Project")."""

    descriptor = Descriptor(
        name="sharepoint",
        title="SharePoint",
        domain="Documents",
        api_version="Graph v1.0",
        feeds={},
        operations=(
            Operation("folder", "get", Effect.READ),
            Operation("folder", "upsert", Effect.KEYED, quarantine=timedelta(minutes=1)),
        ),
        verification=Verification.SANDBOX,
        concurrency=2,
        needs=NEEDS,
    )

    def __init__(self, connection: Connection) -> None:
        self._client = LibraryClient(connection)
        options = connection.options
        self._library = f"{connection.base_url} {options.get('drive')}"
        self._parent = str(options.get("parent") or "Projects").strip("/")
        self._template = str(options.get("template") or "Templates/Project").strip("/")

    async def close(self) -> None:
        """Give sockets back."""
        await self._client.close()

    async def health(self) -> Verdict:
        """Ask for the library itself: signed in, and almost nothing to answer."""
        try:
            answer = await self._client.drive()
        except CallFailed as failure:
            return failure.verdict
        return Done(ref="", outcome=Outcome.READ, exchange=answer.exchange)

    def rate_limit(self) -> Quota:
        """Graph says when it is too much, and not before."""
        return Quota()

    async def read_changes(self, entity: str, cursor: str, limit: int) -> ChangePage:
        """Not offered: what people put into folders is no fact for the firm's books."""
        raise CallFailed(not_offered("SharePoint", f"changes of {entity}"))

    def retell(self, entity: str, raw: bytes) -> Record | None:
        """There are no changes to tell."""
        return None

    async def ack(self, refs: Sequence[str]) -> None:
        """There are no changes to acknowledge."""

    async def get(self, entity: str, ref: str, company: str = "") -> Verdict:
        """One folder by its id."""
        _offered(entity)
        try:
            answer = await self._client.item(ref)
        except CallFailed as failure:
            return failure.verdict
        return as_agreed(lambda: folders.shown(answer), answer.exchange)

    async def find(self, entity: str, business_key: Mapping[str, Any]) -> Verdict:
        """A folder by its `name`, Pending while not all of its template has been copied."""
        _offered(entity)
        name = str(business_key.get("name") or "")
        if not name:
            unclear = f"No folder can be looked up by “{', '.join(business_key)}”."
            return Misconfigured(kind=Kind.CONTRACT, text=unclear)
        try:
            return await self._known(name)
        except CallFailed as failure:
            return failure.verdict

    async def check(self, entity: str, record: Mapping[str, Any]) -> Verdict | None:
        """Whether the library takes such a name; nothing is asked for that."""
        _offered(entity)
        fault = folders.unfit(str(record.get("name") or ""))
        return Rejected(kind=Kind.VALIDATION, text=fault) if fault else None

    async def upsert(self, entity: str, record: Mapping[str, Any], idempotency_key: str) -> Verdict:
        """Copy the template to the folder `name`, and give it its `title` once all is there.

        A name that is taken is our own folder of an earlier send: names are made of our references,
        and a copy never takes the place of anything.
        """
        if entity != "folder":
            return not_offered("SharePoint", f"upsert of {entity}")
        if refusal := await self.check(entity, record):
            return refusal
        name, title = str(record["name"]), str(record.get("title") or "")
        try:
            known, outcome = await self._known(name), Outcome.UPDATED
            if isinstance(known, Rejected) and known.kind is Kind.NOT_FOUND:
                known, outcome = await self._copied(name)
        except CallFailed as failure:
            return failure.verdict
        if not isinstance(known, Done):
            return known
        if known.values["title"] == title and outcome is Outcome.UPDATED:
            return _again(known)
        return await self._entitled(known, title, outcome)

    async def act(
        self, entity: str, ref: str, action: str, record: Mapping[str, Any], idempotency_key: str
    ) -> Verdict:
        """Not offered: folders are people's, once they are there."""
        return not_offered("SharePoint", f"“{action}” on {entity}")

    async def keys(self, entity: str, since: datetime, until: datetime) -> Sequence[Key]:
        """The folders that were made in the window. Raises CallFailed."""
        _offered(entity)
        rows = await self._client.children(await self._ref_at(self._parent))

        def inside() -> list[Key]:
            made = [row for row in rows if since <= moment(row, "createdDateTime") < until]
            return [folders.key_of(row) for row in made if at({"folder": None, **row}, "folder")]

        return as_agreed(inside)

    async def _known(self, name: str) -> Verdict:
        """The folder of that name, as far as it is there. Raises CallFailed."""
        try:
            answer = await self._client.at(f"{self._parent}/{name}")
        except CallFailed as failure:
            return failure.verdict
        found = as_agreed(lambda: folders.shown(answer), answer.exchange)
        if found.values["title"] or await self._is_whole(found.ref):
            _MONITORS.pop((self._library, name), None)
            return found
        monitor = _MONITORS.get((self._library, name), "")
        failed = await self._failure(monitor) if monitor else None
        return failed or Pending(job=name, after=_LOOK_AGAIN, exchange=answer.exchange)

    async def _is_whole(self, ref: str) -> bool:
        """Whether all that is in the template is in the folder too. Raises CallFailed."""
        wanted = await self._client.children(await self._ref_at(self._template))
        there = await self._client.children(ref)
        return as_agreed(lambda: set(folders.names(wanted)) <= set(folders.names(there)))

    async def _copied(self, name: str) -> tuple[Verdict, Outcome]:
        """Order the copy; often it is there at once. Somebody else's of the same name, ordered in
        the same moment, is as good. Raises CallFailed."""
        parent, template = await self._ref_at(self._parent), await self._ref_at(self._template)
        answer = await self._client.copy(template, parent, name)
        monitor = answer.headers.get("Location", "")
        _MONITORS[self._library, name] = monitor
        try:
            failed = await self._failure(monitor)
            taken = failed is not None and failed.kind is Kind.DUPLICATE
            known = failed if failed and not taken else await self._known(name)
        except CallFailed as failure:
            return _doubtful(name, failure.verdict), Outcome.CREATED
        if isinstance(known, Rejected) and known is not failed:
            known = Pending(job=name, after=_LOOK_AGAIN, exchange=answer.exchange)
        return known, Outcome.UPDATED if taken else Outcome.CREATED

    async def _failure(self, monitor: str) -> Rejected | None:
        """Why a copy has failed; None while it works, when it is done, or when nobody can say."""
        answer = await self._client.progress(monitor)
        if answer is None:
            return None
        content = as_agreed(lambda: content_of(answer), answer.exchange)
        status = as_agreed(lambda: required(content, "status"), answer.exchange)
        if status == "completed" or status in _WORKING:
            return None
        code = as_agreed(lambda: _code_of(content), answer.exchange) or status
        kind = Kind.DUPLICATE if code == "nameAlreadyExists" else Kind.VALIDATION
        text = f"SharePoint could not copy the template ({code})."
        return Rejected(kind=kind, text=text, exchange=answer.exchange)

    async def _ref_at(self, path: str) -> str:
        """The id of the folder at a path that people must have made. Raises CallFailed."""
        try:
            answer = await self._client.at(path)
        except CallFailed as failure:
            if isinstance(failure.verdict, Rejected) and failure.verdict.kind is Kind.NOT_FOUND:
                text = f"The library has no folder “{path}”, which the connection names."
                raise CallFailed(Misconfigured(kind=Kind.CONTRACT, text=text)) from None
            raise
        return as_agreed(lambda: required(content_of(answer), "id"), answer.exchange)

    async def _entitled(self, known: Done, title: str, outcome: Outcome) -> Verdict:
        try:
            told = await self._client.entitle(known.ref, title)
        except CallFailed as failure:
            created = outcome is Outcome.CREATED
            return _doubtful(known.values["name"], failure.verdict) if created else failure.verdict
        try:
            titled = {**known.values, "title": required(content_of(told), "Title")}
        except Drift as drift:
            return drift.doubt(told.exchange)
        return Done(ref=known.ref, outcome=outcome, values=titled, exchange=told.exchange)


def _code_of(content: Row) -> str:
    """Why a copy failed, "" where its monitor does not say. Raises Drift."""
    told = content.get("error") is not None
    return text(content, "error.code") if told else ""


def _offered(entity: str) -> None:
    if entity != "folder":
        raise CallFailed(not_offered("SharePoint", entity))


def _again(known: Done) -> Done:
    return Done(
        ref=known.ref,
        outcome=Outcome.ALREADY_DONE,
        version=known.version,
        values=known.values,
        exchange=known.exchange,
    )


def _doubtful(name: str, told: Verdict) -> Unknown:
    """The copy was ordered: looked for once more, it tells by itself."""
    text = f"SharePoint was asked to make the folder “{name}”, and did not say that all is done."
    return Unknown(text=text, exchange=told.exchange)
