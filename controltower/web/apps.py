"""The room at the edge: everything HTTP."""

from __future__ import annotations

from django.apps import AppConfig


class Web(AppConfig):
    """Connects the live pages to the bell, in whichever process it rings."""

    name = "controltower.web"

    def ready(self) -> None:
        """Pass every ring on to the open pages."""
        from controltower.transactions import bell
        from controltower.web import signals

        bell.rung.connect(signals.publish, dispatch_uid="live pages")
