"""Calls to one client's ADP: a certificate on the line, a token in every call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.canonical.verdicts import Kind, Misconfigured, Verdict
from integrations import certificates, exact_json
from integrations.answers import unanswered
from integrations.connector import Connection
from integrations.http import Answer
from integrations.oauth import TokenClient, client_form
from integrations.payroll.refusals import verdict_of

_SIGN_IN = "/auth/oauth/v2/token"


class PayrollClient:
    """Returns the vendor's answer when it is a success of its own, else what it came to."""

    def __init__(self, connection: Connection) -> None:
        tls, self._unfit = None, ""
        try:
            tls = certificates.of_client(connection.secrets)
        except certificates.Unusable as problem:
            self._unfit = str(problem)
        host = str(connection.options.get("sign_in_url") or "").rstrip("/")
        self._tokens = TokenClient(
            connection,
            host + _SIGN_IN,
            connection.secrets.get("client_id", ""),
            lambda: client_form(connection),
            tls,
        )

    async def close(self) -> None:
        """Give sockets back."""
        await self._tokens.close()

    async def read(self, path: str) -> Answer | Verdict:
        """GET; an Answer is JSON of the vendor's own, or an empty 204."""
        return await self._call("GET", path)

    async def delete(self, path: str) -> Answer | Verdict:
        """DELETE, which leaves the same when it is sent twice."""
        return await self._call("DELETE", path)

    async def post(self, path: str, event: Mapping[str, Any]) -> Answer | Verdict:
        """POST one event; what is not certain is Unknown."""
        return await self._call("POST", path, {"events": [event]})

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Answer | Verdict:
        if self._unfit:
            return Misconfigured(kind=Kind.AUTH, text=self._unfit)
        writing = method == "POST"
        result = await self._tokens.send(method, path, body, {"roleCode": "practitioner"})
        if isinstance(result, Verdict):
            return result
        if not isinstance(result, Answer):
            return unanswered(result, writing=writing)
        return result if _is_own(result) else verdict_of(result, writing=writing)


def _is_own(answer: Answer) -> bool:
    """Whether it is a success with JSON of the vendor's own, not a page that some box wrote."""
    if answer.status == 204:
        return True
    try:
        return answer.status == 200 and isinstance(exact_json.decode(answer.body), dict)
    except ValueError:
        return False
