"""Saved views: kept, shared with colleagues, mailed, removed and restored.

Sharing one needs a right, since its name and filters are then read by all who have a company with
its owner in common; what it shows is what each reader may see. Every change is in the audit trail.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.db.transaction import atomic

from controltower.firm import audit
from controltower.firm.models import Duty, Person
from controltower.firm.rights import Right, entity_keys_of, may
from controltower.web import view_lists
from controltower.web.models import SavedView

MOST = 20
"""Views of one list that a person may have."""


class NotAllowed(Exception):
    """The person may not share views, or it is another's view."""


class Refused(Exception):
    """Such a view cannot be kept: `why` is "name", "taken", "list", "long" or "many"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def visible_to(person: Person, page: str = "") -> QuerySet[SavedView]:
    """A person's own views, and those that colleagues of the same company or of the whole firm
    share, of one list or of all."""
    told = Q(shared=True)
    if (mine := entity_keys_of(person)) is not None:
        duties = Duty.objects.filter(Q(entity=None) | Q(entity__in=mine))
        told &= Q(owner__in=duties.values("person"))
    found = SavedView.objects.filter(Q(owner=person) | told, removed_at__isnull=True)
    found = found.filter(page=page) if page else found
    return found.select_related("owner").order_by("shared", "name", "pk")


def keep(
    *, page: str, query: str, name: str, shared: bool, mailed: bool, by: Person, now: datetime
) -> SavedView:
    """Keep a list under a name. Raises NotAllowed, Refused."""
    kept = view_lists.plain(query)
    if page not in view_lists.LISTS:
        raise Refused("list")
    if len(kept) > view_lists.LONGEST:
        raise Refused("long")
    if SavedView.objects.filter(owner=by, page=page, removed_at__isnull=True).count() >= MOST:
        raise Refused("many")
    _require_right(shared, by, name, now)
    view = SavedView(owner=by, page=page, query=kept, created_at=now)
    with atomic():
        _write(view, name, shared, by, now, "keep view")
        if mailed:
            view.readers.add(by)
    return view


def change(*, view: SavedView, name: str, shared: bool, by: Person, now: datetime) -> None:
    """Give a view another name, share it or keep it to oneself. Raises NotAllowed, Refused."""
    _require_own(view, by, "change view", now)
    _require_right(shared and not view.shared, by, name, now)
    with atomic():
        _write(view, name, shared, by, now, "change view")
        if not shared:
            view.readers.remove(*view.readers.exclude(pk=by.pk))


def _write(view: SavedView, name: str, shared: bool, by: Person, now: datetime, verb: str) -> None:
    if not name.strip():
        raise Refused("name")
    view.name, view.shared = name.strip()[:60], shared
    try:
        with atomic():
            view.save()
    except IntegrityError:
        raise Refused("taken") from None
    _note(view, verb, by, now)


def mail(*, view: SavedView, wanted: bool, by: Person, now: datetime) -> None:
    """Have the view's count in one's own daily mail, or no longer."""
    with atomic():
        (view.readers.add if wanted else view.readers.remove)(by)
        _note(view, "mail view" if wanted else "stop mailing view", by, now)


def remove(*, view: SavedView, by: Person, now: datetime) -> None:
    """Take a view away; `restore` brings it back. Raises NotAllowed."""
    _require_own(view, by, "remove view", now)
    with atomic():
        SavedView.objects.filter(pk=view.pk).update(removed_at=now)
        _note(view, "remove view", by, now)


def restore(*, view: SavedView, by: Person, now: datetime) -> None:
    """Bring a removed view back. Raises NotAllowed; Refused when its name was given again."""
    _require_own(view, by, "restore view", now)
    try:
        with atomic():
            SavedView.objects.filter(pk=view.pk).update(removed_at=None)
            _note(view, "restore view", by, now)
    except IntegrityError:
        raise Refused("taken") from None


def _require_own(view: SavedView, by: Person, verb: str, now: datetime) -> None:
    if view.owner_id != by.pk:
        audit.record(actor=by, verb=verb, subject=f"view {view.pk}", allowed=False, now=now)
        raise NotAllowed


def _require_right(sharing: bool, by: Person, name: str, now: datetime) -> None:
    if sharing and not may(by, Right.SHARE_VIEW):
        audit.record(actor=by, verb="share view", subject=name[:60], allowed=False, now=now)
        raise NotAllowed


def _note(view: SavedView, verb: str, by: Person, now: datetime) -> None:
    detail = {"name": view.name, "list": view.page, "query": view.query, "shared": view.shared}
    audit.record(
        actor=by, verb=verb, subject=f"view {view.pk}", allowed=True, now=now, detail=detail
    )
