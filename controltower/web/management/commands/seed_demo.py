"""Seed the demo firm once; running it again changes nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db.transaction import atomic
from django.utils import timezone

from controltower.web.demo.coexistence import move_sales_ledgers
from controltower.web.demo.firm import found_firm, hire_people
from controltower.web.demo.interfaces import own_interfaces
from controltower.web.demo.mappings import agree_mappings
from controltower.web.demo.runbooks import agree_runbooks
from controltower.web.demo.surroundings import connect_systems


class Command(BaseCommand):
    """`manage.py seed_demo`: the sandbox firm, its people, systems, mappings and runbooks."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """All or nothing; new people's passwords go to a file only its owner can read."""
        now = timezone.now()
        with atomic():
            found_firm(now.date())
            logins = hire_people()
            connect_systems(now)
            move_sales_ledgers(now)
            own_interfaces(now)
            agree_mappings(now)
            agree_runbooks(now)
            if logins:
                self._keep(Path(settings.HOME) / "demo-logins.json", logins)
        self.stdout.write(f"Demo firm ready; {len(logins)} new people.")

    def _keep(self, path: Path, logins: list[dict[str, str]]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text()) if path.exists() else []
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump([*known, *logins], file, indent=1)
        path.chmod(0o600)
