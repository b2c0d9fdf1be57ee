"""What will be late unless somebody sees to it: listed, on the Tower, of a process, in the mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from controltower.measures import promises
from controltower.measures.exposure import Scope
from controltower.transactions.models import Transaction
from controltower.web import digest
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser, token

pytestmark = pytest.mark.django_db


@pytest.fixture
def near(firm: Firm) -> Transaction:
    """A stuck deal of which nine tenths of the promise are used."""
    one = firm.deal(answers={"project": factories.refused()})
    now = timezone.now()
    times = {"warns_at": now - timedelta(minutes=5), "due_at": now + timedelta(minutes=20)}
    Transaction.objects.filter(pk=one.pk).update(**times)
    one.refresh_from_db()
    return one


def test_it_is_listed_and_said_wherever_promises_are(firm: Firm, near: Transaction) -> None:
    client = browser(firm.anna)
    url = f"/tx/?process={near.process}&amp;lateness=at_risk"
    page = client.get(url.replace("&amp;", "&")).content.decode()
    assert page.count('class="row-link"') == 1
    assert "At risk" in page
    for address in ("/tower/promises/", reverse("processes")):
        said = client.get(address).content.decode()
        assert url in said, address
        assert "1 at risk" in said, address
    assert url in client.get(reverse("process", args=[near.process])).content.decode()
    line = promises.promises(Scope(firm.anna), timezone.now())
    assert {one.name: one.at_risk for one in line if one.at_risk} == {near.process: 1}


def test_what_is_late_or_far_from_it_is_not_at_risk(firm: Firm, near: Transaction) -> None:
    now, hour = timezone.now(), timedelta(hours=1)
    for warns, due in ((now - 2 * hour, now - hour), (now + hour, now + 2 * hour), (None, None)):
        Transaction.objects.filter(pk=near.pk).update(warns_at=warns, due_at=due)
        page = browser(firm.anna).get("/tx/?lateness=at_risk").content.decode()
        assert 'class="row-link"' not in page


def test_the_daily_mail_says_so_in_money(firm: Firm, near: Transaction) -> None:
    content = digest.compose(Scope(firm.anna), timezone.now())
    (said,) = [line.text for line in content.lines if "at risk" in line.text]
    assert "1 transaction at risk" in said
    assert "€" in said


def test_the_api_tells_the_state_of_its_promise(firm: Firm, near: Transaction) -> None:
    found = Client().get(f"/api/v1/transactions/{near.reference}", headers=token(firm.anna)).json()
    assert found["transactions"][0]["promise"]["state"] == "at_risk"
