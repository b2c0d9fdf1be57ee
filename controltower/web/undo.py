"""Taking back what a person has just done: the opposite act, offered once beside its message.

It is an act like any other, with its right and its place in the audit trail; and it is refused
when somebody else has been there in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest

from controltower.incidents.models import Cause

KEY, STANDING = "undo", "standing"
FOR = timedelta(minutes=1)
"""A page that is opened later does not offer it any more."""


@dataclass(frozen=True, slots=True)
class Undo:
    """A form without visible fields: where it goes, and what it says."""

    url: str
    fields: Mapping[str, str]


def standing(cause: Cause) -> str:
    """Who owns a cause and whether it is put aside: what an undo would change back."""
    aside = (cause.snoozed_until, cause.parked_at)
    return " ".join(str(part or "-") for part in (cause.owner_id, *aside))


def offer(request: HttpRequest, url: str, now: datetime, **fields: str) -> None:
    """The next page may post these fields there. What somebody else may have changed meanwhile
    goes with its `standing`, and `is_overtaken` looks whether it stands so still."""
    request.session[KEY] = {"url": url, "fields": fields, "until": (now + FOR).isoformat()}


def offered(request: HttpRequest, now: datetime) -> Undo | None:
    """What the next page offers; once. The page that is still open fetches its regions anew as soon
    as something has changed, before the next one is asked for: they take nothing away."""
    if "HX-Request" in request.headers:
        return None
    kept = request.session.pop(KEY, None)
    if kept is None or datetime.fromisoformat(kept["until"]) < now:
        return None
    return Undo(kept["url"], kept["fields"])


def is_overtaken(request: HttpRequest, cause: Cause) -> bool:
    """Whether this is an undo of something that does not stand any more."""
    expected = request.POST.get(STANDING, "")
    return bool(expected) and expected != standing(cause)
