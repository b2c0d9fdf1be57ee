"""Incidents and runbooks as people meet them: the list, one incident, a run, writing a runbook."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controltower.incidents import acts, grouping, leading, runs
from controltower.incidents.models import (
    Cause,
    Incident,
    IncidentState,
    Run,
    Runbook,
    RunbookVersion,
    RunState,
    Severity,
    StepState,
)
from controltower.incidents.promises import QUIET_FOR
from controltower.measures import alarms, at_stake
from controltower.measures.exposure import Scope
from controltower.transactions import replay, replaying
from controltower.transactions.models import Transaction
from controltower.web import runbook_words
from controltower.web.demo.runbooks import agree_runbooks
from tests.factories import Firm, refused, sealed, signed_in, stuck_bills
from tests.incidents.test_runs import approved

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(firm: Firm) -> Firm:
    agree_runbooks(firm.now)
    return firm


def show(client: Client, path: str) -> str:
    answer = client.get(path, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, path: str, **form: Any) -> str:
    answer = client.post(path, form, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_is_calm_without_incidents(firm: Firm) -> None:
    assert "No incident is open." in show(signed_in(firm.otto), "/incidents/")
    reviewed = show(signed_in(firm.otto), "/incidents/?tab=reviewed")
    assert "No incident has been reviewed yet." in reviewed and "Clear" not in reviewed


def test_the_list_says_what_burns_and_what_hangs_on_it(firm: Firm) -> None:
    cause, client = firm.cause(stuck_bills(firm, 2)[0]), signed_in(firm.otto)
    group = show(client, f"/exceptions/{cause.pk}/")
    post(client, f"/exceptions/{cause.pk}/incidents/")
    page = show(client, "/incidents/")
    assert "1 incident is open" in page
    assert "1 waits for somebody to take it." in page
    for text in (page, group, show(client, f"/incidents/{Incident.objects.get().pk}/")):
        assert "€14,400.00" in text
    Incident.objects.update(acknowledge_by=timezone.now() - timedelta(minutes=1))
    assert "1 is overdue." in show(client, "/incidents/")
    assert ">INC-" in show(client, f"/exceptions/{cause.pk}/")


def test_the_gravest_comes_first_then_the_oldest(firm: Firm) -> None:
    cause = firm.cause(stuck_bills(firm, 1)[0])
    for number, severity in enumerate(("moderate", "highest", "highest")):
        Incident.objects.create(
            subject=f"cause:{number}", title=f"Trouble {number}", severity=severity,
            opened_by="tower", owner_role="operator", seen_at=firm.now,
            opened_at=firm.now - timedelta(hours=number),
        ).causes.add(cause)  # fmt: skip
    page = show(signed_in(firm.otto), "/incidents/")
    places = [page.index(f"Trouble {number}") for number in (2, 1, 0)]
    assert places == sorted(places)
    assert "€7,200.00" in page[page.index("<tfoot>") :], "each transaction once"


def test_each_incident_has_its_own_sum_and_what_hangs_on_two_counts_once(firm: Firm) -> None:
    first, second = stuck_bills(firm, 2)
    cause = firm.cause(first)
    seen = Scope(firm.otto)
    made = [
        Incident.objects.create(
            subject=f"cause:{number}", title="Trouble", severity="high", opened_by="tower",
            owner_role="operator", seen_at=firm.now, opened_at=firm.now,
        )
        for number in range(3)
    ]  # fmt: skip
    made[0].causes.add(cause)
    made[0].transactions.add(first)
    made[1].transactions.add(second)
    found, whole = at_stake.of_each([one.pk for one in made], seen)
    assert [found[one.pk].count for one in made] == [2, 1, 0]
    assert [found[one.pk].amount for one in made] == [14400, 7200, 0]
    assert whole.count == 2 and whole.amount == 14400
    assert whole.by_currency == {"EUR": 14400}
    alone = [at_stake.stake(at_stake.hanging_on(one), seen) for one in made]
    assert [found[one.pk] for one in made] == alone


def test_incidents_of_one_title_are_told_apart(firm: Firm) -> None:
    (bill,) = stuck_bills(firm, 1)
    client, cause = signed_in(firm.otto), firm.cause(bill)
    post(client, f"/exceptions/{cause.pk}/incidents/")
    (line,) = client.get("/incidents/").context["lines"]
    assert line.about == "Time and expense to billing · LF-DE"
    assert line.about in show(client, "/incidents/")


def test_a_joined_group_is_listed_as_what_it_was_joined_with(firm: Firm) -> None:
    (one,) = stuck_bills(firm, 1)
    other = firm.bill(firm.deal(), {"draft": refused("Something else.")})
    into, cause = firm.cause(one), firm.cause(other)
    incident = leading.open_for(
        by=firm.otto, title=cause.title, severity=Severity.HIGH, cause=cause, now=firm.now
    )
    grouping.join(cause=cause, into=into, reason="One cause.", person=firm.otto, now=firm.now)
    client, path = signed_in(firm.otto), f"/incidents/{incident.pk}/"
    (listed,) = client.get(path).context["causes"]
    assert (listed["title"], listed["count"]) == (into.title, 2)
    incident.causes.set([cause])
    assert "not part of this" in show(client, path)


def test_people_lead_it_by_small_forms(firm: Firm) -> None:
    cause, client = firm.cause(stuck_bills(firm, 1)[0]), signed_in(firm.otto)
    post(client, f"/exceptions/{cause.pk}/incidents/")
    incident = Incident.objects.get()
    path = f"/incidents/{incident.pk}/"
    assert "The incident is yours." in post(client, f"{path}owners/")
    assert "Nothing was changed" in post(client, f"{path}updates/", text=" ")
    assert "The ERP was called." in post(client, f"{path}updates/", text="The ERP was called.")
    given = {"owner": firm.anna.pk, "deputy": firm.priya.pk}
    assert "deputy Priya Nair" in post(client, f"{path}hand-overs/", **given)
    assert "There is no such transaction." in post(client, f"{path}links/", reference="CT-NONE")
    reference = stuck_bills(firm, 1)[0].reference
    assert reference in post(client, f"{path}links/", reference=reference)
    page = post(client, f"{path}mitigations/", reason="Nothing new is sent.")
    assert "It does no more harm" in page
    assert "1 stuck, €7,200.00" in page, "the figures of the moment"


def test_what_two_people_write_at_once_is_kept(firm: Firm) -> None:
    cause, otto, anna = firm.cause(stuck_bills(firm, 1)[0]), signed_in(firm.otto), firm.anna
    post(otto, f"/exceptions/{cause.pk}/incidents/")
    incident, now = Incident.objects.get(), timezone.now()
    path = f"/incidents/{incident.pk}/"
    Incident.objects.update(state=IncidentState.RESOLVED, resolved_at=now, acknowledge_by=None)
    page = post(otto, f"{path}updates/", text="They are on the phone.")
    assert "It has been resolved meanwhile." in page and "They are on the phone." in page
    leading.review(incident=incident, text="Ask earlier.", by=anna, now=now)
    page = post(otto, f"{path}reviews/", text="And write it down.")
    assert "Added to the review." in page
    incident.refresh_from_db()
    assert incident.review == "Ask earlier.\n\nOtto Brandt: And write it down."
    assert incident.reviewed_by == anna.username


def test_an_incident_says_what_comes_next_and_who_did_what(firm: Firm) -> None:
    bill = stuck_bills(firm, 1)[0]
    cause, client = firm.cause(bill), signed_in(firm.otto)
    post(client, f"/exceptions/{cause.pk}/incidents/")
    path = f"/incidents/{Incident.objects.get().pk}/"
    post(client, f"{path}owners/")
    version = RunbookVersion.objects.get(runbook__slug="tax-code-off")
    post(client, f"{path}runs/", version=version.pk)
    run = Run.objects.get()
    post(client, f"/runs/{run.pk}/steps/1/", do="look")
    post(client, f"/runs/{run.pk}/steps/2/", do="skip", reason="It answered a minute ago.")
    page = show(client, path)
    assert "It lasts, and Otto Brandt is at it." in page
    assert "Step 3 of the runbook is at hand: Where is the code wrong?" in page
    assert "The first of it is due" in page
    assert "“It answered a minute ago.”" in page, "the reason stands in the timeline"
    assert firm.otto.username not in page[page.index('class="timeline"') :]
    page = show(client, f"/runs/{run.pk}/")
    assert f'href="/exceptions/{cause.pk}/"' in page and f'href="{path}"' in page


def test_a_run_asks_nothing_before_it_looks_and_tells_its_stop_from_the_replays(
    firm: Firm,
) -> None:
    cause, client = firm.cause(stuck_bills(firm, 1)[0]), signed_in(firm.otto)
    version = RunbookVersion.objects.get(runbook__slug="tax-code-off")
    post(client, f"/exceptions/{cause.pk}/runs/", version=version.pk)
    run = Run.objects.get()
    page = show(client, f"/runs/{run.pk}/")
    assert 'class="at-once"' in page and 'id="do-look"' not in page
    for position in (1, 2, 3, 4):
        post(client, f"/runs/{run.pk}/steps/{position}/", do="skip", reason="x")
    post(client, f"/runs/{run.pk}/steps/5/", do="act")
    planned = run.steps.get(position=5).plan
    assert planned is not None
    page = show(client, f"/runs/{run.pk}/")
    assert page.count('id="stop"') == page.count('id="stop-run"') == 1
    page = show(client, f"/jobs/{sealed(planned).pk}/")
    assert f'href="/runs/{run.pk}/"' in page
    assert "Nothing of it has been sent." in post(client, f"/jobs/{planned.pk}/stops/")


def test_a_runbook_is_written_approved_by_another_and_offered(firm: Firm) -> None:
    cause, otto, anna = (
        firm.cause(stuck_bills(firm, 1)[0]),
        signed_in(firm.otto),
        signed_in(firm.anna),
    )
    form = {
        "title": "Ask the ERP's people", "kinds": ["validation"], "words": "tax code; VAT",
        "steps": "draft", "note": "First.", "steps-TOTAL_FORMS": "3", "steps-INITIAL_FORMS": "0",
        "steps-0-kind": "decide", "steps-0-title": "Who is it?", "steps-0-ORDER": "2",
        "steps-0-choices": "The ERP\nNobody → end",
        "steps-1-kind": "check", "steps-1-title": "How many?", "steps-1-what": "how_many",
        "steps-1-ORDER": "1", "steps-2-kind": "act", "steps-2-title": "",
    }  # fmt: skip
    answer = otto.post("/runbooks/new/", form | {"steps-0-choices": "Only one"})
    assert answer.status_code == 422
    assert "two choices at least" in answer.content.decode()
    longer = otto.post("/runbooks/new/", form | {"more": "rows"})
    page = longer.content.decode()
    assert 'name="steps-4-title"' in page and 'name="steps-5-title"' not in page
    assert 'value="Who is it?"' in page and 'value="tax code; VAT"' in page
    assert '<option value="validation" selected>' in page
    assert longer.status_code == 200 and not Runbook.objects.filter(title=form["title"]).exists()
    page = post(otto, "/runbooks/new/", **form)
    version = RunbookVersion.objects.get(runbook__slug="ask-the-erps-people")
    assert [rule["title"] for rule in version.steps] == ["How many?", "Who is it?"]
    assert version.steps[1]["choices"][1] == {"label": "Nobody", "to": "end"}
    path = "/runbooks/ask-the-erps-people/v1/"
    post(otto, f"{path}submissions/")
    assert "somebody else must decide" in show(otto, path)
    assert "Approved" in post(anna, f"{path}decisions/", approve="yes")
    assert "Ask the ERP&#x27;s people" in show(otto, f"/exceptions/{cause.pk}/")
    edited = form | {"steps-1-title": "How many are there?"}
    page = post(otto, "/runbooks/ask-the-erps-people/drafts/?from=1", **edited)
    assert "compared with v1" in page
    assert "<ins>" in page


def test_a_list_of_runbooks_names_no_step_by_its_identifier() -> None:
    (step,) = runbook_words.fits({"steps": ["before-cut-off", "refresh"]}, as_kept=False)
    assert step == ("Step", "Done before the cut-off, Bring the dashboards up to date")
    unnamed = {"kinds": ["duplicate"], "steps": ["check", "turn-down"]}
    assert runbook_words.fits(unnamed, as_kept=False) == [("Kind of failure", "duplicate")]
    several = {"words": ["tax code"], "steps": ["check"]}
    assert [label for label, _words in runbook_words.fits(several, as_kept=False)] == ["Title says"]
    assert ("Step", "check") in runbook_words.fits(several)


def test_what_was_done_becomes_a_draft(firm: Firm) -> None:
    RunbookVersion.objects.all().delete()
    first, _second = stuck_bills(firm, 2)
    cause, client = firm.cause(first), signed_in(firm.otto)
    assert "Write down what you do now" in show(client, f"/exceptions/{cause.pk}/")
    path = f"/exceptions/{cause.pk}/runbooks/"
    assert "Act first" in post(client, path)
    firm.plan(first, by=firm.otto)
    page = post(client, path)
    assert "Replay what is stuck" in page
    assert 'value="See that nothing is left"' in page


def test_from_alert_to_reviewed_with_only_the_runbook(firm: Firm, settings: Any) -> None:
    """Otto knows nothing but what the pages offer him."""
    bills = stuck_bills(firm, 3)
    settings.INCIDENT_COUNT = 3
    alarms.look(now=timezone.now())
    client = signed_in(firm.otto)
    assert "Tax code" in show(client, "/"), "the alert stands on the Tower"
    incident = Incident.objects.get()
    path = f"/incidents/{incident.pk}/"
    assert "The ERP refuses a tax code" in show(client, path)
    post(client, f"{path}owners/")
    version = RunbookVersion.objects.get(runbook__slug="tax-code-off")
    post(client, f"{path}runs/", version=version.pk)
    run = Run.objects.get()
    step = f"/runs/{run.pk}/steps/"
    post(client, f"{step}1/", do="look")
    assert "Tryton ERP answers." in post(client, f"{step}2/", do="look")
    assert "reason" in post(client, f"{step}3/", do="choose", choice=0)
    post(client, f"{step}3/", do="choose", choice=0, reason="It is on again.")
    assert "The replay and its plan" in post(client, f"{step}5/", do="act")
    _release(firm, client, run)
    _play_out(firm, run, bills)
    page = post(client, f"{step}6/", do="look")
    assert "Nothing of it is stuck any more." in page
    run.refresh_from_db()
    assert run.state == RunState.COMPLETED
    listed = show(client, "/runbooks/")
    assert listed.count('href="/runs/') == listed.count(f'href="/runs/{run.pk}/"') == 1
    now = timezone.now()
    alarms.look(now=now)
    alarms.look(now=now + QUIET_FOR)
    incident.refresh_from_db()
    assert incident.state == IncidentState.RESOLVED
    page = post(client, f"{path}reviews/", text="Tell us before a tax code is switched off.")
    assert "Tell us before a tax code is switched off." in page
    incident.refresh_from_db()
    assert incident.state == IncidentState.REVIEWED
    assert "3 stuck, €21,600.00" in page, "the evidence of the beginning stays"


def _play_out(firm: Firm, run: Run, bills: Sequence[Transaction]) -> None:
    """Let the engine work on the replay, wave by wave, until its step is done."""
    plan = run.steps.get(position=5).plan
    assert plan is not None
    for wave in range(1, 6):
        for bill in bills:
            firm.play(bill)
        replaying.tick(plan.pk, now=timezone.now() + timedelta(minutes=6 * wave))
        acts.follow(now=timezone.now())
    assert run.steps.get(position=5).state == StepState.DONE


def _release(firm: Firm, client: Client, run: Run) -> None:
    """Release the plan by the button that the run shows."""
    planned = run.steps.get(position=5).plan
    assert planned is not None
    plan = sealed(planned)
    page = show(client, f"/runs/{run.pk}/")
    assert f"/jobs/{plan.pk}/releases/" in page
    post(client, f"/jobs/{plan.pk}/releases/", digest=plan.digest)
    plan.refresh_from_db()
    assert plan.released_at is not None


def test_who_sees_another_company_sees_none_of_it(firm: Firm) -> None:
    cause: Cause = firm.cause(stuck_bills(firm, 1)[0])
    incident = leading.open_for(
        cause=cause, title=cause.title, severity=Severity.HIGH, by=firm.otto, now=firm.now
    )
    client = signed_in(firm.callum)
    assert "No incident is open." in show(client, "/incidents/")
    assert client.get(f"/incidents/{incident.pk}/").status_code == 404
    assert client.post(f"/exceptions/{cause.pk}/incidents/").status_code == 404


def test_the_palette_finds_an_incident_by_name_and_by_words(firm: Firm) -> None:
    cause, client = firm.cause(stuck_bills(firm, 1)[0]), signed_in(firm.otto)
    post(client, f"/exceptions/{cause.pk}/incidents/")
    incident = Incident.objects.get()
    for words in (incident.name.lower(), "tax code"):
        assert f'/incidents/{incident.pk}/"' in show(client, f"/find/?q={words}")
        told = show(signed_in(firm.callum), f"/find/?q={words}")
        assert f"/incidents/{incident.pk}/" not in told


def test_the_timeline_says_who_was_told(firm: Firm) -> None:
    client = signed_in(firm.otto)
    post(client, f"/exceptions/{firm.cause(stuck_bills(firm, 1)[0]).pk}/incidents/")
    path = f"/incidents/{Incident.objects.get().pk}/"
    deputy = {"owner": str(firm.otto.pk), "deputy": str(firm.priya.pk)}
    assert "Who was named is told" in post(client, f"{path}hand-overs/", **deputy)
    assert f"Told: {firm.priya}" in show(client, path)


def test_a_look_at_a_wait_that_goes_on_says_what_it_has_seen(firm: Firm) -> None:
    cause, client = firm.cause(stuck_bills(firm, 1)[0]), signed_in(firm.otto)
    wait = {"kind": "wait", "what": "nothing_stuck", "minutes": 30, "title": "Wait"}
    run = runs.start(version=approved(firm, wait), cause=cause, by=firm.otto, now=timezone.now())
    step = f"/runs/{run.pk}/steps/1/"
    assert "waited for on: Some of it is still stuck." in post(client, step, do="look")
    assert "Ticket TAX-7" in post(client, step, do="evidence", text="Ticket TAX-7")
    assert "Stop waiting" in show(client, f"/runs/{run.pk}/")


def test_the_run_of_a_plan_needs_no_other_path(firm: Firm) -> None:
    """A replay's plan knows nothing of runs: stopping it halts the run."""
    cause, client = firm.cause(stuck_bills(firm, 1)[0]), signed_in(firm.otto)
    version = RunbookVersion.objects.get(runbook__slug="tax-code-off")
    post(client, f"/exceptions/{cause.pk}/runs/", version=version.pk)
    run = Run.objects.get()
    for position in (1, 2, 3, 4):
        post(client, f"/runs/{run.pk}/steps/{position}/", do="skip", reason="x")
    post(client, f"/runs/{run.pk}/steps/5/", do="act")
    plan = run.steps.get(position=5).plan
    assert plan is not None
    replay.stop(plan=plan, by=firm.otto, now=timezone.now())
    acts.follow(now=timezone.now())
    assert "Halted" in show(client, f"/runs/{run.pk}/")
    post(client, f"/runs/{run.pk}/stops/", reason="Somebody else is at it.")
    run.refresh_from_db()
    assert run.state == RunState.STOPPED
