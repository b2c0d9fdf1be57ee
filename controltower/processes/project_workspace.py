"""Project workspace: a project that was set up has a place for its papers and one for its people.

Project of ours told by the PSA → folder from the template in the document library → channel of the
project, whose purpose leads to the folder. Why this follows the project, and is no part of setting
it up: `docs/decisions/0020-a-workspace-follows-its-project.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from controltower.canonical.events import PROJECT_SET_UP, BusinessKey, CanonicalEvent
from controltower.canonical.records import Project
from controltower.processes import agreement, quote_to_cash
from controltower.processes.definition import (
    Entity,
    Facts,
    Opening,
    Prepared,
    Process,
    Send,
    StepDefinition,
)

LONGEST_NAME = 80
"""Of a folder: what people can still read, with room for what they put below it."""
LONGEST_PURPOSE = 250
_UNFIT = re.compile(r'["*:<>?/\\|\s]+')


def accepts(event: CanonicalEvent) -> bool:
    return isinstance(event.record, Project) and bool(event.record.external_id)


def open_workspace(event: CanonicalEvent, entities: Mapping[str, Entity], now: datetime) -> Opening:
    """No money is at stake in it; the project's own is counted where it is sold and billed."""
    project = event.record
    assert isinstance(project, Project)
    return Opening(
        title=f"Workspace of {project.name}",
        counterparty=project.customer_name,
        entity=project.entity if project.entity in entities else "",
        amount="0",
        currency=project.currency,
        keys=(BusinessKey("project", project.source_id),),
        due=now + PROCESS.promise,
    )


def make_folder(facts: Facts) -> Prepared:
    """Named by our reference, which finds it again, and the project's name, which tells people."""
    project = facts.subject
    name = f"{_mark(facts)} {_UNFIT.sub(' ', str(project['name']))}"
    record = {
        "name": name[:LONGEST_NAME].rstrip(" ."),
        "title": f"{project['customer_name']} – {project['name']}",
    }
    find = {"name": record["name"]}
    return Send(record=record, find=find, ordering=f"folder:{_mark(facts)}")


def open_room(facts: Facts) -> Prepared:
    """Named by our reference alone: no two projects share it, and chats are strict about names."""
    project, url = facts.subject, str(facts.result("folder").values.get("url") or "")
    name = _mark(facts).lower()
    record = {"name": name, "purpose": _purpose(str(project["name"]), url), "url": url}
    return Send(record=record, find={"name": name}, ordering=f"room:{name}")


def _mark(facts: Facts) -> str:
    """The project's external id in letters that every library and chat takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", str(facts.subject["external_id"]))


def _purpose(project: str, url: str) -> str:
    """What the channel is about; the way to the papers is never cut off in the middle."""
    if len(url) + 1 >= LONGEST_PURPOSE:
        return project[:LONGEST_PURPOSE]
    return f"{project[: LONGEST_PURPOSE - len(url) - 1]} {url}".strip()


def steps(_facts: Facts) -> tuple[StepDefinition, ...]:
    return (FOLDER, ROOM)


FOLDER = StepDefinition(
    name="folder",
    title="Copy the project's folder from its template",
    role="documents",
    entity="folder",
    verb="upsert",
    mapping="folder-to-documents",
    prepare=make_folder,
    differs=agreement.title_differs,
    owner_role="pmo_lead",
)
ROOM = StepDefinition(
    name="room",
    title="Open the project's channel",
    role="chat",
    entity="room",
    verb="upsert",
    needs=("folder",),
    mapping="room-to-chat",
    prepare=open_room,
    differs=agreement.room_differs,
    owner_role="pmo_lead",
)

PROCESS = Process(
    name="project-workspace",
    title="Project workspace",
    starts_on=(PROJECT_SET_UP,),
    promise=timedelta(hours=8),
    exposure="no workspace",
    stage="Project set up",
    owner_role="pmo_lead",
    accepts=accepts,
    open=open_workspace,
    steps=steps,
    reaches=quote_to_cash.WORKSPACE,
)
