"""The one web process: pages and doors over HTTP, signals over websockets."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controltower.settings")
_pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - needs Django set up
from channels.routing import ProtocolTypeRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from controltower.web.body_limit import BodyLimit  # noqa: E402
from controltower.web.live import live  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(_pages),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(live)),
    }
)
