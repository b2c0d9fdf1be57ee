"""The product's runbooks for clients and deals that the CRM takes back."""

from __future__ import annotations

from controltower.canonical.verdicts import Kind
from controltower.incidents import steps
from controltower.incidents.library.wording import HOW_MUCH, Book, act, decide, wait

RUNBOOKS: tuple[Book, ...] = (
    (
        "deal-taken-back",
        "A won deal was re-opened, lost or deleted",
        {"kinds": [Kind.CONFLICT], "words": ["The deal is not won any more"]},
        [
            HOW_MUCH,
            decide(
                "What has become of the deal?",
                "Ask who sold it. The exception names what rests on it: project, invoices, work "
                "on its way. The tower undoes nothing of that by itself.",
                ("It was a slip: it is won again in the CRM", 3),
                ("The client has withdrawn", 4),
                ("It goes on without the deal, or was put in order", 6),
            ),
            wait(
                "Wait until it is won again",
                steps.NOTHING_STUCK,
                60,
                "Restore it from the recycle bin, or close it as won. This ends by itself.",
            )
            | {"to": "end"},
            decide(
                "Is anything billed that is not owed?",
                "Close the project in the PSA first, so that nothing more is approved on it.",
                ("Yes", 5),
                ("No", 6),
            ),
            wait(
                "Wait until it is credited",
                steps.HOW_MANY,
                60,
                "Take the approval of the billed work back in the PSA, and decide there that it is "
                "credited: each credit note is a transaction of its own.",
            ),
            act(
                "Settle it",
                steps.ELSEWHERE,
                "Say what has become of the project, and name the credit notes.",
            ),
        ],
    ),
    (
        "client-deleted",
        "A client of the ERP was deleted in the CRM",
        {"kinds": [Kind.CONFLICT], "words": ["was deleted in the CRM", "the CRM has merged them"]},
        [
            HOW_MUCH,
            decide(
                "Was it meant to go?",
                "Look the customer up in the ERP: has it open invoices, or a project under way?",
                ("No: it is restored in the CRM", 3),
                ("Yes: it is closed in the ERP as well", 4),
            ),
            wait(
                "Wait until it is restored",
                steps.NOTHING_STUCK,
                60,
                "From the CRM's recycle bin, where it stays for 15 days. This ends by itself.",
            )
            | {"to": "end"},
            act("Settle it", steps.ELSEWHERE, "Say who closed the customer, and when."),
        ],
    ),
    (
        "value-set-back",
        "A system sets a value back each time",
        {"kinds": [Kind.CONFLICT], "words": ["times within a day", "a rule there must do so"]},
        [
            HOW_MUCH,
            decide(
                "Whose value is right?",
                "The exception names the system, the field, its owner and both values. Ask who "
                "looks after that system for the rule: a flow, a trigger, another integration.",
                ("The owner's: the rule there is switched off", 3),
                ("The other one, for these clients", 4),
                ("The system should own the field: that is agreed under Mappings first", 4),
            ),
            act("Write it once more", steps.WRITE_AGAIN, "Name the rule and who switched it off.")
            | {"to": 5},
            act(
                "Let it stand there",
                steps.LET_STAND,
                "For each of these clients this value is not written over any more.",
            ),
            wait("Wait until it has gone on", steps.NOTHING_STUCK, 60),
        ],
    ),
    (
        "clients-merged",
        "The CRM has merged two clients whom the ERP has both",
        {"kinds": [Kind.DUPLICATE], "words": ["but the ERP has both"]},
        [
            HOW_MUCH,
            decide(
                "Which customer of the ERP stands?",
                "Compare what is open under both numbers. What is to be billed goes to the client "
                "whom the CRM has kept.",
                ("That of the client whom the CRM has kept: say so under Customers", 3),
                ("They are two clients: the merge is undone in the CRM", 3),
                ("It was put in order by hand", 4),
            ),
            wait("Wait until it has gone on", steps.NOTHING_STUCK, 60, "It is taken up by itself.")
            | {"to": "end"},
            act("Settle it", steps.ELSEWHERE, "Say which number stands in CRM and ERP."),
        ],
    ),
)
