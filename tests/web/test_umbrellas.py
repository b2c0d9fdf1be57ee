"""The workflows over others: a deal's chain to its cash, and the end of each month."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from controltower.measures import chains, exposure
from controltower.measures.exposure import Scope
from controltower.measures.paths import StageLine
from controltower.transactions import watching
from controltower.transactions.models import Expectation, Transaction
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser

pytestmark = pytest.mark.django_db


def stage(firm: Firm, name: str) -> StageLine:
    seen = Scope(firm.anna)
    return next(one for one in chains.stages(seen, chains.walked(seen)) if one.name == name)


def waiting(firm: Firm, name: str) -> set[str]:
    found = chains.awaiting(exposure.transactions(Scope(firm.anna)), name)
    return set(found.values_list("reference", flat=True))


def expect(deal: Transaction, milestone: str, *, due_in: timedelta = timedelta(days=5)) -> None:
    """The milestone is owed by the deal, as if somebody could tell of it."""
    Expectation.objects.update_or_create(
        correlation_id=deal.correlation_id, milestone=milestone, about="",
        defaults={"owner_role": "pmo_lead", "due_at": timezone.now() + due_in, "set_by": deal},
    )  # fmt: skip


def test_a_chain_stands_before_the_first_point_that_is_missing(firm: Firm) -> None:
    deal = firm.deal()
    Expectation.objects.all().delete()
    for name in ("contract-signed", "staffed", "time-approved"):
        expect(deal, name)
    assert waiting(firm, "contract-signed") == {deal.reference}
    assert waiting(firm, "staffed") == waiting(firm, "time-approved") == set()
    Expectation.objects.filter(milestone="contract-signed").update(met_at=timezone.now())
    assert waiting(firm, "contract-signed") == set()
    assert waiting(firm, "staffed") == {deal.reference}
    assert stage(firm, "staffed").moving.amount == deal.amount


def test_what_is_overdue_is_stuck_before_its_point_once(firm: Firm) -> None:
    deal = firm.deal()
    Expectation.objects.all().delete()
    expect(deal, "contract-signed", due_in=timedelta(hours=-1))
    watching.tell(now=timezone.now())
    (watch,) = Transaction.objects.filter(process="quote-to-cash")
    assert waiting(firm, "contract-signed") == {watch.reference}
    line = stage(firm, "contract-signed")
    assert (line.stuck.count, line.stuck.amount, line.moving.count) == (1, deal.amount, 0)


def test_a_deal_under_way_stands_before_its_project_and_work_before_its_invoice(firm: Firm) -> None:
    Expectation.objects.all().delete()
    stuck = firm.deal(answers={"project": factories.refused()})
    assert waiting(firm, "project-set-up") == {stuck.reference}
    bill = firm.bill(firm.deal(), {"draft": factories.refused()})
    assert bill.reference in waiting(firm, "invoice-posted")


def test_the_latest_are_told_point_by_point(firm: Firm) -> None:
    paid, unpaid = firm.deal(), firm.deal()
    firm.bill(paid)
    now = timezone.now()
    for chain in (paid, unpaid):
        Expectation.objects.filter(correlation_id=chain.correlation_id).delete()
    for name in ("project-set-up", "cash-applied"):
        Expectation.objects.create(
            correlation_id=paid.correlation_id, milestone=name, met_at=now, owner_role="",
        )  # fmt: skip
    page = browser(firm.anna).get(reverse("quote_to_cash")).content.decode()
    assert stage(firm, "deal-won").passed == 2
    assert stage(firm, "invoice-posted").passed == stage(firm, "cash-applied").passed == 1
    assert "Nobody told of: Contract signed" in unescape(page)


def test_every_figure_opens_as_many_rows(firm: Firm) -> None:
    firm.bill(firm.deal())
    firm.deal(answers={"project": factories.refused()})
    firm.bill(firm.deal(), {"draft": factories.refused()})
    client = browser(firm.anna)
    page = client.get(reverse("quote_to_cash")).content.decode()
    links = re.findall(r'href="(/tx/\?[^"]+)">([\d,]+)</a>', page)
    assert len(links) > 5
    for url, count in links:
        listed = client.get(unescape(url)).content.decode()
        assert listed.count('class="row-link"') == int(count), url


def test_what_stands_before_a_point_is_worth_what_its_list_says(firm: Firm) -> None:
    firm.deal(answers={"project": factories.refused()})
    firm.bill(firm.deal(), {"draft": factories.refused()})
    client, seen = browser(firm.anna), Scope(firm.anna)
    standing = [one for one in chains.stages(seen, chains.walked(seen)) if one.standing.count]
    assert len(standing) > 1
    for one in standing:
        rows = exposure.priced(chains.awaiting(exposure.transactions(seen), one.name))
        assert exposure.stake(rows).amount == one.standing.amount
        page = client.get(f"/tx/?awaits={one.name}").content.decode()
        assert f"{one.standing.amount:,.2f}" in page, one.name


def test_a_chain_under_way_is_not_called_verified(firm: Firm) -> None:
    deal = firm.deal()
    Transaction.objects.filter(pk=deal.pk).update(
        clock_from=timezone.now() - timedelta(days=9), due_at=timezone.now() - timedelta(days=8)
    )
    page = browser(firm.anna).get(reverse("quote_to_cash")).content.decode()
    row = page[page.index(f'id="slow-{deal.pk}"') :].partition("</tr>")[0]
    assert "Moving" in row and "Verified" not in row
    assert "is-br" not in row, "it is its deal that was late"


def test_a_point_that_is_none_lists_nothing(firm: Firm) -> None:
    firm.deal()
    page = browser(firm.anna).get("/tx/?awaits=nirvana").content.decode()
    assert 'class="row-link"' not in page


def test_the_months_have_a_page(firm: Firm) -> None:
    firm.bill(firm.deal(), {"draft": factories.refused()})
    page = browser(firm.anna).get(reverse("month_end_close")).content.decode()
    assert "Month-end close" in page
    assert "LF-DE" in page


def test_processes_leads_to_both(firm: Firm) -> None:
    page = browser(firm.anna).get(reverse("processes")).content.decode()
    assert reverse("quote_to_cash") in page
    assert reverse("month_end_close") in page


def test_an_empty_tower_says_so(firm: Firm) -> None:
    page = browser(firm.anna).get(reverse("quote_to_cash")).content.decode()
    assert "No deal has been won yet" in page
