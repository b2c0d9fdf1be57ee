"""A browser tab's websocket, spoken to the ASGI application without a server in between."""

from __future__ import annotations

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.test import Client

from controltower.asgi import application

HERE = [(b"host", b"localhost"), (b"origin", b"http://localhost")]


class Tab:
    """One socket; `headers` say where the page that opens it comes from."""

    def __init__(
        self, client: Client, *, path: str = "/live/", headers: Any = None, patience: float = 5
    ) -> None:
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "subprotocols": [],
            "headers": [*(HERE if headers is None else headers), (b"cookie", cookie.encode())],
        }
        communicator: Any = ApplicationCommunicator
        self.wire = communicator(application, scope)
        self.patience = patience

    async def connect(self) -> bool:
        """Whether it is let in."""
        await self.wire.send_input({"type": "websocket.connect"})
        answer = await self.wire.receive_output(self.patience)
        return bool(answer["type"] == "websocket.accept")

    async def told(self) -> list[str]:
        """The names in the next signal."""
        message = await self.wire.receive_output(self.patience)
        topics: list[str] = json.loads(message["text"])["topics"]
        return topics

    async def say(self, text: str) -> None:
        """What a page of ours never does."""
        await self.wire.send_input({"type": "websocket.receive", "text": text})

    async def disconnect(self) -> None:
        """Close the tab."""
        await self.wire.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wire.wait(self.patience)
