"""The product's runbooks for what should have followed, and has not come."""

from __future__ import annotations

from controltower.incidents import steps
from controltower.incidents.library.wording import (
    HOW_MUCH,
    REPLAY,
    Book,
    act,
    check,
    decide,
    wait,
)
from controltower.processes import quote_to_cash

RUNBOOKS: tuple[Book, ...] = (
    (
        "workspace-missing",
        "A project has no workspace",
        {"steps": [quote_to_cash.WORKSPACE.name]},
        [
            HOW_MUCH,
            decide(
                "What does the project's chain show?",
                "Open its page: the workspace is a part of it. Work and money go on without one.",
                ("Its workspace is stuck", 3),
                ("There is none: the PSA never told of the project", 5),
                ("It was made by hand, or needs none", 6),
            ),
            REPLAY,
            wait("Wait until folder and channel are there", steps.NOTHING_STUCK, 60)
            | {"to": "end"},
            wait(
                "Wait until the PSA has told of it",
                steps.NOTHING_STUCK,
                60,
                "Save the project in the PSA once more: it is told again and taken up by itself.",
            )
            | {"to": "end"},
            act("Settle what needs no workspace", steps.ELSEWHERE, "Say where people work on it."),
        ],
    ),
    (
        "chain-behind",
        "A chain has not come as far as it should",
        {
            "steps": [
                one.name
                for one in quote_to_cash.WATCHED
                if one.missing and one not in (quote_to_cash.WORKSPACE, quote_to_cash.FIGURES)
            ]
        },
        [
            HOW_MUCH,
            check("See that nothing else of it is stuck", steps.HOW_MANY, "On its chain's page."),
            decide(
                "Has it happened where it should have?",
                "Ask whoever owns that step. The exception names what is missing, and since when.",
                ("Not yet: it is being done", 4),
                ("Yes, but nobody told the tower", 4),
                ("It never will, or happened elsewhere", 5),
            ),
            wait(
                "Wait until it is told",
                steps.NOTHING_STUCK,
                240,
                "Save the record once more where it happened: it ends by itself then.",
            )
            | {"to": "end"},
            act("Settle what will not come", steps.ELSEWHERE, "Say who knows, and why."),
        ],
    ),
)
