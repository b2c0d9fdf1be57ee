"""Who is asked for a second person's word: told once, while it waits; and what became of it."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from controltower.firm import governing, limits
from controltower.incidents import asking, delivering, runbooks
from controltower.incidents.models import (
    Answer,
    Ask,
    Channel,
    Message,
    MessageState,
    Runbook,
    RunbookVersion,
    Wish,
)
from controltower.mappings import describing, versions
from controltower.systems import agreeing
from controltower.transactions import amending, findings, replay, replay_approval
from controltower.transactions.models import ReplayPlan
from tests import factories
from tests.factories import Firm, refused, signed_in
from tests.incidents.test_drifting import drifted as drifted_answer
from tests.integrations.test_described import example
from tests.mappings.test_approvals import submitted

pytestmark = pytest.mark.django_db


def told(firm: Firm) -> list[str]:
    """Whom a look has told of something new, by their first names."""
    before = set(Message.objects.values_list("pk", flat=True))
    asking.follow(now=firm.now)
    new = Message.objects.exclude(pk__in=before).select_related("person")
    return sorted(str(one.person).split()[0] for one in new)


def waiting(firm: Firm, who: str) -> list[str]:
    return [one.title for one in asking.waiting_for(getattr(firm, who), firm.now)]


def asked_replay(firm: Firm) -> ReplayPlan:
    plan = firm.plan(*factories.stuck_bills(firm, 4), by=firm.otto)
    replay.ask_approval(plan=plan, by=firm.otto, now=firm.now)
    return plan


def drafted(firm: Firm, title: str = "Ask the client") -> RunbookVersion:
    book = Runbook.objects.create(slug="ask-the-client", title=title)
    rules = [{"kind": "check", "what": "how_many", "title": "Count"}]
    fits = {"kinds": ["duplicate"]}
    version = runbooks.draft(
        runbook=book, rules=rules, fits=fits, note="", by=firm.otto, now=firm.now
    )
    runbooks.submit(version=version, by=firm.otto, now=firm.now)
    return version


def test_who_may_approve_a_replay_is_told_once_with_its_money_and_page(firm: Firm) -> None:
    plan = asked_replay(firm)
    assert told(firm) == ["Anna"], "Callum may not: he has another company"
    assert told(firm) == []
    (message,) = Message.objects.all()
    assert message.subject == f"{firm.otto} asks for your approval: {plan.title}"
    assert f"{settings.ADDRESS}/jobs/{plan.pk}/" in message.text
    assert "It is worth EUR " in message.text and "It can be decided until " in message.text
    assert waiting(firm, "anna") == [plan.title]
    assert waiting(firm, "otto") == waiting(firm, "callum") == []


def test_it_leaves_the_tray_the_moment_somebody_has_decided(firm: Firm) -> None:
    plan = asked_replay(firm)
    asking.follow(now=firm.now)
    page = signed_in(firm.anna).get("/messages/asks/").content.decode()
    assert f'href="/jobs/{plan.pk}/"' in page and "1 thing waits for your word" in page
    replay_approval.decide(
        plan=plan, digest=plan.digest, by=firm.anna, approve=True, reason="", now=firm.now
    )
    assert waiting(firm, "anna") == []
    assert told(firm) == []
    assert Ask.objects.get().answer == Answer.AGREED
    messages = signed_in(firm.anna).get("/messages/").content.decode()
    assert f"{firm.anna} has agreed to it." in messages


def test_what_was_decided_in_quiet_hours_is_not_sent_any_more(firm: Firm) -> None:
    always = {"quiet_from": time(0), "quiet_until": time(23, 59, 59)}
    Wish.objects.create(person=firm.anna, **always)
    version = drafted(firm)
    asking.follow(now=firm.now)
    runbooks.decide(
        version=version, approve=False, comment="Say which client.", by=firm.anna, now=firm.now
    )
    asking.follow(now=firm.now)
    ask = Ask.objects.get()
    assert (ask.answer, ask.outcome) == (Answer.REFUSED, f"{firm.anna} has refused it.")
    mine = Message.objects.filter(person=firm.anna)
    mine.update(due_at=firm.now)
    Message.objects.exclude(person=firm.anna).delete()
    delivering.deliver(now=firm.now)
    assert mine.get().state == MessageState.NEEDLESS


def test_a_plan_that_has_run_out_is_not_asked_for_any_more(firm: Firm) -> None:
    plan = asked_replay(firm)
    asking.follow(now=firm.now)
    assert plan.expires_at is not None
    late = plan.expires_at + timedelta(seconds=1)
    assert asking.waiting_for(firm.anna, late) == []
    asking.follow(now=late)
    assert Ask.objects.get().answer == Answer.NEEDLESS


def test_by_each_way_that_somebody_wants(firm: Firm) -> None:
    Wish.objects.create(person=firm.anna, mail=False, slack_channel="C1")
    asked_replay(firm)
    assert told(firm) == ["Anna"]
    assert Message.objects.get().channel == Channel.SLACK


def test_an_edit_asks_who_may_decide_in_its_company(firm: Firm) -> None:
    one = firm.bill(firm.deal(), {"draft": refused()}, amount=Decimal("90000.00"))
    step = one.steps.get(name="draft")
    amendment = amending.propose(
        step=step, fence=step.fence, entered={"po_number": "PO-77"}, reason="They sent it",
        by=firm.otto, now=firm.now,
    )  # fmt: skip
    assert told(firm) == ["Anna"]
    (ask,) = asking.waiting_for(firm.anna, firm.now)
    assert ask.title == f"Edited fields of {one.reference}"
    assert signed_in(firm.anna).get(ask.path).status_code == 200
    amending.decide(amendment=amendment, agree=False, by=firm.anna, now=firm.now)
    assert waiting(firm, "anna") == []


def test_a_mapping_of_money_asks_until_two_have_approved(firm: Firm) -> None:
    version = submitted(firm, "untaxed", source="total")
    everybody = ["Anna", "Marta"]
    assert told(firm) == everybody
    versions.review(version=version, by=firm.anna, approve=False, comment="No", now=firm.now)
    assert told(firm) == waiting(firm, "marta") == []
    versions.submit(version=version, by=firm.lena, now=firm.now)
    assert told(firm) == everybody, "it is asked anew"
    versions.review(version=version, by=firm.anna, approve=True, comment="", now=firm.now)
    assert told(firm) == waiting(firm, "anna") == []
    (ask,) = asking.waiting_for(firm.marta, firm.now)
    assert signed_in(firm.marta).get(ask.path).status_code == 200
    versions.review(version=version, by=firm.marta, approve=True, comment="", now=firm.now)
    assert waiting(firm, "callum") == [], "a mapping is all companies'"


def test_a_policy_asks_who_may_decide_for_the_whole_firm_and_not_on_themselves(firm: Firm) -> None:
    governing.propose(
        subject=f"{limits.KIND}:{limits.FIRM}", content={"amount": "50000"}, reason="Growth",
        by=firm.amara, now=firm.now,
    )  # fmt: skip
    assert told(firm) == ["Anna"]
    (ask,) = asking.waiting_for(firm.anna, firm.now)
    assert ask.title == "An approval limit: the firm"
    assert signed_in(firm.anna).get(ask.path).status_code == 200


@pytest.mark.parametrize(
    ("subject", "content", "title"),
    [
        ("rights:otto.brandt", {"duties": [["operator", "LF-UK"]]},
         "What a person may do: Otto Brandt"),
        ("promise:opportunity-to-project",
         {"counted": "elapsed", "amount": 60, "warn_at": 75},
         "A promise of a process: Opportunity to project"),
        ("promise:milestone/cash-applied", {"counted": "days", "amount": 30, "warn_at": 75},
         "A promise of a process: Cash applied"),
    ],
)  # fmt: skip
def test_a_policy_says_whose_it_is(
    firm: Firm, subject: str, content: dict[str, Any], title: str
) -> None:
    governing.propose(
        subject=subject, content=content, reason="Growth", by=firm.amara, now=firm.now
    )
    assert told(firm) == ["Anna"]
    assert waiting(firm, "anna") == [title]


def test_a_finding_asks_who_may_decide_in_its_company(firm: Firm) -> None:
    one = factories.unaskable(firm, amount=Decimal("90000.00"))
    step, looked = one.steps.get(name="draft"), timezone.now() + timedelta(minutes=10)
    finding = findings.report(
        step=step, fence=step.fence, ref="", evidence="Ledger of November", reason="Not there",
        by=firm.otto, now=looked,
    )  # fmt: skip
    assert told(firm) == ["Anna"]
    (ask,) = asking.waiting_for(firm.anna, firm.now)
    assert ask.title == f"What was found out about {one.reference}"
    assert signed_in(firm.anna).get(ask.path).status_code == 200
    findings.decide(finding=finding, confirm=False, by=firm.anna, now=looked)
    assert waiting(firm, "anna") == []


def test_a_contract_asks_who_may_approve_mappings_but_not_its_author(firm: Firm) -> None:
    _deal, drift = drifted_answer(firm)
    made = agreeing.propose(drift=drift, stands_for="Closed", note="", by=firm.lena, now=firm.now)
    assert told(firm) == ["Anna", "Marta"]
    (ask,) = asking.waiting_for(firm.marta, firm.now)
    assert ask.title.startswith("Contract of ") and ask.title.endswith(f"version {made.number}")
    assert signed_in(firm.marta).get(ask.path).status_code == 200
    agreeing.decide(version=made, agree=True, by=firm.anna, now=firm.now)
    assert waiting(firm, "marta") == []


def test_a_description_asks_who_may_put_it_in_force_until_another_version_is(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("URL", "API_KEY", "WEBHOOK_KEY"):
        monkeypatch.setenv(f"SANDBOX_FERNHILL_DESK_{name}", "http://127.0.0.1:9")
    first = describing.propose(document=example(), by=firm.amara, now=firm.now)
    assert told(firm) == ["Anna", "Lena", "Marta"]
    (ask,) = asking.waiting_for(firm.anna, firm.now)
    assert ask.title == f"Description of the system “{first.slug}”, version 1"
    assert signed_in(firm.anna).get(ask.path).status_code == 200
    second = describing.propose(document=example(), by=firm.amara, now=firm.now)
    assert told(firm) == ["Anna", "Lena", "Marta"], "the other version is asked anew"
    assert waiting(firm, "anna") == [f"Description of the system “{first.slug}”, version 2"]
    describing.put_in_force(version=second, by=firm.anna, now=firm.now)
    assert waiting(firm, "lena") == waiting(firm, "amara") == []
