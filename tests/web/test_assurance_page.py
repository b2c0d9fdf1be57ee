"""Assurance: the rules in words, who sees what is broken, and what becomes of an incident."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controltower.incidents.models import Incident
from controltower.incidents.promises import QUIET_FOR
from controltower.measures import assurance, chaos, invariants
from controltower.measures.models import Check
from controltower.systems.models import System
from controltower.transactions.models import Transaction
from controltower.web.plain_names import fault
from tests.factories import Firm, signed_in
from tests.web.cast import token

pytestmark = pytest.mark.django_db
PAGE = "/assurance/"


def _show(client: Client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return answer.content.decode()


def _break(firm: Firm) -> Transaction:
    assurance.look(now=firm.now)
    bill = firm.bill(firm.deal())
    bill.steps.filter(name="post").update(values={"untaxed": "1.00"})
    assurance.look(now=timezone.now())
    return bill


def _mend(bill: Transaction) -> None:
    bill.steps.filter(name="post").update(values={"untaxed": "7200.00"})
    assurance.look(now=timezone.now())


def test_before_the_first_look_it_says_so(firm: Firm) -> None:
    assert _show(signed_in(firm.otto)).count("Not looked at yet") >= len(invariants.INVARIANTS)


def test_what_holds_and_what_nobody_looks_at_any_more(firm: Firm) -> None:
    assurance.look(now=firm.now)
    firm.bill(firm.deal())
    assurance.look(now=timezone.now())
    page = _show(signed_in(firm.otto))
    assert page.count("Holds") >= len(invariants.INVARIANTS) - 1
    assert "7,200.00" in page
    assert f"All {len(invariants.INVARIANTS)} rules hold." in page
    Check.objects.update(looked_at=timezone.now() - timedelta(minutes=10))
    assert "Not looked at lately" in _show(signed_in(firm.otto))


@pytest.mark.breaks("I3")
def test_what_is_broken_names_records_only_to_who_sees_the_firm(firm: Firm) -> None:
    bill = _break(firm)
    shown = _show(signed_in(firm.otto))
    assert bill.reference in shown
    assert "rules is broken: Money in equals money out" in shown
    limited = _show(signed_in(firm.callum))
    assert "Broken" in limited
    assert bill.reference not in limited
    assert "7,200.00" not in limited


@pytest.mark.breaks("I3")
def test_the_tower_says_that_an_incident_is_open(firm: Firm) -> None:
    _break(firm)
    assert "Broken: money in equals money out" in signed_in(firm.otto).get("/").content.decode()
    banner = signed_in(firm.otto).get("/assurance/banner/").content.decode()
    assert "held back" in banner


def test_an_incident_is_taken_and_resolved_with_a_word(firm: Firm) -> None:
    bill = _break(firm)
    incident, client = Incident.objects.get(), signed_in(firm.otto)
    address = f"/incidents/{incident.pk}/"
    assert address in _show(client)
    client.post(f"{address}owners/")
    incident.refresh_from_db()
    assert incident.owner == firm.otto
    told = client.post(f"{address}closings/", {"reason": "x"}, follow=True)
    assert "has not been quiet" in told.content.decode()
    _mend(bill)
    Incident.objects.update(quiet_since=timezone.now() - QUIET_FOR)
    told = client.post(f"{address}closings/", {"reason": ""}, follow=True)
    assert "Nothing was changed" in told.content.decode()
    told = client.post(f"{address}closings/", {"reason": "A test."}, follow=True)
    assert "Resolved." in told.content.decode()
    incident.refresh_from_db()
    assert incident.note == "A test."
    assert System.objects.get(slug="tryton").paused_at is not None


def test_the_record_of_breaking_it_is_shown_as_it_stands(firm: Firm) -> None:
    kept = chaos.record()
    assert kept is not None
    page = _show(signed_in(firm.otto))
    assert "Broken on purpose" in page
    assert all(run.commit in page for run in kept.runs)
    assert all(fault(one.kind) in page for one in kept.recoveries)


def test_without_a_record_nothing_is_claimed(
    firm: Firm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert chaos.record(tmp_path / "none.json") is None
    (tmp_path / "empty.json").write_text("[]")
    assert chaos.record(tmp_path / "empty.json") is None
    monkeypatch.setattr("controltower.web.assurance.record", lambda: None)
    page = _show(signed_in(firm.otto))
    assert "nothing is claimed" in page
    assert "Seconds to recover" not in page


class TestApi:
    """The same as the page, for programs."""

    def ask(self, headers: dict[str, str], query: str = "", status: int = 200) -> Any:
        answer = Client().get(f"/api/v1/assurance{query}", headers=headers)
        assert answer.status_code == status, answer.content
        return answer.json()

    def test_it_tells_what_the_page_tells(self, firm: Firm) -> None:
        firm.bill(firm.deal())
        assurance.look(now=timezone.now())
        told = self.ask(token(firm.otto))
        assert [rule["code"] for rule in told["rules"]] == [r.code for r in invariants.INVARIANTS]
        assert {rule["state"] for rule in told["rules"]} == {"holds"}
        (line,) = told["balances"]
        assert line["total"] == line["posted"] == {"amount": "7200.00", "currency": "EUR"}
        kept = chaos.record()
        assert kept is not None
        assert [run["commit"] for run in told["chaos"]["runs"]] == [r.commit for r in kept.runs]
        assert len(told["chaos"]["recoveries"]) == len(kept.recoveries)

    @pytest.mark.breaks("I3")
    def test_records_are_named_to_who_sees_the_firm(self, firm: Firm) -> None:
        bill = _break(firm)
        otto, callum = token(firm.otto), token(firm.callum)
        whole, part = self.ask(otto), self.ask(callum)
        assert bill.reference in json.dumps(whole)
        assert whole["incidents"][0]["halted"] == ["tryton"]
        assert bill.reference not in json.dumps(part)
        assert part["balances"] == []
        assert {rule["rows"] for rule in part["rules"]} == {None}
        self.ask(callum, "?entity=LF-DE", status=404)
        assert self.ask(otto, "?entity=LF-DE")["balances"] != []


def test_who_may_not_lead_incidents_may_not_resolve(firm: Firm) -> None:
    bill = _break(firm)
    _mend(bill)
    Incident.objects.update(quiet_since=timezone.now() - QUIET_FOR)
    incident = Incident.objects.get()
    told = signed_in(firm.jonas).post(
        f"/incidents/{incident.pk}/closings/", {"reason": "x"}, follow=True
    )
    assert "may do this" in told.content.decode()
    incident.refresh_from_db()
    assert incident.resolved_at is None
