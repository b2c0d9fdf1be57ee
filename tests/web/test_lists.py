"""Lists: what narrows them stands in their address, as do the columns and their order; views and
files hold to both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import DjangoDbBlocker

from controltower.incidents import watch
from controltower.incidents.models import Channel, Message, MessageState
from controltower.systems.models import System
from controltower.transactions import interfaces
from controltower.web import columns, exception_filters
from controltower.web.demo.runbooks import agree_runbooks
from tests import factories
from tests.factories import Firm, signed_in
from tests.kept import kept
from tests.web.files import rows_of

pytestmark = pytest.mark.django_db
ROWS = {
    "transactions": ("/tx/", "Transaction"),
    "exceptions": ("/exceptions/", "Cause"),
    "incidents": ("/incidents/", "Incident"),
    "jobs": ("/jobs/", "Job"),
}


@pytest.fixture(scope="module")
def filled(founded: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Something in each list."""
    with kept(django_db_blocker):
        firm = factories.at_work()
        bills = factories.stuck_bills(firm, 2)
        firm.plan(*bills, by=firm.otto)
        watch.report(subject="system:erp", title="The ERP is away", now=firm.now)
        yield


@pytest.fixture
def busy(filled: None, firm: Firm) -> Firm:
    return firm


def heads(page: str) -> list[str]:
    (head,) = re.findall(r"<thead>(.*?)</thead>", page, re.DOTALL)
    return re.findall(r"<th[^>]*>(.*?)</th>", head)


def body(client: Any, url: str) -> str:
    answer = client.get(url, follow=True)
    assert answer.status_code == 200, url
    text: str = answer.content.decode()
    return text


@pytest.mark.parametrize("page", ROWS)
def test_columns_are_chosen_and_ordered_by_the_address(busy: Firm, page: str) -> None:
    client, (url, lead), layout = signed_in(busy.otto), ROWS[page], columns.LAYOUTS[page]
    usual = [str(one.word) for one in layout.usual]
    assert heads(body(client, url)) == [lead, *usual]
    first, second = layout.columns[-1], layout.columns[0]
    asked = f"{url}?columns={first.name},{second.name}"
    shown = body(client, asked)
    assert heads(shown) == [lead, str(first.word), str(second.word)]
    row = re.findall(r"<tr [^>]*data-row>.*?</tr>", shown, re.DOTALL)[0]
    assert row.count("<td") == 2
    assert heads(body(client, f"{url}?columns=nothing")) == [lead, *usual]


@pytest.mark.parametrize("page", ROWS)
def test_columns_are_put_in_places_by_a_form(busy: Firm, page: str) -> None:
    client, layout = signed_in(busy.otto), columns.LAYOUTS[page]
    names = [one.name for one in layout.usual]
    form = {"page": page, "query": "sort=newest&after=7", names[0]: "2", names[1]: "1"}
    answer = client.post("/views/columns/", form)
    wanted = quote(f"{names[1]},{names[0]}", safe="")
    assert answer["Location"] == f"{ROWS[page][0]}?columns={wanted}&sort=newest"
    whole = {name: str(place) for place, name in enumerate(names, start=1)}
    answer = client.post("/views/columns/", form | whole)
    assert answer["Location"] == f"{ROWS[page][0]}?sort=newest", "as it always is"
    answer = client.post("/views/columns/", {"page": page, "query": ""}, follow=True)
    assert "A list needs a column. Nothing was changed." in answer.content.decode()
    assert client.post("/views/columns/", {"page": "tower"}).status_code == 404


@pytest.mark.parametrize("page", ROWS)
def test_a_file_has_the_columns_of_its_address(busy: Firm, page: str) -> None:
    client, layout = signed_in(busy.otto), columns.LAYOUTS[page]
    last = layout.columns[-1]
    route = f"/exports/{page}/?columns={last.name},{layout.columns[0].name}"
    told = rows_of(client, route)
    cells = [*layout.lead, *last.cells, *layout.columns[0].cells]
    assert told and list(told[0]) == list(dict.fromkeys(cells))
    assert len(rows_of(client, f"/exports/{page}/")) == len(told)


def test_a_view_holds_its_columns(busy: Firm) -> None:
    client = signed_in(busy.otto)
    query = "columns=value%2Cstate"
    client.post("/views/", {"name": "Short", "page": "jobs", "query": query})
    (line,) = client.get("/views/", {"page": "jobs"}).context["views"]["lines"]
    assert (line.url, line.rows.count) == (f"/jobs/?{query}", 1)
    assert heads(body(client, line.url)) == ["Job", "Value", "State"]


def counted(client: Any, url: str) -> int:
    return body(client, url).count("data-row")


@pytest.mark.parametrize(
    ("url", "few", "none"),
    [
        ("/jobs/", "q=Brandt&mine=1", "state=running"),
        ("/exceptions/", "q=tax code&system=tryton", "system=own"),
        ("/measures/", "target=none", "target=met"),
        ("/incidents/", "q=erp away&severity=high", "q=nobody"),
        ("/systems/", "q=tryton", "q=abacus"),
        ("/interfaces/", "q=invoice", "q=abacus"),
        ("/mappings/", "q=invoice", "q=abacus"),
        ("/runbooks/", "q=tax code&state=approved", "state=rejected"),
        ("/messages/", "q=late&channel=slack&state=sent", "q=abacus"),
    ],
)
def test_each_list_is_narrowed_by_its_address(busy: Firm, url: str, few: str, none: str) -> None:
    interfaces.count(now=busy.now)
    interfaces.follow(now=busy.now + timedelta(minutes=20))
    agree_runbooks(busy.now)
    Message.objects.create(
        name="late", person=busy.otto, channel=Channel.SLACK, to="otto", due_at=busy.now,
        subject="It is late", text="Look.",
        state=MessageState.SENT, created_at=busy.now, sent_at=busy.now,
    )  # fmt: skip
    client = signed_in(busy.otto)
    whole, some = counted(client, url), counted(client, f"{url}?{few}")
    assert 0 < some <= whole
    assert counted(client, f"{url}?{none}") == 0
    page = body(client, f"{url}?{none}")
    assert "No match." in page and "Clear 1 filter" in page
    assert counted(client, f"{url}?{none.split('=', maxsplit=1)[0]}=") == whole, "nothing is asked"


def test_causes_are_narrowed_by_when_they_fall_due(busy: Firm) -> None:
    client = signed_in(busy.otto)
    found = {due: counted(client, f"/exceptions/?due={due}") for due in exception_filters.LATENESS}
    assert sorted(found.values()) == [0, 0, counted(client, "/exceptions/")]
    assert counted(client, "/exceptions/?due=tomorrow") == 0
    assert rows_of(client, "/exports/exceptions/?system=own") == []


@pytest.mark.parametrize(("url", "tab"), [("/exceptions/", "mine"), ("/incidents/", "to_review")])
def test_tabs_keep_the_columns_and_leave_what_narrows_behind(
    busy: Firm, url: str, tab: str
) -> None:
    page = body(signed_in(busy.otto), f"{url}?columns=value&q=erp&tab={tab}")
    assert f'href="{url}?columns=value"' in page, "the first tab"
    assert f'href="{url}?tab={tab}&amp;columns=value"' in page


def test_rows_alone_say_how_many_filters_are_set(busy: Firm) -> None:
    """What htmx puts in the place of the rows has the link beside them."""
    answer = signed_in(busy.otto).get("/tx/?state=stuck", headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert '<form class="filters"' not in page
    assert page.count('id="clear-filters"') == 1 and "Clear 1 filter" in page
    assert body(signed_in(busy.otto), "/tx/?state=stuck").count('id="clear-filters"') == 1


@pytest.mark.parametrize("url", ["/jobs/", "/incidents/", "/systems/", "/runbooks/", "/messages/"])
def test_a_filter_without_sense_finds_nothing(busy: Firm, url: str) -> None:
    name = "severity" if url == "/incidents/" else "state"
    assert counted(signed_in(busy.otto), f"{url}?{name}=purple") == 0


def test_files_are_narrowed_like_their_pages(busy: Firm) -> None:
    client = signed_in(busy.otto)
    systems = System.objects.filter(active=True).count()
    assert len(rows_of(client, "/exports/systems/")) == systems
    (one,) = rows_of(client, "/exports/systems/?q=tryton")
    assert one["system"] == "Tryton ERP"
    assert rows_of(client, "/exports/jobs/?state=running") == []
    assert rows_of(client, "/exports/incidents/?q=nobody") == []
    fields = rows_of(client, "/exports/mappings/?kind=money")
    assert fields and {row["money"] for row in fields} == {"yes"}


def test_clients_that_look_alike_are_looked_for(busy: Firm) -> None:
    page = body(signed_in(busy.anna), "/customers/?q=nobody")
    assert "No match." in page
