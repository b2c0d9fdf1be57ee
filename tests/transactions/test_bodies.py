"""Bodies of events go by policy: what nobody needs, never its fingerprint, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection
from django.db.transaction import atomic, set_rollback
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as properties
from hypothesis import strategies as st
from pytest_django import Settings

from controltower.firm import governing, keeping
from controltower.firm.models import AuditEntry, PolicyVersion
from controltower.firm.policies import BadPolicy
from controltower.incidents import settling
from controltower.measures import invariants
from controltower.systems import anchor
from controltower.transactions import bodies, intake, interfaces, interpretation, retention
from controltower.transactions.models import (
    TERMINAL,
    BodyRemoved,
    EventState,
    InboundEvent,
    Item,
    Removal,
    Transaction,
    TransactionState,
)
from controltower.transactions.models.events import READ
from tests.factories import AGO, Firm, at_work, refused, unreadable
from tests.web.cast import transaction

pytestmark = pytest.mark.django_db
DAYS = timedelta(days=1)


def agree(firm: Firm, days: int) -> PolicyVersion:
    """Two people agree for how long bodies are kept."""
    version = governing.propose(
        subject="retention:bodies", content={"days": days}, reason="asked by the DPO",
        by=firm.amara, now=firm.now,
    )  # fmt: skip
    return governing.decide(version=version, agree=True, answer="", by=firm.anna, now=firm.now)


def later(firm: Firm, days: int) -> datetime:
    return firm.now + days * DAYS


def kept() -> set[str]:
    """The subjects of events whose body is there."""
    return set(InboundEvent.objects.filter(raw__isnull=False).values_list("subject", flat=True))


def body_of(one: Transaction) -> bytes | memoryview | None:
    (event,) = InboundEvent.objects.filter(items__transaction=one)
    return event.raw


class TestPolicy:
    def test_nothing_goes_unless_somebody_wants_it(self, firm: Firm) -> None:
        firm.deal()
        assert bodies.kept() is None
        assert bodies.remove(now=later(firm, 40_000)) == 0

    def test_what_is_set_holds_until_something_is_agreed_on(
        self, firm: Firm, settings: Settings
    ) -> None:
        settings.KEEP_RAW = timedelta(days=200)
        deal = firm.deal()
        assert bodies.remove(now=later(firm, 199)) == 0
        agree(firm, 300)
        assert bodies.remove(now=later(firm, 299)) == 0
        assert bodies.remove(now=later(firm, 301)) == 1
        assert body_of(deal) is None

    @pytest.mark.parametrize("days", [0, 29, keeping.MOST + 1, None, "90"])
    def test_less_than_a_month_is_never_agreed_on(self, firm: Firm, days: object) -> None:
        with pytest.raises(BadPolicy, match="30 to 36500 days"):
            keeping.check("bodies", {"days": days})

    def test_logs_keep_their_own_bound(self, firm: Firm) -> None:
        with pytest.raises(BadPolicy, match="92 to 36500 days"):
            keeping.check("attempts", {"days": 91})
        agree(firm, 30)
        assert {log.kept for log in retention.in_force()} == {
            log.kept for log in retention.policy()
        }


class TestWhatGoes:
    def test_the_evidence_stays_and_says_by_what_the_body_went(self, firm: Firm) -> None:
        deal = firm.deal()
        version = agree(firm, 90)
        before = InboundEvent.objects.get(items__transaction=deal)
        assert bodies.remove(now=later(firm, 91)) == 1
        assert bodies.remove(now=later(firm, 92)) == 0
        after = InboundEvent.objects.select_related("removal").get(pk=before.pk)
        assert after.raw is None
        with pytest.raises(BodyRemoved):
            _ = after.body
        for name in ("digest", "record", "source", "event_id", "received_at", "state", "keys"):
            assert getattr(after, name) == getattr(before, name)
        assert after.digest == hashlib.sha256(before.body).hexdigest()
        removal = after.removal
        assert removal is not None
        assert (removal.at, removal.kept_days) == (later(firm, 91), 90)
        assert (removal.version, removal.bodies) == (version, 1)
        entry = AuditEntry.objects.get(verb="remove bodies")
        assert (entry.actor, entry.subject) == ("tower", f"bodies {removal.pk}")
        assert entry.detail == {
            "count": 1,
            "until": before.received_at.isoformat(),
            "kept_days": 90,
            "version": 1,
            "digest": bodies.what_is_left(removal),
        }

    def test_what_is_under_way_keeps_its_body_however_old(self, firm: Firm) -> None:
        agree(firm, 30)
        stuck = firm.bill(firm.deal(), answers={"draft": refused()})
        waits = firm.gathering(firm.deal())
        assert bodies.remove(now=later(firm, 500)) == 2
        assert body_of(stuck) is not None
        assert body_of(waits) is not None
        assert bodies.standing(later(firm, 500)).under_way == 2
        settling.settle(
            transactions=[stuck], reason="by hand", by=firm.anna, now=firm.now, discard=False
        )
        assert bodies.remove(now=later(firm, 501)) == 1
        assert body_of(stuck) is None

    def test_an_earlier_version_waits_for_what_its_record_became(self, firm: Firm) -> None:
        agree(firm, 30)
        won = firm.opportunity(entity="")
        deal = firm.play(firm.tell(won))
        assert deal.state == "dead_lettered"
        newer = replace(won, id=f"{won.id}:9", version="9", record=replace(won.record, name="X"))
        (told,) = intake.receive(
            facts=[(b'{"v":9}', newer)], signature="polled", now=firm.now
        ).stored
        interpretation.interpret(told, now=firm.now)
        assert InboundEvent.objects.exclude(items__transaction=deal).exists()
        assert bodies.remove(now=later(firm, 500)) == 0

    def test_what_was_set_aside_is_never_removed_unhandled(self, firm: Firm) -> None:
        agree(firm, 30)
        aside = unreadable()
        assert bodies.remove(now=later(firm, 500)) == 0
        assert bodies.standing(later(firm, 500)).set_aside == 1
        with pytest.raises(DatabaseError, match="body_kept_or_removed"), atomic():
            InboundEvent.objects.filter(pk=aside.pk).update(raw=None, removal=_some_removal())
        unread = intake.Illegible("7", b'{"Id": 7}', "Amount is not a number")
        intake.set_aside(source="crm/deal", entity="deal", unread=[unread], now=firm.now)
        assert bodies.remove(now=later(firm, 500)) == 0
        intake.read_at_last(source="crm/deal", entity="deal", refs=["7"])
        assert bodies.remove(now=later(firm, 500)) == 1
        assert kept() == {"PT-9"}

    def test_nothing_goes_in_recovery(self, firm: Firm) -> None:
        agree(firm, 30)
        firm.deal()
        anchor.begin(why="a test", restore_point=None, now=firm.now)
        assert bodies.remove(now=later(firm, 500)) == 0

    def test_contracts_are_read_off_what_is_left(self, firm: Firm) -> None:
        agree(firm, 30)
        firm.deal()
        firm.deal()
        assert bodies.remove(now=later(firm, 31)) == 2
        firm.deal()
        interfaces.follow(now=timezone.now())

    @pytest.mark.usefixtures("founded")
    @properties(max_examples=40)
    @given(
        state=st.sampled_from(EventState),
        ends=st.lists(st.sampled_from(TransactionState), max_size=3),
        age=st.integers(0, 100),
        days=st.integers(30, 90),
    )
    def test_old_read_and_over_or_kept(
        self, state: EventState, ends: list[TransactionState], age: int, days: int
    ) -> None:
        with atomic():
            firm = at_work()
            agree(firm, days)
            event = unreadable()
            InboundEvent.objects.filter(pk=event.pk).update(
                state=state, received_at=firm.now - age * DAYS
            )
            for number, one in enumerate(ends):
                Item.objects.create(
                    transaction=transaction(f"T{number}", None, state=one), event=event,
                    process=f"process-{number}", source="portal", source_id="PT-9",
                    version="1", record={},
                )  # fmt: skip
            goes = state in READ and set(ends) <= set(TERMINAL) and age > days
            assert bodies.remove(now=firm.now) == goes
            assert (InboundEvent.objects.get(pk=event.pk).raw is None) == goes
            set_rollback(True)


class TestRounds:
    def test_a_round_goes_set_by_set_and_on_after_a_kill(
        self, firm: Firm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agree(firm, 30)
        for _deal in range(5):
            firm.deal()
        monkeypatch.setattr(bodies, "SET", 2)
        record, sealed = bodies._record, []

        def dies_in_the_second(removal: Removal, now: datetime) -> None:
            sealed.append(removal)
            if len(sealed) == 2:
                raise KeyboardInterrupt
            record(removal, now)

        monkeypatch.setattr(bodies, "_record", dies_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            bodies.remove(now=later(firm, 31))
        assert len(kept()) == 3
        assert bodies.remove(now=later(firm, 31)) == 3
        assert [one.bodies for one in Removal.objects.all()] == [2, 2, 1]
        assert AuditEntry.objects.filter(verb="remove bodies").count() == 3
        assert bodies.standing(later(firm, 31)).removed == 5

    def test_a_round_has_an_end(self, firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
        agree(firm, 30)
        for _deal in range(4):
            firm.deal()
        monkeypatch.setattr(bodies, "SET", 1)
        assert bodies.remove(now=later(firm, 31), sets=3) == 3
        assert bodies.remove(now=later(firm, 31), sets=3) == 1


def _some_removal() -> Removal:
    now = timezone.now()
    return Removal.objects.create(at=now, kept_days=30, bodies=1, received_until=now)


def _forge(event: InboundEvent, **change: object) -> None:
    """Change what was received, as only the tables' owner can."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE transactions_inboundevent DISABLE TRIGGER USER")
        InboundEvent.objects.filter(pk=event.pk).update(**change)
        cursor.execute("ALTER TABLE transactions_inboundevent ENABLE TRIGGER USER")


class TestEvidence:
    @pytest.fixture
    def event(self, firm: Firm) -> InboundEvent:
        """An event whose body is gone."""
        agree(firm, 30)
        deal = firm.deal()
        assert bodies.remove(now=later(firm, 31)) == 1
        return InboundEvent.objects.get(items__transaction=deal)

    @pytest.mark.parametrize(
        "change",
        [
            {"raw": b"{}", "removal": None},
            {"digest": "0" * 64},
            {"record": {"source_id": "x"}},
            {"state": EventState.RECEIVED},
        ],
    )
    def test_nothing_of_it_is_put_back_or_changed(
        self, event: InboundEvent, change: dict[str, object]
    ) -> None:
        with pytest.raises(DatabaseError, match=r"never changed|body_kept_or_removed"), atomic():
            InboundEvent.objects.filter(pk=event.pk).update(**change)

    def test_a_body_goes_only_by_a_removal(self, firm: Firm) -> None:
        deal = firm.deal()
        with pytest.raises(DatabaseError, match=r"never changed"), atomic():
            InboundEvent.objects.filter(items__transaction=deal).update(raw=None)

    @pytest.mark.breaks("I9")
    def test_a_record_that_is_changed_afterwards_is_found(self, event: InboundEvent) -> None:
        assert not invariants.breaches(timezone.now() - AGO)
        _forge(event, record={**event.record, "amount": "48200.01"})

    @pytest.mark.breaks("I9")
    def test_a_body_that_nobody_recorded_as_removed_is_found(self, firm: Firm) -> None:
        deal = firm.deal()
        events = InboundEvent.objects.filter(items__transaction=deal)
        events.update(raw=None, removal=_some_removal())

    @pytest.mark.breaks("I9")
    def test_what_was_not_received_so_is_evidence_and_stays(self, firm: Firm) -> None:
        agree(firm, 30)
        event = InboundEvent.objects.get(items__transaction=firm.deal())
        _forge(event, raw=b"something else")
        assert bodies.remove(now=later(firm, 500)) == 0
