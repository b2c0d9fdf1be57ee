"""People by their names, where a record keeps the sign-in name of who did something."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from controltower.firm.models import Person
from controltower.incidents.timeline import TOWER


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """Name by sign-in name; what nobody did, the tower did. Who is not known stays as kept."""
    wanted = set(actors)
    names = {one: one for one in wanted} | {TOWER: _("Control Tower")}
    return names | {one.username: str(one) for one in Person.objects.filter(username__in=wanted)}
