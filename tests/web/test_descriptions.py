"""A new system is described, asked and put in force on pages, by two people."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Response

from controltower.canonical.events import CanonicalEvent
from controltower.canonical.records import Resource
from controltower.firm.models import AuditEntry
from controltower.mappings import asking
from controltower.mappings.models import Mapping, MappingVersion
from controltower.measures.checks import events
from controltower.measures.checks.finding import Span
from controltower.systems import contracts
from controltower.systems.models import Agreement, Description, Feed, Route, System
from controltower.transactions import intake
from controltower.transactions.models import InboundEvent
from tests.factories import Firm, found, signed_in
from tests.integrations.test_described import example
from tests.web.conftest import PLAIN

pytestmark = pytest.mark.django_db
NAME = "SANDBOX_FERNHILL_DESK_"
NEW = "/systems/new/described/"
PAGE = "/systems/fernhill-desk/descriptions/v1/"


@pytest.fixture
def firm(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Firm:
    """The desk's variables are set on this machine; nothing listens at its address."""
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN}}
    monkeypatch.setenv(f"{NAME}URL", "http://127.0.0.1:9")
    monkeypatch.setenv(f"{NAME}API_KEY", "the key that no page shows")
    monkeypatch.setenv(f"{NAME}WEBHOOK_KEY", "the other key that no page shows")
    return found()


def person(firm: Firm, name: str) -> Client:
    return signed_in(type(firm.anna).objects.get(username=name))


def keep(client: Client, **changes: Any) -> Any:
    document = json.dumps(example() | changes)
    return client.post(NEW, {"document": document})


def test_a_description_is_kept_and_put_in_force_by_another(firm: Firm) -> None:
    answer = keep(person(firm, "amara.osei"))
    assert answer["Location"] == PAGE
    assert not System.objects.filter(slug="fernhill-desk").exists(), "a proposal changes nothing"
    answer = person(firm, "anna.lindqvist").post(f"{PAGE}decisions/")
    assert answer["Location"] == "/systems/fernhill-desk/"
    system = System.objects.get(slug="fernhill-desk")
    assert system.secrets == {
        "secret": f"env:{NAME}API_KEY",
        "webhook": f"env:{NAME}WEBHOOK_KEY",
    }
    assert list(Feed.objects.filter(system=system).values_list("entity", flat=True)) == [
        "opportunity"
    ]
    assert Route.objects.get(role="crm").system.slug == "salesforce"
    own = Mapping.objects.get(slug="deal-links-to-crm-for-fernhill-desk")
    version = MappingVersion.objects.get(mapping=own)
    assert (version.state, version.reviews.count()) == ("active", 1)
    verbs = AuditEntry.objects.values_list("verb", "actor", "allowed")
    assert ("describe system", "amara.osei", True) in verbs
    assert ("put description in force", "anna.lindqvist", True) in verbs


def test_the_next_version_retires_the_one_before(firm: Firm) -> None:
    amara, anna = person(firm, "amara.osei"), person(firm, "anna.lindqvist")
    keep(amara)
    anna.post(f"{PAGE}decisions/")
    assert "Fernhill Desk" in amara.get(f"{NEW}?from=fernhill-desk").content.decode()
    keep(amara, title="Fernhill Desk 2")
    anna.post(PAGE.replace("v1", "v2") + "decisions/")
    states = Description.objects.order_by("number").values_list("state", flat=True)
    assert list(states) == [Agreement.RETIRED, Agreement.ACTIVE]
    assert System.objects.get(slug="fernhill-desk").title == "Fernhill Desk 2"
    assert MappingVersion.objects.filter(mapping__slug__endswith="fernhill-desk").count() == 2


def test_the_next_version_begins_with_what_stands(firm: Firm) -> None:
    amara, anna = person(firm, "amara.osei"), person(firm, "anna.lindqvist")
    keep(amara)
    anna.post(f"{PAGE}decisions/")
    keep(amara, title="Fernhill Desk 2")
    begins = f"{NEW}?from=fernhill-desk"
    assert "Fernhill Desk 2" in amara.get(begins).content.decode()
    amara.post(PAGE.replace("v1", "v2") + "withdrawals/")
    assert "Fernhill Desk 2" not in amara.get(begins).content.decode()
    assert "Fernhill Desk" in amara.get(begins).content.decode()


DEAL = {
    "id": "D-1", "label": "Claims platform", "house": "LF-DE", "stage": "Won", "terms": "hourly",
    "account": {"id": "C-1", "label": "Meridian Harbour Health"}, "closed_on": "2026-11-20",
    "value": {"amount": "48200.00", "money": "EUR"}, "project_ref": None, "ledger_no": None,
    "updated_at": "2026-11-20T14:05:00Z",
}  # fmt: skip


@pytest.mark.breaks("I9")
def test_what_an_earlier_version_read_still_follows_from_its_bytes(firm: Firm) -> None:
    """Though the one in force reads them otherwise, or cannot; what none has read does not."""
    amara, anna = person(firm, "amara.osei"), person(firm, "anna.lindqvist")
    keep(amara)
    anna.post(f"{PAGE}decisions/")
    raw = json.dumps(DEAL).encode()
    desk = System.objects.get(slug="fernhill-desk")
    (record,) = contracts.readings(desk, "opportunity", raw)
    event = CanonicalEvent(
        id="D-1", type="opportunity.won", source="fernhill-desk/opportunity", subject="D-1",
        time=firm.now, version="1", record=record,
    )  # fmt: skip
    intake.receive(facts=[(raw, event)], signature="polled", now=firm.now)
    for number, houses in ((2, {"LF-DE": "LF-UK"}), (3, {"Leipzig": "LF-DE"})):
        keep(amara, resources=_with(houses))
        anna.post(PAGE.replace("v1", f"v{number}") + "decisions/")
        assert Description.objects.get(state=Agreement.ACTIVE).number == number
        assert not events.re_derivable(Span(firm.now)).breaches
    told = InboundEvent.objects.get()
    InboundEvent.objects.update(record=told.record | {"entity": "LF-US"})
    assert "entity cannot be derived" in events.re_derivable(Span(firm.now)).breaches[0]


def _with(houses: dict[str, str]) -> Any:
    """The desk's resources, its deals' companies read by these values."""
    deals, *others = example()["resources"]
    rule = {"label": "Legal entity", "source": "house", "target": "entity", "rule": "value_map",
            "values": houses, "required": True}  # fmt: skip
    fields = [rule if one["target"] == "entity" else one for one in deals["fields"]]
    return [deals | {"fields": fields}, *others]


def test_who_wrote_it_puts_nothing_in_force(firm: Firm) -> None:
    amara = firm.anna.__class__.objects.get(username="amara.osei")
    amara.duties.create(role="controller")
    client = signed_in(amara)
    keep(client)
    page = client.post(f"{PAGE}decisions/", follow=True).content.decode()
    assert "Who wrote a description may not put it in force." in page
    assert Description.objects.get().state == Agreement.PROPOSED
    assert AuditEntry.objects.filter(verb="put description in force", allowed=False).exists()


def test_only_an_administrator_describes(firm: Firm) -> None:
    answer = keep(person(firm, "otto.brandt"))
    assert answer.status_code == 422
    assert "Only the administrator may do this." in answer.content.decode()
    assert not Description.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_url": "http://169.254.169.254"}, "CONTROLTOWER_SYSTEM_HOSTS"),
        ({"base_url": "env:SYSTEM_OTHER_URL"}, "not set on this machine"),
        ({"role": "oracle"}, "there is no part “oracle”"),
        ({"health": "v2/ping"}, "health:"),
        (
            {"signs_in": {"by": "header", "secret": "env:SYSTEM_TRYTON_PASSWORD"}},
            "must begin with SYSTEM_FERNHILL_DESK_",
        ),
        (
            {"signs_in": {"by": "header", "secret": "env:SECRET_KEY"}},
            "name the variable that holds it",
        ),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_kept(
    firm: Firm, changes: dict[str, Any], said: str
) -> None:
    answer = keep(person(firm, "amara.osei"), **changes)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page.replace("&#x27;", "'")
    assert "Nothing was kept" in page
    assert not Description.objects.exists()


def test_what_cannot_be_is_said_at_once_but_for_its_form(firm: Firm) -> None:
    webhook = example()["webhook"] | {"kinds": {"deal": "nothing"}}
    answer = keep(
        person(firm, "amara.osei"), webhook=webhook, role="oracle", base_url="https://desk.example"
    )
    page = answer.content.decode()
    for fault in ("is no resource with an event", "there is no part “oracle”", "desk.example is"):
        assert fault in page


def test_a_write_that_nobody_would_ask_for_is_named(firm: Firm) -> None:
    deals, *others = example()["resources"]
    writes = [deals["writes"][0] | {"verb": "create"}, *deals["writes"][1:]]
    answer = keep(person(firm, "amara.osei"), resources=[deals | {"writes": writes}, *others])
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "nobody asks a system to “create” opportunity. Known are: update." in page


def test_a_host_that_the_machine_allows_may_be_described(firm: Firm, settings: Settings) -> None:
    settings.SYSTEM_HOSTS = ["desk.example"]
    answer = keep(person(firm, "amara.osei"), base_url="https://desk.example")
    assert answer.status_code == 302


def test_text_that_is_no_json_is_refused(firm: Firm) -> None:
    answer = person(firm, "amara.osei").post(
        "/systems/new/described/", {"document": '{"slug": 1, '}
    )
    assert answer.status_code == 422
    assert not Description.objects.exists()


def test_asking_says_what_came_of_it_and_shows_no_secret(firm: Firm) -> None:
    amara = person(firm, "amara.osei")
    keep(amara)
    page = amara.post(f"{PAGE}tests/", follow=True).content.decode()
    assert "Signing in" in page
    assert "No connection to 127.0.0.1:9" in page
    assert "that no page shows" not in page
    assert f"env:{NAME}API_KEY" in page
    assert not System.objects.filter(slug="fernhill-desk").exists()


def test_who_decides_sees_what_came_of_asking_and_what_else_stands(firm: Firm) -> None:
    amara, anna = person(firm, "amara.osei"), person(firm, "anna.lindqvist")
    keep(amara)
    assert "Nobody has asked the system" in anna.get(PAGE).content.decode()
    amara.post(f"{PAGE}tests/")
    page = anna.get(PAGE).content.decode()
    assert "Asked by Amara Osei" in page and "not all was good" in page
    callum = person(firm, "callum.reid").get(PAGE).content.decode()
    assert "not all was good" in callum and "Asked by" not in callum, "it names all companies'"
    keep(amara, title="Fernhill Desk 2")
    assert "fernhill-desk v2 is newer and waits as well." in anna.get(PAGE).content.decode()
    anna.post(PAGE.replace("v1", "v2") + "decisions/")
    assert "fernhill-desk v2 is newer and in force" in anna.get(PAGE).content.decode()


def test_what_people_are_called_is_not_kept_with_what_came_of_asking() -> None:
    told = CanonicalEvent(
        id="R-1", type="resource.changed", source="desk/resource", subject="R-1", version="1",
        time=timezone.now(), record=Resource(source_id="R-1", name="Thea Sommer"),
    )  # fmt: skip
    assert asking.called(told) == "R-1"


@pytest.mark.parametrize(
    ("amount", "said"),
    [("48,200", "A row cannot be read"), ("4820000", "Claims platform")],
)
def test_asking_looks_on_until_a_list_shows_something(
    firm: Firm, monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer, amount: str, said: str
) -> None:
    """What is not meant for us fills the first page; a row that cannot be read is a fault."""
    monkeypatch.setenv(f"{NAME}URL", httpserver.url_for("").rstrip("/"))
    talks = [
        DEAL | {"id": f"T-{n}", "stage": "Talking", "updated_at": _minutes_ago(60 - n)}
        for n in range(6)
    ]
    won = DEAL | {"value": {"amount": amount, "money": "EUR"}, "updated_at": _minutes_ago(9)}
    pages = {"": {"data": talks, "paging": {"next": "2"}}, "2": {"data": [won], "paging": {}}}
    httpserver.expect_request("/v2/ping").respond_with_json({})
    httpserver.expect_request("/v2/deals").respond_with_handler(
        lambda request: Response(json.dumps(pages[request.args.get("after", "")]),
                                 content_type="application/json")
    )  # fmt: skip
    amara = person(firm, "amara.osei")
    keep(amara, resources=_in_cents())
    page = amara.post(f"{PAGE}tests/", follow=True).content.decode()
    assert said in page


def _minutes_ago(count: int) -> str:
    return (timezone.now() - timedelta(minutes=count)).isoformat(timespec="seconds")


def _in_cents() -> Any:
    """The desk's resources, its deals' amounts in cents."""
    deals, *others = example()["resources"]
    fields = [
        one | {"form": "minor", "currency": "value.money"} if one["target"] == "amount" else one
        for one in deals["fields"]
    ]
    return [deals | {"fields": fields}, *others]
