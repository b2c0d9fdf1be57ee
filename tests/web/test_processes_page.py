"""The processes' pages: every number equals the list behind it, in count and in money, for each."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from controltower.firm.models import AuditEntry, Person
from controltower.measures import exposure, paths, walks
from controltower.measures.exposure import Scope
from controltower.processes import opportunity_to_project, time_and_expense_to_billing
from controltower.processes.definition import Process
from controltower.systems.models import Feed, System
from controltower.transactions.models import Transaction
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser, token
from tests.web.files import rows_of

DEAL, BILLING = opportunity_to_project.PROCESS, time_and_expense_to_billing.PROCESS
LINK = re.compile(r'<a [^>]*href="(/tx/\?[^"]+)"[^>]*>([\d,]+)')


def work(made: Firm) -> None:
    """Two companies with deals and invoices, some stuck, one that missed its promise."""
    deal = made.deal()
    made.bill(deal)
    made.bill(made.deal(), {"draft": factories.refused()}, amount=Decimal("3600.00"))
    made.bill(made.deal(entity="LF-UK", currency="GBP"), {"draft": factories.refused()})
    made.deal(answers={"project": factories.refused("The template is not known.")})
    late = made.deal(entity="LF-UK", currency="GBP")
    Transaction.objects.filter(pk=late.pk).update(due_at=F("ended_at") - timedelta(minutes=1))
    made.gathering(deal)


pytestmark = [pytest.mark.django_db, pytest.mark.founded(then=work)]


def stages_of(seen: Scope, process: Process) -> Sequence[paths.StageLine]:
    return paths.stages(seen, process, walks.walks(seen, process))


def ways_of(seen: Scope, process: Process) -> Sequence[walks.Variant]:
    return walks.variants(walks.walks(seen, process))


@pytest.mark.parametrize("who", ["anna", "callum"])
def test_every_number_is_the_length_of_its_list(firm: Firm, who: str) -> None:
    person = getattr(firm, who)
    client = browser(person)
    seen = 0
    for url in ("/processes/", f"/processes/{DEAL.name}/", f"/processes/{BILLING.name}/"):
        for address, count in LINK.findall(client.get(url).content.decode()):
            assert _listed(client, html.unescape(address)) == int(count), (url, address)
            seen += 1
    assert seen >= 15


def _listed(client: Client, address: str) -> int:
    return client.get(address).content.decode().count("data-row")


@pytest.mark.parametrize("who", ["anna", "callum"])
def test_the_money_in_a_stage_is_the_money_of_its_list(firm: Firm, who: str) -> None:
    person: Person = getattr(firm, who)
    seen = Scope(person)
    stages = [stage for stage in stages_of(seen, BILLING) if stage.standing.count]
    assert stages
    mine = exposure.transactions(seen).filter(process=BILLING.name)
    for stage in stages:
        rows = paths.standing(mine, stage.name)
        assert exposure.stake(exposure.priced(rows)) == stage.standing
        client = browser(person)
        page = client.get(f"/tx/?process={BILLING.name}&state=open&stage={stage.name}")
        figure = client.get(f"/processes/{BILLING.name}/").content.decode()
        (total,) = re.findall(r"All matching: ([^<,]*[\d.]+)", page.content.decode())
        assert total.strip() in figure
    whole = sum((stage.stuck.amount for stage in stages), Decimal(0))
    assert whole == exposure.stake(exposure.stuck(seen).filter(process=BILLING.name)).amount


def test_each_sees_what_their_companies_did(firm: Firm) -> None:
    page = browser(firm.callum).get(f"/processes/{DEAL.name}/").content.decode()
    assert "the latest 2" in page
    assert "the latest 5" in browser(firm.anna).get(f"/processes/{DEAL.name}/").content.decode()


def test_the_commonest_way_comes_first_and_says_what_was_different(firm: Firm) -> None:
    ways = ways_of(Scope(firm.anna), DEAL)
    assert [way.count for way in ways] == sorted((way.count for way in ways), reverse=True)
    assert sum(way.count for way in ways) == 4
    page = browser(firm.anna).get(f"/processes/{DEAL.name}/").content.decode()
    assert "Ways to the end" in page


def test_a_way_that_took_more_tries_is_another_way(firm: Firm) -> None:
    before = {way.key for way in ways_of(Scope(firm.anna), DEAL)}
    one = Transaction.objects.filter(process=DEAL.name, state="verified").earliest("started_at")
    one.steps.filter(name="project").update(tries=3)
    ways = ways_of(Scope(firm.anna), DEAL)
    (fresh,) = [way for way in ways if way.key not in before]
    assert (fresh.count, fresh.again) == (1, ("project",))
    assert [row.pk for row in walks.walkers(Scope(firm.anna), DEAL, fresh.key)] == [one.pk]


def test_the_bottleneck_is_named(firm: Firm) -> None:
    one = Transaction.objects.filter(process=DEAL.name, state="verified").latest("started_at")
    step = one.steps.get(name="link")
    one.steps.filter(pk=step.pk).update(done_at=timezone.now() + timedelta(days=3))
    page = browser(firm.anna).get(f"/processes/{DEAL.name}/").content.decode()
    assert f"of the time goes by at “{step.title}”" in html.unescape(page)


def test_a_stage_takes_as_long_for_whoever_looks(firm: Firm) -> None:
    seen = Scope(firm.anna)
    with timezone.override("Europe/Berlin"):
        here = stages_of(seen, DEAL)
    with timezone.override("America/New_York"):
        there = stages_of(seen, DEAL)
    assert any(stage.typical is not None for stage in here)
    assert [stage.typical for stage in here] == [stage.typical for stage in there]


def test_pages_read_only(firm: Firm) -> None:
    client, before = browser(firm.anna), AuditEntry.objects.count()
    for url in ("/processes/", f"/processes/{DEAL.name}/"):
        assert client.get(url).status_code == 200
    assert AuditEntry.objects.count() == before


def test_an_unknown_process_is_not_there(firm: Firm) -> None:
    assert browser(firm.anna).get("/processes/no-such-process/").status_code == 404


def test_a_silent_source_is_said(firm: Firm) -> None:
    """All others were read just now; of several the notice would count how many."""
    Feed.objects.update(polled_at=timezone.now())
    salesforce = System.objects.get(slug="salesforce")
    Feed.objects.update_or_create(
        system=salesforce,
        entity="opportunity",
        defaults={"polled_at": timezone.now() - timedelta(hours=2), "due_at": timezone.now()},
    )
    page = browser(firm.anna).get("/processes/").content.decode()
    assert "Salesforce is silent" in page


def test_the_files_have_the_rows_of_the_page(firm: Firm) -> None:
    client = browser(firm.anna)
    (row, *_rest) = rows_of(client, f"/exports/processes/{BILLING.name}/")
    stages = stages_of(Scope(firm.anna), BILLING)
    assert [row["stage"] for row in rows_of(client, f"/exports/processes/{BILLING.name}/")] == [
        stage.title or "Gathering" for stage in stages
    ]
    assert row["stuck_value"] == f"{stages[0].stuck.amount:f}"
    assert {row["process"] for row in rows_of(client, "/exports/processes/")} >= {DEAL.title}
    assert AuditEntry.objects.filter(verb="export", subject="processes").exists()


def test_a_stage_without_its_process_is_refused_in_words(firm: Firm) -> None:
    page = browser(firm.anna).get("/tx/?stage=draft").content.decode()
    assert "Choose the process, too." in page


@pytest.mark.parametrize("who", ["anna", "callum"])
def test_the_api_tells_what_the_page_tells(firm: Firm, who: str) -> None:
    person = getattr(firm, who)
    client = Client(headers=token(person))
    lines = client.get("/api/v1/processes").json()
    assert {line["name"] for line in lines} >= {DEAL.name, BILLING.name}
    one = client.get(f"/api/v1/processes/{BILLING.name}").json()
    stages = stages_of(Scope(person), BILLING)
    assert [stage["past"] for stage in one["stages"]] == [stage.passed for stage in stages]
    assert [Decimal(stage["stuck"]["value"]["amount"]) for stage in one["stages"]] == [
        stage.stuck.amount for stage in stages
    ]
    assert sum(way["count"] for way in one["variants"]) <= one["latest"]
    assert client.get("/api/v1/processes/no-such").status_code == 404


def test_who_sees_no_company_sees_nothing(firm: Firm) -> None:
    nobody = Person.objects.create_user("nobody", password="a long phrase for nobody")
    page = browser(nobody).get(f"/processes/{DEAL.name}/").content.decode()
    assert "Nothing has begun yet." in page
