"""`manage.py recovery begin|status|end`: for a database restored by the firm's own tools."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware

from controltower.transactions import clock, recovery
from controltower.web.management import giving


class Command(BaseCommand):
    """Begins, shows and ends recovery mode (docs/recovery.md)."""

    help = "Hold everything outbound after a restore, show how far that is, or end it."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do, and why."""
        acts = parser.add_subparsers(dest="act", required=True)
        begin = acts.add_parser("begin", help="the database was restored to an earlier moment")
        begin.add_argument("--restore-point", type=_moment, help="that moment, with its zone")
        begin.add_argument("--reason", default="The database was restored.")
        acts.add_parser("status", help="how far it is; exit 1 while it lasts")
        end = acts.add_parser("end", help="send again, although not everything was asked for")
        end.add_argument("--by", required=True, help="who decides: the sign-in name")
        end.add_argument("--reason", required=True)

    def handle(self, *arguments: Any, **options: Any) -> None:
        """One of the three acts."""
        acts = {"begin": self._begin, "status": self._status, "end": self._end}
        acts[options["act"]](options)

    def _begin(self, options: dict[str, Any]) -> None:
        recovery.begin(
            reason=options["reason"],
            restore_point=options["restore_point"],
            actor="command line",
            now=clock.now(),
        )
        self.stdout.write("Recovery mode: nothing is sent to any system until it has ended.")

    def _status(self, _options: dict[str, Any]) -> None:
        under_way = recovery.current()
        if under_way is None:
            self.stdout.write("No recovery is under way.")
            return
        left = recovery.progress(under_way, clock.now())
        self.stdout.write(f"Since {under_way.began_at:%Y-%m-%d %H:%M:%S} UTC: {under_way.why}")
        self.stdout.write(f"  books known until     {under_way.restore_point or 'unknown'}")
        self.stdout.write(f"  feeds to read again   {', '.join(left.feeds) or 'none'}")
        self.stdout.write(f"  events to look at     {left.events}")
        self.stdout.write(f"  calls to ask for      {left.steps}")
        self.stdout.write(f"  in doubt, for people  {left.doubts}")
        self.stdout.write(f"  ask to send again     {', '.join(left.pushing) or 'nobody'}")
        raise SystemExit(1)

    def _end(self, options: dict[str, Any]) -> None:
        person = giving.person(options["by"])
        try:
            recovery.end(by=person, reason=options["reason"], now=clock.now())
        except (recovery.NotAllowed, recovery.NotUnderWay) as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write("Recovery mode is ended; what waited goes out.")


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    if moment is None or not is_aware(moment):
        raise CommandError(f"“{text}” is no moment with a zone, like 2026-11-21T06:00:00Z.")
    return moment
