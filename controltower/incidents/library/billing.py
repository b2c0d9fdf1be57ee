"""The product's runbooks for invoices that cannot be made as they are."""

from __future__ import annotations

from controltower.canonical.verdicts import Kind
from controltower.incidents import steps
from controltower.incidents.library.wording import (
    HOW_MUCH,
    NOTHING_LEFT,
    REPLAY,
    Book,
    act,
    check,
    decide,
    wait,
)

RUNBOOKS: tuple[Book, ...] = (
    (
        "closed-period",
        "The period is closed",
        {"kinds": [Kind.PERIOD_CLOSED]},
        [
            HOW_MUCH,
            decide(
                "Which period does the work belong to?",
                "Only the controller decides this.",
                ("Bill it in the open period", 3),
                ("The period has been reopened in the ERP", 4),
                ("It is booked by hand", 6),
            ),
            act("Bill it in the open period", steps.NEXT_PERIOD, "With the reason you were given.")
            | {"to": 7},
            check("See that the period is open", steps.PERIOD_OPEN, "As the ERP says."),
            act("Say that the period is open", steps.REOPENED, "It is tried again at once.")
            | {"to": 7},
            act("Settle what was booked by hand", steps.ELSEWHERE, "Name the journal's number."),
            wait("Wait until all of it is posted", steps.NOTHING_STUCK, 60),
        ],
    ),
    (
        "above-the-cap",
        "Work is above the cap of its contract",
        {
            "kinds": [Kind.VALIDATION],
            "words": ["above the cap of its contract", "above the retainer of its contract"],
        },
        [
            HOW_MUCH,
            decide(
                "Will the client pay for it?",
                "Ask the engagement partner. What the cap had room for is billed already.",
                ("Yes: a change order that raises the cap is agreed", 3),
                ("No: the firm bears it", 5),
                ("It was billed by hand", 6),
            ),
            wait(
                "Wait until it is billed",
                steps.NOTHING_STUCK,
                60,
                "Approve the change order in the PSA. The work is taken up by itself, up to the "
                "new cap.",
            ),
            decide(
                "Is anything left?",
                "",
                ("No, all of it has gone on", "end"),
                ("Yes, and the firm bears it", 5),
                ("Yes, and it was billed by hand", 6),
            ),
            act(
                "Write it off",
                steps.WRITE_OFF,
                "Say who decided it and why. It is reported as cost by itself.",
            )
            | {"to": "end"},
            act("Settle what was billed by hand", steps.ELSEWHERE, "Name the invoice."),
        ],
    ),
    (
        "billed-above-what-is-agreed",
        "More is billed than is agreed",
        {"kinds": [Kind.CONFLICT], "words": ["More is billed than is agreed"]},
        [
            HOW_MUCH,
            decide(
                "Does the client pay for it all the same?",
                "Ask the engagement partner. The exception names the contract, its cap, what is "
                "billed under it, and the change order that no longer stands.",
                ("Yes: it is agreed anew", 3),
                ("No: it is credited", 4),
                ("It was credited by hand", 5),
            ),
            wait(
                "Wait until it is agreed",
                steps.NOTHING_STUCK,
                60,
                "Approve a change order in the PSA. This ends by itself.",
            )
            | {"to": "end"},
            wait(
                "Wait until it is credited",
                steps.NOTHING_STUCK,
                60,
                "Take the billed work back in the PSA: its credit note is written, and this ends "
                "by itself.",
            )
            | {"to": "end"},
            act("Settle what was credited by hand", steps.ELSEWHERE, "Name the credit note."),
        ],
    ),
    (
        "approval-taken-back",
        "An approval was taken back after billing",
        {
            "kinds": [Kind.CONFLICT],
            "words": ["An approval was taken back after its invoice had been begun"],
        },
        [
            HOW_MUCH,
            decide(
                "Why was it taken back?",
                "Ask who leads the project. The client has the invoice, or is about to.",
                ("By mistake: it is approved again", 3),
                ("It is not owed", 4),
                ("It was credited by hand", 5),
            ),
            wait(
                "Wait until it is approved again",
                steps.NOTHING_STUCK,
                60,
                "In the PSA. This ends by itself; nothing is billed twice.",
            )
            | {"to": "end"},
            act("Credit it", steps.CREDIT, "Say who decided it. The credit note is written now.")
            | {"to": "end"},
            act("Settle what was credited by hand", steps.ELSEWHERE, "Name the credit note."),
        ],
    ),
    (
        "contract-unread",
        "A signed contract cannot be read",
        {"kinds": [Kind.VALIDATION], "words": ["so that nobody knows how much may be billed"]},
        [
            HOW_MUCH,
            decide(
                "What was agreed?",
                "Read the signed contract. The exception names what is filled in there in a way "
                "that cannot be read, such as “about 50k” for a cap.",
                ("It is corrected where contracts are signed, and told again", 3),
                ("It was billed by hand as it was agreed", 4),
            ),
            wait(
                "Wait until it is billed",
                steps.NOTHING_STUCK,
                60,
                "In DocuSign: correct the envelope's field and publish it again in Connect, or "
                "have the contract signed anew. What waits is taken up by itself.",
            )
            | {"to": "end"},
            act("Settle what was billed by hand", steps.ELSEWHERE, "Name the invoice."),
        ],
    ),
    (
        "retainer-unclear",
        "A contract's retainer is not clear",
        {"kinds": [Kind.VALIDATION], "words": ["has a retainer"]},
        [
            HOW_MUCH,
            decide(
                "What was agreed?",
                "Read the signed contract, and ask who has negotiated it. What is missing there is "
                "named in the exception.",
                ("It is billed by hand as it was agreed", 3),
                ("Nothing is to be billed", 4),
            ),
            act("Settle what was billed by hand", steps.ELSEWHERE, "Name the invoice.")
            | {"to": "end"},
            act("Write it off", steps.WRITE_OFF, "Say who decided it and why."),
        ],
    ),
    (
        "tax-code-off",
        "The ERP refuses a tax code",
        {"kinds": [Kind.VALIDATION, Kind.REFERENCE_MISSING], "words": ["tax code"]},
        [
            HOW_MUCH,
            check("See that the ERP answers", steps.REACHABLE),
            decide(
                "Where is the code wrong?",
                "The group quotes the ERP's words with the code, and lists each transaction with "
                "its company. Compare the code with those of that company in the ERP.",
                ("Switched off in the ERP: it is on again", 5),
                ("Wrong in the mapping: a new version is in use", 5),
                ("The client's country or VAT number is wrong: corrected in the CRM", 4),
            ),
            wait(
                "Wait for the correction to come in",
                steps.NOTHING_STUCK,
                30,
                "A corrected record is taken up by itself.",
            ),
            REPLAY,
            NOTHING_LEFT,
        ],
    ),
)
