"""Saved views over the API: one's own and those that are shared, with the counts of their lists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Schema, Status
from pydantic import Field

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.measures.exposure import Scope
from controltower.web import idempotency, saved_views, view_lists
from controltower.web.actions import only
from controltower.web.api_access import caller
from controltower.web.api_words import Refusal
from controltower.web.models import SavedView
from controltower.web.view_strip import REFUSED

router = Router()
Number = Annotated[int, Path(ge=1, le=2**31)]


class ViewIn(Schema):
    """A list as it is to be kept: `query` as in the address of its page."""

    list: str = Field(examples=["transactions"])
    query: str = Field("", max_length=2000, examples=["state=stuck&sort=-amount"])
    name: str = Field(min_length=1, max_length=60)
    shared: bool = False
    mailed: bool = False


class ViewChange(Schema):
    """What is to be otherwise; what is left out stays."""

    name: str | None = Field(None, min_length=1, max_length=60)
    shared: bool | None = None
    mailed: bool | None = None


class ViewOut(Schema):
    """A view as you see it. `count` is that of its list for you; null where rows are looked for by
    words and not counted; with `more`, there are more than were counted."""

    id: int
    list: str
    query: str
    name: str
    shared: bool
    mailed: bool
    owner: str
    created_at: datetime
    url: str
    count: int | None
    more: bool


@router.get("/views", response=list[ViewOut], summary="Saved views")
def views(
    request: HttpRequest, page: Annotated[str, Query(alias="list", max_length=20)] = ""
) -> list[ViewOut]:
    """Your own and those that are shared, of one list or of all."""
    person = caller(request)
    return [_out(view, person) for view in saved_views.visible_to(person, page)]


@router.post(
    "/views",
    response={201: ViewOut},
    summary="Keep a view",
    openapi_extra={"parameters": [idempotency.HEADER]},
)
def keep_view(request: HttpRequest, wanted: ViewIn) -> Status[Any]:
    """Needs an Idempotency-Key header: the same key and body give the same view again."""
    person = caller(request)

    def act() -> tuple[int, dict[str, Any]]:
        view = _done(
            lambda: saved_views.keep(
                page=wanted.list, query=wanted.query, name=wanted.name, shared=wanted.shared,
                mailed=wanted.mailed, by=person, now=timezone.now(),
            )
        )  # fmt: skip
        return 201, _out(view, person).model_dump(mode="json")

    return Status(*idempotency.once(request, person, wanted.model_dump(mode="json"), act))


@router.get("/views/{number}", response=ViewOut, summary="One saved view")
def view(request: HttpRequest, number: Number) -> ViewOut:
    """With its count."""
    person = caller(request)
    return _out(_found(person, number), person)


@router.patch("/views/{number}", response=ViewOut, summary="Change a view")
def change_view(request: HttpRequest, number: Number, wanted: ViewChange) -> ViewOut:
    """Name and sharing are its owner's to change; the daily mail is everybody's own."""
    person, now = caller(request), timezone.now()
    one = _found(person, number)
    if wanted.name is not None or wanted.shared is not None:
        name = one.name if wanted.name is None else wanted.name
        shared = one.shared if wanted.shared is None else wanted.shared
        _done(lambda: saved_views.change(view=one, name=name, shared=shared, by=person, now=now))
    if wanted.mailed is not None:
        saved_views.mail(view=one, wanted=wanted.mailed, by=person, now=now)
    return _out(one, person)


@router.delete("/views/{number}", response={204: None}, summary="Remove a view")
def remove_view(request: HttpRequest, number: Number) -> Status[None]:
    """Its restoration brings it back."""
    person = caller(request)
    one = _found(person, number)
    _done(lambda: saved_views.remove(view=one, by=person, now=timezone.now()))
    return Status(204, None)


@router.post("/views/{number}/restorations", response={201: ViewOut}, summary="Restore a view")
def restore_view(request: HttpRequest, number: Number) -> Status[ViewOut]:
    """Bring back a view of yours that was removed."""
    person = caller(request)
    one = SavedView.objects.filter(pk=number, owner=person).first()
    if one is None:
        raise Http404
    _done(lambda: saved_views.restore(view=one, by=person, now=timezone.now()))
    return Status(201, _out(one, person))


def _found(person: Person, number: int) -> SavedView:
    found = saved_views.visible_to(person).filter(pk=number).first()
    if found is None:
        raise Http404
    return found


def _done(act: Callable[[], Any]) -> Any:
    """Do it, or say in a problem document why not."""
    try:
        return act()
    except saved_views.NotAllowed:
        raise Refusal(
            403, "not-allowed", "You may not change this view",
            f"{only(Right.SHARE_VIEW)} Others' views are theirs to change. Nothing was changed.",
        ) from None  # fmt: skip
    except saved_views.Refused as refused:
        raise Refusal(
            422, "not-kept", "This view cannot be kept",
            f"{REFUSED[refused.why]} Nothing was changed.",
        ) from None  # fmt: skip


def _out(one: SavedView, person: Person) -> ViewOut:
    rows = view_lists.count(one.page, one.query, Scope(person), timezone.now())
    return ViewOut(
        id=one.pk,
        list=one.page,
        query=one.query,
        name=one.name,
        shared=one.shared,
        mailed=one.readers.filter(pk=person.pk).exists(),
        owner=one.owner.username,
        created_at=one.created_at,
        url=settings.ADDRESS + view_lists.address(one.page, one.query),
        count=rows.count,
        more=rows.more,
    )
