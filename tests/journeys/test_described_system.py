"""A CRM that no code of ours knows, connected by its description alone, wins a deal."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from controltower.systems.models import Description, Feed, System
from controltower.transactions.models import InboundEvent, Step, Transaction
from controltower.transactions.protocol import State
from tests.integrations.doors import ControlDoor, Town
from tests.integrations.test_described import EXAMPLE
from tests.journeys.tower import DEAL, Tower
from tests.web.doorway import post

NAME = "SANDBOX_FERNHILL_DESK_"
ADMINISTRATOR, APPROVER = "amara.osei", "anna.lindqvist"


@pytest.fixture
def desk(tower: Tower, town: Town, monkeypatch: pytest.MonkeyPatch) -> ControlDoor:
    """Described, asked and put in force by two people, as `docs/new-system.md` says."""
    monkeypatch.setenv(f"{NAME}URL", town.urls["fernhill_desk"])
    for name, value in town.secrets["fernhill_desk"].items():
        monkeypatch.setenv(NAME + name.upper(), value)
    told = StringIO()
    describe(approved_by=APPROVER, stdout=told)
    assert "good: Signing in" in told.getvalue()
    assert "fernhill-desk v1 is in force" in told.getvalue()
    return town.controls["fernhill_desk"]


def describe(**more: Any) -> None:
    """The command, with the documentation's example."""
    call_command("describe_system", str(EXAMPLE), by=ADMINISTRATOR, **more)


def linked(tower: Tower, deal: Transaction) -> Step:
    """Play until the customer's number stands in the desk and was read back from there."""
    link = deal.steps.get(name="client-link")

    def verified() -> bool:
        tower.impatient()
        link.refresh_from_db()
        return link.state == State.VERIFIED

    tower.play(verified)
    return link


def test_its_won_deal_makes_the_customer_and_writes_the_number_out(
    tower: Tower, desk: ControlDoor
) -> None:
    """The answer to the write is lost on the way: it is asked for, and was done once."""
    desk.order("commit_then_drop", count=1, operation="write /v2/accounts/*")
    draft = str(desk.do("draft_deal")["id"])
    won = str(desk.do("win_deal", label="Harbour advisory", account="3")["id"])
    deal = tower.of("opportunity", won, DEAL)
    assert deal.title == "Harbour advisory"
    link = linked(tower, deal)
    assert link.system is not None
    assert link.system.slug == "fernhill-desk"
    assert link.mapping_version is not None
    assert link.mapping_version.mapping.slug == "customer-number-to-crm-for-fernhill-desk"
    number = deal.steps.get(name="customer").values["code"]
    assert link.values["erp_code"] == number
    sent = link.attempts.filter(purpose="send")
    assert {attempt.payload["ledger_no"] for attempt in sent} == {number}
    assert not InboundEvent.objects.filter(subject=f"opportunity:{draft}").exists()


def test_its_signed_message_begins_the_transaction_that_its_list_would(
    tower: Tower, desk: ControlDoor
) -> None:
    Feed.objects.filter(system__slug="fernhill-desk").delete()
    desk.do("subscribe", url="http://127.0.0.1:9/")
    won = str(desk.do("win_deal", account="3")["id"])
    message = next(one for one in reversed(desk.sent()) if f'"id":"{won}"' in one["body"])
    headers = {name.lower(): value for name, value in message["headers"].items()}
    body, path = message["body"].encode(), "/inbound/fernhill-desk/"
    assert post(body, headers, path=path).status_code == 202
    assert post(body, headers, path=path).status_code == 200
    assert post(body.replace(b"18400", b"98400"), headers, path=path).status_code == 401
    assert tower.of("opportunity", won, DEAL).counterparty
    assert InboundEvent.objects.filter(subject=f"opportunity:{won}").count() == 1


def test_the_firms_other_crm_goes_on_and_one_person_alone_changes_nothing(
    tower: Tower, desk: ControlDoor
) -> None:
    with pytest.raises(CommandError, match="may not put it in force"):
        describe(approved_by=ADMINISTRATOR)
    assert Description.objects.get(state="active").number == 1
    deal = tower.set_up()
    link = deal.steps.get(name="link")
    assert link.system == System.objects.get(slug="salesforce")
    assert link.mapping_version is not None
    assert link.mapping_version.mapping.slug == "deal-links-to-crm"
