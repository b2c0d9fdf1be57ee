"""A client is the same in the CRM, the ERP and the PSA, whoever changes it, and owners decide."""

from __future__ import annotations

import json
import urllib.request
from itertools import count
from typing import Any

import pytest
from django.utils import timezone

from controltower.incidents import triage
from controltower.systems.models import Circuit, System
from controltower.transactions import duplicates
from controltower.transactions.models import InboundEvent, Step, Transaction, TransactionState
from tests.journeys.tower import Tower

SYNC = "customer-master-sync"
VERIFIED = TransactionState.VERIFIED
_names = count(1)


class Clients:
    """Clients as the CRM, the ERP's books and the PSA have them."""

    def __init__(self, tower: Tower) -> None:
        self.tower = tower

    def customer(self, **fields: Any) -> str:
        """A new client who has bought: the CRM's id, once all sides have been compared."""
        client = self.open(**fields)
        self.tower.set_up(client=client)
        self.synced(client)
        return client

    def open(self, **fields: Any) -> str:
        """A new client in the CRM."""
        number = next(_names)
        given = {
            "Name": f"Sync {number} Werke GmbH",
            "BillingStreet": "Deichtor 19",
            "BillingCity": f"Syncstadt {number}",
            "BillingPostalCode": "28195",
            "BillingCountryCode": "DE",
            "Billing_Contact_Name__c": "Jannis Feddersen",
            "Billing_Contact_Email__c": f"accounts@sync-{number}.example",
        }
        opened = self.tower.org.control.do("open_client", entity="LF-DE", **given | fields)
        return str(opened["client"])

    def change(self, client: str, **fields: Any) -> None:
        self.tower.correct("Account", client, **fields)

    def synced(self, client: str, besides: int = 0) -> Transaction:
        """The newest change of a client, carried through."""
        return self.tower.until(self.change_of("client", client, besides), VERIFIED)

    def change_of(self, kind: str, value: str, besides: int = 0) -> Transaction:
        """The newest transaction of a client or a customer, once there are more than so many."""
        mine = Transaction.objects.filter(
            process=SYNC, keys__kind=kind, keys__value=value
        ).order_by("-started_at")
        self.tower.play(lambda: mine.count() > besides)
        return mine[0]

    def in_erp(self, code: str) -> dict[str, Any]:
        url = f"{self.tower.erp.control.url}/api/books/customers?code={code}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            (found,) = json.load(answer)["customers"]
        return dict(found)

    def code_of(self, client: str) -> str:
        return str(self.shown(client)["erp_code"])

    def shown(self, client: str) -> dict[str, Any]:
        """The client as the CRM shows it, read by a transaction of its own."""
        step = Step.objects.filter(
            transaction__process=SYNC, transaction__keys__value=client, name="client"
        )
        return dict(step.latest("done_at").values)

    def quiet(self) -> None:
        """Until nothing is told any more: what was written came back and nothing followed."""
        for _ in range(5):
            self.tower.impatient()
            self.tower.beat()
        live = Transaction.objects.live().filter(process=SYNC)
        self.tower.play(lambda: not live.exists())


@pytest.fixture
def clients(tower: Tower) -> Clients:
    return Clients(tower)


def test_what_the_crm_owns_reaches_the_erp_and_does_not_loop(clients: Clients) -> None:
    client = clients.customer()
    clients.change(client, Name="Umbenannt & Söhne GmbH", Billing_Contact_Name__c="Thea Marquardt")
    changed = clients.synced(client, besides=1)
    code = clients.code_of(client)
    assert clients.in_erp(code)["name"] == "Umbenannt & Söhne GmbH"
    assert changed.steps.get(name="erp-1").values["contact_name"] == "Thea Marquardt"
    assert changed.steps.get(name="psa").values["invoiced_as"] == f"{code} Umbenannt & Söhne GmbH"
    clients.quiet()
    came_back = InboundEvent.objects.filter(
        source="tryton/customer", record__erp_code=code, reason__contains="tower itself wrote"
    )
    clients.tower.play(came_back.exists)
    assert Transaction.objects.filter(process=SYNC, keys__value=code).count() == 2


def test_a_change_that_is_taken_back_is_carried_through_as_well(clients: Clients) -> None:
    client = clients.customer()
    code = clients.code_of(client)
    name = clients.in_erp(code)["name"]
    clients.change(client, Name="Versehentlich umbenannt GmbH")
    clients.synced(client, besides=1)
    assert clients.in_erp(code)["name"] == "Versehentlich umbenannt GmbH"
    clients.change(client, Name=name)
    clients.synced(client, besides=2)
    assert clients.in_erp(code)["name"] == name
    clients.quiet()
    assert Transaction.objects.filter(process=SYNC, keys__value=client).count() == 3


def test_what_the_erp_owns_reaches_the_crm_and_the_psa(clients: Clients) -> None:
    client = clients.customer()
    code = clients.code_of(client)
    clients.tower.erp.control.do(
        "change_customer", code=code, payment_term="NET14", credit_hold=True, street="Neuer Weg 1"
    )
    told = clients.change_of("customer", code, besides=1)
    clients.tower.until(told, VERIFIED)
    written = told.steps.get(name="crm").values
    assert (written["payment_term"], written["credit_hold"]) == ("NET14", True)
    assert written["street"] == "Neuer Weg 1"
    assert told.steps.get(name="psa").values["credit_hold"] is True
    assert told.steps.get(name="erp-1").state == "skipped"
    clients.quiet()
    assert Transaction.objects.filter(process=SYNC, keys__value=code).count() == 2


def test_who_does_not_own_a_field_is_overruled_and_told(clients: Clients) -> None:
    client = clients.customer()
    code = clients.code_of(client)
    clients.change(client, BillingStreet="Marktstraße 1")
    changed = clients.synced(client, besides=1)
    assert changed.steps.get(name="crm").values["street"] == "Deichtor 19"
    (words,) = changed.steps.get(name="choose").values["overruled"]
    assert "Salesforce shows another value for the street (“Marktstraße 1”" in words
    assert "Tryton ERP owns it, and Anna Lindqvist answers for it" in words
    assert changed.timeline.filter(text__contains="Tryton ERP owns it").exists()
    name = clients.in_erp(code)["name"]
    clients.tower.erp.control.do("change_customer", code=code, name="Vom Buchhalter umbenannt")
    told = clients.change_of("customer", code, besides=2)
    clients.tower.until(told, VERIFIED)
    assert clients.in_erp(code)["name"] == name
    assert "Salesforce owns it" in told.steps.get(name="choose").values["overruled"][0]
    clients.quiet()
    assert Transaction.objects.filter(process=SYNC, keys__value=code).count() == 3


def test_a_number_that_is_erased_in_the_crm_is_written_again_and_told(clients: Clients) -> None:
    client = clients.customer()
    code = clients.code_of(client)
    for besides in (1, 2):
        clients.change(client, ERP_Customer_Code__c="")
        told = clients.synced(client, besides=besides)
        assert told.steps.get(name="crm").values["erp_code"] == code
        (words,) = told.steps.get(name="choose").values["overruled"]
        assert words == f"The client's number was erased in the CRM; {code} stands."
    clients.quiet()
    assert clients.in_erp(code)["name"] == clients.shown(client)["name"]
    assert Transaction.objects.filter(process=SYNC, keys__value=client).count() == 3


def test_a_client_under_the_number_of_another_is_never_taken_for_it(clients: Clients) -> None:
    client, other = clients.customer(), clients.customer()
    code, others = clients.code_of(client), clients.code_of(other)
    names = {number: clients.in_erp(number)["name"] for number in (code, others)}
    clients.change(client, ERP_Customer_Code__c=others)
    told = clients.synced(client, besides=1)
    assert told.steps.get(name="crm").values["erp_code"] == code
    (words,) = told.steps.get(name="choose").values["overruled"]
    assert f"another value for the customer number (“{others}”; “{code}” stands)" in words
    clients.quiet()
    assert {number: clients.in_erp(number)["name"] for number in names} == names


def test_the_erp_is_down_in_the_middle(clients: Clients) -> None:
    client = clients.customer()
    code = clients.code_of(client)
    clients.tower.erp.control.order("down")
    clients.change(client, Name="Währenddessen umbenannt AG")
    changed = clients.change_of("client", client, besides=1)

    def held_back() -> bool:
        return System.objects.get(slug="tryton").circuit == Circuit.OPEN

    clients.tower.play(held_back)
    assert changed.steps.get(name="duplicates").state == "verified"
    clients.change(client, Name="Noch einmal umbenannt AG")
    clients.tower.erp.control.clear()
    clients.tower.until(changed, VERIFIED)
    clients.quiet()
    assert clients.in_erp(code)["name"] == "Noch einmal umbenannt AG"
    assert clients.shown(client)["name"] == "Noch einmal umbenannt AG"


def test_a_subsidiary_is_invoiced_through_its_parent(clients: Clients) -> None:
    parent = clients.customer()
    child = clients.open(ParentId=parent, Billed_By_Parent__c=True)
    deal = clients.tower.set_up(client=child)
    code = clients.code_of(parent)
    assert deal.steps.get(name="customer").values["code"] == code
    told = clients.synced(child)
    assert told.steps.get(name="psa").values["invoiced_as"].startswith(code)
    name = clients.in_erp(code)["name"]
    clients.change(child, Name="Tochter GmbH")
    clients.synced(child, besides=1)
    assert clients.in_erp(code)["name"] == name


def test_a_possible_duplicate_is_a_decision_and_is_remembered(clients: Clients) -> None:
    first = clients.customer(BillingCity="Doppelstadt", Name="Zwilling & Co. KG")
    twin = clients.open(BillingCity="Doppelstadt", Name="ZWILLING & CO KG")
    clients.tower.set_up(client=twin)
    waiting = clients.change_of("client", twin)
    stuck = clients.tower.stuck(waiting)
    assert (stuck.name, stuck.kind) == ("duplicates", "duplicate")
    assert "Zwilling & Co. KG, Doppelstadt (the same name and city)" in stuck.text
    assert not waiting.steps.filter(sent_at__isnull=False, verb="update").exists()
    steward = clients.tower.person("lena.weil")
    (pair,) = [one for one in duplicates.waiting(steward) if twin in one.ids]
    now = timezone.now()
    duplicates.decide(ids=pair.ids, survivor="", reason="Two sites.", by=steward, now=now)
    clients.tower.until(waiting, VERIFIED)
    clients.change(twin, Billing_Contact_Name__c="Ruth Ainscough")
    clients.synced(twin, besides=1)
    merged = duplicates.decide(
        ids=pair.ids, survivor=first, reason="One after all.", by=steward, now=timezone.now()
    )
    assert merged.survivor == first
    clients.change(twin, Billing_Contact_Name__c="Ole Fährmann")
    carried = clients.synced(twin, besides=2)
    written = carried.steps.get(name="crm").values
    assert (written["merged_into"], written["erp_code"]) == (first, clients.code_of(first))
    deal = clients.tower.set_up(client=twin)
    assert deal.steps.get(name="customer").values["code"] == clients.code_of(first)


def merged(clients: Clients, left: str, gone: str) -> Transaction:
    """The CRM merges two clients; the change of the one that is gone."""
    clients.tower.org.control.do("merge", object="Account", id=left, gone=gone)
    return clients.change_of("client", gone, besides=1)


def test_a_client_that_is_merged_in_the_crm_leaves_its_customer_to_the_other(
    clients: Clients,
) -> None:
    gone, left = clients.customer(), clients.open()
    code = clients.code_of(gone)
    told = clients.tower.until(merged(clients, left, gone), VERIFIED)
    written = told.steps.get(name="crm")
    assert (written.ref, written.values["erp_code"]) == (left, code)
    assert {told.steps.get(name=name).state for name in ("erp-1", "psa")} == {"skipped"}
    clients.quiet()
    clients.change(left, Name="Übriggeblieben AG")
    clients.synced(left)
    assert clients.in_erp(code)["name"] == "Übriggeblieben AG"
    deal = clients.tower.set_up(client=left)
    assert deal.steps.get(name="customer").values["code"] == code


def test_which_customer_of_two_merged_clients_stands_is_a_decision(clients: Clients) -> None:
    gone, left = clients.customer(), clients.customer()
    codes = {clients.code_of(one) for one in (gone, left)}
    waiting = merged(clients, left, gone)
    stuck = clients.tower.stuck(waiting)
    assert (stuck.name, stuck.kind) == ("duplicates", "duplicate")
    assert all(code in stuck.text for code in codes)
    steward = clients.tower.person("lena.weil")
    (pair,) = [one for one in duplicates.waiting(steward) if gone in one.ids]
    assert (pair.why, set(pair.ids)) == ("merged in the CRM", {gone, left})
    now = timezone.now()
    duplicates.decide(ids=pair.ids, survivor=left, reason="One.", by=steward, now=now)
    clients.tower.until(waiting, VERIFIED)
    assert not waiting.steps.filter(sent_at__isnull=False, verb="update").exists()
    clients.quiet()
    assert clients.in_erp(clients.code_of(left))["name"] == clients.shown(left)["name"]


def test_a_client_that_is_deleted_needs_somebody_until_it_is_restored(clients: Clients) -> None:
    client = clients.customer()
    clients.tower.org.control.do("delete", object="Account", id=client)
    waiting = clients.change_of("client", client, besides=1)
    stuck = clients.tower.stuck(waiting)
    assert (stuck.name, stuck.kind) == ("duplicates", "conflict")
    assert f"customer {clients.code_of(client)}" in stuck.text
    clients.tower.org.control.do("undelete", object="Account", id=client)
    clients.tower.until(waiting, VERIFIED)


def set_back(clients: Clients, client: str, besides: int) -> Transaction:
    """A rule of the CRM sets its own street again, though the ERP owns it, once what we wrote there
    was told."""
    clients.quiet()
    clients.change(client, BillingStreet="Regelweg 9")
    return clients.change_of("client", client, besides)


@pytest.mark.parametrize("decision", ["let_stand", "write_again"])
def test_a_value_that_is_set_back_each_time_is_a_decision(clients: Clients, decision: str) -> None:
    client = clients.customer()
    for besides in (1, 2, 3):
        told = clients.tower.until(set_back(clients, client, besides), VERIFIED)
        assert told.steps.get(name="crm").values["street"] == "Deichtor 19"
    waiting = set_back(clients, client, 4)
    stuck = clients.tower.stuck(waiting)
    assert (stuck.name, stuck.kind, stuck.field) == ("choose", "conflict", "overwritten")
    assert "Salesforce has set the street back 3 times" in stuck.text
    assert "“Regelweg 9”; the tower wrote “Deichtor 19”" in stuck.text
    steward = clients.tower.person("lena.weil")
    triage.decide(
        transaction=waiting, decision=decision, by=steward, reason="Agreed.", now=timezone.now()
    )
    clients.tower.until(waiting, VERIFIED)
    written = decision == "write_again"
    assert waiting.steps.get(name="crm").state == ("verified" if written else "skipped")
    clients.change(client, Billing_Contact_Name__c="Ruth Ainscough")
    later = clients.synced(client, besides=5)
    assert later.steps.get(name="erp-1").values["contact_name"] == "Ruth Ainscough"
    assert clients.shown(client)["street"] == ("Deichtor 19" if written else "Regelweg 9")
    assert later.steps.get(name="crm").state == "skipped"
