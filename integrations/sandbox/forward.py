"""Hand requests on to another HTTP server, byte for byte."""

from __future__ import annotations

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, web
from yarl import URL

_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
}


class Forward:
    """A handler that forwards to `upstream` (scheme, host and port)."""

    def __init__(self, upstream: str) -> None:
        self._upstream = URL(upstream)
        self._session: ClientSession | None = None

    async def __call__(self, request: web.Request) -> web.Response:
        """Forward one request. A dead upstream answers 502."""
        session = self._open()
        target = self._upstream.join(URL(request.raw_path, encoded=True))
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP]
        try:
            async with session.request(
                request.method,
                target,
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as answer:
                response = web.Response(status=answer.status, body=await answer.read())
                for name, value in answer.headers.items():
                    if name.lower() not in _HOP_BY_HOP:
                        response.headers.add(name, value)
                return response
        except OSError as broken:
            return web.Response(status=502, text=f"upstream: {type(broken).__name__}")

    async def close(self) -> None:
        """Give sockets back."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> ClientSession:
        if self._session is None or self._session.closed:
            self._session = ClientSession(
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                timeout=ClientTimeout(total=None, sock_connect=5),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session
