"""The room at the edge: everything HTTP."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import register


class Web(AppConfig):
    """Connects the live pages to the bell, in whichever process it rings."""

    name = "controltower.web"

    def ready(self) -> None:
        """Pass every ring on to the open pages, have the settings checked, and the words of all
        languages at hand."""
        from controltower.transactions import bell
        from controltower.web import catalogues, checks, signals

        catalogues.compile_all(settings.CATALOGUES, settings.LOCALE_PATHS[0])
        register(checks.webhook_secrets, "web")
        bell.rung.connect(signals.publish, dispatch_uid="live pages")
