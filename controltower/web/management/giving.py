"""Who gives a command on the tower's machine."""

from __future__ import annotations

from django.core.management.base import CommandError

from controltower.firm.models import Person


def person(name: str) -> Person:
    """Whoever signs in by that name. Raises CommandError."""
    found = Person.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise CommandError(f"Nobody signs in as {name}.")
    return found
