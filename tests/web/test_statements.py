"""However many rows a page, a fragment or an answer of the API has, it asks the database as often:
each is read with a stuck transaction, a cause, an incident, a job and a view of two companies, and
again with more than twice as many."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controltower.firm.models import ApiToken, Role, Surge
from controltower.web import saved_views
from controltower.web.models import SavedView
from tests.factories import Firm, found
from tests.web.cast import person
from tests.web.crawl import Visitor, places, queries
from tests.web.test_matrix import OTHER, OWN, House, routes, thing

pytestmark = pytest.mark.django_db
WITH_ROWS = {"exception", "incident", "job", "transaction"}
EACH_A_LIST = {"views", "api:views", "api:keep_view"}
"""Views are counted, each by its own filters in its own list; the page shows them first."""
VALUES = re.compile(r"'[^']*'(?:::\w+)?|\b\d+\b|\?(?:, \?)+")


def test_no_page_asks_more_often_for_more_rows() -> None:
    firm = found()
    house = House(firm, {OWN: thing(firm, OWN, "draft") | {"decisions": "0"}})
    for number, step in enumerate(("customer", "draft")):  # two causes of one title
        more(firm, number, step)
    somebody = Visitor(firm.anna)
    where = addresses(house)
    asked(somebody, where)
    use_is_noted()
    before = asked(somebody, where)
    for number, step in enumerate(("project", "client-link", "link", "staffing-1"), 2):
        more(firm, number, step)
    after = asked(somebody, where)
    assert len(before) > 50
    grown = [
        f"{address} asked {before[address].total()}, then {told.total()}, most of it {most}"
        for address, told in after.items()
        if told.total() > before[address].total()
        for most, _times in (told - before[address]).most_common(1)
    ]
    assert not grown, "\n".join(grown)


def addresses(house: House) -> list[str]:
    """Every list and board, under each of its tabs, and what has rows of its own within."""
    lists = {name for name, route in routes() if "<" not in route} | WITH_ROWS
    known = [*places(house, OWN), *queries(house, OWN)]
    return [address for name, address in known if name in lists - EACH_A_LIST]


def asked(who: Visitor, where: Sequence[str]) -> dict[str, Counter[str]]:
    """What each address asks the database."""
    found: dict[str, Counter[str]] = {}
    for address in where:
        with CaptureQueriesContext(connection) as statements:
            who.read("api:" if address.startswith("/api/") else "", address)
        found[address] = Counter(shape(one["sql"]) for one in statements.captured_queries)
    return found


def shape(sql: str) -> str:
    """A statement without its values, which differ from row to row."""
    return VALUES.sub("?", sql)[:2000]


def use_is_noted() -> None:
    """The API's keys were used just now, however long this takes: that is noted once a minute."""
    ApiToken.objects.update(last_used_at=timezone.now() + timedelta(days=1))


def more(firm: Firm, number: int, step: str) -> None:
    """Another company's things, somebody new, and their view."""
    Surge.objects.filter(month="2026-01").update(month=f"2025-{number + 1:02d}")
    SavedView.objects.update(name=Concat("name", Value(f" {number}")))
    thing(firm, OTHER, step, name=f"Platform {number}")
    somebody = person(f"new.{number}", Role.STEWARD, OTHER)
    saved_views.keep(
        page="incidents", query="tab=mine", name="Mine", shared=True, mailed=False,
        by=somebody, now=firm.now,
    )  # fmt: skip
