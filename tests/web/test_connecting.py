"""A system with a connector of ours is connected on pages, by two people, until facts flow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from controltower.firm.models import AuditEntry, LegalEntity
from controltower.incidents import asking
from controltower.systems import connected
from controltower.systems.models import Agreement, Description, Feed, Route, System
from controltower.web.setup_form import Setup, beginning
from tests.factories import Firm, found, signed_in
from tests.web.conftest import PLAIN

pytestmark = pytest.mark.django_db
NEW, PAGE = "/systems/new/bamboohr/", "/systems/bamboohr/descriptions/v1/"
KANTATA = next(one for one in connected.descriptors() if one.name == "kantata")
SECRET = "b4mb00-a-secret-that-was-typed"
FORM = {
    "title": "BambooHR",
    "slug": "bamboohr",
    "base_url": "https://larkfield.bamboohr.com",
    "region": "US",
    "secrets.api_key": "env:SYSTEM_BAMBOOHR_API_KEY",
    "options.lookback_days": "14",
    "limits.calls_per_second": "10",
    "limits.concurrency": "4",
    "limits.deadline_seconds": "20",
    "feeds.resource": "on",
    "feeds.resource.every_seconds": "300",
    "feeds.resource.since": "now",
    "feeds.absence.every_seconds": "900",
    "feeds.absence.since": "now",
}


@pytest.fixture
def firm(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Firm:
    """A firm whose machine allows the host and has the variable; nobody can be reached."""
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN}}
    settings.SYSTEM_HOSTS = ["larkfield.bamboohr.com"]
    monkeypatch.setenv("SYSTEM_BAMBOOHR_API_KEY", "a key that no page shows")
    return found()


def amara(firm: Firm) -> Client:
    return signed_in(firm.amara)


def propose(firm: Firm, **changes: Any) -> Any:
    form = FORM | {name.replace("__", "."): value for name, value in changes.items()}
    return amara(firm).post(NEW, {name: value for name, value in form.items() if value is not None})


def test_a_connection_is_kept_and_put_in_force_by_another(firm: Firm) -> None:
    assert propose(firm)["Location"] == PAGE
    assert not System.objects.filter(slug="bamboohr").exists(), "a proposal changes nothing"
    page = signed_in(firm.anna).get(PAGE).content.decode()
    assert "env:SYSTEM_BAMBOOHR_API_KEY" in page and "Resource master sync" in page
    answer = signed_in(firm.anna).post(f"{PAGE}decisions/")
    assert answer["Location"] == "/systems/bamboohr/"
    system = System.objects.get(slug="bamboohr")
    assert (system.role, system.domain, system.connection) == ("hris", "HRIS", "bamboohr")
    assert system.options == {"lookback_days": 14}
    assert (system.region, system.concurrency) == ("US", 4)
    feed = Feed.objects.get(system=system)
    assert (feed.entity, feed.every_seconds) == ("resource", 300)
    assert feed.since is not None and feed.since <= timezone.now()
    said = AuditEntry.objects.values_list("verb", "actor", "subject", "allowed")
    assert ("connect system", "amara.osei", "bamboohr v1", True) in said
    assert ("put connection in force", "anna.lindqvist", "bamboohr v1", True) in said


def test_who_proposed_it_puts_nothing_in_force(firm: Firm) -> None:
    propose(firm)
    firm.amara.duties.create(role="controller")
    page = amara(firm).post(f"{PAGE}decisions/", follow=True).content.decode()
    assert "Who proposed a connection may not put it in force." in page
    assert not System.objects.filter(slug="bamboohr").exists()
    denied = AuditEntry.objects.filter(verb="put connection in force", allowed=False)
    assert denied.get().actor == "amara.osei"


def test_whoever_is_asked_is_told_what_is_to_be_connected(firm: Firm) -> None:
    propose(firm)
    asking.follow(now=timezone.now())
    assert "Connection of BambooHR, version 1" in signed_in(firm.anna).get("/").content.decode()


def test_a_connection_may_be_refused_with_its_reason(firm: Firm) -> None:
    propose(firm)
    anna = signed_in(firm.anna)
    assert "A refusal says why." in anna.post(f"{PAGE}refusals/", {}, follow=True).content.decode()
    page = anna.post(f"{PAGE}refusals/", {"reason": "It is the wrong account."}, follow=True)
    assert "refused by Anna Lindqvist" in page.content.decode()
    assert "It is the wrong account." in page.content.decode()
    again = anna.post(f"{PAGE}decisions/", follow=True).content.decode()
    assert "bamboohr v1 is refused already." in again
    assert not System.objects.filter(slug="bamboohr").exists()
    assert AuditEntry.objects.get(verb="refuse connection").actor == "anna.lindqvist"
    assert propose(firm)["Location"] == "/systems/bamboohr/descriptions/v2/"


def test_who_proposed_a_connection_may_withdraw_it_and_nobody_else(firm: Firm) -> None:
    propose(firm)
    refused = signed_in(firm.anna).post(f"{PAGE}withdrawals/", follow=True).content.decode()
    assert "Only who wrote a version may withdraw it." in refused
    assert AuditEntry.objects.get(verb="withdraw connection").allowed is False
    page = amara(firm).post(f"{PAGE}withdrawals/", follow=True).content.decode()
    assert "Withdrawn. Nothing is called by it." in page
    assert "Put in force" not in signed_in(firm.anna).get(PAGE).content.decode()
    late = signed_in(firm.anna).post(f"{PAGE}decisions/", follow=True).content.decode()
    assert "bamboohr v1 is withdrawn already." in late


@pytest.mark.parametrize("end", ["refusals", "withdrawals"])
def test_a_change_that_nothing_came_of_is_not_where_the_next_one_begins(
    firm: Firm, end: str
) -> None:
    in_force(firm)
    propose(firm, options__lookback_days="21", feeds__resource=None)
    second = PAGE.replace("v1", "v2")
    assert 'value="21"' in amara(firm).get(f"{NEW}?from=bamboohr").content.decode(), "it waits"
    who = firm.anna if end == "refusals" else firm.amara
    signed_in(who).post(f"{second}{end}/", {"reason": "It is the wrong account."})
    page = amara(firm).get(f"{NEW}?from=bamboohr").content.decode()
    assert 'value="14"' in page and 'value="21"' not in page


def test_an_earlier_version_in_force_again_is_where_a_change_begins(firm: Firm) -> None:
    propose(firm)
    propose(firm, options__lookback_days="21")
    for number in (2, 1):
        signed_in(firm.anna).post(PAGE.replace("v1", f"v{number}") + "decisions/")
    assert 'value="14"' in amara(firm).get(f"{NEW}?from=bamboohr").content.decode()


def test_a_first_connection_that_was_refused_may_be_mended(firm: Firm) -> None:
    propose(firm, options__lookback_days="21")
    signed_in(firm.anna).post(f"{PAGE}refusals/", {"reason": "That is far too long."})
    assert 'value="21"' in amara(firm).get(f"{NEW}?from=bamboohr").content.decode()


def test_whoever_is_asked_is_asked_of_what_stands(firm: Firm) -> None:
    def asked() -> list[str]:
        asking.follow(now=timezone.now())
        return [ask.title for ask in asking.waiting_for(firm.anna, timezone.now())]

    propose(firm)
    assert asked() == ["Connection of BambooHR, version 1"]
    propose(firm, options__lookback_days="21")
    assert asked() == ["Connection of BambooHR, version 2"]
    amara(firm).post(PAGE.replace("v1", "v2") + "withdrawals/")
    assert asked() == ["Connection of BambooHR, version 1"]


def test_a_secret_that_was_typed_is_not_kept_and_not_sent_back(
    firm: Firm, caplog: pytest.LogCaptureFixture
) -> None:
    answer = propose(firm, secrets__api_key=SECRET)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "is no reference, and was not kept" in page
    assert SECRET not in page and SECRET not in caplog.text
    assert not Description.objects.exists()
    assert SECRET not in str(list(AuditEntry.objects.values_list("detail", "subject")))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_url": "https://169.254.169.254"}, "CONTROLTOWER_SYSTEM_HOSTS"),
        ({"base_url": "https://larkfield.bamboohr.com/path"}, "https://&lt;company&gt;.bamboohr"),
        ({"base_url": "env:SYSTEM_TRYTON_URL"}, "must begin with SYSTEM_BAMBOOHR_"),
        ({"secrets__api_key": "env:SECRET_KEY"}, "must begin with SYSTEM_BAMBOOHR_"),
        ({"secrets__webhook_key": "env:SANDBOX_TRYTON_PASSWORD"}, "SYSTEM_BAMBOOHR_"),
        ({"slug": "tryton"}, "is Tryton ERP already"),
        ({"slug": "Bamboo HR"}, "small letters"),
        ({"options__lookback_days": "many"}, "Enter a number"),
        ({"feeds__resource__since": "day"}, "Say since which day."),
        ({"secrets__api_key": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(
    firm: Firm, changes: Mapping[str, Any], said: str
) -> None:
    answer = propose(firm, **changes)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said.lower() in page.lower()
    assert "Nothing was kept" in page
    assert not Description.objects.exists()


def test_only_an_administrator_connects(firm: Firm) -> None:
    answer = signed_in(firm.otto).post(NEW, FORM)
    assert answer.status_code == 422
    assert "Only the administrator may do this." in answer.content.decode()
    assert not Description.objects.exists()


def test_testing_says_what_is_not_set_and_asks_nobody(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYSTEM_BAMBOOHR_API_KEY")
    propose(firm)
    page = amara(firm).post(f"{PAGE}tests/", follow=True).content.decode()
    assert "SYSTEM_BAMBOOHR_API_KEY is not set on this machine" in page
    assert "Signing in" not in page


def test_testing_a_host_that_is_not_there_says_what_to_do(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYSTEM_BAMBOOHR_URL", "http://127.0.0.1:9")
    propose(firm, base_url="env:SYSTEM_BAMBOOHR_URL")
    page = amara(firm).post(f"{PAGE}tests/", follow=True).content.decode()
    assert "No connection to 127.0.0.1:9" in page
    assert "Check the address, and that this machine may reach it." in page
    assert "a key that no page shows" not in page


def in_force(firm: Firm, **changes: Any) -> System:
    number = Description.objects.filter(slug="bamboohr").count() + 1
    assert propose(firm, **changes).status_code == 302
    signed_in(firm.anna).post(PAGE.replace("v1", f"v{number}") + "decisions/")
    return System.objects.get(slug="bamboohr")


def test_a_change_keeps_where_a_feed_has_come_to(firm: Firm) -> None:
    system = in_force(firm)
    system.feeds.update(cursor="as far as this")
    System.objects.update(refused_at=timezone.now(), refusal="wrong key")
    began = system.feeds.get().since
    system = in_force(
        firm, secrets__api_key="env:SYSTEM_BAMBOOHR_NEW_KEY", feeds__resource__since="start",
        feeds__resource__every_seconds="60",
    )  # fmt: skip
    feed = system.feeds.get()
    assert (feed.cursor, feed.every_seconds, feed.since) == ("as far as this", 60, began)
    assert system.refused_at is None, "it signs in otherwise now"
    states = Description.objects.order_by("number").values_list("state", flat=True)
    assert list(states) == [Agreement.RETIRED, Agreement.ACTIVE]
    in_force(firm, feeds__resource=None)
    assert not Feed.objects.filter(system=system).exists(), "the feed has ended"


def test_a_system_is_retired_by_two(firm: Firm) -> None:
    in_force(firm)
    answer = amara(firm).post("/systems/bamboohr/retirements/")
    second = PAGE.replace("v1", "v2")
    assert answer["Location"] == second
    assert System.objects.get(slug="bamboohr").active
    assert "called no more" in signed_in(firm.anna).get(second).content.decode()
    signed_in(firm.anna).post(f"{second}decisions/")
    system = System.objects.get(slug="bamboohr")
    assert not system.active and not system.feeds.exists()
    assert in_force(firm).active, "and it may come back"


def test_what_it_takes_of_a_part_that_is_played_is_a_route(firm: Firm) -> None:
    in_force(firm)
    uk = LegalEntity.objects.get(code="LF-UK")
    form = FORM | {
        "slug": "bamboo-uk", "title": "Bamboo UK", "takes.company": "LF-UK",
        "secrets.api_key": "env:SYSTEM_BAMBOO_UK_KEY",
        "takes.from": f"{timezone.now() + timedelta(days=7):%Y-%m-%d}",
    }  # fmt: skip
    assert amara(firm).post(NEW, form).status_code == 302
    signed_in(firm.anna).post("/systems/bamboo-uk/descriptions/v1/decisions/")
    routes = set(Route.objects.filter(role="hris").values_list("company", "system__slug"))
    assert routes == {(None, "bamboohr"), (uk.pk, "bamboo-uk")}


def test_the_door_shows_all_and_what_is_missing(firm: Firm) -> None:
    page = amara(firm).get("/systems/new/").content.decode()
    for one in connected.descriptors():
        assert one.title in page and f"/systems/new/{one.name}/" in page
    assert "Describe a system" in page and "played already" in page
    assert "Spend to project cost needs" in page
    assert "Opportunity to project needs" not in page, "CRM, PSA and ERP are there"
    System.objects.filter(role="psa").update(active=False)
    page = amara(firm).get("/systems/new/").content.decode()
    assert "Opportunity to project needs CRM, ERP and PSA; there is CRM and ERP." in page


@pytest.mark.parametrize("one", connected.descriptors(), ids=lambda one: one.name)
def test_every_connector_has_a_form_that_says_what_it_was_told(one: Any, firm: Firm) -> None:
    """Filled in as it begins, and as an example: it can be proposed, and shows the same again."""
    assert amara(firm).get(f"/systems/new/{one.name}/").status_code == 200
    first = {name: value for name, value in beginning(one, None).items() if value is not False}
    options = {f"options.{o.name}": "x" for o in one.needs.options if o.required}
    own = one.name.upper()
    filled = first | options | {"base_url": f"env:SYSTEM_{own}_URL"}
    filled |= {f"options.{o.name}": f"env:SYSTEM_{own}_X" for o in one.needs.options if o.usual}
    form = Setup(filled, descriptor=one, is_new=True, routes=False)
    assert form.is_valid(), form.errors
    document = form.document
    said = connected.read(document)
    assert said.system.role == one.needs.plays
    assert {feed.entity for feed in said.feeds} == set(one.needs.feeds)
    again = beginning(one, document)
    form = Setup({k: v for k, v in again.items() if v not in (False, None)},
                 descriptor=one, is_new=False, routes=False)  # fmt: skip
    assert form.is_valid(), form.errors
    assert form.document == document


def test_what_a_form_says_stands_there_again(firm: Firm) -> None:
    propose(firm, feeds__resource__since="day", feeds__resource__day="2026-11-01")
    document = Description.objects.get().document
    page = amara(firm).get(f"{NEW}?from=bamboohr").content.decode()
    assert 'value="14"' in page and 'value="2026-11-01"' in page
    assert 'value="env:SYSTEM_BAMBOOHR_API_KEY"' in page
    assert document["feeds"] == {"resource": {"every_seconds": 300, "since": "2026-11-01"}}


def test_a_day_is_since_when_a_feed_is_read(firm: Firm) -> None:
    in_force(firm, feeds__resource__since="day", feeds__resource__day="2026-11-01")
    assert Feed.objects.get(system__slug="bamboohr").since == datetime(2026, 11, 1, tzinfo=UTC)


def test_steps_that_waited_for_a_part_go_on(firm: Firm) -> None:
    System.objects.filter(role="psa").update(active=False)
    deal = firm.deal()
    step = deal.steps.get(name="project")
    assert (step.state, step.system) == ("parked", None)
    form = {
        name: value
        for name, value in beginning(KANTATA, None).items()
        if value not in (False, None)
    }
    form |= {"secrets.token": "env:SYSTEM_KANTATA_TOKEN", "base_url": "env:SYSTEM_KANTATA_URL"}
    assert amara(firm).post("/systems/new/kantata/", form).status_code == 302
    signed_in(firm.anna).post("/systems/kantata/descriptions/v1/decisions/")
    step.refresh_from_db()
    assert step.state != "parked"
    assert step.system is None or step.system.slug == "kantata"


def test_a_long_ago_proposal_is_checked_once_more(firm: Firm, settings: Settings) -> None:
    propose(firm)
    settings.SYSTEM_HOSTS = []
    page = signed_in(firm.anna).post(f"{PAGE}decisions/", follow=True).content.decode()
    assert "CONTROLTOWER_SYSTEM_HOSTS" in page
    assert not System.objects.filter(slug="bamboohr").exists()


@pytest.mark.parametrize("order", [("slack", "coupa", "bamboohr"), ("bamboohr", "slack", "coupa")])
def test_on_an_empty_tower_any_system_may_be_the_first(firm: Firm, order: tuple[str, ...]) -> None:
    Route.objects.all().delete()
    System.objects.all().delete()
    for name in order:
        one = next(one for one in connected.descriptors() if one.name == name)
        begun = beginning(one, None).items()
        form = {field: value for field, value in begun if value not in (False, None)}
        form |= {"base_url": f"env:SYSTEM_{name.upper()}_URL"}
        assert amara(firm).post(f"/systems/new/{name}/", form).status_code == 302
        signed_in(firm.anna).post(f"/systems/{name}/descriptions/v1/decisions/")
    parts = set(System.objects.values_list("slug", "role"))
    assert parts == {("slack", "chat"), ("coupa", "spend"), ("bamboohr", "hris")}
    page = amara(firm).get("/systems/").content.decode()
    assert "workflows wait for systems" in page
    assert "Opportunity to project needs CRM, ERP and PSA; there is none of them." in page


def test_two_systems_of_one_sign_in_share_it_and_others_do_not(firm: Firm) -> None:
    salesforce = System.objects.get(slug="salesforce")
    System.objects.filter(slug="certinia").update(active=False, role="gone")
    certinia = next(one for one in connected.descriptors() if one.name == "certinia")
    begun = beginning(certinia, None) | {
        "slug": "psa-org", "base_url": salesforce.base_url,
        "secrets.client_id": salesforce.secrets["client_id"],
        "secrets.client_secret": salesforce.secrets["client_secret"],
    }  # fmt: skip
    form = {field: value for field, value in begun.items() if value not in (False, None)}
    assert amara(firm).post("/systems/new/certinia/", form).status_code == 302
    signed_in(firm.anna).post("/systems/psa-org/descriptions/v1/decisions/")
    assert System.objects.get(slug="psa-org").connection == salesforce.connection
    answer = propose(firm, slug=salesforce.connection)
    assert "“salesforce-org” is how Certinia signs in." in answer.content.decode()


def test_records_that_are_read_keep_their_capitals_in_german(firm: Firm) -> None:
    client = amara(firm)
    client.cookies["django_language"] = "de"
    page = client.get("/systems/new/salesforce/").content.decode()
    assert "Kunde ohne Nummer" in page
