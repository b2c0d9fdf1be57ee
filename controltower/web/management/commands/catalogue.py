"""`manage.py catalogue`: bring the German words up to date with the sources."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from controltower.web import catalogues


class Command(BaseCommand):
    """Gathers all messages into the catalogues and names those without a translation."""

    help = "Bring locale/*/LC_MESSAGES/django.po up to date with the sources; needs no gettext."

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Rewrite the catalogues; print what is to be translated."""
        for source in sorted(settings.CATALOGUES.glob("*/LC_MESSAGES/django.po")):
            for text in catalogues.refresh(source, settings.BASE_DIR):
                self.stdout.write(text)
