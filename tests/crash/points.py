"""The named points at which the engine is killed: its own function boundaries."""

from __future__ import annotations

from controltower.canonical.verdicts import Effect
from tests.crash.worker import Point

ENGINE = "controltower.transactions"
PERFORM = "controltower.systems.calls:Door.perform"
LOOK, WRITE, READ_BACK = ROUNDS = 1, 2, 3
"""Steps of all classes go through the sets together: first each looks, then each writes, then each
is read back, under the claim of its write."""

INTAKE = (
    Point("while a page is kept", f"{ENGINE}.intake:receive"),
    Point("when a page is kept, before it is acknowledged", f"{ENGINE}.polling:_keep"),
    Point("midway through interpretation", f"{ENGINE}.beginning:begin", nth=3),
    Point("when events are interpreted", f"{ENGINE}.interpretation:_begin_many"),
)
SETS = tuple(
    Point(f"{name}, round {nth}", path, nth=nth)
    for name, path, rounds in (
        ("when steps are claimed", f"{ENGINE}.lines:claim", (LOOK, WRITE)),
        ("when intents are committed", f"{ENGINE}.drain:prepare", (LOOK, WRITE)),
        ("when a settlement is committed", f"{ENGINE}.settlement:_settle", ROUNDS),
    )
    for nth in rounds
)
WITHIN = (
    Point("midway through preparing", f"{ENGINE}.preparation:_draft", nth=8),
    Point("before the intents are committed", f"{ENGINE}.preparation:_commit_intent", nth=9),
    Point("when calls are recorded", f"{ENGINE}.drain:record", nth=WRITE),
    Point("midway through settling", f"{ENGINE}.settlement:_play", nth=9),
    Point("midway through intending read-backs", f"{ENGINE}.settlement:read_back", nth=2),
    Point("while a transaction is taken further", f"{ENGINE}.engine:advance", nth=12),
    Point("while what changed is written", f"{ENGINE}.sets:keep", nth=7),
    Point("before the bell is rung", f"{ENGINE}.cases:_ring", nth=4),
)
CALLS = tuple(
    Point(f"{name}: {effect}", PERFORM, when, effect=effect)
    for effect in Effect
    for name, when in (("a request is about to leave", "before"), ("an answer has come", "after"))
)
SWEEPER = Point("between two steps that the sweeper recovers", f"{ENGINE}.sweeper:_recover", nth=2)
REPLAY = (
    Point("midway through a replay's wave", f"{ENGINE}.replaying:_again", nth=2),
    Point("between two waves of a replay", f"{ENGINE}.replaying:tick"),
)
READ_BACK_CLAIMED = (
    Point("when a read-back is claimed by itself", f"{ENGINE}.lines:claim", nth=READ_BACK),
    Point("when its intent is committed by itself", f"{ENGINE}.drain:prepare", nth=READ_BACK),
)
"""Where a call may last so long that one lease does not hold a write and its read-back."""
BEFORE_RECOVERY = Point("", f"{ENGINE}.drain:prepare", nth=WRITE)
POINTS = (*INTAKE, *SETS, *READ_BACK_CLAIMED, *WITHIN, *CALLS, SWEEPER, *REPLAY)
