"""A pretend Snowflake account: the SQL API in front of one small database.

Written from the vendor's published contract of the SQL API and its documentation. A request id that
was seen before runs nothing and is answered with what came of the first.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)

from integrations import exact_json
from integrations.sandbox.faults import Fault
from integrations.sandbox.snowflake.warehouse import Failed, Table, Warehouse
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Refused, Vendor

API = "/api/v2/statements"
ACCOUNT, USER = "LARKFIELD", "TOWER"
_PARTITION = 20
_LONGEST = 3600


class Server(Vendor):
    """Statements: run, asked after, read by partition."""

    name = "snowflake"
    title = "Snowflake"
    deeds = {"busy": "Let the next load wait in the queue"}

    def __init__(self, data: Path, credentials: Mapping[str, str]) -> None:
        self.warehouse = Warehouse(data / "snowflake-warehouse.db")
        key = load_der_private_key(base64.b64decode(credentials["private_key"]), password=None)
        assert isinstance(key, RSAPrivateKey)
        self._public = key.public_key()
        form = self._public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digest = base64.b64encode(hashlib.sha256(form).digest()).decode()
        self._issuer = f"{ACCOUNT}.{USER}.SHA256:{digest}"
        super().__init__(data, credentials)

    def routes(self, router: web.UrlDispatcher) -> None:
        """The statements of the SQL API."""
        router.add_post(API, self._submit)
        router.add_get(f"{API}/{{statementHandle}}", self._show)

    def furnish(self) -> None:
        """The fact table, as the account's administrator makes it."""
        script = Path(__file__).parents[2] / "snowflake" / "facts.sql"
        self.warehouse.define(script.read_text(encoding="utf-8"))

    def admits(self, request: web.Request) -> bool:
        """A token that the user's key has signed, and that is not too old."""
        kind = request.headers.get("X-Snowflake-Authorization-Token-Type")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "KEYPAIR_JWT" or scheme != "Bearer":
            return False
        signed, _, signature = token.rpartition(".")
        try:
            self._public.verify(_raw(signature), signed.encode(), PKCS1v15(), SHA256())
            claims = json.loads(_raw(signed.partition(".")[2]))
        except (InvalidSignature, ValueError, binascii.Error):
            return False
        known = claims.get("iss") == self._issuer and claims.get("sub") == f"{ACCOUNT}.{USER}"
        return known and bool(time.time() < claims["exp"] <= claims["iat"] + _LONGEST)

    def stranger(self) -> web.Response:
        """401 with the words of the vendor."""
        return _json({"code": "390144", "message": "JWT token is invalid."}, 401)

    def operation(self, request: web.Request, body: bytes) -> str:
        """A query is a read, whatever the method."""
        reads = request.method == "GET" or b'"SELECT ' in body
        return f"{'read' if reads else 'write'} {request.path}"

    def refuse(self, request: web.Request, fault: Fault) -> web.Response:
        """A statement that failed on its values."""
        words = fault.text or "Numeric value 'x' is not recognized"
        return _failure(str(uuid.uuid4()), Failed("100038", "22018", words))

    def quota(self, request: web.Request, fault: Fault) -> web.Response:
        """Too many statements at once; no header says until when."""
        return web.Response(status=429, text="Too many requests")

    async def close(self) -> None:
        """Give sockets and files back."""
        await super().close()
        self.warehouse.close()

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``busy`` (times, 1: how often the next load is asked after before it runs); ``double``
        (reference); ``held`` (reference: the amounts that its rows have)."""
        if name == "busy":
            self.store.set("busy", str(int(wanted.get("times") or 1)))
            return {"times": int(self.store.setting("busy"))}
        if name == "double":
            added = self.warehouse.double("FACTS", "REFERENCE", str(wanted["reference"]))
            return {"added": added}
        if name == "held":
            query = "SELECT AMOUNT FROM FACTS WHERE REFERENCE = ?"
            found = self.warehouse.run(query, {"1": str(wanted["reference"])})
            return {"amounts": [row[0] for row in found.rows]}
        return await super().act(name, wanted)

    async def records(self, kind: str) -> list[dict[str, Any]]:
        """The rows of a table, columns in lower case."""
        found = self.warehouse.run(f"SELECT * FROM {kind.upper()}", {})
        names = [column.lower() for column in found.columns]
        return [dict(zip(names, row, strict=True)) for row in found.rows]

    async def _submit(self, request: web.Request) -> web.Response:
        content = _statement(await request.read())
        number = request.query.get("requestId") or str(uuid.uuid4())
        if request.query.get("retry") == "true" and (known := self._known("request", number)):
            return self._told(self.store.get("statement", known.content["handle"]))
        waiting = 0
        if not content["statement"].lstrip().upper().startswith("SELECT"):
            waiting = int(self.store.setting("busy", "0"))
            self.store.set("busy", "0")
        fields = {
            "statement": content["statement"],
            "bindings": {n: b.get("value") for n, b in (content.get("bindings") or {}).items()},
            "waiting": waiting + 1,
            "began": round(time.time() * 1000),
        }
        made = self.store.add("statement", fields, str(uuid.uuid4()))
        if not self._known("request", number):
            self.store.add("request", {"handle": made.id}, number)
        return self._told(made)

    async def _show(self, request: web.Request) -> web.Response:
        found = self._known("statement", request.match_info["statementHandle"])
        if found is None:
            raise Refused(_json({"code": "391909", "message": "Statement not found."}, 404))
        return self._told(found, int(request.query.get("partition", "0")))

    def _known(self, kind: str, number: str) -> Document | None:
        try:
            return self.store.get(kind, number)
        except KeyError:
            return None

    def _told(self, document: Document, partition: int = 0) -> web.Response:
        """What became of a statement, which runs when it has been asked after often enough."""
        if document.content["waiting"]:
            waiting = document.content["waiting"] - 1
            document = self.store.change("statement", document.id, {"waiting": waiting})
            if waiting:
                return _json(
                    {**_head(document), "message": "Asynchronous execution in progress."}, 202
                )
            document = self._ran(document)
        if error := document.content.get("error"):
            return _failure(document.id, Failed(*error))
        table = Table(document.content["columns"], document.content["rows"])
        return _json(_result(document, table, partition))

    def _ran(self, document: Document) -> Document:
        try:
            table = self.warehouse.run(document.content["statement"], document.content["bindings"])
        except Failed as failed:
            error = [failed.code, failed.state, failed.message]
            return self.store.change("statement", document.id, {"error": error})
        said = {"columns": list(table.columns), "rows": [list(row) for row in table.rows]}
        return self.store.change("statement", document.id, said)


def _statement(body: bytes) -> dict[str, Any]:
    try:
        content = exact_json.decode(body)
    except ValueError:
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("statement"), str):
        raise Refused(_json({"code": "391902", "message": "Unable to read the request."}, 400))
    return content


def _head(document: Document) -> dict[str, Any]:
    return {
        "code": "333334" if document.content["waiting"] else "090001",
        "statementHandle": document.id,
        "statementStatusUrl": f"{API}/{document.id}",
    }


def _result(document: Document, table: Table, partition: int) -> dict[str, Any]:
    parts = [table.rows[at : at + _PARTITION] for at in range(0, len(table.rows), _PARTITION)]
    if partition:
        return {"data": parts[partition]}
    columns = [{"name": name, "type": "TEXT", "nullable": True} for name in table.columns]
    return {
        **_head(document),
        "sqlState": "00000",
        "message": "Statement executed successfully.",
        "createdOn": document.content["began"],
        "resultSetMetaData": {
            "format": "jsonv2",
            "numRows": len(table.rows),
            "rowType": columns,
            "partitionInfo": [{"rowCount": len(part)} for part in parts or [[]]],
        },
        "data": parts[0] if parts else [],
    }


def _failure(handle: str, failed: Failed) -> web.Response:
    content = {"code": failed.code, "sqlState": failed.state, "message": failed.message}
    return _json({**content, "statementHandle": handle}, 422)


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status, text=exact_json.encode(content), content_type="application/json"
    )


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
