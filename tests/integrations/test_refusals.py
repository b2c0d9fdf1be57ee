"""Salesforce's answers as verdicts, from bodies as the vendor writes them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controltower.canonical.verdicts import (
    Exchange,
    Kind,
    Misconfigured,
    Rejected,
    TryLater,
    Unknown,
    Verdict,
)
from integrations.http import Answer
from integrations.salesforce_platform.refusals import LATER, OURS, REFUSED, verdict_of


def answered(status: int, body: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, body.encode(), Exchange("PATCH /x", body, status, 3))


def error(code: str, message: str = "Because.", fields: str = "[]") -> str:
    return f'[{{"message":"{message}","errorCode":"{code}","fields":{fields}}}]'


CASES: list[tuple[int, str, type[Verdict], Kind]] = [
    (403, error("REQUEST_LIMIT_EXCEEDED"), TryLater, Kind.RATE_LIMITED),
    (400, error("UNABLE_TO_LOCK_ROW"), TryLater, Kind.TRANSIENT),
    (503, error("SERVER_UNAVAILABLE"), TryLater, Kind.OUTAGE),
    (401, error("INVALID_SESSION_ID"), Misconfigured, Kind.AUTH),
    (403, error("INSUFFICIENT_ACCESS"), Misconfigured, Kind.PERMISSION),
    (400, error("INVALID_FIELD"), Misconfigured, Kind.CONTRACT),
    (400, error("MALFORMED_QUERY"), Misconfigured, Kind.CONTRACT),
    (400, error("REQUIRED_FIELD_MISSING"), Rejected, Kind.VALIDATION),
    (400, error("INVALID_CROSS_REFERENCE_KEY"), Rejected, Kind.REFERENCE_MISSING),
    (
        400,
        error("INVALID_FIELD", "Foreign key external ID: x not found for field F in entity E"),
        Rejected,
        Kind.REFERENCE_MISSING,
    ),
    (400, error("ENTITY_IS_DELETED"), Rejected, Kind.REFERENCE_MISSING),
    (404, error("ENTITY_IS_DELETED"), Rejected, Kind.NOT_FOUND),
    (404, error("NOT_FOUND"), Rejected, Kind.NOT_FOUND),
    (400, error("DUPLICATE_VALUE"), Rejected, Kind.DUPLICATE),
    (400, error("ENTITY_IS_LOCKED"), Rejected, Kind.CONFLICT),
    (412, error("PRECONDITION_FAILED"), Rejected, Kind.CONFLICT),
    (300, '["/services/data/v61.0/sobjects/Account/001A"]', Rejected, Kind.DUPLICATE),
    (400, error("NEVER_HEARD_OF"), Rejected, Kind.VALIDATION),
]


@pytest.mark.parametrize(("status", "body", "kind_of_verdict", "kind"), CASES)
def test_meaning(status: int, body: str, kind_of_verdict: type[Verdict], kind: Kind) -> None:
    verdict = verdict_of(answered(status, body), writing=True)
    assert isinstance(verdict, kind_of_verdict)
    assert getattr(verdict, "kind", None) is kind
    assert verdict.exchange is not None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, "<html>Bad Gateway</html>"),
        (500, error("UNKNOWN_EXCEPTION")),
        (200, "<html>"),
        (503, ""),
    ],
)
def test_what_proves_nothing_is_unknown_for_a_write(status: int, body: str) -> None:
    assert isinstance(verdict_of(answered(status, body), writing=True), Unknown)


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, "<html>"), (503, ""), (200, "<html>"), (500, error("UNKNOWN_EXCEPTION"))],
)
def test_and_later_for_a_read(status: int, body: str) -> None:
    assert isinstance(verdict_of(answered(status, body), writing=False), TryLater)


def test_throttling_tells_when() -> None:
    verdict = verdict_of(answered(429, "", Retry_After="12"), writing=True)
    assert isinstance(verdict, TryLater)
    assert verdict.after == timedelta(seconds=12)


def test_words_and_fields_are_kept() -> None:
    body = error("FIELD_CUSTOM_VALIDATION_EXCEPTION", "End before start.", '["pse__End_Date__c"]')
    verdict = verdict_of(answered(400, body), writing=True)
    assert isinstance(verdict, Rejected)
    assert verdict.text == "End before start."
    assert [(f.field, f.text) for f in verdict.fields] == [
        ("pse__End_Date__c", "End before start.")
    ]


def test_no_code_stands_in_two_lists() -> None:
    lists = (set(LATER), set(OURS), set(REFUSED))
    assert sum(len(codes) for codes in lists) == len(set().union(*lists))
