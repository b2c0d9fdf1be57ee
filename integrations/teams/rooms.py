"""A team as the room of a project: its name is our reference, its description tells people why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from controltower.canonical.verdicts import Done, Outcome, Rejected
from controltower.canonical.verdicts import Kind as Reason
from integrations.connector import Key
from integrations.graph import ROOT, content_of
from integrations.http import Answer
from integrations.shape import Row, flag, moment, required, text

LONGEST_NAME, LONGEST_PURPOSE = 256, 1024
_STANDARD = "https://graph.microsoft.com/v1.0/teamsTemplates('standard')"
_LINK = re.compile(r"https?://[^\s<>]+")
_USERS = "https://graph.microsoft.com/v1.0/users"


def room(row: Row) -> dict[str, Any]:
    """A team in canonical words. Raises Drift."""
    return {
        "source_id": required(row, "id"),
        "name": required(row, "displayName"),
        "purpose": text(row, "description"),
        "archived": flag(row, "isArchived"),
        "url": required(row, "webUrl"),
    }


def shown(answer: Answer, outcome: Outcome = Outcome.READ) -> Done:
    """The team that an answer tells of. Raises Drift."""
    row = content_of(answer)
    values = room(row)
    return Done(
        ref=values["source_id"],
        outcome=outcome,
        version=version_of(row),
        values=values,
        exchange=answer.exchange,
    )


def version_of(row: Row) -> str:
    """When the team was made: Graph tells nothing of later. Raises Drift."""
    return moment(row, "createdDateTime").isoformat()


def key_of(row: Row) -> Key:
    """What reconciliation compares. Raises Drift."""
    return Key(required(row, "id"), required(row, "displayName"), version_of(row))


def unfit(record: Mapping[str, Any]) -> Rejected | None:
    """Why Teams would not take a room, or None."""
    name, purpose = str(record.get("name") or ""), str(record.get("purpose") or "")
    if not name or len(name) > LONGEST_NAME:
        text = f"A team's name has from 1 to {LONGEST_NAME} characters."
        return Rejected(kind=Reason.VALIDATION, text=text)
    if len(purpose) > LONGEST_PURPOSE:
        text = f"A team's description has no more than {LONGEST_PURPOSE} characters."
        return Rejected(kind=Reason.VALIDATION, text=text)
    return None


def ordered(name: str, purpose: str, owner: str) -> dict[str, Any]:
    """A team as it is ordered from the standard template. An application must name an owner."""
    member = {
        "@odata.type": "#microsoft.graph.aadUserConversationMember",
        "roles": ["owner"],
        "user@odata.bind": f"{_USERS}('{owner}')",
    }
    return {
        "template@odata.bind": _STANDARD,
        "displayName": name,
        "description": purpose,
        "visibility": "private",
        "members": [member],
    }


def named(name: str) -> str:
    """Where the teams of a name are asked for."""
    literal = name.replace("'", "''")
    return f"{ROOT}/teams?$filter={quote(f'displayName eq {chr(39)}{literal}{chr(39)}')}"


def notice(words: str) -> dict[str, Any]:
    """A message as Graph takes it, with its lines and links; no sign of ours is read as markup."""
    lines = _LINK.sub(r'<a href="\g<0>">\g<0></a>', escape(words)).replace("\n", "<br>")
    return {"body": {"contentType": "html", "content": lines}}
