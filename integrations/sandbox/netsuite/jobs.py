"""Requests that are worked on later: each a job of one task, under a key that is good once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from integrations.sandbox.netsuite.wire import REST, answer, error
from integrations.sandbox.store import Document, Store

PATH = f"{REST}/async/v1/job"
Work = Callable[[str, str, Mapping[str, Any]], web.Response]
"""Upserts a record of a kind at a place."""


class Jobs:
    """The account's queue. While it is held nothing is worked on."""

    def __init__(self, store: Store, work: Work) -> None:
        self._store = store
        self._work = work

    def routes(self, router: web.UrlDispatcher) -> None:
        """A job, its task and what the task came to."""
        router.add_get(f"{PATH}/{{id}}", self._job)
        router.add_get(f"{PATH}/{{id}}/task", self._tasks)
        router.add_get(f"{PATH}/{{id}}/task/1", self._task)
        router.add_get(f"{PATH}/{{id}}/task/1/result", self._result)

    def hold(self) -> None:
        """Let jobs wait from now on."""
        self._store.set("jobs held", "yes")

    def release(self, refused: web.Response | None = None) -> None:
        """Work off those that wait, or let them fail of a refusal."""
        self._store.set("jobs held", "")
        for job in self._store.all("job", ended=""):
            self._end(job, refused or self._worked(job))

    def take(self, key: str, kind: str, ref: str, body: Mapping[str, Any]) -> web.Response:
        """202 with the place of a new job, or 400 with that of the first one of this key."""
        known = self._store.all("job", key=key) if key else []
        wanted = {"key": key, "kind": kind, "ref": ref, "body": body, "ended": ""}
        job = known[0] if known else self._store.add("job", wanted)
        if not self._store.setting("jobs held"):
            self.release()
        refused = "A request with the same idempotency key is already submitted."
        told = error(400, "IDEMPOTENCY_ERROR", refused) if known else web.Response(status=202)
        told.headers["Location"] = f"{PATH}/{job.id}"
        return told

    def _worked(self, job: Document) -> web.Response:
        return self._work(job.content["kind"], job.content["ref"], job.content["body"])

    def _end(self, job: Document, done: web.Response) -> None:
        ended = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        outcome = {"ended": ended, "status": done.status, "text": done.text or ""}
        self._store.change("job", job.id, outcome)

    async def _job(self, request: web.Request) -> web.Response:
        return self._shown(request, _state)

    async def _tasks(self, request: web.Request) -> web.Response:
        return self._shown(request, lambda job: {"items": [{"links": _links(job)}]})

    async def _task(self, request: web.Request) -> web.Response:
        return self._shown(
            request, lambda job: {**_state(job), "id": "1", "endTime": job.content["ended"]}
        )

    async def _result(self, request: web.Request) -> web.Response:
        job = self._store.get("job", request.match_info["id"])
        kind = "application/vnd.oracle.resource+json"
        return web.Response(
            status=job.content["status"], text=job.content["text"], content_type=kind
        )

    def _shown(self, request: web.Request, form: Callable[[Document], Any]) -> web.Response:
        number = request.match_info["id"]
        try:
            return answer(form(self._store.get("job", number)))
        except KeyError:
            return error(404, "NONEXISTENT_ID", f"There is no job {number}.")


def _state(job: Document) -> dict[str, Any]:
    ended = bool(job.content["ended"])
    failed = ended and job.content["status"] != 204
    progress = "failed" if failed else "succeeded" if ended else "pending"
    return {"id": job.id, "completed": ended, "progress": progress}


def _links(job: Document) -> list[dict[str, str]]:
    return [{"rel": "self", "href": f"{PATH}/{job.id}/task/1"}]
