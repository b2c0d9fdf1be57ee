"""`manage.py api_token PERSON NAME`: issue or revoke a person's key to the JSON API."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.transaction import atomic
from django.utils import timezone

from controltower.firm import audit
from controltower.firm.models import ApiToken, Person
from controltower.web.api_access import digest_of
from controltower.web.management import giving


class Command(BaseCommand):
    """Issues a token and shows it this once, since only its digest is kept."""

    help = "Issue an API token for a person, or revoke it with --revoke."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and what for."""
        parser.add_argument("person", help="the person's sign-in name")
        parser.add_argument("name", help="what the token is for")
        parser.add_argument("--revoke", action="store_true", help="end it instead")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Issue or revoke, on the audit chain."""
        person = giving.person(options["person"])
        name = str(options["name"])[:80]
        with atomic():
            if options["revoke"]:
                self._revoke(person, name)
            else:
                self._issue(person, name)

    def _issue(self, person: Person, name: str) -> None:
        token = f"ct_{secrets.token_urlsafe(32)}"
        ApiToken.objects.create(person=person, name=name, digest=digest_of(token))
        _note(person, name, "issue token")
        self.stdout.write(token)

    def _revoke(self, person: Person, name: str) -> None:
        now = timezone.now()
        ended = person.tokens.filter(name=name, revoked_at__isnull=True).update(revoked_at=now)
        if not ended:
            raise CommandError(f"{person.username} has no valid token named {name}.")
        _note(person, name, "revoke token")
        self.stdout.write(f"{ended} revoked.")


def _note(person: Person, name: str, verb: str) -> None:
    audit.record(
        actor="command line", verb=verb, subject=f"token of {person.username}", allowed=True,
        now=timezone.now(), detail={"name": name},
    )  # fmt: skip
