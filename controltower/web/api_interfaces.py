"""The interface registry over the API: the page's own lines, with the contracts themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Field, Path, Router, Schema

from controltower.canonical import contracts
from controltower.measures import registry
from controltower.measures.exposure import Scope
from controltower.measures.registry import Line
from controltower.systems.models import Drift, Interface
from controltower.web.api_access import caller
from controltower.web.api_processes import StakeOut
from controltower.web.privacy import masked_text

router = Router()
Number = Annotated[int, Path(ge=1, le=2**31)]


class UseOut(Schema):
    """Who used it in the last 30 days: a process by its name, or our own reading ("feed")."""

    consumer: str
    calls: int
    last_at: datetime


class DriftOut(Schema):
    """A difference between what comes and what was agreed, and what of the caller's it holds."""

    id: int
    text: str
    place: str
    expected: str
    found: str
    first_seen_at: datetime
    last_seen_at: datetime
    samples: int
    held: StakeOut


class InterfaceOut(Schema):
    """What a system tells us ("in") or is sent ("out"), of one kind of record."""

    id: int
    system: str
    entity: str
    direction: str
    api_version: str
    contract: int | None = Field(description="The version in force; null before anything passed.")
    proposed: int | None
    owner: str
    standing: str = Field(description="strategic, local, or empty while nobody has decided.")
    calls: int = Field(description="In the last 30 days.")
    last_at: datetime | None
    used_by: list[UseOut]
    deprecated_at: datetime | None
    ends_at: datetime | None
    drifts: int


class InterfaceDetail(InterfaceOut):
    """`contract_schema` is the contract in force, as JSON Schema 2020-12."""

    note: str
    contract_schema: dict[str, Any] | None
    terms: dict[str, Any]
    unread: list[str] = Field(description="Fields that come and that nobody reads.")
    differences: list[DriftOut]


@router.get("/interfaces", response=list[InterfaceOut], summary="The interface registry")
def interfaces(request: HttpRequest) -> list[InterfaceOut]:
    """By system and record."""
    caller(request)
    return [InterfaceOut(**_line(line)) for line in registry.lines(timezone.now())]


@router.get("/interfaces/{number}", response=InterfaceDetail, summary="One interface, its contract")
def interface(request: HttpRequest, number: Number) -> InterfaceDetail:
    """With what has drifted, and what that holds of the caller's."""
    seen = Scope(caller(request))
    lines = registry.lines(timezone.now(), of=Interface.objects.filter(pk=number))
    if not lines:
        raise Http404
    (line,) = lines
    return InterfaceDetail(
        **_line(line),
        note=line.interface.note,
        contract_schema=line.version.schema if line.version else None,
        terms=line.version.terms if line.version else {},
        unread=sorted(line.interface.unread),
        differences=[_drift(drift, seen) for drift in line.drifts],
    )


def _line(line: Line) -> dict[str, Any]:
    one = line.interface
    return {
        "id": one.pk,
        "system": one.system.slug,
        "entity": one.entity,
        "direction": one.direction,
        "api_version": line.api_version,
        "contract": line.version.number if line.version else None,
        "proposed": line.proposed.number if line.proposed else None,
        "owner": one.owner.username if one.owner else "",
        "standing": one.standing,
        "calls": line.calls,
        "last_at": line.last_at,
        "used_by": [
            UseOut(consumer=use.consumer, calls=use.calls, last_at=use.last_at) for use in line.uses
        ],
        "deprecated_at": one.deprecated_at,
        "ends_at": line.ends_at,
        "drifts": len(line.drifts),
    }


def _drift(drift: Drift, seen: Scope) -> DriftOut:
    told = contracts.told(drift.sentence) or contracts.Difference(drift.sentence)
    return DriftOut(
        id=drift.pk,
        text=masked_text(str(told)),
        place=told.place,
        expected=told.expected,
        found=masked_text(told.found),
        first_seen_at=drift.first_seen_at,
        last_seen_at=drift.last_seen_at,
        samples=drift.samples,
        held=StakeOut.of(registry.stake(drift, seen)),
    )
