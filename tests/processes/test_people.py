"""People in HR systems: what the PSA may rest on, and what is for somebody to decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.records import Resource, ResourceStatus
from controltower.canonical.verdicts import Kind
from controltower.canonical.wire import to_json
from controltower.processes import agreement
from controltower.processes import resource_master_sync as sync
from controltower.processes.definition import (
    Entity,
    Facts,
    Hold,
    Learn,
    Prepared,
    Refuse,
    Result,
    Send,
    Skip,
)
from tests.people import KNOWN, WORKER

NOW = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
"""Already December in Berlin."""
BERLIN = Entity("LF-DE", "Larkfield GmbH", "DE", "EUR", "Europe/Berlin", timedelta(seconds=10))
LEAVER = replace(WORKER, status=ResourceStatus.LEFT, to_date=date(2026, 12, 31))


def facts(worker: Resource = WORKER, *people: dict[str, Any], **work: Any) -> Facts:
    standing = {"people": people, "assignments": [], "unapproved": [], **work}
    subject = to_json(worker)
    return Facts(
        correlation_id="ct-1",
        reference="CT-1",
        subject=subject,
        items=(subject,),
        results={"standing": Result("003A", standing)},
        entities={BERLIN.code: BERLIN},
        decisions={},
        now=NOW,
    )


def sent(prepared: Prepared) -> dict[str, Any]:
    assert isinstance(prepared, Send)
    return dict(prepared.record)


@pytest.mark.parametrize(
    ("said", "kind", "field"),
    [
        ({"number": ""}, Kind.VALIDATION, "number"),
        ({"entity": "LF-XX"}, Kind.REFERENCE_MISSING, "entity"),
        ({"role": ""}, Kind.VALIDATION, "role"),
        ({"cost_rate": Decimal(0)}, Kind.VALIDATION, "cost_rate"),
        ({"currency": "USD"}, Kind.VALIDATION, "currency"),
        ({"status": ResourceStatus.LEFT}, Kind.VALIDATION, "to_date"),
    ],
    ids=str,
)
def test_what_the_hr_system_lacks_is_said_before_the_psa_is_asked(
    said: dict[str, Any], kind: Kind, field: str
) -> None:
    refused = sync.check_worker(facts(replace(WORKER, **said)))
    assert isinstance(refused, Refuse)
    assert (refused.kind, refused.field) == (kind, field)
    assert "Ilse" not in refused.text


def test_whoever_is_complete_may_be_staffed() -> None:
    assert isinstance(sync.check_worker(facts()), Learn)
    record = sent(sync.write_resource(facts()))
    assert (record["external_id"], record["hr_id"], record["active"]) == ("LF-0007", "w1", True)
    assert record["skills"] == "Process design, Workshops"


def test_a_move_of_somebody_known_waits_for_its_day_in_the_company_s_zone() -> None:
    later = replace(WORKER, valid_from=date(2026, 12, 2))
    held = sync.write_resource(facts(later, KNOWN))
    assert isinstance(held, Hold)
    assert held.until == datetime(2026, 12, 1, 23, 0, tzinfo=UTC)
    today = replace(WORKER, valid_from=date(2026, 12, 1))
    assert isinstance(sync.write_resource(facts(today, KNOWN)), Send)
    assert isinstance(sync.write_resource(facts(later)), Send), "a joiner is known ahead"


@pytest.mark.parametrize(
    "other",
    [KNOWN | {"hr_id": "w2"}, KNOWN | {"number": "LF-0099"}, KNOWN | {"number": "", "hr_id": ""}],
    ids=["another HR record", "another number", "no number"],
)
def test_who_is_who_is_for_a_person_to_say(other: dict[str, Any]) -> None:
    refused = sync.write_resource(facts(WORKER, other))
    assert isinstance(refused, Refuse)
    assert refused.kind == Kind.DUPLICATE


@pytest.mark.parametrize(
    ("work", "words"),
    [
        ({"assignments": [{"project": "Rail", "to_date": ""}]}, "assignments that go on (1)"),
        ({"assignments": [{"project": "Rail", "to_date": "2027-01-01"}]}, ": Rail."),
        ({"unapproved": [{"project": "Bank", "to_date": "2026-12-04"}]}, "nobody has approved (1)"),
    ],
)
def test_nobody_leaves_over_open_work(work: dict[str, Any], words: str) -> None:
    refused = sync.write_resource(facts(LEAVER, KNOWN, **work))
    assert isinstance(refused, Refuse)
    assert refused.kind == Kind.CONFLICT
    assert words in refused.text


def test_work_that_ends_with_the_last_day_keeps_nobody() -> None:
    done = [{"project": "Rail", "to_date": "2026-12-31"}]
    before = facts(LEAVER, KNOWN, assignments=done)
    record = sent(sync.write_resource(before))
    assert (record["active"], record["to_date"]) == (True, "2026-12-31")
    written = {**before.results, "resource": Result("003A", {"active": True})}
    held = sync.end_resource(replace(before, results=written))
    assert isinstance(held, Hold)
    assert held.until == datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    after = replace(before, results=written, now=held.until)
    ended = sent(sync.end_resource(after))
    assert (ended["active"], ended["to_date"]) == (False, "2026-12-31")
    assert not sent(sync.write_resource(after))["active"], "told when it is over already"


def test_whoever_leaves_is_there_until_the_last_day_is_over() -> None:
    on_the_day = replace(facts(LEAVER, KNOWN), now=datetime(2026, 12, 31, 9, 0, tzinfo=UTC))
    assert sent(sync.write_resource(on_the_day))["active"]


@pytest.mark.parametrize(
    "work",
    [
        {"assignments": [{"project": "Rail", "to_date": ""}]},
        {"assignments": [{"project": "Rail", "to_date": "2026-12-01"}]},
        {"unapproved": [{"project": "Rail", "to_date": "2026-11-27"}]},
    ],
)
def test_nobody_takes_places_along_to_another_company(work: dict[str, Any]) -> None:
    mover = facts(WORKER, KNOWN | {"entity": "LF-UK"}, **work)
    refused = sync.write_resource(mover)
    assert isinstance(refused, Refuse)
    assert (refused.kind, refused.field) == (Kind.CONFLICT, "entity")
    assert "from LF-UK to LF-DE" in refused.text and ": Rail." in refused.text


def test_whoever_has_handed_over_moves() -> None:
    done = [{"project": "Rail", "to_date": "2026-11-30"}]
    mover = facts(WORKER, KNOWN | {"entity": "LF-UK"}, assignments=done)
    assert sent(sync.write_resource(mover))["entity"] == "LF-DE"


def test_a_leaver_whom_the_psa_never_staffed_needs_nothing() -> None:
    assert isinstance(sync.write_resource(facts(LEAVER)), Skip)
    assert isinstance(sync.write_resource(facts(LEAVER, KNOWN | {"active": False})), Skip)


def test_a_deleted_record_ends_nobody_by_itself() -> None:
    gone = Resource(source_id="w1", status=ResourceStatus.REMOVED)
    assert isinstance(sync.check_worker(facts(gone)), Learn)
    refused = sync.write_resource(facts(gone, KNOWN))
    assert isinstance(refused, Refuse)
    assert "LF-0007" in refused.text
    assert isinstance(sync.write_resource(facts(gone)), Skip)


def test_what_was_handed_on_is_not_written_again() -> None:
    """A replay of an older change must not overwrite the newer one."""
    assert isinstance(sync.write_resource(replace(facts(WORKER, KNOWN), items=())), Skip)


@pytest.mark.parametrize(
    ("shown", "differs"),
    [
        ({}, ""),
        ({"cost_rate": "80"}, "79.50 an hour"),
        ({"entity": "LF-UK"}, "entity"),
        ({"active": False}, "active"),
        ({"to_date": date(2026, 12, 31)}, "last day"),
    ],
    ids=str,
)
def test_what_the_psa_shows_is_compared(shown: dict[str, Any], differs: str) -> None:
    record = sent(sync.write_resource(facts()))
    found = {**record, "cost_rate": 79.5, "to_date": None} | shown
    said = agreement.resource_differs(record, found)
    assert (differs in said) if differs else said == ""
