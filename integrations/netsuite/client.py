"""Signed-in calls to one account. A read comes back as rows, a write as the vendor's answer;
whatever else comes is raised with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controltower.canonical.verdicts import Exchange, Unknown, Verdict
from integrations import exact_json
from integrations.answers import as_agreed, unanswered
from integrations.connector import CallFailed, Connection
from integrations.http import Answer, NeverSent, NoAnswer
from integrations.netsuite import assertion
from integrations.netsuite.refusals import IDEMPOTENCY, error_in, verdict_of
from integrations.oauth import TokenClient
from integrations.shape import Drift, Row, flag, listed, object_of

RECORDS = "/services/rest/record/v1"
QUERIES = "/services/rest/query/v1/suiteql"
JOBS = "/services/rest/async/v1/job"
SIGN_IN = "/services/rest/auth/oauth2/v1/token"
LARGEST_PAGE = 1000
_SUCCESS = {200, 201, 202, 204}


class SuiteClient:
    """One account over HTTP. Option: `page_size`."""

    def __init__(self, connection: Connection) -> None:
        audience = connection.base_url.rstrip("/") + SIGN_IN
        secrets = connection.secrets
        self._page = min(int(connection.options.get("page_size") or LARGEST_PAGE), LARGEST_PAGE)
        self._tokens = TokenClient(
            connection,
            SIGN_IN,
            assertion.fingerprint(secrets),
            lambda: assertion.form(secrets, audience),
        )

    async def close(self) -> None:
        """Give sockets back."""
        await self._tokens.close()

    async def record(self, path: str) -> tuple[Row, Exchange]:
        """One record with its lines. Raises CallFailed."""
        return await self._object(f"{RECORDS}{path}?expandSubResources=true")

    async def job(self, path: str) -> tuple[Row, Exchange]:
        """A job by its id, or what stands below it. Raises CallFailed."""
        return await self._object(f"{JOBS}/{path}")

    async def result(self, task: str) -> Answer:
        """What a task of a job came to, a failure too. Raises CallFailed without an answer."""
        return _answered(await self._tokens.send("GET", f"{JOBS}/{task}/result"), writing=False)

    async def rows(self, query: str) -> tuple[Sequence[Row], Exchange]:
        """All rows that a SuiteQL query finds, page after page. Raises CallFailed."""
        found: list[Row] = []
        while True:
            target = f"{QUERIES}?limit={self._page}&offset={len(found)}"
            result = await self._tokens.send("POST", target, {"q": query}, {"Prefer": "transient"})
            answer = _success(result, writing=False)
            content = as_agreed(lambda: decoded(answer), answer.exchange)  # noqa: B023
            found += as_agreed(lambda: listed(content, "items"), answer.exchange)  # noqa: B023
            if not as_agreed(lambda: flag(content, "hasMore"), answer.exchange):  # noqa: B023
                return found, answer.exchange

    async def write(self, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        """Change a record. Raises CallFailed."""
        return _success(await self._tokens.send(method, f"{RECORDS}{path}", body), writing=True)

    async def begin(
        self, path: str, body: Mapping[str, Any], key: str
    ) -> tuple[str, Exchange, bool]:
        """Hand a write over as a job: its id, and whether it is new or the key (a UUID) has been
        there before. Raises CallFailed."""
        headers = {"Prefer": "respond-async", "X-NetSuite-Idempotency-Key": key}
        result = await self._tokens.send("PUT", f"{RECORDS}{path}", body, headers)
        known = isinstance(result, Answer) and error_in(result)[0] == IDEMPOTENCY
        answer = _answered(result, writing=True) if known else _success(result, writing=True)
        job = answer.headers.get("Location", "").rstrip("/").rpartition("/")[2]
        if not job:
            text = "NetSuite does not say which job it has made of it."
            raise CallFailed(Unknown(text=text, exchange=answer.exchange))
        return job, answer.exchange, not known

    async def _object(self, target: str) -> tuple[Row, Exchange]:
        answer = _success(await self._tokens.send("GET", target), writing=False)
        return as_agreed(lambda: decoded(answer), answer.exchange), answer.exchange


def select(columns: str, table: str, *tests: str) -> str:
    """A SuiteQL query; whatever text stands in the tests is a `literal` or `among` others."""
    return " ".join(("SELECT", columns, "FROM", table, "WHERE", " AND ".join(tests)))


def literal(value: str) -> str:
    """Text as a literal of SuiteQL."""
    return "'" + value.replace("'", "''") + "'"


def among(values: Sequence[str]) -> str:
    """Texts as a list of SuiteQL."""
    return "(" + ", ".join(map(literal, values)) + ")"


def decoded(answer: Answer) -> Row:
    """The object in an answer. Raises Drift."""
    try:
        return object_of(exact_json.decode(answer.body))
    except ValueError:
        raise Drift("it is not JSON") from None


def _answered(result: Answer | NeverSent | NoAnswer | Verdict, *, writing: bool) -> Answer:
    if isinstance(result, Verdict):
        raise CallFailed(result)
    if not isinstance(result, Answer):
        raise CallFailed(unanswered(result, writing=writing))
    return result


def _success(result: Answer | NeverSent | NoAnswer | Verdict, *, writing: bool) -> Answer:
    answer = _answered(result, writing=writing)
    if answer.status not in _SUCCESS or not _is_own(answer):
        raise CallFailed(verdict_of(answer, writing=writing))
    return answer


def _is_own(answer: Answer) -> bool:
    """The vendor answers a write without a body, and everything else with JSON."""
    if answer.status in {202, 204} and not answer.body:
        return True
    try:
        return isinstance(exact_json.decode(answer.body), dict)
    except ValueError:
        return False
