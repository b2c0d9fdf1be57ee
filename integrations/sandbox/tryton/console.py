"""The administrator's own line into Tryton: JSON-RPC, independent of the connector under test."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import aiohttp

DATABASE = "ctrl"


class Refused(Exception):
    """Tryton refused an administrator's request; the text is its own."""


class Console:
    """One signed-in JSON-RPC session. Decimals and dates are Python's; times stay as they come."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url}/{DATABASE}/rpc/"
        self._credentials = ("", "")
        self._headers = {"Content-Type": "application/json"}
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.close()

    async def login(self, user: str, password: str) -> None:
        """Open a session. Raises Refused when the password is wrong."""
        self._credentials = (user, password)
        self._headers.pop("Authorization", None)
        user_id, token, _ = await self.call("common.db.login", user, {"password": password}, "en")
        session = base64.b64encode(f"{user}:{user_id}:{token}".encode()).decode()
        self._headers["Authorization"] = f"Session {session}"

    async def call(self, method: str, *params: Any) -> Any:
        """Call one RPC method. Raises Refused, or aiohttp's errors when Tryton is away."""
        body = json.dumps({"id": 1, "method": method, "params": params}, default=_encode)
        status, text = await self._send(body)
        if status == 401 and "Authorization" in self._headers:
            await self.login(*self._credentials)  # some calls want a session of the last minutes
            status, text = await self._send(body)
        if status != 200:
            raise Refused(f"{method}: HTTP {status} {text[:200]}")
        document = json.loads(text, object_hook=_decode)
        if "error" in document:
            raise Refused(f"{method}: {document['error']}")
        return document["result"]

    async def _send(self, body: str) -> tuple[int, str]:
        async with self._http.post(self._url, data=body, headers=self._headers) as answer:
            return answer.status, await answer.text()

    async def create(self, model: str, *rows: dict[str, Any], company: int = 0) -> list[int]:
        """Create records and return their ids."""
        ids: list[int] = await self.call(f"model.{model}.create", rows, _context(company))
        return ids

    async def write(
        self, model: str, ids: list[int], values: dict[str, Any], company: int = 0
    ) -> None:
        """Change records."""
        await self.call(f"model.{model}.write", ids, values, _context(company))

    async def press(self, model: str, button: str, ids: list[int], company: int = 0) -> None:
        """Press a button of the form, such as ``close`` on a period."""
        await self.call(f"model.{model}.{button}", ids, _context(company))

    async def rows(
        self,
        model: str,
        domain: list[Any],
        fields: list[str],
        company: int = 0,
        active_test: bool = True,
    ) -> list[dict[str, Any]]:
        """Search and read, oldest first."""
        context = _context(company) | ({} if active_test else {"active_test": False})
        found: list[dict[str, Any]] = await self.call(
            f"model.{model}.search_read", domain, 0, None, [["id", "ASC"]], fields, context
        )
        return found


def _context(company: int) -> dict[str, Any]:
    """Tryton lets its clients say in the context that an administrator sits before them."""
    return {"administrator": True} | ({"company": company} if company else {})


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, date) and not isinstance(value, datetime):
        return {
            "__class__": "date", "year": value.year, "month": value.month, "day": value.day,
        }  # fmt: skip
    raise TypeError(f"Tryton's JSON has no word for {type(value).__name__}")


def _decode(value: dict[str, Any]) -> Any:
    match value.get("__class__"):
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return date(value["year"], value["month"], value["day"])
    return value
