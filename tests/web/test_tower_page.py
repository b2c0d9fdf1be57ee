"""The Tower over HTTP, on transactions that the engine has played."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controltower.firm.models import ExchangeRate, Person
from controltower.incidents.models import Cause
from controltower.measures import exposure
from controltower.measures.exposure import Scope
from controltower.measures.held_up import held_up
from controltower.systems.models import System
from controltower.transactions.models import Transaction
from controltower.web.tower import REGIONS
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser

pytestmark = pytest.mark.django_db


def test_a_new_tower_shows_the_first_steps(firm: Firm) -> None:
    page = browser(firm.anna).get("/").content.decode()
    assert "Nothing has passed through yet." in page
    assert "Connect your systems" in page


def test_the_first_step_says_which_system_is_still_missing(firm: Firm) -> None:
    assert "Done: the systems are known." in browser(firm.amara).get("/").content.decode()
    System.objects.exclude(role="crm").update(active=False)
    page = browser(firm.amara).get("/").content.decode()
    assert "Opportunity to project needs CRM, ERP and PSA; there is CRM." in page
    assert 'href="/systems/new/"' in page


def test_calm_when_nothing_is_stuck(firm: Firm) -> None:
    firm.bill(firm.deal())
    page = browser(firm.anna).get("/").content.decode()
    assert "Nothing is stuck." in page
    assert "all in time." in page


def test_the_sentence_equals_the_lists_that_it_links_to(firm: Firm) -> None:
    for amount in ("7200.00", "10800.00"):
        firm.bill(firm.deal(), {"draft": factories.refused()}, amount=Decimal(amount))
    late = firm.bill(firm.deal(), {"draft": factories.refused()}, amount=Decimal("3600.00"))
    Transaction.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=1))
    client = browser(firm.anna)
    page = client.get("/tower/sentence/").content.decode()
    assert "<b>€21.6K</b> is stuck" in page or "<b>€22K</b> is stuck" in page
    assert 'href="/tx/?stuck=1&amp;lateness=late"' in page
    assert _listed(client.get("/tx/?stuck=1").content.decode()) == 3
    assert _listed(client.get("/tx/?stuck=1&lateness=late").content.decode()) == 1


def _listed(page: str) -> int:
    return page.count('class="row-link"')


def test_work_of_a_stuck_deal_is_counted_once(firm: Firm) -> None:
    deal = firm.deal(answers={"project": factories.refused()})
    bill = firm.bill(firm.deal(), {"draft": factories.refused()})
    Transaction.objects.filter(pk=bill.pk).update(correlation_id=deal.correlation_id)
    whole = exposure.stake(exposure.stuck(Scope(firm.anna)))
    assert (whole.count, whole.amount) == (2, deal.amount)


def test_an_amount_without_a_rate_is_counted_and_said(firm: Firm) -> None:
    firm.bill(firm.deal(), {"draft": factories.refused()})
    Transaction.objects.filter(process="time-and-expense-to-billing").update(currency="CHF")
    page = browser(firm.anna).get("/tower/sentence/").content.decode()
    assert "<b>1 transaction</b> is stuck" in page
    assert "1 without a known rate is not in the totals" in page


def test_totals_carry_the_date_of_their_rates(firm: Firm) -> None:
    firm.bill(firm.deal(), {"draft": factories.refused()})
    newest = ExchangeRate.objects.latest("on").on
    page = browser(firm.anna).get("/tower/sentence/").content.decode()
    assert f"at the rates of {newest.day} " in page


def test_needs_someone_offers_one_verb_that_the_person_may_do(firm: Firm) -> None:
    firm.bill(firm.deal(), {"draft": factories.refused()})
    for person, verb in ((firm.otto, "Assign"), (firm.jonas, "Look into it")):
        page = browser(person).get("/tower/triage/").content.decode()
        assert "1 invoice" in page
        assert "No owner yet" in page
        assert f">{verb}<" in page


def test_what_is_put_aside_is_said_with_the_list_that_equals_it(firm: Firm) -> None:
    snoozed, parked, _awake = (
        firm.bill(firm.deal(), {"draft": factories.refused(text)}, amount=Decimal(amount))
        for text, amount in (("one", "7200.00"), ("two", "10800.00"), ("three", "3600.00"))
    )
    client, now = browser(firm.anna), timezone.now()
    assert "Put aside" not in client.get("/tower/triage/").content.decode()
    Cause.objects.filter(pk=firm.cause(snoozed).pk).update(snoozed_until=now + timedelta(days=1))
    Cause.objects.filter(pk=firm.cause(parked).pk).update(parked_at=now)
    page = client.get("/tower/triage/").content.decode()
    for tab, words, amount in (
        ("snoozed", "1 cause is snoozed:", "€7,200.00"),
        ("parked", "1 cause is parked:", "€10,800.00"),
    ):
        assert f'<a href="/exceptions/?tab={tab}">{words} {amount}</a>' in page
        assert amount in client.get(f"/exceptions/?tab={tab}").content.decode()
    Cause.objects.update(parked_at=now)
    calm = client.get("/tower/triage/").content.decode()
    assert "Nothing needs someone now." in calm
    assert "Nothing is stuck." not in calm


def test_a_replay_under_way_shows_inside_its_cause(firm: Firm) -> None:
    bill = firm.bill(firm.deal(), {"draft": factories.refused()})
    plan = firm.plan(bill, by=firm.otto)
    plan.state = "running"
    plan.save()
    page = browser(firm.otto).get("/tower/triage/").content.decode()
    assert f'href="/jobs/{plan.pk}/"' in page
    assert "0 of 1 worked" in page


def test_each_region_is_a_view_of_few_queries(firm: Firm) -> None:
    for _ in range(3):
        firm.bill(firm.deal(), {"draft": factories.refused()})
    client = browser(firm.anna)
    for name in REGIONS:
        client.get(f"/tower/{name}/")
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(f"/tower/{name}/")
        assert answer.status_code == 200
        assert b"data-region" in answer.content
        assert len(asked) <= 15, name


def test_regions_read_the_same_with_twenty_times_the_work(firm: Firm) -> None:
    client = browser(firm.anna)
    counts = []
    for more in (1, 4):
        for _ in range(more):
            firm.bill(firm.deal(), {"draft": factories.refused()})
        with CaptureQueriesContext(connection) as asked:
            client.get("/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_an_unknown_region_is_not_there(firm: Firm) -> None:
    assert browser(firm.anna).get("/tower/nowhere/").status_code == 404


def test_a_person_of_one_company_sees_only_its_money(firm: Firm) -> None:
    firm.bill(firm.deal(), {"draft": factories.refused()})
    page = browser(firm.callum).get("/tower/sentence/").content.decode()
    assert "Nothing is stuck." in page
    assert "Claims platform" not in browser(firm.callum).get("/tower/feed/").content.decode()


def test_the_chosen_entity_narrows_every_figure(firm: Firm) -> None:
    firm.bill(firm.deal(), {"draft": factories.refused()})
    client = browser(firm.anna)
    client.post("/preferences/", {"entity": "LF-UK"})
    assert "Nothing is stuck." in client.get("/tower/sentence/").content.decode()


def test_looking_is_noted_by_post_only(firm: Firm) -> None:
    firm.bill(firm.deal())
    client = browser(firm.anna)
    client.get("/")
    assert _looked(firm) is None
    assert client.get("/tower/looked/").status_code == 405
    assert client.post("/tower/looked/").status_code == 204
    assert _looked(firm) is not None
    assert "Since you last looked" not in client.get("/tower/sentence/").content.decode()


def _looked(firm: Firm) -> datetime | None:
    return Person.objects.get(pk=firm.anna.pk).last_looked_at


def test_a_new_visit_tells_what_changed_since_the_last(firm: Firm) -> None:
    firm.anna.last_looked_at = timezone.now() - timedelta(hours=3)
    firm.anna.save()
    firm.bill(firm.deal(), {"draft": factories.refused()})
    client = browser(firm.anna)
    assert "1 newly stuck" in client.get("/tower/sentence/").content.decode()
    client.post("/tower/looked/")
    assert "1 newly stuck" in client.get("/tower/sentence/").content.decode()


def test_the_lane_adds_up_to_the_sentence(firm: Firm) -> None:
    firm.deal(answers={"project": factories.refused()})
    firm.bill(firm.deal(), {"draft": factories.refused()})
    from controltower.measures import flow

    now = timezone.now()
    lane = flow.lane(Scope(firm.anna), now)
    stuck = sum(
        (part.amount for line in lane for part in (
            line.stuck.late, line.stuck.due_today, line.stuck.in_time
        )),
        Decimal(0),
    )  # fmt: skip
    assert stuck == exposure.stake(exposure.stuck(Scope(firm.anna))).amount
    held = held_up(Scope(firm.anna), now)
    assert held.by()[()].amount == stuck
    bars = [part for _age, parts in held.of_ages() for part in parts.parts]
    assert sum((part.amount for part in bars), Decimal(0)) == stuck
    assert sum(part.amount for part in held.of_lateness().parts) == stuck


def test_a_promise_is_measured_from_its_beginning(firm: Firm) -> None:
    from controltower.measures import promises

    deal = firm.deal()
    now = timezone.now()
    assert deal.due_at is not None
    assert deal.clock_from is not None
    Transaction.objects.filter(pk=deal.pk).update(
        ended_at=now, due_at=now - timedelta(hours=1), state="verified",
        clock_from=deal.clock_from - (deal.due_at - now) - timedelta(hours=1),
    )  # fmt: skip
    line = next(x for x in promises.promises(Scope(firm.anna), now) if x.name == deal.process)
    assert line.slowest_tenth
    assert abs(line.slowest_tenth / (line.promise + timedelta(hours=1)) - 1) < 0.04
    assert (line.kept, line.ended, line.slack) == (0, 1, 0.0)
    assert line.days[-1] == 0.0
