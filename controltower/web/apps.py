"""The room at the edge: everything HTTP."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register


class Web(AppConfig):
    """Connects the live pages to the bell, in whichever process it rings."""

    name = "controltower.web"

    def ready(self) -> None:
        """Pass every ring on to the open pages, and have the settings checked."""
        from controltower.transactions import bell
        from controltower.web import checks, signals

        register(checks.webhook_secrets, "web")
        bell.rung.connect(signals.publish, dispatch_uid="live pages")
