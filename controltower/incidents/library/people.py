"""The product's runbooks for people: who is who, and who may be placed."""

from __future__ import annotations

from controltower.incidents import steps
from controltower.incidents.library.wording import (
    HOW_MUCH,
    NOTHING_LEFT,
    REPLAY,
    Book,
    act,
    decide,
    wait,
)

RUNBOOKS: tuple[Book, ...] = (
    (
        "person-in-two-minds",
        "The HR systems and the PSA disagree about a person",
        {"words": ["from another HR record", "assignments that go on", "without a last day"]},
        [
            HOW_MUCH,
            decide(
                "Who is right?",
                "Nobody is ended, and no second person made, before this is settled.",
                ("The HR system: the PSA is put in order", 3),
                ("The PSA: the HR record is corrected", 4),
            ),
            REPLAY | {"to": 5},
            wait("Wait for the correction", steps.NOTHING_STUCK, 60, "It is taken up by itself."),
            NOTHING_LEFT | {"to": "end"},
        ],
    ),
    (
        "place-turned-down",
        "Somebody cannot have a place on a project",
        {
            "words": [
                "place asks for",
                "is placed as",
                "but the place",
                "on this place",
                "but costs",
                "hours that the place asks for",
                "is on leave on each of",
            ]
        },
        [
            HOW_MUCH,
            decide(
                "Who is right?",
                "The PSA has been told why; no time is expected before it is settled.",
                ("The HR system: the place is changed in the PSA", 3),
                ("The PSA: the HR record is corrected", 4),
            ),
            wait("Wait for the changed place", steps.NOTHING_STUCK, 60, "It is judged anew.")
            | {"to": "end"},
            REPLAY,
            NOTHING_LEFT | {"to": "end"},
        ],
    ),
    (
        "pay-input-refused",
        "Payroll cannot take somebody's hours",
        {"words": ["did not take pay input", "without an employee number", "laid out money in"]},
        [
            HOW_MUCH,
            decide(
                "Can the provider still take them this month?",
                "The exception names the worker by number, and the provider's own words.",
                ("Yes: they are handed in there by hand", 3),
                ("No: they are paid with the next month", 3),
            ),
            act(
                "Settle what was handed in by hand",
                steps.ELSEWHERE,
                "Say where it is. What changes of these hours later is told as an adjustment.",
            ),
        ],
    ),
    (
        "leave-over-a-place",
        "Leave was approved over a place on a project",
        {"words": ["was approved, but they are scheduled"]},
        [
            HOW_MUCH,
            decide(
                "Who works these hours?",
                "The exception names the project, the days and how many hours are too few.",
                ("Somebody else, or later: the place is changed in the PSA", 3),
                ("The same person: the leave is moved in the HR system", 5),
                ("Nobody: the client has agreed to fewer hours", 3),
            ),
            REPLAY,
            NOTHING_LEFT | {"to": "end"},
            wait(
                "Wait until the leave is withdrawn",
                steps.NOTHING_STUCK,
                240,
                "It ends by itself then. Other days of the same leave are asked about by a replay.",
            )
            | {"to": "end"},
        ],
    ),
)
