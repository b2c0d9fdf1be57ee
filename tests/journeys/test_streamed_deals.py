"""Deals that the CRM tells by its stream: cut, away or with its place lost, nothing is lost and
nothing comes twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controltower.systems.models import Feed, System
from controltower.transactions.models import InboundEvent, Transaction, TransactionState
from tests.integrations.doors import Org, start_org
from tests.integrations.test_salesforce_stream import streamed
from tests.journeys.tower import DEAL, Tower

VERIFIED = TransactionState.VERIFIED


@pytest.fixture(scope="module")
def running_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """An org of its own: here its streams forget, which no other test expects."""
    started = start_org(tmp_path_factory.mktemp("streams") / "org.db")
    yield started
    started.stop()


@pytest.fixture
def listening(tower: Tower) -> Tower:
    """The tower, with the deals streamed from now on."""
    options = streamed(tower.org.stream, "opportunity", insecure=True)
    System.objects.filter(slug="salesforce").update(options=options)
    tower.org.control.do("bus", order="age")
    tower.play(lambda: '"behind":false' in feed().cursor)
    return tower


def feed() -> Feed:
    """The feed of deals."""
    return Feed.objects.get(system__slug="salesforce", entity="opportunity")


def projects(tower: Tower) -> int:
    """How many projects the org holds."""
    return int(tower.org.control.state()["life"]["records"]["Project"])


def assert_one_each(tower: Tower, deals: list[str]) -> None:
    """Every deal has become one project, by one fact."""
    for deal in deals:
        tower.until(tower.of("opportunity", deal, DEAL), VERIFIED)
        assert InboundEvent.objects.filter(subject=f"opportunity:{deal}").count() == 1, deal
    found = Transaction.objects.filter(process=DEAL, keys__value__in=deals).distinct()
    assert found.count() == len(deals)


def test_a_deal_told_by_the_stream_becomes_a_project(listening: Tower) -> None:
    before = projects(listening)
    assert_one_each(listening, [listening.win()])
    assert projects(listening) == before + 1
    assert (feed().trouble, feed().gap_at) == ("", None)


def test_a_stream_that_is_cut_or_away_loses_no_deal(listening: Tower) -> None:
    before = projects(listening)
    deals = [listening.win() for _ in range(2)]
    listening.org.control.order("commit_then_drop", operation="stream", count=2)
    listening.beat()
    deals.append(listening.win())
    listening.org.control.order("server_error", operation="stream")
    listening.play(lambda: "polling" in feed().trouble)
    assert_one_each(listening, deals)
    listening.org.control.clear()
    listening.play(lambda: not feed().trouble)
    deals.append(listening.win())
    assert_one_each(listening, deals)
    assert projects(listening) == before + len(deals)
    assert feed().gap_at is None


def test_a_lost_place_in_the_stream_is_a_gap_that_heals(listening: Tower) -> None:
    before = projects(listening)
    deals = [listening.win()]
    assert_one_each(listening, deals)
    deals.append(listening.win())
    listening.org.control.do("bus", order="anew")
    deals.append(listening.win())
    listening.play(lambda: feed().gap_at is not None and feed().is_healed)
    assert_one_each(listening, deals)
    told = feed().gap_at
    deals.append(listening.win())
    assert_one_each(listening, deals)
    assert projects(listening) == before + len(deals)
    assert (feed().gap_at, feed().trouble) == (told, "")
