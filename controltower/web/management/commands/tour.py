"""Play the main job against the running product, and prove it in the ERP's own books."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from controltower.web.tour import Tour, TourFailed


class Command(BaseCommand):
    """`manage.py tour [--json]`: exit 0 only when the books hold exactly that one invoice."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the journey as JSON")
        parser.add_argument("--patience", type=float, default=120.0, help="seconds to wait")

    def handle(self, *args: Any, **options: Any) -> None:
        """Walk and print line by line."""
        doors = [os.environ.get(f"SANDBOX_{name}CONTROL_URL", "") for name in ("", "TRYTON_")]
        as_json = options["json"]
        if not all(doors):
            self._end(as_json, "The tour needs the sandbox: start with bin/up.", [])
        tour = Tour(crm=doors[0], erp=doors[1], patience=options["patience"])
        try:
            for line in tour.walk():
                if not as_json:
                    text = f"{line['after']:7.2f} s  {line['system']:<12} {line['text']}"
                    self.stdout.write(f"{text}  [{line['id']}]" if line["id"] else text)
        except TourFailed as problem:
            self._end(as_json, str(problem), tour.journey)
        if as_json:
            self.stdout.write(json.dumps({"ok": True, "journey": tour.journey}, indent=1))

    def _end(self, as_json: bool, problem: str, journey: list[dict[str, Any]]) -> None:
        if as_json:
            self.stdout.write(
                json.dumps({"ok": False, "problem": problem, "journey": journey}, indent=1)
            )
        else:
            self.stderr.write(problem)
        sys.exit(1)
