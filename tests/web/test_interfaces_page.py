"""Interfaces over HTTP: the registry, a difference from first sight to replay, what runs out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from controltower.canonical.contracts import MISSING, VALUE, Difference
from controltower.firm.models import AuditEntry, Duty, Person
from controltower.incidents import drifting, expiring
from controltower.incidents.models import Incident
from controltower.systems import registry
from controltower.systems.models import (
    Credential,
    Drift,
    Feed,
    Interface,
    InterfaceUse,
    InterfaceVersion,
    System,
)
from controltower.transactions import intake
from controltower.transactions.models import ReplayPlan, Transaction
from integrations import shape
from tests.factories import Firm, found, signed_in
from tests.web.cast import token
from tests.web.files import rows_of

pytestmark = pytest.mark.django_db
PAGE = "/interfaces/"
NEW_VALUE = Difference(VALUE, "Status__c", "one of “Active”, “Closed”", "“Dormant”")


@pytest.fixture
def firm() -> Firm:
    return found()


def shown(person: Person, url: str) -> str:
    answer = signed_in(person).get(url)
    assert answer.status_code == 200, url
    return answer.content.decode()


def drifted(firm: Firm) -> tuple[Transaction, Drift, str]:
    """A German deal whose client the CRM tells of in a new way, and the difference's page."""
    deal = firm.deal(answers={"client": shape.Drift(NEW_VALUE).verdict()})
    drifting.follow(now=firm.now)
    drift = Drift.objects.get()
    return deal, drift, f"{PAGE}drift/{drift.pk}/"


def test_before_anything_is_known_the_page_says_so(firm: Firm) -> None:
    before = shown(firm.otto, PAGE)
    assert "No interface is known yet." in before and "No system tells us anything yet." in before
    assert "what was agreed." not in before
    registry.enter(now=firm.now)
    text = shown(firm.otto, PAGE)
    assert "Every system tells us what was agreed." in text
    assert "Nothing has passed yet" in text
    assert "No match." in shown(firm.otto, f"{PAGE}?show=drifted")
    assert signed_in(firm.otto).get(f"{PAGE}99999/").status_code == 404


def test_an_end_that_is_announced_shows_days_left_and_who_still_calls(firm: Firm) -> None:
    now, tryton = timezone.now(), System.objects.get(slug="tryton")
    one = registry.of(tryton, "invoice", "in", firm.now)
    Interface.objects.filter(pk=one.pk).update(
        deprecated_at=now - timedelta(days=10), sunset_at=now + timedelta(days=20, hours=1)
    )
    InterfaceUse.objects.create(
        interface=one, consumer="time-and-expense-to-billing", day=now.date(), calls=41, last_at=now
    )
    text = shown(firm.otto, f"{PAGE}{one.pk}/")
    assert "20 days left" in text
    assert "Still used by" in text
    assert "Time and expense to billing" in text
    listed = shown(firm.otto, f"{PAGE}?show=ending")
    assert "Ends soon" in listed
    assert "20 days left" in listed
    expiring.follow(now=now)
    incident = Incident.objects.get(subject__startswith="expiry:")
    assert incident.title.startswith("Tryton")
    assert "“invoice” on" in incident.title


def test_who_owns_it_is_kept_with_a_name(firm: Firm) -> None:
    one = registry.of(System.objects.get(slug="tryton"), "invoice", "out", firm.now)
    form = {"owner": firm.lena.pk, "standing": "strategic", "note": "For every billing process."}
    url = f"{PAGE}{one.pk}/owners/"
    signed_in(firm.anna).post(url, form)
    one.refresh_from_db()
    assert one.owner is None, "a controller edits no mapping, nor this"
    signed_in(firm.otto).post(url, form)
    kept = Interface.objects.get(pk=one.pk)
    assert (kept.owner, kept.standing) == (firm.lena, "strategic")
    entries = AuditEntry.objects.filter(verb="settle interface").order_by("id")
    assert [entry.allowed for entry in entries] == [False, True]
    assert "owned by Lena" in shown(firm.otto, f"{PAGE}{one.pk}/")


def test_a_difference_goes_from_first_sight_to_its_replay(firm: Firm) -> None:
    _deal, drift, url = drifted(firm)
    for page in (PAGE, url, f"{PAGE}{drift.interface_id}/"):
        assert "Dormant" in shown(firm.otto, page), page
    text = shown(firm.otto, url)
    assert "Nothing was taken from the answer" in text
    assert "48,200" in text
    assert "Before that they would meet it again." in text
    lena, anna, otto = signed_in(firm.lena), signed_in(firm.anna), signed_in(firm.otto)
    lena.post(f"{url}proposals/", {"stands_for": "Closed", "note": "They are closed."})
    version = InterfaceVersion.objects.get()
    decide = f"{PAGE}{drift.interface_id}/v{version.number}/decisions/"
    assert "must decide" in lena.get(url).content.decode()
    lena.post(decide, {"agree": "yes"})
    assert System.objects.get(slug="salesforce").terms == {}
    assert anna.post(decide, {"agree": "yes"})["Location"] == url
    assert System.objects.get(slug="salesforce").terms["customer"]["values"] == {
        "Status__c": {"Dormant": "Closed"}
    }
    assert "Plan the replay of all it holds" in otto.get(url).content.decode()
    cause = drifting.causes_of(drift).get()
    otto.post(f"/exceptions/{cause.pk}/replays/", {"all_matching": "1", "mapping": "now"})
    assert ReplayPlan.objects.get().items.count() == 1


def test_a_proposal_without_a_reason_or_value_changes_nothing(firm: Firm) -> None:
    _deal, _drift, url = drifted(firm)
    lena = signed_in(firm.lena)
    for form in ({}, {"note": "so"}, {"note": "so", "stands_for": ""}):
        lena.post(f"{url}proposals/", form)
    assert not InterfaceVersion.objects.exists()


def test_what_another_company_has_at_stake_is_not_told(firm: Firm) -> None:
    deal, _drift, url = drifted(firm)
    stranger = Person.objects.create(username="uk.only")
    entity = firm.deal(entity="LF-UK", currency="GBP").entity
    Duty.objects.create(person=stranger, role="controller", entity=entity)
    text = shown(stranger, url)
    assert deal.title not in text
    assert "Nothing stands still for it." in text
    assert "48,200" not in shown(stranger, PAGE)


def test_a_missing_field_may_be_agreed_on_and_an_odd_one_not(firm: Firm) -> None:
    registry.of(System.objects.get(slug="tryton"), "customer", "in", firm.now)
    for difference in (Difference(MISSING, "name"), Difference("is not JSON")):
        firm.deal(answers={"client": shape.Drift(difference).verdict()})
    drifting.follow(now=firm.now)
    gone, odd = Drift.objects.order_by("-sentence")
    page = shown(firm.lena, f"{PAGE}drift/{gone.pk}/")
    assert "Let the field be missing" in page
    record, system = gone.interface.entity.capitalize(), gone.interface.system.title
    assert f"{record} from {system} is not as agreed" in page
    assert "Nothing can be agreed about this here" in shown(firm.lena, f"{PAGE}drift/{odd.pk}/")


def test_the_file_has_the_rows_of_the_list(firm: Firm) -> None:
    drifted(firm)
    registry.enter(now=firm.now)
    rows = rows_of(signed_in(firm.otto), "/exports/interfaces/?show=drifted")
    assert [(row["record"], row["drifts"]) for row in rows] == [("customer", "1")]
    everything = rows_of(signed_in(firm.otto), "/exports/interfaces/")
    assert len(everything) == Interface.objects.count()


def test_over_the_api_a_difference_carries_what_it_holds(firm: Firm) -> None:
    _deal, drift, _url = drifted(firm)
    client, headers = Client(), token(firm.anna)
    listed = client.get("/api/v1/interfaces", headers=headers).json()
    assert [one["drifts"] for one in listed if one["id"] == drift.interface_id] == [1]
    one = client.get(f"/api/v1/interfaces/{drift.interface_id}", headers=headers).json()
    (difference,) = one["differences"]
    assert difference["place"] == "Status__c"
    assert difference["found"] == "“Dormant”"
    assert difference["held"]["count"] == 1
    assert client.get("/api/v1/interfaces/99999", headers=headers).status_code == 404


def test_a_credential_that_runs_out_is_warned_of_ahead(firm: Firm) -> None:
    now, tryton = timezone.now(), System.objects.get(slug="tryton")
    name = next(iter(tryton.secrets))
    amara, url = signed_in(firm.amara), "/systems/tryton/expiries/"
    day = (now + timedelta(days=20)).date().isoformat()
    for wrong in ({"name": "riddle", "expires_on": day}, {"name": name, "expires_on": "soon"}):
        amara.post(url, wrong)
    signed_in(firm.otto).post(url, {"name": name, "expires_on": day})
    assert not Credential.objects.exists()
    amara.post(url, {"name": name, "expires_on": day})
    assert Credential.objects.get().noted_by == firm.amara
    assert expiring.follow(now=now) == 1
    incident = Incident.objects.get()
    assert incident.title == f"{tryton.title}: “{name}” expires on {day}"
    assert incident.owner_role == "administrator"
    for page in (PAGE, "/systems/", "/systems/tryton/"):
        text = shown(firm.otto, page)
        assert name in text, page
        assert "20 days left" in text, page
    Credential.objects.update(expires_at=now + timedelta(days=300))
    assert expiring.follow(now=now) == 0
    assert Incident.objects.get().quiet_since == now


def test_rows_that_are_set_aside_stand_on_their_differences_page(firm: Firm) -> None:
    feed = Feed.objects.filter(system__slug="salesforce").first()
    assert feed is not None
    source = f"{feed.system.connection}/{feed.entity}"
    said = {"entity": "LF-DE", "amount": "48200.00", "currency": "EUR"}
    rows = [
        intake.Illegible(f"006X{number}", b"%d" % number, str(NEW_VALUE), said=said)
        for number in (1, 2)
    ]
    intake.set_aside(source=source, entity=feed.entity, unread=rows, now=firm.now)
    drifting.follow(now=firm.now)
    drift = Drift.objects.get()
    text = shown(firm.otto, f"{PAGE}drift/{drift.pk}/")
    assert "006X1" in text and "006X2" in text
    assert "96,400.00" in text
    assert "Rows set aside" in text
    assert "2 rows set aside" in shown(firm.otto, PAGE)
    assert "2 rows are set aside." in shown(firm.otto, f"{PAGE}{drift.interface.pk}/")
    feed.system.calls.create(
        at=timezone.now(), operation="changes", milliseconds=9, verdict="done", reached=True
    )
    System.objects.update(last_ok_at=timezone.now())
    assert shown(firm.otto, "/systems/").count("Not all read") == 1, "it is not healthy"
    page = shown(firm.otto, f"/systems/{feed.system.slug}/")
    assert "2 rows could not be read" in page and f"{PAGE}{drift.interface.pk}/" in page
