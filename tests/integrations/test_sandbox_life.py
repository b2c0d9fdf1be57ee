"""The pretend firm lives plausibly, repeatably, and never ahead of the tower."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from aiohttp import ClientSession

from integrations.connector import Connection
from integrations.docusign.connector import DocuSignConnector
from integrations.sandbox import firm
from integrations.sandbox.control import Impossible
from integrations.sandbox.salesforce.life.dirt import DIRT
from integrations.sandbox.salesforce.life.firm_at_work import FirmAtWork
from integrations.sandbox.salesforce.life.orders import Orders
from integrations.sandbox.salesforce.life.pace import Pace
from integrations.sandbox.salesforce.life.settling import settle_in
from integrations.sandbox.salesforce.life.signing import Signing
from integrations.sandbox.salesforce.org import Org
from integrations.sandbox.salesforce.schema import OBJECTS
from integrations.sandbox.salesforce.store import Row, Store
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town


class Firm:
    """A pretend firm in a file, without any server."""

    def __init__(self, path: Path, seed: int = 7) -> None:
        self.store = Store(path)
        self.org = Org(self.store)
        chance = random.Random(seed)
        self.work = FirmAtWork(self.org, chance)
        self.pace = Pace(self.work, chance)
        self.orders = Orders(self.work, self.pace, lambda: (0, 1))
        settle_in(self.work)

    def all(self, name: str, condition: str = "1 = 1") -> list[Row]:
        return self.store.rows(f"SELECT * FROM {name} WHERE {condition} ORDER BY Id")

    def won(self) -> list[Row]:
        return self.all("Opportunity", "StageName = 'Closed Won'")

    def set_up(self, deal: Row) -> str:
        """What the tower does with a won deal."""
        fixed = deal["Billing_Method__c"] == "Fixed fee"
        project, _ = self.org.upsert(
            "pse__Proj__c",
            "Tower_External_Id__c",
            f"tower-{deal['Id']}",
            {
                "Name": deal["Name"],
                "pse__Account__c": deal["AccountId"],
                "pse__Billing_Type__c": "Fixed Price" if fixed else "Time and Materials",
                "Legal_Entity__c": deal["Legal_Entity__c"],
                "CurrencyIsoCode": deal["CurrencyIsoCode"],
            },
        )
        if fixed:
            milestone = {"Name": "Done", "pse__Project__c": project, "pse__Milestone_Amount__c": 10}
            key = f"tower-{deal['Id']}-M"
            self.org.upsert("pse__Milestone__c", "Tower_External_Id__c", key, milestone)
        return project


@pytest.fixture
def pretend(tmp_path: Path) -> Iterator[Firm]:
    found = Firm(tmp_path / "org.db")
    yield found
    found.store.close()


def test_the_firm_is_first_met_as_it_runs(pretend: Firm) -> None:
    assert len(pretend.all("Account")) == len(firm.CLIENTS) == 25
    assert len(pretend.all("Contact")) == len(firm.PEOPLE) == 40
    assert len(pretend.work.open_deals()) == 15
    settle_in(pretend.work)
    assert len(pretend.all("Account")) == 25


def test_the_same_seed_is_the_same_life(tmp_path: Path) -> None:
    lives = []
    for name in ("one.db", "two.db"):
        found = Firm(tmp_path / name, seed=11)
        for _ in range(30):
            found.pace.live_a_moment()
        lives.append([(d["Name"], d["Amount"], d["StageName"]) for d in found.all("Opportunity")])
        found.store.close()
    assert lives[0] == lives[1]


def test_nobody_works_before_the_tower_has_made_the_project(pretend: Firm) -> None:
    for _ in range(60):
        pretend.pace.live_a_moment()
    assert pretend.won()
    own = "SELECT Id FROM pse__Proj__c WHERE Tower_External_Id__c IS NOT NULL"
    assert pretend.all("pse__Timecard__c", f"pse__Project__c IN ({own})") == []
    assert pretend.all("pse__Expense__c") == []


def test_first_deals_close_then_work_begins(pretend: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        pretend.pace.live_a_moment()
    assert len(pretend.won()) == 4
    for deal in pretend.won():
        pretend.set_up(deal)
    module = "integrations.sandbox.salesforce.life.pace"
    monkeypatch.setattr(f"{module}._TIME_TO_STAFF", -timedelta(days=1))
    by_time = pretend.work.projects(by_time=True)
    for _ in by_time:
        pretend.pace.live_a_moment()
    assert {t["pse__Project__c"] for t in pretend.all("pse__Timecard__c")} == {
        p["Id"] for p in by_time
    }


def test_a_year_of_life_looks_like_a_firm(pretend: Firm) -> None:
    known: set[str] = set()
    for _ in range(600):
        pretend.pace.live_a_moment()
        for deal in pretend.won():
            if deal["Id"] not in known and deal["Legal_Entity__c"]:
                pretend.set_up(deal)
            known.add(deal["Id"])
    deals = pretend.won()
    assert {d["Legal_Entity__c"] for d in deals} >= {"LF-DE", "LF-UK", "LF-US"}
    amounts = sorted(Decimal(d["Amount"]) for d in deals if Decimal(d["Amount"]) > 0)
    assert amounts[-1] > 3 * amounts[len(amounts) // 2] > 3 * Decimal(10_000)
    weeks = pretend.all("pse__Timecard__c")
    assert all(w["CurrencyIsoCode"] for w in weeks)
    clean = [w for w in weeks if Decimal(w["pse__Total_Hours__c"]) > 0]
    assert len(clean) > 0.9 * len(weeks) > 50
    assert max(Decimal(w["pse__Total_Hours__c"]) for w in clean) <= 45
    assert pretend.all("pse__Milestone__c", "pse__Approved_for_Billing__c = 1")
    assert pretend.all("pse__Expense__c")


@pytest.mark.parametrize("kind", sorted(DIRT))
def test_dirt_of_every_kind(pretend: Firm, kind: str) -> None:
    deal = pretend.orders.act("close_deal", {"entity": "LF-UK", "amount": "5000"})
    pretend.set_up(pretend.org.live(OBJECTS["Opportunity"], str(deal["opportunity"])))
    done = pretend.orders.act("dirty", {"kind": kind})
    assert {"opportunity", "timecard"} & set(done)


def test_time_as_ordered(pretend: Firm) -> None:
    deal = pretend.orders.act(
        "close_deal", {"entity": "LF-US", "client": "BLU", "amount": "5000.05", "billing": ""}
    )
    assert (deal["amount"], deal["currency"]) == ("5000.05", "USD")
    project = pretend.set_up(pretend.org.live(OBJECTS["Opportunity"], str(deal["opportunity"])))
    done = pretend.orders.act("approve_time", {"project": project, "hours": "37.25"})
    split = pretend.org.live(OBJECTS["pse__Timecard__c"], str(done["timecard"]))
    assert Decimal(split["pse__Total_Hours__c"]) == Decimal("37.25")
    rate = Decimal(split["pse__Bill_Rate__c"])
    expected = (rate * Decimal("37.25")).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert Decimal(split["pse__Total_Billable_Amount__c"]) == expected
    assert split["CurrencyIsoCode"] == "USD"


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("dance", {}),
        ("close_deal", {"client": "NOBODY"}),
        ("close_deal", {"amount": "much"}),
        ("close_deal", {"billing": "Barter"}),
        ("approve_time", {}),
        ("approve_time", {"project": "a0PTw00000ZZZZZ"}),
        ("approve_milestone", {}),
        ("dirty", {"kind": "mud"}),
        ("dirty", {"kind": "zero_hours"}),
        ("change", {"object": "Account", "id": "x", "fields": {"Name": "y"}}),
        ("duplicate_external_id", {"object": "Nope", "id": "x"}),
        ("daily_limit", {"calls": "-1"}),
    ],
)
def test_what_cannot_be_ordered_is_said(pretend: Firm, action: str, wanted: dict[str, str]) -> None:
    with pytest.raises(Impossible):
        pretend.orders.act(action, wanted)


def test_the_pace_survives_a_restart(tmp_path: Path) -> None:
    first = Firm(tmp_path / "org.db")
    first.pace.set_pace("busy")
    with pytest.raises(Impossible):
        first.pace.set_pace("frantic")
    first.store.close()
    second = Firm(tmp_path / "org.db")
    assert second.pace.pace == "busy"
    second.store.close()


async def test_the_client_of_a_won_deal_signs(
    pretend: Firm, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = "integrations.sandbox.salesforce.life.signing"
    monkeypatch.setattr(f"{life}._TIME_TO_SIGN", timedelta(minutes=-1))
    deal = pretend.orders.act("close_deal", {"entity": "LF-UK", "amount": "5000.05"})
    signing = Signing(pretend.org, pretend.pace, town.controls["docusign"].url)
    won = signing.next_deal()
    assert won is not None
    async with ClientSession() as session:
        await signing.sign(session, won)
    assert signing.next_deal() is None
    account = DocuSignConnector(Connection("clm", town.urls["docusign"], town.secrets["docusign"]))
    found = done(await account.find("contract", {"opportunity_id": deal["opportunity"]}))
    assert (found.values["value"], found.values["entity"]) == (Decimal("5000.05"), "LF-UK")
    await account.close()


def test_an_older_org_learns_the_fields_of_a_newer_one(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    Store(path).close()
    with sqlite3.connect(path) as older:
        older.execute("ALTER TABLE Opportunity DROP COLUMN PO_Number__c")
    again = Store(path)
    assert again.rows("SELECT PO_Number__c FROM Opportunity") == []
    again.close()
