"""What people decide about the grouping sticks, for what comes later too, until taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from controltower.firm.models import AuditEntry
from controltower.incidents import grouping, leading, triage
from controltower.incidents.models import By, Cause, Grouping, Incident, Severity
from controltower.measures import at_stake
from controltower.transactions import replay
from tests.factories import Firm, refused, stuck_bills

pytestmark = pytest.mark.django_db
HERE: dict[str, Any] = {"entity": "LF-UK", "currency": "GBP"}


def split(firm: Firm, cause: Cause, value: str, by: By = By.ENTITY) -> Cause:
    return grouping.split(
        cause=cause, by=by, value=value, reason="Another team sees to it.", person=firm.otto,
        now=firm.now,
    )  # fmt: skip


def join(firm: Firm, cause: Cause, into: Cause) -> None:
    grouping.join(cause=cause, into=into, reason="One cause.", person=firm.otto, now=firm.now)


def test_a_company_is_split_off_and_what_comes_later_follows(firm: Firm) -> None:
    (german,), (british,) = stuck_bills(firm, 1), stuck_bills(firm, 1, **HERE)
    cause = firm.cause(german)
    assert firm.cause(british) == cause
    part = split(firm, cause, "LF-UK")
    assert (firm.cause(german), firm.cause(british)) == (cause, part)
    assert "LF-UK" in part.title
    (later,) = stuck_bills(firm, 1, **HERE)
    assert firm.cause(later) == part
    (here,) = stuck_bills(firm, 1)
    assert firm.cause(here) == cause
    said = AuditEntry.objects.get(verb="split")
    assert (said.actor, said.detail["value"]) == (firm.otto.username, "LF-UK")


def test_a_part_that_is_refused_anew_stands_alone_again(firm: Firm) -> None:
    (german,), (british,) = stuck_bills(firm, 1), stuck_bills(firm, 1, **HERE)
    part = split(firm, firm.cause(british), "LF-UK")
    fence = firm.letter(british).step.fence
    plan = firm.plan(british, by=firm.otto)
    replay.release(plan=plan, digest=plan.digest, by=firm.otto, now=timezone.now())
    firm.play(british, answers={"draft": refused()})
    assert firm.letter(british).step.fence > fence, "it was claimed and sent once more"
    assert firm.cause(british) == part != firm.cause(german)


def test_causes_are_joined_and_parts_of_the_joined_one_hold(firm: Firm) -> None:
    (one,) = stuck_bills(firm, 1)
    other = firm.bill(firm.deal(**HERE), answers={"draft": refused("Something else is wrong.")})
    into, cause = firm.cause(one), firm.cause(other)
    assert into != cause
    part = split(firm, into, "LF-UK")
    join(firm, cause, into)
    assert firm.cause(other) == part, "it is joined, and of the part that stands alone"
    assert firm.cause(one) == into
    assert grouping.joined_into(cause) == into


def test_an_incident_follows_what_is_joined(firm: Firm) -> None:
    (one,), other = stuck_bills(firm, 1), firm.bill(firm.deal(), {"draft": refused("Else.")})
    into, cause = firm.cause(one), firm.cause(other)
    incident = led(firm, cause)
    join(firm, cause, into)
    assert set(incident.causes.all()) == {cause, into}
    assert at_stake.hanging_on(incident).count() == 2
    assert into.title in last_line(incident)


def test_what_was_joined_leaves_the_incident_when_that_is_taken_back(firm: Firm) -> None:
    (one,), other = stuck_bills(firm, 1), firm.bill(firm.deal(), {"draft": refused("Else.")})
    into, cause = firm.cause(one), firm.cause(other)
    incident = led(firm, cause)
    join(firm, cause, into)
    later = led(firm, into)
    (decision,) = grouping.about(cause)
    grouping.take_back(grouping=decision, person=firm.otto, now=firm.now)
    assert list(incident.causes.all()) == [cause]
    assert list(at_stake.hanging_on(incident)) == [other]
    assert last_line(incident).endswith(f"no part in this incident: {into.title}")
    assert list(later.causes.all()) == [into]
    assert last_line(later).endswith(f"no part in this incident: {cause.title}")


def test_an_incident_that_had_both_keeps_both_when_a_join_is_taken_back(firm: Firm) -> None:
    (one,), other = stuck_bills(firm, 1), firm.bill(firm.deal(), {"draft": refused("Else.")})
    into, cause = firm.cause(one), firm.cause(other)
    incident = led(firm, cause)
    leading.link(incident=incident, causes=[into], by=firm.otto, now=firm.now)
    join(firm, cause, into)
    grouping.take_back(grouping=grouping.about(cause)[0], person=firm.otto, now=firm.now)
    assert set(incident.causes.all()) == {cause, into}


def test_groups_of_one_name_are_not_told_apart_by_it(firm: Firm) -> None:
    (one,), other = stuck_bills(firm, 1), firm.bill(firm.deal(), {"draft": refused("Else.")})
    into, cause = firm.cause(one), firm.cause(other)
    Cause.objects.update(title="The same")
    incident = led(firm, firm.cause(other))
    join(firm, Cause.objects.get(pk=cause.pk), Cause.objects.get(pk=into.pk))
    assert last_line(incident).count("The same") == 1


def test_two_incidents_of_joined_causes_say_which_goes_on(firm: Firm) -> None:
    (one,), other = stuck_bills(firm, 1), firm.bill(firm.deal(), {"draft": refused("Else.")})
    into, cause = firm.cause(one), firm.cause(other)
    goes_on, ends = led(firm, into), led(firm, cause)
    join(firm, cause, into)
    assert last_line(ends).endswith(f"goes on in {goes_on.name}.")
    assert list(ends.causes.all()) == [cause] and not at_stake.hanging_on(ends).exists()
    assert goes_on.entries.count() == 1


def test_an_incident_says_what_was_split_off_from_it(firm: Firm) -> None:
    (german,), _british = stuck_bills(firm, 1), stuck_bills(firm, 1, **HERE)
    incident = led(firm, firm.cause(german))
    part = split(firm, firm.cause(german), "LF-UK")
    assert part.title in last_line(incident)


def led(firm: Firm, cause: Cause) -> Incident:
    return leading.open_for(
        by=firm.otto, title=cause.title, severity=Severity.HIGH, cause=cause, now=firm.now
    )


def last_line(incident: Incident) -> str:
    line = incident.entries.order_by("-pk").first()
    assert line is not None
    return line.text


def test_what_is_taken_back_stands_by_its_cause_again(firm: Firm) -> None:
    (german,), (british,) = stuck_bills(firm, 1), stuck_bills(firm, 1, **HERE)
    cause = firm.cause(german)
    part = split(firm, cause, "LF-UK")
    (decision,) = grouping.about(part)
    assert grouping.take_back(grouping=decision, person=firm.otto, now=firm.now) == cause
    assert firm.cause(british) == cause
    assert grouping.about(part) == grouping.about(cause) == []
    with pytest.raises(grouping.Pointless):
        grouping.take_back(grouping=decision, person=firm.otto, now=firm.now)


def test_no_decision_leads_in_a_circle(firm: Firm) -> None:
    (one,) = stuck_bills(firm, 1)
    other = firm.bill(firm.deal(), answers={"draft": refused("Something else is wrong.")})
    first, second = firm.cause(one), firm.cause(other)
    with pytest.raises(grouping.Pointless):
        join(firm, first, first)
    join(firm, first, second)
    with pytest.raises(grouping.Pointless):
        join(firm, second, first)
    with pytest.raises(grouping.Pointless):
        join(firm, first, second)
    part = split(firm, second, "LF-DE")
    with pytest.raises(grouping.Pointless):
        join(firm, part, first)


def test_a_part_joined_back_cannot_be_split_off_again(firm: Firm) -> None:
    cause = firm.cause(stuck_bills(firm, 1)[0])
    part = split(firm, cause, "LF-DE")
    grouping.take_back(grouping=grouping.about(part)[0], person=firm.otto, now=firm.now)
    join(firm, part, cause)
    with pytest.raises(grouping.Pointless):
        split(firm, cause, "LF-DE")


def test_it_needs_a_reason_and_the_right(firm: Firm) -> None:
    cause = firm.cause(stuck_bills(firm, 1)[0])
    with pytest.raises(triage.ReasonMissing):
        grouping.split(
            cause=cause, by=By.ENTITY, value="LF-DE", reason=" ", person=firm.otto, now=firm.now
        )
    with pytest.raises(triage.NotAllowed):
        grouping.split(
            cause=cause, by=By.ENTITY, value="LF-DE", reason="so", person=firm.jonas, now=firm.now
        )
    assert not Grouping.objects.exists()
    assert AuditEntry.objects.filter(verb="split", allowed=False).exists()


def test_what_is_replayed_meanwhile_stays_where_it_is(firm: Firm) -> None:
    (bill,) = stuck_bills(firm, 1)
    letter = firm.letter(bill)
    letter.step.state, letter.step.fingerprint = "scheduled", ""
    letter.step.due_at = firm.now
    letter.step.save()
    split(firm, letter.cause, "LF-DE")
    assert not Cause.objects.filter(fingerprint="").exists()
    assert firm.letter(bill).cause == letter.cause
