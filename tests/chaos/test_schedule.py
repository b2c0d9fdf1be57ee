"""The schedule is pure, bounded and meets every kind of fault."""

from __future__ import annotations

from tests.chaos.proxy import HUGE_RETRY_AFTER
from tests.chaos.schedule import Deed, Fault, Pattern, blows, events


def test_a_seed_repeats_a_schedule_and_another_does_not() -> None:
    assert blows(7, 300, 60) == blows(7, 300, 60)
    assert events(7, 300, 50) == events(7, 300, 50)
    assert blows(7, 300, 60) != blows(8, 300, 60)
    assert events(7, 300, 50) != events(8, 300, 50)


def test_no_fault_outlasts_the_run() -> None:
    for seed in range(20):
        for blow in blows(seed, 60, 60):
            assert 0 < blow.at < 54
            assert blow.at + blow.lasts <= 60


def test_two_minutes_meet_every_kind_of_fault() -> None:
    for seed in range(5):
        assert {blow.fault for blow in blows(seed, 120, 60)} == set(Fault)


def test_a_run_that_settles_soon_asks_for_no_long_rest() -> None:
    def asked(patience: float) -> set[str]:
        return {blow.manner.retry_after for blow in blows(7, 3000, patience)}

    assert asked(420) - asked(60) == set(HUGE_RETRY_AFTER)


def test_as_many_events_as_wanted_of_every_kind() -> None:
    planned = events(3, 120, 200)
    assert len(planned) == 200
    assert [event.at for event in planned] == sorted(event.at for event in planned)
    assert planned[-1].at < 120
    assert {event.deed for event in planned} == set(Deed)
    assert {event.pattern for event in planned} == set(Pattern)
