"""A vendor's own contract as the judge of our requests and of our sandbox's answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from integrations.sandbox.vendor import Vendor

ROOM = Path(__file__).parent
_HOST = "http://sandbox"


class Contract:
    """One OpenAPI file of this folder; `base` is the path that its own paths stand below, and
    `corrected` mends what the vendor documents otherwise."""

    def __init__(
        self, name: str, base: str = "", corrected: Callable[[Any], Any] = lambda content: content
    ) -> None:
        self.base = base
        self.content: dict[str, Any] = corrected(json.loads((ROOM / f"{name}.json").read_bytes()))
        served = {**self.content, "servers": [{"url": f"{_HOST}{base}"}]}
        # the vendor's own file is taken as it is, whether or not it is perfect OpenAPI
        as_it_is = Config(spec_validator_cls=None)  # type: ignore[arg-type] # its own way to say so
        self._judge = OpenAPI.from_dict(served, config=as_it_is)

    def operations(self) -> set[str]:
        """Every operation: ``GET /path/{id}``."""
        return {
            f"{method.upper()} {path}"
            for path, item in self.content["paths"].items()
            for method in item
            if method in {"get", "put", "post", "delete", "patch"}
        }

    def complaint(self, request: MockRequest, response: MockResponse | None = None) -> str:
        """What is wrong with a request, or with an answer to it; "" when nothing is."""
        try:
            if response is None:
                self._judge.validate_request(request)
            else:
                self._judge.validate_response(request, response)
        except OpenAPIError as error:
            causes = getattr(error.__cause__, "schema_errors", ())
            details = "; ".join(f"{'/'.join(map(str, e.path))}: {e.message}" for e in causes)
            return f"{request.method} {request.path}: {error!r} {error.__cause__!r} {details}"[:900]
        return ""


@dataclass
class Witness:
    """What went over the wire, and everything that the contract has against it."""

    contract: Contract
    requests: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    seen: set[tuple[str, int]] = field(default_factory=set)

    @property
    def operations(self) -> set[str]:
        """The operations that were used."""
        return {operation for operation, _ in self.seen}

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through and judge both directions."""
        body = await request.read()
        answer = await handler(request)
        assert isinstance(answer, web.Response)
        asked = MockRequest(
            _HOST,
            request.method,
            request.path,
            args=dict(request.query),
            headers=dict(request.headers),
            data=body or None,
            content_type=request.content_type if body else "",
        )
        given = MockResponse(
            answer.body if isinstance(answer.body, bytes) else b"",
            answer.status,
            dict(answer.headers),
            answer.content_type,
        )
        self.requests += filter(None, [self.contract.complaint(asked)])
        self.answers += filter(None, [self.contract.complaint(asked, given)])
        resource = request.match_info.route.resource
        path = (resource.canonical if resource else request.path).removeprefix(self.contract.base)
        self.seen.add((f"{request.method} {path}", answer.status))
        return answer


@asynccontextmanager
async def watched(vendor: Vendor, contract: Contract) -> AsyncIterator[tuple[str, Witness]]:
    """Serve a pretend vendor under the contract's eyes: its address, and the witness."""
    witness = Witness(contract)
    vendor.app.middlewares.insert(0, witness.watch)
    server = TestServer(vendor.app)
    await server.start_server()
    try:
        yield f"http://127.0.0.1:{server.port}", witness
    finally:
        await server.close()
        await vendor.close()
