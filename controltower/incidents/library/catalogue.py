"""What the product brings: a runbook for what its processes really run into. Any firm begins with
them, once a second person has looked at each."""

from __future__ import annotations

from controltower.canonical.verdicts import Kind
from controltower.incidents import steps
from controltower.incidents.library import absences, anything, billing, customers, people
from controltower.incidents.library.wording import (
    CORRECTED,
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
    *billing.RUNBOOKS,
    (
        "client-twice",
        "A client exists twice",
        {"kinds": [Kind.DUPLICATE]},
        [
            HOW_MUCH,
            decide(
                "Which record is the client?",
                "Look both up by their codes. Never delete one that has invoices.",
                ("Merged in the system that has it twice", 3),
                ("They are two clients: the CRM names the right one now", 3),
            ),
            REPLAY,
            NOTHING_LEFT,
        ],
    ),
    (
        "no-project-template",
        "A deal has no project template",
        {
            "kinds": [Kind.REFERENCE_MISSING],
            "words": [
                "project template of the firm",
                "project template “",
                "project templates are",
            ],
        },
        [
            HOW_MUCH,
            decide(
                "What is wrong?",
                "The exception names the deal's template, or its billing method, company and "
                "region. Nothing was written anywhere.",
                ("The deal: its template or billing method is put right in the CRM", 3),
                ("The firm sells this now: two people agree on a template for it", 4),
                ("The project is set up by hand", 6),
            ),
            CORRECTED | {"to": "end"},
            REPLAY,
            NOTHING_LEFT | {"to": "end"},
            act("Settle it", steps.ELSEWHERE, "Name the project that was set up."),
        ],
    ),
    (
        "unknown-currency",
        "A currency that is not traded or not agreed",
        {
            "kinds": [Kind.VALIDATION],
            "words": ["no currency the firm trades in", "but its contract is in"],
        },
        [
            HOW_MUCH,
            decide(
                "What is right?",
                "Ask who wrote the record. Nothing was sent: our own check stopped it.",
                ("The record: it is corrected at its source", 3),
                ("It was billed elsewhere", 5),
            ),
            CORRECTED,
            decide("Is anything left?", "", ("No, all of it has gone on", "end"), ("Yes", 5)),
            act("Settle what was billed elsewhere", steps.ELSEWHERE, "Name the invoice."),
        ],
    ),
    (
        "deal-without-entity",
        "A deal without a legal entity",
        {"words": ["names no legal entity", "which the firm does not have"]},
        [
            HOW_MUCH,
            decide(
                "Which company sells it?",
                "Ask the deal's owner and have it filled in at the source.",
                ("It is filled in", 3),
                ("The deal is off", 5),
            ),
            CORRECTED,
            decide("Is anything left?", "", ("No, all of it has gone on", "end"), ("Yes", 5)),
            act("Write off what will never be", steps.WRITE_OFF, "Say who called the deal off."),
        ],
    ),
    (
        "purchase-changed",
        "A purchase was changed or voided once it was booked",
        {
            "kinds": [Kind.CONFLICT],
            "words": ["voided", "but the spend system"],
            "steps": ["check", "supplier"],
        },
        [
            HOW_MUCH,
            decide(
                "Is what is booked still owed?",
                "Ask who approved it in the spend system. The exception names what is booked, "
                "under which number, and what the spend system shows by now.",
                ("Yes, it was changed there by mistake: it is put back", 4),
                ("No, or not so", 3),
            ),
            wait(
                "Wait until the books are right",
                steps.HOW_MANY,
                60,
                "Credit the supplier's invoice in the ERP and correct the cost in the PSA by hand.",
            ),
            act("Settle it", steps.ELSEWHERE, "Name the credit note, or who put what back."),
        ],
    ),
    (
        "purchase-miscoded",
        "A purchase is coded so that it cannot be booked",
        {
            "words": [
                "Cost account",
                "Input tax",
                "is coded to",
                "nothing is charged to it",
                "names several",
            ],
            "steps": ["project", "check", "draft"],
        },
        [
            HOW_MUCH,
            decide(
                "Where is the coding wrong?",
                "Nobody is paid and no project is charged before it is booked.",
                ("In the purchase: it is corrected in the spend system", 3),
                ("In the mapping: a new version is in use", 4),
                ("It is booked by hand", 6),
            ),
            wait(
                "Wait for the correction to come in",
                steps.NOTHING_STUCK,
                60,
                "A revised purchase is taken up by itself.",
            )
            | {"to": "end"},
            REPLAY,
            NOTHING_LEFT | {"to": "end"},
            act("Settle what was booked by hand", steps.ELSEWHERE, "Name the ERP's number."),
        ],
    ),
    *customers.RUNBOOKS,
    *people.RUNBOOKS,
    *absences.RUNBOOKS,
    *anything.RUNBOOKS,
    (
        "cut-off-missed",
        "Something misses its month's cut-off",
        {"steps": ["before-cut-off"]},
        [
            HOW_MUCH,
            decide(
                "Can it still be done in its month?",
                "The ERP's word on the month, and what holds it up, are on the Tower.",
                ("Yes: the month stays open until it is", 3),
                ("No: it is accrued by a journal, or belongs to the next month", 4),
            ),
            wait("Wait until it is done", steps.NOTHING_STUCK, 240, "It ends by itself.")
            | {"to": "end"},
            act("Settle what was decided", steps.ELSEWHERE, "Name the journal, or the month."),
        ],
    ),
    (
        "figures-stale",
        "The dashboards do not show what is verified",
        {"steps": ["refresh", "figures-shown"]},
        [
            HOW_MUCH,
            decide(
                "Why is the refresh missing?",
                "The books are right, only the figures are old: say so to those who steer by them.",
                ("It failed: its cause is put right in Power BI", 3),
                ("The warehouse or Power BI was away, and is back", 3),
                ("The figures were brought up to date by hand", 5),
            ),
            REPLAY,
            NOTHING_LEFT | {"to": "end"},
            act("Settle what was brought up to date by hand", steps.ELSEWHERE, "Say by whom."),
        ],
    ),
    (
        "system-down",
        "A system does not answer",
        {"down": True},
        [
            HOW_MUCH,
            decide(
                "Is the disturbance known?",
                "Look at the vendor's status page, then call. Nothing is lost: work queues here.",
                ("Yes, it comes back by itself", 5),
                ("No, or it answers wrongly: hold it back", 3),
            ),
            act("Hold it back", steps.PAUSE, "Every call waits, so that nothing is half done."),
            act("Let calls through again", steps.RESUME, "Once the vendor says that it is well."),
            wait("Wait until it answers", steps.REACHABLE, 240),
            wait("Wait until the queue is empty", steps.NOTHING_STUCK, 120),
        ],
    ),
    (
        "wrong-credentials",
        "A system refuses our sign-in",
        {"kinds": [Kind.AUTH, Kind.PERMISSION]},
        [
            HOW_MUCH,
            act("Hold the system back", steps.PAUSE, "So that the account is not locked out."),
            decide(
                "Have the credentials been put right?",
                "They are kept where the settings name them, never here.",
                ("Yes, new ones are in place", 4),
                ("The account's rights were missing and are back", 4),
            ),
            act("Let calls through again", steps.RESUME),
            check("See that it answers", steps.REACHABLE),
            REPLAY,
            NOTHING_LEFT,
        ],
    ),
    (
        "in-doubt",
        "In doubt whether it arrived",
        {"kinds": [Kind.UNKNOWN]},
        [
            HOW_MUCH,
            check("See that the system answers", steps.REACHABLE),
            act(
                "Ask the system whether it has them",
                steps.REPLAY,
                "The replay asks first: what is there is linked and not sent again. Sending by "
                "hand may double it.",
            ),
            decide(
                "What is still in doubt?",
                "Look it up in the system by our reference.",
                ("Nothing", "end"),
                ("It is there, or was booked by hand", 5),
            ),
            act("Settle what is there", steps.ELSEWHERE, "Name the record that you have found."),
        ],
    ),
)
