"""Reading changes nothing: every route that answers a GET, asked by every role."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from controltower import queues
from controltower.firm.models import ApiToken, Person, Role
from tests.factories import closed, in_doubt
from tests.web.crawl import Visitor, places, queries, verbs
from tests.web.test_matrix import OWN, House, house, routes, visitors

__all__ = ["house"]
pytestmark = pytest.mark.django_db

NOTED = {"django_session"}
"""What a request that reads may write all the same: a session, when it is signed in with or shows
a message. A token's last use is noted once a minute; here the next note is an hour away."""
UNREADY = {"ready", "api:api-root", "runbook", "language"}
"""No dispatcher runs in this test, the API's root is a name without a page, a runbook's address
leads on to its version in force, and a language is only chosen."""


def digests() -> Mapping[str, str]:
    """The content of every table, and of Redis, as one digest each."""
    with connection.cursor() as cursor:
        names = [
            one.name
            for one in connection.introspection.get_table_list(cursor)
            if one.type in {"t", "p"} and one.name not in NOTED
        ]
        found = {}
        for name in names:
            cursor.execute(
                f"SELECT md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) "
                f'FROM "{name}" t'
            )
            found[name] = cursor.fetchone()[0]
    return found | {"redis": _redis()}


def _redis() -> str:
    connected = queues.connection()
    kept = sorted((key, connected.dump(key)) for key in connected.scan_iter())
    return hashlib.sha256(repr(kept).encode()).hexdigest()


def test_reading_writes_nothing(house: House) -> None:
    firm = house.firm
    firm.bill(firm.deal(entity=OWN, currency="GBP"))
    firm.bill(firm.deal(), answers={"post": closed()})
    in_doubt(firm)
    people = {role: Visitor(person) for role, person in visitors().items()}
    everybody = people | {"the firm's": Visitor(firm.amara), "stranger": Visitor(None)}
    ApiToken.objects.update(last_used_at=timezone.now() + timedelta(hours=1))
    before, faults, read = digests(), [], set()
    for role, visitor in everybody.items():
        asked = places(house, OWN) + (queries(house, OWN) if role == Role.CONTROLLER else [])
        for name, address in asked:
            if visitor.read(name, address).status == 200:
                read.add(name)
        after = digests()
        faults += [(role, name) for name in before if before[name] != after[name]]
    assert faults == []
    assert {name for name, _route in routes() if "GET" in verbs(name)} - read == UNREADY


def test_a_writing_read_is_noticed(house: House) -> None:
    before = digests()
    Person.objects.filter(pk=house.firm.anna.pk).update(theme="dark")
    queues.connection().set("controltower:test", 1)
    after = digests()
    queues.connection().delete("controltower:test")
    assert {name for name in before if before[name] != after[name]} == {"firm_person", "redis"}
