"""Every page, fragment and answer of the API that can be read, by address.

The routes are those of the matrix: one that is added there is visited here by itself. `MORE` are
the query strings that make a route read something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.test import Client

from controltower.firm.models import Person
from controltower.web import exception_filters, tower
from tests.factories import signed_in
from tests.web.cast import token
from tests.web.test_matrix import POLICY, PUBLIC, READ, House, routes

MORE: dict[str, tuple[str, ...]] = {
    "exceptions": tuple(f"?tab={tab}" for tab in exception_filters.TABS),
    "incidents": ("?q={word}&columns=value,state",),
    "jobs": ("?q={word}&state=planned",),
    "interfaces": ("?q={word}",),
    "find": ("?q={reference}", "?q={word}", "?q={said}", "?q=a"),
    "transactions": (
        "?q={reference}",
        "?q={word}",
        "?stuck=1",
        "?state=open&lateness=in_time",
        "?cause={exceptions}",
        "?entity={code}",
        "?arrived=1&since=2020-01-01T00:00:00Z",
    ),
    "transaction": ("?part={reference}", "?part={reference}&step=draft"),
    "transaction_impact": ("?part={reference}",),
    "mapping_drafts": ("?from=1",),
    "api:transactions": ("?key={reference}", "?entity={code}", "?limit=1"),
    "api:exceptions": ("?entity={code}",),
}
CSRF = re.compile(rb'(name="csrfmiddlewaretoken" value=)"\w+"')
"""Another one in every form of every answer."""


@dataclass(frozen=True)
class Answer:
    """What came back, without what differs each time."""

    status: int
    body: bytes
    location: str


def verbs(name: str) -> frozenset[str]:
    """What a route answers to."""
    return READ if name in PUBLIC else POLICY[name].verbs


def places(house: House, *codes: str) -> list[tuple[str, str]]:
    """(name, address) of all that can be read about what companies have, once each."""
    return list(dict.fromkeys(one for code in codes for one in _paths(house, code)))


def _paths(house: House, code: str) -> Iterator[tuple[str, str]]:
    for name, route in routes():
        if name == "tower_region":
            yield from ((name, f"/tower/{region}/") for region in tower.REGIONS)
        elif "GET" in verbs(name):
            yield name, house.address(route, code)


def queries(house: House, *codes: str) -> list[tuple[str, str]]:
    """The same with the query strings that make a route read something else."""
    return [
        (name, path + query.format_map({"code": code, **house.things[code]}))
        for code in codes
        for name, path in places(house, code)
        for query in MORE.get(name, ())
    ]


class Visitor:
    """Somebody with a browser and an API token, or (None) a stranger with neither."""

    def __init__(self, person: Person | None) -> None:
        self.client: Client = signed_in(person) if person else Client()
        self.headers = token(person) if person else {}

    def read(self, name: str, address: str) -> Answer:
        """Ask for one address."""
        more: dict[str, Any] = {"headers": self.headers} if name.startswith("api:") else {}
        answer = self.client.get(address, **more)
        content = b"".join(answer) if answer.streaming else answer.content
        body = CSRF.sub(rb"\1", content)
        return Answer(answer.status_code, body, answer.get("Location", ""))
