"""Play the main job, every workflow or a whole month against the running product, and prove it in
the books."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from controltower.web.tours import every_workflow
from controltower.web.tours.main_job import MainJob
from controltower.web.tours.month import Month
from controltower.web.tours.stage import Lines
from controltower.web.tours.walk import Door, TourFailed, Walk

_DOOR = re.compile(r"SANDBOX_(?:(\w+)_)?CONTROL_URL")


class Command(BaseCommand):
    """`manage.py tour [--all | --month [--times N] [--down]] [--json]`: exit 0 only when the books
    hold what they should."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="play every workflow")
        parser.add_argument(
            "--month", action="store_true", help="play the firm's month and compare every total"
        )
        parser.add_argument("--times", type=int, default=1, help="at so many times its volume")
        parser.add_argument(
            "--down", action="store_true", help="each system away once in the middle of the month"
        )
        parser.add_argument("--json", action="store_true", help="print the journey as JSON")
        parser.add_argument("--patience", type=float, default=120.0, help="seconds to wait")

    def handle(self, *args: Any, **options: Any) -> None:
        """Walk and print line by line."""
        doors, as_json = _doors(), options["json"]
        walk = Walk(patience=options["patience"])
        if not {"salesforce", "tryton"} <= set(doors):
            self._end(as_json, "The tour needs the sandbox: start with bin/up.", [])
        try:
            for line in _played(walk, doors, options):
                if not as_json:
                    self.stdout.write(_text(line))
        except TourFailed as problem:
            self._end(as_json, str(problem), walk.journey)
        if as_json:
            self.stdout.write(json.dumps({"ok": True, "journey": walk.journey}, indent=1))

    def _end(self, as_json: bool, problem: str, journey: list[dict[str, Any]]) -> None:
        if as_json:
            self.stdout.write(
                json.dumps({"ok": False, "problem": problem, "journey": journey}, indent=1)
            )
        else:
            self.stderr.write(problem)
        sys.exit(1)


def _played(walk: Walk, doors: dict[str, Door], options: Mapping[str, Any]) -> Lines:
    if options["month"]:
        return Month(walk, doors, options["times"], options["down"]).play()
    if options["all"]:
        return every_workflow.play(walk, doors)
    return MainJob(walk, doors["salesforce"], doors["tryton"]).play()


def _doors() -> dict[str, Door]:
    """The control doors of the sandbox's systems that run, by name; the town is none, but where
    most of them live."""
    named = ((_DOOR.fullmatch(name), url) for name, url in os.environ.items() if url)
    found = {(match[1] or "salesforce").lower(): Door(url) for match, url in named if match}
    return {name: door for name, door in found.items() if name != "town"}


def _text(line: dict[str, Any]) -> str:
    if not line["system"]:
        return f"\n{line['text']}"
    text = f"{line['after']:7.2f} s  {line['system']:<12} {line['text']}"
    return f"{text}  [{line['id']}]" if line["id"] else text
