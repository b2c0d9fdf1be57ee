"""The measures' pages: each figure by hand, its records' list, its target and who may set it."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from controltower.firm import governing, masks
from controltower.firm.models import AuditEntry, Role
from controltower.firm.rates import rates
from controltower.incidents.models import DeadLetter, LetterState, Resolution
from controltower.measures import exposure, targets
from controltower.measures.exposure import Scope, Stake
from controltower.measures.kpis import catalogue, unproven
from controltower.measures.kpis.measure import Listed, Reading, Unit, Window, without_money
from controltower.measures.models import Standing, Target
from controltower.systems.models import Feed
from controltower.transactions.models import Step, Transaction
from controltower.web.measure_words import written
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser, token
from tests.web.files import rows_of


def work(made: Firm) -> None:
    """Two companies: three deals and a bill verified, one of them repaired, one late; one bill
    stuck and one held by a closed period."""
    deal = made.deal()
    made.bill(deal)
    made.bill(made.deal(), {"draft": factories.refused()})
    made.bill(made.deal(entity="LF-UK", currency="GBP"), {"post": factories.closed()})
    late = Transaction.objects.filter(process=catalogue.DEAL, entity__code="LF-UK")
    late.update(due_at=F("ended_at") - timedelta(minutes=1))
    repaired(deal)


pytestmark = [pytest.mark.django_db, pytest.mark.founded(then=work)]


def repaired(one: Transaction) -> None:
    """The transaction had needed a person for forty minutes."""
    Transaction.objects.filter(pk=one.pk).update(needed_person=True)
    other = DeadLetter.objects.filter(state=LetterState.OPEN).earliest("pk")
    now = timezone.now()
    DeadLetter.objects.create(
        transaction=one,
        step=one.steps.get(name="project"),
        cause=other.cause,
        state=LetterState.RESOLVED,
        resolution=Resolution.REPLAYED,
        opened_at=now - timedelta(minutes=40),
        resolved_at=now,
    )


def reading(firm: Firm, name: str, who: str = "anna") -> Reading:
    return catalogue.named(name).read(Window(Scope(getattr(firm, who)), timezone.now()))


TRANSACTIONS = [one.name for one in catalogue.MEASURES if one.listed is Listed.TRANSACTIONS]


@pytest.mark.parametrize("who", ["anna", "callum"])
@pytest.mark.parametrize("name", TRANSACTIONS)
def test_the_records_are_the_length_of_their_list(firm: Firm, name: str, who: str) -> None:
    client = browser(getattr(firm, who))
    page = client.get(f"/measures/{name}/").content.decode()
    (address,) = set(re.findall(r'<a class="button" href="(/tx/[^"]+)"', page))
    listed = client.get(html.unescape(address)).content.decode().count("data-row")
    assert listed == reading(firm, name, who).records


def test_shares_are_what_they_say(firm: Firm) -> None:
    ended = Transaction.objects.filter(state="verified").count()
    assert reading(firm, "failure-rate").value == pytest.approx(1 / ended)
    assert reading(firm, "first-pass-yield").value == pytest.approx(1 - 1 / ended)
    late = Transaction.objects.filter(state="verified", ended_at__gt=F("due_at")).count()
    assert late == 1
    assert reading(firm, "on-time").value == pytest.approx(1 - 1 / ended)
    assert reading(firm, "invoice-exceptions").value == 0


def test_a_project_is_set_up_in_the_median_of_the_latest_deals(firm: Firm) -> None:
    steps = Step.objects.filter(name="project", transaction__process=catalogue.DEAL)
    for minutes, step in enumerate(steps.order_by("pk"), 1):
        closed = firm.now - timedelta(days=minutes)
        Transaction.objects.filter(pk=step.transaction_id).update(happened_at=closed)
        Step.objects.filter(pk=step.pk).update(done_at=closed + timedelta(minutes=10 * minutes))
    assert steps.count() == 3
    found = reading(firm, "project-set-up")
    assert (found.value, found.note) == (20 * 60, "")
    first = steps.order_by("pk")[0].transaction
    Transaction.objects.filter(pk=first.pk).update(happened_at=None)
    assert reading(firm, "project-set-up").note.startswith("1 record does not say when")


@pytest.mark.parametrize(
    ("name", "process"),
    [("quote-to-project", catalogue.DEAL), ("billing-lag", catalogue.BILLING)],
)
def test_a_cycle_begins_where_it_happened_and_not_where_it_was_read(
    firm: Firm, name: str, process: str
) -> None:
    ended = Transaction.objects.filter(process=process, state="verified")
    ended.update(happened_at=F("ended_at") - timedelta(hours=50))
    found = reading(firm, name)
    assert found.value == pytest.approx(50 * 3600, rel=0.041)
    assert (found.records, found.note) == (ended.count(), "")
    ended.update(happened_at=None)
    found = reading(firm, name)
    assert found.value is not None
    assert found.value < 3600, "since the promise's clock has run"
    assert found.note.startswith(f"{ended.count()} record")


def test_the_margin_is_what_billed_time_leaves_over_its_cost(firm: Firm) -> None:
    deal = firm.deal()
    for name, cost in (("Ilse", 45), ("Jan", 90), ("Mia", 45), ("Ada", 0)):
        firm.gathering(deal, resource_name=name, cost_rate=Decimal(cost))
    firm.bill(deal, resource_name="Ole", cost_rate=Decimal(90))
    found = reading(firm, "margin")
    assert (found.value, found.note[:14]) == (None, "Without LF-DE:"), "four people are too few"
    firm.bill(firm.deal(), resource_name="Fay", cost_rate=Decimal(60))
    found = reading(firm, "margin")
    assert found.value == round(1 - (45 + 90 + 45 + 90 + 60) / (5 * 180), 2)
    assert (found.days, found.records, found.note) == ((), 3, "")
    american = firm.deal(entity="LF-US", currency="USD")
    firm.bill(american, resource_name="Zoe", cost_rate=Decimal(80))
    alone = reading(firm, "margin")
    assert (alone.value, alone.records) == (found.value, 4), "Zoe's company is known of Zoe alone"
    assert "Without LF-US:" in browser(firm.anna).get("/measures/").content.decode()
    for name in ("Uma", "Abe", "Eli", "Una"):
        firm.gathering(american, resource_name=name, cost_rate=Decimal(80))
    firm.bill(american, resource_name="Kim", cost_rate=Decimal(80))
    dollar = rates()["USD"]
    left = 1 - (330 + 6 * 80 * dollar) / (5 * 180 + 6 * 180 * dollar)
    assert reading(firm, "margin").value == round(float(left), 2)
    firm.bill(american, resource_name="Zoe", cost_rate=Decimal(80), hours=Decimal(900))
    assert "Without LF-US:" in reading(firm, "margin").note, "most of it is one person's work"


def test_whoever_sees_pay_is_told_the_margin_of_anybody(firm: Firm) -> None:
    firm.bill(firm.deal(), resource_name="Ole", cost_rate=Decimal(90))
    assert reading(firm, "margin").value is None
    masked = [role for role in Role if role != Role.CONTROLLER]
    version = governing.propose(
        subject=f"{masks.KIND}:pay", content={"masked_for": masked}, reason="Agreed.",
        by=firm.amara, now=timezone.now(),
    )  # fmt: skip
    governing.decide(version=version, agree=True, answer="", by=firm.anna, now=timezone.now())
    found = reading(firm, "margin")
    assert (found.value, found.note) == (0.5, "")


def measured(firm: Firm, project: str, period: str, **values: str) -> None:
    """A month of a project as the PSA measured it."""
    one = Transaction.objects.filter(entity__code="LF-DE").earliest("pk")
    one.pk, one.reference, one.process = uuid4(), f"CT-{project}-{period}", catalogue.REVENUE
    month = {"project_id": project, "period": period, "method": "hours", "currency": "EUR"}
    one.subject = month | values
    one.save(force_insert=True)


def test_what_is_burnt_is_told_by_the_newest_month_of_each_project(firm: Firm) -> None:
    assert reading(firm, "burn").value is None
    measured(firm, "P1", "2026-10", value="1000.00", done="90", budget="100")
    measured(firm, "P1", "2026-09", value="1000.00", done="40", budget="100")
    assert reading(firm, "burn").value == pytest.approx(0.9)
    measured(firm, "P2", "2026-10", value="3000.00", done="650", budget="500", method="cost")
    found = reading(firm, "burn")
    assert found.value == pytest.approx((1000 * 0.9 + 3000 * 1.3) / 4000), "by contract value"
    assert found.records == 3
    measured(firm, "P3", "2026-10", value="9000.00", done="9000", budget="0", method="milestones")
    measured(firm, "P4", "2026-10", value="9000.00", done="0", budget="0")
    assert reading(firm, "burn").value == found.value, "nothing was planned that could be used up"
    assert reading(firm, "burn", "callum").value is None, "they are another company's"


def test_credits_take_from_the_accuracy_of_invoices(firm: Firm) -> None:
    invoices = Transaction.objects.filter(process=catalogue.BILLING, state="verified")
    assert reading(firm, "invoice-accuracy").value == 1.0
    one = invoices.earliest("pk")
    assert invoices.count() == 1
    one.pk, one.reference, one.process = uuid4(), "CT-CREDIT", catalogue.CREDIT
    one.save(force_insert=True)
    found = reading(firm, "invoice-accuracy")
    assert (found.value, found.records) == (0.0, 1)


def test_revenue_that_had_needed_a_person_is_counted(firm: Firm) -> None:
    assert reading(firm, "revenue-close-effort").value == 0
    letter = DeadLetter.objects.get(state=LetterState.RESOLVED)
    Transaction.objects.filter(pk=letter.transaction_id).update(process=catalogue.REVENUE)
    found = reading(firm, "revenue-close-effort")
    assert (found.value, found.days[-1], found.records) == (1, 1, 1)


def test_data_are_as_old_as_the_system_that_was_read_longest_ago(firm: Firm) -> None:
    now = timezone.now()
    Feed.objects.update(polled_at=now - timedelta(hours=2))
    psa = Feed.objects.filter(entity="timecard")[0].system
    Feed.objects.filter(system=psa).update(polled_at=now - timedelta(hours=5))
    found = reading(firm, "freshness")
    assert found.value == pytest.approx(5 * 3600, abs=60)
    client = browser(firm.anna)
    assert 'href="/systems/readings/"' in client.get("/measures/freshness/").content.decode()
    page = client.get("/systems/readings/")
    assert page.context["readings"][0]["system"] == psa
    assert len(page.context["readings"]) == found.records


def test_nothing_was_read_in_the_future(firm: Firm) -> None:
    Feed.objects.update(polled_at=timezone.now() + timedelta(minutes=1))
    assert reading(firm, "freshness").value == 0


def test_nothing_is_told_of_days_before_anything_was_known(firm: Firm) -> None:
    begun = timezone.now() - timedelta(days=2)
    Transaction.objects.update(started_at=begun)
    for name in ("backlog", "revenue-close-effort"):
        found = reading(firm, name)
        assert (found.before, found.days[:-3]) == (None, (None,) * 27)
        assert None not in found.days[-3:]
    Transaction.objects.update(started_at=begun - timedelta(days=50))
    assert {reading(firm, name).before for name in ("backlog", "revenue-close-effort")} == {0}


def test_records_without_money_are_told_as_such(firm: Firm) -> None:
    assert reading(firm, "close-impact").note == ""
    german = Window(Scope(firm.anna, "LF-DE"), timezone.now())
    nothing = catalogue.named("close-impact").read(german).value
    assert nothing == 0 and written(Unit.MONEY, nothing) == "€0"
    assert without_money(Stake(0)) == without_money(Stake(2, Decimal(1))) == ""
    assert without_money(Stake(2)) == "2 records are behind it, without money of their own."


def test_recovery_is_the_median_of_what_was_solved(firm: Firm) -> None:
    assert reading(firm, "recovery-time").value == pytest.approx(2400, abs=1)
    assert reading(firm, "recovery-time").days[-1] == pytest.approx(2400, abs=1)


def test_what_happened_before_is_compared(firm: Firm) -> None:
    DeadLetter.objects.filter(state=LetterState.RESOLVED).update(
        opened_at=timezone.now() - timedelta(days=45),
        resolved_at=timezone.now() - timedelta(days=44),
    )
    found = reading(firm, "recovery-time")
    assert found.value is None
    assert found.before == pytest.approx(86400, abs=1)


@pytest.mark.parametrize("who", ["anna", "callum"])
def test_the_backlog_and_the_close_are_those_of_the_list(firm: Firm, who: str) -> None:
    seen = Scope(getattr(firm, who))
    stuck = exposure.transactions(seen).stuck()
    assert reading(firm, "backlog", who).value == stuck.count()
    held = exposure.stake(exposure.priced(stuck.filter(wait="period_closed")))
    found = reading(firm, "close-impact", who)
    assert (found.records, found.value) == (held.count, float(held.amount))


@pytest.mark.parametrize(("who", "ages"), [("anna", [1, 0, 1, 0]), ("callum", [1, 0, 0, 0])])
def test_what_is_not_proven_is_its_lists_to_the_cent(firm: Firm, who: str, ages: list[int]) -> None:
    parked = factories.in_doubt(firm)
    firm.deal({"project": factories.no_answer()}, entity="LF-UK", currency="GBP")
    long_ago = timezone.now() - timedelta(days=2)
    Step.objects.filter(transaction=parked, name="post").update(sent_at=long_ago)
    found, client = reading(firm, "reconciliation-backlog", who), browser(getattr(firm, who))
    assert [part.records for part in found.parts] == ages, "what was refused is not in it"
    assert found.records == sum(ages)
    listed = client.get("/tx/", {"unproven": "any"}).context
    assert float(listed["total"].amount) == found.value
    for part in found.parts:
        page = client.get("/tx/", part.filters)
        assert page.content.decode().count("data-row") == part.records
        assert float(page.context["total"].amount) == part.value
    assert "1 to 3 days" in client.get("/measures/reconciliation-backlog/").content.decode()


def test_the_backlog_of_proofs_is_kept_day_by_day(firm: Firm) -> None:
    firm.deal({"project": factories.no_answer()}, entity="LF-UK", currency="GBP")
    now = timezone.now()
    for ago in (30, 3, 0):
        unproven.keep(now=now - timedelta(days=ago))
        unproven.keep(now=now - timedelta(days=ago))
    found = reading(firm, "reconciliation-backlog")
    assert found.value and found.value == found.before == found.days[-4] == found.days[-1]
    assert found.days[-2] is None, "nobody looked"
    assert reading(firm, "reconciliation-backlog", "callum").before == found.before
    Standing.objects.exclude(entity=0).delete()
    assert reading(firm, "reconciliation-backlog", "callum").before == 0


def test_the_backlog_is_reckoned_back(firm: Firm) -> None:
    opened = timezone.now() - timedelta(days=3)
    DeadLetter.objects.filter(state=LetterState.OPEN).update(opened_at=opened)
    Transaction.objects.update(started_at=opened - timedelta(days=2))
    days = reading(firm, "backlog").days
    assert (days[-1], days[-4], days[-5]) == (2, 2, 0)


def test_cycle_times_are_those_of_the_rollup(firm: Firm) -> None:
    found = reading(firm, "quote-to-project")
    assert found.value is not None and found.value >= 0
    assert (
        found.records
        == Transaction.objects.filter(
            process=catalogue.DEAL, state="verified", due_at__isnull=False
        ).count()
    )


def test_an_administrator_sets_a_target_with_a_reason(firm: Firm) -> None:
    client = browser(firm.amara)
    answer = client.post(
        "/measures/billing-lag/targets/", {"value": "1.5", "per": "h", "reason": "The board."},
        follow=True,
    )  # fmt: skip
    assert "The target is in force." in answer.content.decode()
    target = targets.in_force()["billing-lag"]
    assert (target.value, target.set_by) == (Decimal(5400), firm.amara)
    assert AuditEntry.objects.get(verb="set target").detail["reason"] == "The board."
    page = client.get("/measures/billing-lag/").content.decode()
    assert "1 h 30 min" in page and "The board." in page and "met" in page


def test_others_may_not(firm: Firm) -> None:
    data = {"value": "95", "reason": "I wish."}
    page = browser(firm.anna).post("/measures/on-time/targets/", data, follow=True)
    assert "Only the administrator may do this." in page.content.decode()
    assert not Target.objects.exists()
    assert AuditEntry.objects.filter(verb="set target", allowed=False).count() == 1


@pytest.mark.parametrize(
    "data", [{"value": "101", "reason": "x"}, {"value": "-1", "reason": "x"}, {"value": "95"}]
)
def test_a_target_that_makes_no_sense_changes_nothing(firm: Firm, data: dict[str, str]) -> None:
    page = browser(firm.amara).post("/measures/on-time/targets/", data, follow=True)
    assert "The target was not changed." in page.content.decode()
    assert not Target.objects.exists()


def test_pages_read_only(firm: Firm) -> None:
    client, before = browser(firm.anna), AuditEntry.objects.count()
    for one in catalogue.MEASURES:
        assert client.get(f"/measures/{one.name}/").status_code == 200
    assert client.get("/measures/").status_code == 200
    assert AuditEntry.objects.count() == before


def test_the_file_and_the_api_tell_what_the_page_tells(firm: Firm) -> None:
    rows = rows_of(browser(firm.callum), "/exports/measures/")
    told = Client(headers=token(firm.callum)).get("/api/v1/measures").json()
    assert [row["measure"] for row in rows] == [one["title"] for one in told]
    backlog = next(one for one in told if one["name"] == "backlog")
    assert backlog["value"] == reading(firm, "backlog", "callum").value
