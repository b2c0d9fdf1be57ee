"""Processes over the API: the figures of the pages, by the same queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Field, Path, Router, Schema

from controltower.measures import paths, promises, walks
from controltower.measures.exposure import Scope, Stake, reporting_currency
from controltower.measures.promises import PromiseLine
from controltower.processes import catalogue
from controltower.web.api_access import caller, require_entity
from controltower.web.api_words import Amount, Text

router = Router()


class StakeOut(Schema):
    """So many transactions and their value in the reporting currency."""

    count: int
    value: Amount

    @classmethod
    def of(cls, stake: Stake) -> StakeOut:
        """From a measure."""
        return cls(count=stake.count, value=Amount.of(stake.amount, reporting_currency()))


class ProcessOut(Schema):
    """A process against its promise over the caller's last 30 days. `slowest_tenth_seconds`, the
    time that nine in ten stay below, is true to 4 %."""

    name: str
    title: str
    owner_role: str
    promise_seconds: int
    slowest_tenth_seconds: int | None
    ended: int
    kept: int
    stuck: StakeOut


class StageOut(Schema):
    """A stage: how many of the latest are past it, and what stands there now."""

    name: str
    title: str
    past: int
    typical_seconds: float | None
    share_of_time: float = Field(description="0 to 1, of all the time that the latest took.")
    standing: StakeOut
    stuck: StakeOut


class VariantOut(Schema):
    """A way that some of the latest took to their end."""

    count: int
    state: str
    steps: list[str]
    not_needed: list[str]
    more_than_one_try: list[str]


class ProcessDetail(ProcessOut):
    """`latest` is how many of the latest transactions the stages and variants tell of."""

    latest: int
    stages: list[StageOut]
    variants: list[VariantOut]


@router.get("/processes", response=list[ProcessOut], summary="Processes and their promises")
def processes(request: HttpRequest, entity: Text | None = None) -> list[ProcessOut]:
    """The one with the least slack first."""
    seen = _scope(request, entity)
    return [_line(line) for line in promises.promises(seen, timezone.now())]


@router.get("/processes/{name}", response=ProcessDetail, summary="One process, stage by stage")
def process(
    request: HttpRequest, name: Annotated[Text, Path()], entity: Text | None = None
) -> ProcessDetail:
    """Stages in their order, variants the commonest first."""
    seen = _scope(request, entity)
    try:
        one = catalogue.named(name)
    except KeyError:
        raise Http404 from None
    walked = walks.walks(seen, one)
    return ProcessDetail(
        **_line(promises.promise(seen, one, timezone.now())).dict(),
        latest=len(walked),
        stages=[_stage(stage) for stage in paths.stages(seen, one, walked)],
        variants=[_variant(way) for way in walks.variants(walked)],
    )


def _scope(request: HttpRequest, entity: str | None) -> Scope:
    person = caller(request)
    require_entity(person, entity)
    return Scope(person, entity or "")


def _line(line: PromiseLine) -> ProcessOut:
    slowest = line.slowest_tenth
    return ProcessOut(
        name=line.name,
        title=line.title,
        owner_role=line.owner_role,
        promise_seconds=line.promise // timedelta(seconds=1),
        slowest_tenth_seconds=None if slowest is None else slowest // timedelta(seconds=1),
        ended=line.ended,
        kept=line.kept,
        stuck=StakeOut.of(line.stuck),
    )


def _stage(stage: paths.StageLine) -> StageOut:
    return StageOut(
        name=stage.name,
        title=stage.title,
        past=stage.passed,
        typical_seconds=None if stage.typical is None else stage.typical.total_seconds(),
        share_of_time=stage.share,
        standing=StakeOut.of(stage.standing),
        stuck=StakeOut.of(stage.stuck),
    )


def _variant(way: walks.Variant) -> VariantOut:
    return VariantOut(
        count=way.count,
        state=way.state,
        steps=list(way.steps),
        not_needed=list(way.skipped),
        more_than_one_try=list(way.again),
    )
