"""An upstream that changes its shape: seen, owned, agreed on by two, and let go again."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from controltower.canonical.contracts import VALUE, Difference, told
from controltower.firm.models import AuditEntry
from controltower.incidents import drifting
from controltower.incidents.models import Incident
from controltower.systems import agreeing, contracts
from controltower.systems.models import (
    Agreement,
    Drift,
    Feed,
    Interface,
    InterfaceVersion,
    System,
)
from controltower.transactions.models import Transaction
from integrations import shape
from tests.factories import Firm, found

pytestmark = pytest.mark.django_db
STATUS = Difference(VALUE, "Status__c", "one of “Active”, “Closed”", "“Dormant”")
UNSHAPED = shape.Drift(STATUS).verdict()


@pytest.fixture
def firm() -> Firm:
    return found()


def drifted(firm: Firm) -> tuple[Transaction, Drift]:
    """A deal whose client the CRM tells of in a new way."""
    deal = firm.deal(answers={"client": UNSHAPED})
    drifting.follow(now=firm.now)
    return deal, Drift.objects.get()


def test_it_is_one_difference_with_an_incident_however_many_it_holds(firm: Firm) -> None:
    deal, drift = drifted(firm)
    assert deal.steps.get(name="client").state == "parked"
    more = firm.deal(answers={"client": UNSHAPED})
    drifting.follow(now=firm.now)
    drift.refresh_from_db()
    assert (drift.interface.system.slug, drift.interface.entity) == ("salesforce", "customer")
    assert told(drift.sentence) == STATUS
    assert drift.samples == 2
    assert {step.transaction_id for step in drifting.held_by(drift)} == {deal.pk, more.pk}
    incident = Incident.objects.get(subject=f"drift:{drift.pk}")
    assert "“Status__c” has a value that is not on the agreed list" in incident.title
    assert incident.owner_role
    cause = drifting.causes_of(drift).get()
    assert "“Dormant” came" in cause.title
    assert cause == firm.cause(deal) == firm.cause(more)


def test_two_fields_of_one_answer_are_two_causes(firm: Firm) -> None:
    one, _drift = drifted(firm)
    other = shape.Drift(Difference(VALUE, "Region__c", "one of “EU”", "“Mars”")).verdict()
    assert firm.cause(one) != firm.cause(firm.deal(answers={"client": other}))


def test_two_agree_and_what_was_held_goes_on(firm: Firm) -> None:
    deal, drift = drifted(firm)
    made = agreeing.propose(
        drift=drift, stands_for="Closed", note="Dormant clients are closed.", by=firm.lena,
        now=firm.now,
    )  # fmt: skip
    system = System.objects.get(slug="salesforce")
    assert system.terms == {}, "a proposal changes nothing"
    with pytest.raises(agreeing.NotAllowed, match="may not decide on it"):
        agreeing.decide(version=made, agree=True, by=firm.lena, now=firm.now)
    with pytest.raises(agreeing.NotAllowed, match="Only the"):
        agreeing.decide(version=made, agree=True, by=firm.otto, now=firm.now)
    agreeing.decide(version=made, agree=True, by=firm.anna, now=firm.now)
    system.refresh_from_db()
    with shape.agreeing(contracts.terms_of(system, "customer")):
        known = {"Active": True, "Closed": False}
        assert shape.choice({"Status__c": "Dormant"}, "Status__c", known) is False
    with pytest.raises(agreeing.WrongState, match="already"):
        agreeing.decide(version=made, agree=True, by=firm.anna, now=firm.now)
    entries = AuditEntry.objects.filter(verb="agree contract")
    assert list(entries.values_list("actor", "allowed").order_by("id")) == [
        ("lena.weil", False), ("otto.brandt", False), ("anna.lindqvist", True),
    ]  # fmt: skip
    deal.steps.filter(name="client").update(state="scheduled", kind="", text="")
    firm.play(deal)
    drifting.follow(now=firm.now)
    drift.refresh_from_db()
    assert drift.ended_at == firm.now
    assert Incident.objects.get(subject=f"drift:{drift.pk}").quiet_since == firm.now


def test_rejected_it_is_as_it_was(firm: Firm) -> None:
    _deal, drift = drifted(firm)
    made = agreeing.propose(drift=drift, stands_for="Closed", note="", by=firm.lena, now=firm.now)
    with pytest.raises(agreeing.WrongState, match="waits to be decided first"):
        agreeing.propose(drift=drift, stands_for="Active", note="", by=firm.lena, now=firm.now)
    agreeing.decide(version=made, agree=False, by=firm.anna, now=firm.now)
    made.refresh_from_db()
    assert made.state == Agreement.REFUSED
    assert System.objects.get(slug="salesforce").terms == {}


def test_its_author_takes_a_proposal_back_and_proposes_another(firm: Firm) -> None:
    _deal, drift = drifted(firm)
    made = agreeing.propose(drift=drift, stands_for="Closed", note="", by=firm.lena, now=firm.now)
    with pytest.raises(agreeing.NotAllowed, match="Only who proposed"):
        agreeing.withdraw(version=made, by=firm.anna, now=firm.now)
    agreeing.withdraw(version=made, by=firm.lena, now=firm.now)
    made.refresh_from_db()
    assert (made.state, made.decided_by) == (Agreement.WITHDRAWN, None)
    with pytest.raises(agreeing.WrongState, match="withdrawn already"):
        agreeing.decide(version=made, agree=True, by=firm.anna, now=firm.now)
    again = agreeing.propose(drift=drift, stands_for="Active", note="", by=firm.lena, now=firm.now)
    with pytest.raises(agreeing.WrongState, match="withdrawn already"):
        agreeing.withdraw(version=made, by=firm.lena, now=firm.now)
    agreeing.decide(version=again, agree=True, by=firm.anna, now=firm.now)
    with pytest.raises(agreeing.WrongState, match="in force already"):
        agreeing.withdraw(version=again, by=firm.lena, now=firm.now)
    entries = AuditEntry.objects.filter(verb="withdraw contract")
    assert list(entries.values_list("actor", "allowed").order_by("id")) == [
        ("anna.lindqvist", False), ("lena.weil", True),
    ]  # fmt: skip


def test_what_was_rejected_before_is_told_apart_by_the_audit_chain(firm: Firm) -> None:
    _deal, drift = drifted(firm)
    made = agreeing.propose(drift=drift, stands_for="Closed", note="", by=firm.lena, now=firm.now)
    agreeing.decide(version=made, agree=False, by=firm.anna, now=firm.now)
    again = agreeing.propose(drift=drift, stands_for="Closed", note="", by=firm.lena, now=firm.now)
    agreeing.decide(version=again, agree=True, by=firm.anna, now=firm.now)
    InterfaceVersion.objects.update(state=Agreement.RETIRED)
    import_module("controltower.systems.migrations.0018_refused_contracts").tell_apart(apps, None)
    states = InterfaceVersion.objects.order_by("number").values_list("state", flat=True)
    assert list(states) == [Agreement.REFUSED, Agreement.RETIRED]


def test_a_feed_that_stands_still_shows_it_until_it_moves(firm: Firm) -> None:
    feed = Feed.objects.filter(system__slug="salesforce").first()
    assert feed is not None
    feed.trouble = UNSHAPED.text
    feed.save()
    assert drifting.follow(now=firm.now) == 1
    drift = Drift.objects.get()
    assert list(drifting.feeds_of(drift)) == [feed]
    Feed.objects.update(trouble="")
    assert drifting.follow(now=firm.now) == 0
    Feed.objects.filter(pk=feed.pk).update(trouble=UNSHAPED.text)
    assert drifting.follow(now=firm.now) == 1
    assert Drift.objects.get().ended_at is None, "it is back, not another"


def test_a_message_shows_it_for_a_day(firm: Firm) -> None:
    now, system = timezone.now(), System.objects.get(slug="salesforce")
    for _again in range(3):
        drifting.met_by_message(system, f"{STATUS}. Nothing was taken from it.", now=now)
    assert Drift.objects.get().samples == 3
    assert drifting.follow(now=now) == 1
    assert drifting.follow(now=now + timedelta(hours=25)) == 0
    assert Interface.objects.filter(entity="message").exists()
