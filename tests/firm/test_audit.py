"""The audit chain only grows, and shows where it was broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.transaction import atomic
from django.utils import timezone

from controltower.firm import approvals, audit
from controltower.firm.models import Approval, AuditEntry, Person

pytestmark = pytest.mark.django_db


def _write(count: int) -> None:
    for number in range(count):
        audit.record(
            actor="tester",
            verb="try",
            subject=f"thing {number}",
            allowed=number % 2 == 0,
            now=timezone.now(),
            detail={"Ünïcode": "“x”", "number": number},
        )


def test_a_chain_of_decisions_is_whole() -> None:
    _write(5)
    assert audit.walk().broken is None


@pytest.mark.parametrize(
    "sql", ["UPDATE firm_auditentry SET verb = 'x'", "DELETE FROM firm_auditentry"]
)
def test_the_database_refuses_to_change_history(sql: str) -> None:
    _write(2)
    with pytest.raises(DatabaseError, match="append-only"), atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert AuditEntry.objects.count() == 2


def test_a_tampered_entry_is_found() -> None:
    _write(3)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE firm_auditentry DISABLE TRIGGER audit_no_change")
        cursor.execute("UPDATE firm_auditentry SET allowed = NOT allowed WHERE subject = 'thing 1'")
        cursor.execute("ALTER TABLE firm_auditentry ENABLE TRIGGER audit_no_change")
    broken = audit.walk().broken
    assert broken is not None
    assert AuditEntry.objects.get(pk=broken).subject == "thing 1"


def test_a_chain_whose_end_was_cut_is_found(settings: Any, tmp_path: Path) -> None:
    """Inside, a shorter chain is whole; the head that was noted outside is missing."""
    settings.AUDIT_ANCHOR = tmp_path / "anchor.log"
    _write(3)
    audit.anchor(timezone.now())
    audit.anchor(timezone.now())
    assert len(settings.AUDIT_ANCHOR.read_text().splitlines()) == 1
    assert audit.missing_heads() == []
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE firm_auditentry DISABLE TRIGGER audit_no_change")
        cursor.execute("DELETE FROM firm_auditentry WHERE subject = 'thing 2'")
        cursor.execute("ALTER TABLE firm_auditentry ENABLE TRIGGER audit_no_change")
    assert audit.walk().broken is None
    assert len(audit.missing_heads()) == 1


def test_a_chain_is_followed_from_where_one_stopped() -> None:
    _write(4)
    first = audit.walk(most=2)
    rest = audit.walk(after=first.last)
    assert (first.entries, rest.entries) == (2, 2)
    assert rest.broken is None


def test_nobody_approves_their_own_request() -> None:
    asker = Person.objects.create(username="asker")
    other = Person.objects.create(username="other")
    now = timezone.now()
    request = approvals.request(subject="job 1", digest="d1", by=asker, now=now)
    with pytest.raises(approvals.SamePerson):
        approvals.decide(approval=request, digest="d1", by=asker, approve=True, reason="", now=now)
    assert AuditEntry.objects.filter(allowed=False, actor="asker").count() == 1
    with pytest.raises(DatabaseError), atomic():
        Approval.objects.filter(pk=request.pk).update(decided_by=asker, state="approved")
    with pytest.raises(approvals.NotOpen):
        approvals.decide(
            approval=request, digest="other", by=other, approve=True, reason="", now=now
        )
    approvals.decide(approval=request, digest="d1", by=other, approve=True, reason="", now=now)
    assert approvals.granted(subject="job 1", digest="d1")
    assert not approvals.granted(subject="job 1", digest="d2")
