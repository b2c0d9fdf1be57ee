"""What will be late unless somebody sees to it: listed, on the Tower, of a process, in the mail."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from controltower.firm.models import Duty, LegalEntity, Role
from controltower.incidents.models import Message, Wish
from controltower.measures import promises
from controltower.measures.exposure import Scope
from controltower.transactions.models import Transaction
from controltower.web import digest, nearing
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


def test_who_answers_for_the_process_is_warned_once(firm: Firm, near: Transaction) -> None:
    now = timezone.now()
    assert nearing.warn(now=now) > 0
    said = Message.objects.filter(name__startswith="nearing-")
    roles = Duty.objects.filter(person__in=said.values("person")).values_list("role", flat=True)
    assert set(roles) == {Role.PMO_LEAD}
    one = said.filter(person=firm.priya).get()
    assert one.subject.startswith("1 promise ends soon, €")
    assert near.title in one.text and "/tx/?lateness=at_risk" in one.text
    for later in (now + timedelta(minutes=5), now + timedelta(minutes=70)):
        Transaction.objects.filter(pk=near.pk).update(due_at=later + timedelta(minutes=20))
        assert nearing.warn(now=later) == 0


def test_what_comes_near_later_is_told_within_the_hour(firm: Firm, near: Transaction) -> None:
    now = timezone.now()
    nearing.warn(now=now)
    other = firm.deal(answers={"project": factories.refused()})
    times = {"warns_at": now + timedelta(minutes=5), "due_at": now + timedelta(hours=3)}
    Transaction.objects.filter(pk=other.pk).update(**times)
    assert nearing.warn(now=now + timedelta(minutes=10)) == 0
    assert nearing.warn(now=now + timedelta(minutes=61)) > 0
    told = Message.objects.filter(name__startswith="nearing-", person=firm.priya).first()
    assert told is not None and other.title in told.text and near.title not in told.text


def test_quiet_hours_hold_a_warning_and_who_wants_none_gets_none(
    firm: Firm, near: Transaction
) -> None:
    now = timezone.now()
    here = now.astimezone(ZoneInfo(firm.priya.zone))
    quiet = {
        "quiet_from": (here - timedelta(hours=1)).time(),
        "quiet_until": (here + timedelta(hours=1)).time(),
    }
    Wish.objects.update_or_create(person=firm.priya, defaults=quiet)
    nearing.warn(now=now)
    assert Message.objects.get(name__startswith="nearing-", person=firm.priya).held
    Message.objects.all().delete()
    Wish.objects.filter(person=firm.priya).update(tickets=False)
    nearing.warn(now=now)
    assert not Message.objects.filter(person=firm.priya).exists()


def test_nobody_is_warned_of_a_company_that_is_not_theirs(firm: Firm, near: Transaction) -> None:
    Duty.objects.filter(role=Role.PMO_LEAD).delete()
    uk = LegalEntity.objects.get(code="LF-UK")
    Duty.objects.create(person=firm.callum, role=Role.PMO_LEAD, entity=uk)
    assert nearing.warn(now=timezone.now()) == 0
