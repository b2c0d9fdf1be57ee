"""Seed the demo firm once; running it again changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.transaction import atomic
from django.utils import timezone

from controltower.firm import founding
from controltower.web import logins
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
        if firm := founding.name():
            raise CommandError(
                f"This tower is {firm}'s: no pretend firm beside it. Start it with bin/up --empty"
            )
        now = timezone.now()
        with atomic():
            found_firm(now.date())
            hired = hire_people()
            connect_systems(now)
            move_sales_ledgers(now)
            own_interfaces(now)
            agree_mappings(now)
            agree_runbooks(now)
            if hired:
                logins.keep(Path(settings.HOME) / "demo-logins.json", hired)
        self.stdout.write(f"Demo firm ready; {len(hired)} new people.")
