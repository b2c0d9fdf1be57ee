"""The web process: pages by Django, webhooks by a door of their own, signals over websockets."""

from __future__ import annotations

import gc
import os
from functools import partial
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controltower.settings")
_pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - needs Django set up
from channels.routing import ProtocolTypeRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from controltower.web import at_once  # noqa: E402
from controltower.web.body_limit import BodyLimit  # noqa: E402
from controltower.web.inbound import Door  # noqa: E402
from controltower.web.live import live  # noqa: E402

_door = Door()


async def _http(scope: Any, receive: Any, send: Any) -> None:
    """Webhooks do not pass Django: it could not take them as fast as they may come."""
    answering = _door if scope["path"].startswith("/inbound/") else _pages
    await answering(scope, receive, send)


async def _lifespan(scope: Any, receive: Any, send: Any) -> None:
    """What the server tells of its beginning and its end."""
    await receive()
    scope["state"]["at_once"] = partial(at_once.take, _door)  # the server asks it first
    gc.freeze()  # what was imported stays: looking it through stops everybody for 50 ms
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await _door.close()
    await send({"type": "lifespan.shutdown.complete"})


application = ProtocolTypeRouter(
    {
        "http": BodyLimit(_http),
        "lifespan": _lifespan,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(live)),
    }
)
