"""`manage.py openapi`: the API's description, for docs/openapi.json."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from controltower.web.api import api


class Command(BaseCommand):
    """Prints the OpenAPI document."""

    help = "Print the JSON API's OpenAPI 3.1 document (kept as docs/openapi.json)."

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Write it to standard output."""
        self.stdout.write(json.dumps(api.get_openapi_schema(), indent=2))
