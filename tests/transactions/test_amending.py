"""Edit and retry: fields of a refused step are put right, and it is sent again."""

from __future__ import annotations

from decimal import Decimal

import pytest

from controltower.canonical.verdicts import Kind
from controltower.firm.models import AuditEntry
from controltower.incidents.models import DeadLetter, LetterState, Resolution
from controltower.transactions import amending, consent, engine, findings
from controltower.transactions.cases import case_of
from controltower.transactions.facts import facts
from controltower.transactions.models import Amendment, Attempt, InboundEvent, Step, Transaction
from controltower.transactions.protocol import State
from tests.factories import Firm, no_answer, refused, unaskable

pytestmark = pytest.mark.django_db
RIGHT = {"po_number": "PO-77", "description": "Claims platform, November"}


def stuck(firm: Firm, **values: object) -> Transaction:
    """An invoice that the ERP refuses for its purchase order."""
    answers = {"draft": refused("Purchase order “” is missing.", field_="po_number")}
    return firm.bill(firm.deal(), answers=answers, **values)


def draft(one: Transaction) -> Step:
    return one.steps.select_related("transaction__entity").get(name="draft")


def edit(firm: Firm, one: Transaction, **entered: str) -> Amendment:
    step = draft(one)
    return amending.propose(
        step=step, fence=step.fence, entered=entered or RIGHT, reason="The client told us.",
        by=firm.otto, now=firm.now,
    )  # fmt: skip


def letter(one: Transaction) -> DeadLetter:
    return DeadLetter.objects.get(transaction=one)


def test_an_edited_step_is_sent_once_more_and_read_back(firm: Firm) -> None:
    one = stuck(firm)
    came = InboundEvent.objects.get(pk=one.items.get().event_id)
    edit(firm, one)
    assert firm.play(one).state == "verified"
    sent = Attempt.objects.filter(step=draft(one), purpose="send").order_by("number")
    assert [attempt.idempotency_key for attempt in sent] == [sent[0].idempotency_key] * 2
    assert draft(one).sent | RIGHT == draft(one).sent
    kept = InboundEvent.objects.get(pk=came.pk)
    assert (kept.body, kept.record) == (came.body, came.record)
    assert (letter(one).state, letter(one).resolution) == (
        LetterState.RESOLVED, Resolution.EDITED_COPY)  # fmt: skip


def test_the_edit_is_told_and_sealed(firm: Firm) -> None:
    one = stuck(firm)
    edit(firm, one, po_number="PO-77", contact_email="new.person@meridian.example")
    (told,) = one.timeline.filter(kind="edited").values_list("text", flat=True)
    assert "Purchase order from “" in told and "to “PO-77”" in told and "Contact e-mail" in told
    assert "new.person" not in told
    entry = AuditEntry.objects.get(verb="edit")
    assert (entry.actor, entry.detail["fields"]) == (
        firm.otto.username, ["contact_email", "po_number"])  # fmt: skip


def test_it_holds_for_later_tries_until_the_source_says_otherwise(firm: Firm) -> None:
    one = stuck(firm)
    edit(firm, one, po_number="PO-1")
    firm.play(one, {"draft": refused("Purchase order “PO-1” is closed.", field_="po_number")})
    fields = {f.policy.name: f.present for f in amending.offered(draft(one), facts(one, firm.now))}
    assert fields["po_number"] == "PO-1"
    edit(firm, one, po_number="PO-2")
    firm.play(one, {"draft": refused("Not today.")})
    assert draft(one).sent["po_number"] == "PO-2"
    item = one.items.get()
    item.record["project"]["po_number"] = "PO-of-the-source"
    item.save()
    with case_of(one, now=firm.now) as case:
        step = case.step("draft")
        engine.again(case, step, why="replayed")
    assert firm.play(one).state == "verified"
    assert draft(one).sent["po_number"] == "PO-of-the-source"


@pytest.mark.parametrize("name", ["untaxed", "currency", "customer_code", "reference", "lines"])
def test_what_the_policy_does_not_name_stays(firm: Firm, name: str) -> None:
    one = stuck(firm)
    with pytest.raises(amending.NotEditable, match="policy"):
        edit(firm, one, **{name: "1.00"})
    assert draft(one).state == State.PARKED
    assert not Amendment.objects.exists()


@pytest.mark.parametrize(
    ("entered", "says"),
    [
        ({"po_number": "x" * 61}, "at most 60"),
        ({"po_number": "a\nb"}, "plain text"),
        ({"contact_email": "nobody"}, "e-mail"),
        ({"description": ""}, ""),
    ],
)
def test_bad_input_is_told_and_changes_nothing(
    firm: Firm, entered: dict[str, str], says: str
) -> None:
    one = stuck(firm)
    if not says:
        edit(firm, one, **entered)
        assert draft(one).state != State.PARKED
        return
    with pytest.raises(amending.Wrong, match=says):
        edit(firm, one, **entered)
    assert draft(one).state == State.PARKED


def test_without_a_difference_or_a_reason_nothing_is_sent(firm: Firm) -> None:
    one = stuck(firm)
    step = draft(one)
    same = {f.policy.name: f.present for f in amending.offered(step, facts(one, firm.now))}
    with pytest.raises(amending.Wrong, match="Nothing differs"):
        edit(firm, one, **same)
    with pytest.raises(amending.Wrong, match="reason"):
        amending.propose(step=step, fence=step.fence, entered=RIGHT, reason=" ", by=firm.otto,
                         now=firm.now)  # fmt: skip


def test_what_may_have_arrived_is_not_edited(firm: Firm) -> None:
    one = unaskable(firm)
    with pytest.raises(amending.NotEditable, match="Nobody knows"):
        edit(firm, one)
    other = firm.bill(firm.deal(), answers={"draft": no_answer()})
    assert draft(other).kind == Kind.UNKNOWN
    with pytest.raises(amending.NotEditable):
        edit(firm, other)
    assert findings.open_finding(draft(one)) is None


def test_a_step_that_has_moved_is_left_alone(firm: Firm) -> None:
    one = stuck(firm)
    step = draft(one)
    edit(firm, one)
    with pytest.raises(amending.NotEditable, match="moved"):
        amending.propose(step=step, fence=step.fence, entered=RIGHT, reason="again", by=firm.otto,
                         now=firm.now)  # fmt: skip


def test_much_money_wants_a_second_person(firm: Firm) -> None:
    one = stuck(firm, amount=Decimal("30000.00"))
    amendment = edit(firm, one)
    assert firm.play(one).state == "dead_lettered"
    assert letter(one).state == LetterState.APPROVAL
    with pytest.raises(consent.NotAllowed):
        amending.decide(amendment=amendment, agree=True, by=firm.otto, now=firm.now)
    amending.decide(amendment=amendment, agree=True, by=firm.anna, now=firm.now)
    with pytest.raises(amending.NotEditable, match="decided"):
        amending.decide(amendment=amendment, agree=True, by=firm.anna, now=firm.now)
    assert firm.play(one).state == "verified"


def test_who_does_not_agree_leaves_it_as_it_is(firm: Firm) -> None:
    one = stuck(firm, amount=Decimal("30000.00"))
    amendment = edit(firm, one)
    with pytest.raises(amending.NotEditable, match="second person"):
        edit(firm, one)
    amending.decide(amendment=amendment, agree=False, by=firm.anna, now=firm.now)
    assert firm.play(one).state == "dead_lettered"
    assert letter(one).state == LetterState.OPEN


def test_an_edit_of_a_step_that_was_settled_meanwhile_is_out_of_date(firm: Firm) -> None:
    one = stuck(firm, amount=Decimal("30000.00"))
    amendment = edit(firm, one)
    with case_of(one, now=firm.now) as case:
        engine.again(case, case.step("draft"), why="replayed")
    with pytest.raises(amending.NotEditable, match="moved"):
        amending.decide(amendment=amendment, agree=True, by=firm.anna, now=firm.now)
    amendment.refresh_from_db()
    assert amendment.state == Amendment.State.OUTDATED


def test_only_who_may_replay_edits(firm: Firm) -> None:
    one = stuck(firm)
    step = draft(one)
    with pytest.raises(consent.NotAllowed):
        amending.propose(step=step, fence=step.fence, entered=RIGHT, reason="so", by=firm.marta,
                         now=firm.now)  # fmt: skip
    assert AuditEntry.objects.filter(verb="edit", allowed=False).exists()
