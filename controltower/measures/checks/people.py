"""I7, I8, I10: four eyes are two people's, the audit chain is whole, doubt has an owner."""

from __future__ import annotations

from django.db.models import F

from controltower.firm import audit
from controltower.firm.models import Approval, PolicyVersion
from controltower.mappings.models import Review
from controltower.measures.checks.finding import Found, Span, rows, told

MOST_SEALS = 5_000

OWNERLESS = """
SELECT tx.reference, cause.title FROM incidents_deadletter letter
JOIN incidents_cause cause ON cause.id = letter.cause_id
JOIN transactions_transaction tx ON tx.id = letter.transaction_id
WHERE letter.state <> 'resolved' AND cause.kind = 'unknown'
  AND cause.owner_id IS NULL AND tx.due_at < %(now)s
LIMIT 20
"""
DOUBTS = """
SELECT count(*) FROM incidents_deadletter letter
JOIN incidents_cause cause ON cause.id = letter.cause_id
WHERE letter.state <> 'resolved' AND cause.kind = 'unknown'
"""


def four_eyes(_span: Span) -> Found:
    """I7: nobody has approved what they asked for or wrote. (Check constraints forbid it too.)"""
    own = Approval.objects.filter(decided_by=F("requested_by")).values_list("subject", flat=True)
    reviews = Review.objects.filter(author=F("reviewer")).values_list("version__pk", flat=True)
    agreed = PolicyVersion.objects.filter(decided_by=F("author"))
    seen = Approval.objects.count() + Review.objects.count() + PolicyVersion.objects.count()
    return Found(seen, [*own, *(f"mapping version {pk}" for pk in reviews), *map(str, agreed)])


def audit_whole(span: Span) -> Found:
    """I8: every audit entry seals the one before, and the chain still holds the heads that were
    noted outside the database, so that cutting its end off shows too."""
    walked = audit.walk(after=int(span.position or 0), most=MOST_SEALS)
    broken = [f"entry {walked.broken} does not seal the one before"] if walked.broken else []
    position = str(walked.last) if walked.entries == MOST_SEALS else ""
    return Found(walked.entries, [*broken, *audit.missing_heads()], position=position)


def doubt_has_an_owner(span: Span) -> Found:
    """I10: nothing in doubt beyond its promise without somebody who decides."""
    return Found(rows(DOUBTS)[0][0], told(rows(OWNERLESS, now=span.now)))
