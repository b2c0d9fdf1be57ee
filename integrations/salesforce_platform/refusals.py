"""The vendor's answers as verdicts. HTTP status alone misleads: a spent quota is a 403 here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from controltower.canonical.verdicts import (
    FieldError,
    Kind,
    Misconfigured,
    Rejected,
    TryLater,
    Unknown,
    Verdict,
)
from integrations import exact_json
from integrations.answers import PERIOD_CLOSED, foreign, throttled
from integrations.http import Answer

QUOTA_PAUSE = timedelta(minutes=15)
"""The quota is a rolling day: some of it returns well before the day is over."""

LATER: Mapping[str, Kind] = {
    "UNABLE_TO_LOCK_ROW": Kind.TRANSIENT,
    "SERVER_UNAVAILABLE": Kind.OUTAGE,
    "QUERY_TIMEOUT": Kind.TRANSIENT,
    "TXN_SECURITY_METERING_ERROR": Kind.TRANSIENT,
    "INVALID_QUERY_LOCATOR": Kind.TRANSIENT,
    "REQUEST_RUNNING_TOO_LONG": Kind.TRANSIENT,
    "REQUEST_LIMIT_EXCEEDED": Kind.RATE_LIMITED,
    "CONCURRENT_API_REQUESTS_LIMIT_EXCEEDED": Kind.RATE_LIMITED,
}
OURS: Mapping[str, Kind] = {
    "INVALID_SESSION_ID": Kind.AUTH,
    "INVALID_AUTH_HEADER": Kind.AUTH,
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": Kind.AUTH,
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": Kind.PERMISSION,
    "APEX_REST_SERVICES_DISABLED": Kind.PERMISSION,
    "API_DISABLED_FOR_ORG": Kind.PERMISSION,
    "STORAGE_LIMIT_EXCEEDED": Kind.PERMISSION,
    "API_CURRENTLY_DISABLED": Kind.PERMISSION,
    "INSUFFICIENT_ACCESS": Kind.PERMISSION,
    "INSUFFICIENT_ACCESS_OR_READONLY": Kind.PERMISSION,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Kind.PERMISSION,
    "INVALID_FIELD_FOR_INSERT_UPDATE": Kind.PERMISSION,
    "INVALID_FIELD": Kind.CONTRACT,
    "INVALID_TYPE": Kind.CONTRACT,
    "URL_NOT_RESET": Kind.CONTRACT,
    "MALFORMED_QUERY": Kind.CONTRACT,
    "INVALID_QUERY_FILTER_OPERATOR": Kind.CONTRACT,
    "OPERATION_TOO_LARGE": Kind.CONTRACT,
    "JSON_PARSER_ERROR": Kind.CONTRACT,
    "METHOD_NOT_ALLOWED": Kind.CONTRACT,
}
REFUSED: Mapping[str, Kind] = {
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Kind.VALIDATION,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Kind.VALIDATION,
    "REQUIRED_FIELD_MISSING": Kind.VALIDATION,
    "FIELD_INTEGRITY_EXCEPTION": Kind.VALIDATION,
    "STRING_TOO_LONG": Kind.VALIDATION,
    "NUMBER_OUTSIDE_VALID_RANGE": Kind.VALIDATION,
    "INVALID_EMAIL_ADDRESS": Kind.VALIDATION,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Kind.VALIDATION,
    "INVALID_CROSS_REFERENCE_KEY": Kind.REFERENCE_MISSING,
    "MALFORMED_ID": Kind.REFERENCE_MISSING,
    "DUPLICATE_VALUE": Kind.DUPLICATE,
    "DUPLICATES_DETECTED": Kind.DUPLICATE,
    "DUPLICATE_EXTERNAL_ID": Kind.DUPLICATE,
    "ENTITY_IS_LOCKED": Kind.CONFLICT,
    "NOT_FOUND": Kind.NOT_FOUND,
    "ENTITY_IS_DELETED": Kind.NOT_FOUND,
}
_BROKEN = "UNKNOWN_EXCEPTION"
"""Salesforce itself failed, whatever the status it says so with."""
_LOCKED = "UNABLE_TO_LOCK_ROW"
_AUTOMATION = {"CANNOT_EXECUTE_FLOW_TRIGGER", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"}
_FOREIGN_KEY = "Foreign key external ID"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One entry of the vendor's error array."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to."""
    if answer.status == 300:
        return _several(answer)
    complaints = complaints_in(answer)
    if complaints:
        return judged(complaints, answer, writing=writing)
    if answer.status == 429:
        return throttled(answer, "Salesforce")
    text = f"Salesforce's answer (HTTP {answer.status}) is not one of its own."
    return foreign(answer, text, writing=writing)


def complaints_in(answer: Answer) -> list[Complaint]:
    """The vendor's error array, empty when the body is anything else."""
    try:
        content = exact_json.decode(answer.body)
    except ValueError:
        return []
    if not isinstance(content, list):
        return []
    return [complaint_of(entry) for entry in content if isinstance(entry, dict)]


def complaint_of(entry: Mapping[str, Any]) -> Complaint:
    """An entry of a REST error array or of a collection's save result."""
    code = entry.get("errorCode") or entry.get("statusCode") or ""
    fields = tuple(str(name) for name in entry.get("fields") or ())
    return Complaint(str(code), str(entry.get("message") or "").strip(), fields)


def _within(complaint: Complaint) -> Kind | None:
    """A lock that automation of the org's own has run into: the whole save was rolled back."""
    automated = complaint.code in _AUTOMATION and _LOCKED in complaint.message
    return LATER[_LOCKED] if automated else None


def judged(complaints: Sequence[Complaint], answer: Answer, *, writing: bool) -> Verdict:
    """The verdict on the vendor's complaints; the first decides, all are kept for people."""
    first = complaints[0]
    text = "; ".join(complaint.message or complaint.code for complaint in complaints)
    exchange = answer.exchange
    if kind := LATER.get(first.code) or _within(first):
        pause = QUOTA_PAUSE if first.code == "REQUEST_LIMIT_EXCEEDED" else answer.retry_after
        return TryLater(kind=kind, text=text, after=pause, exchange=exchange)
    refused = _refusal_kind(first, answer)
    if refused is None and (kind := OURS.get(first.code)):
        return Misconfigured(kind=kind, text=text, exchange=exchange)
    broken = answer.status >= 500 or first.code == _BROKEN
    if broken and writing:
        return Unknown(text=text, exchange=exchange)
    if broken:
        return TryLater(kind=Kind.OUTAGE, text=text, exchange=exchange)
    return Rejected(
        kind=refused or Kind.VALIDATION,
        text=text,
        fields=tuple(
            FieldError(name, _about(name, complaint.message))
            for complaint in complaints
            for name in complaint.fields
        ),
        exchange=exchange,
    )


def with_values(verdict: Verdict, record: Mapping[str, Any]) -> Verdict:
    """Tell people which value was refused: “invalid cross reference id” alone helps nobody."""
    if not isinstance(verdict, Rejected) or not verdict.fields:
        return verdict
    said = [f"{label(f.field)} “{record[f.field]}”" for f in verdict.fields if f.field in record]
    if not said or verdict.kind is not Kind.REFERENCE_MISSING:
        return verdict
    return replace(verdict, text=f"{verdict.text} ({', '.join(said)})")


def label(field: str) -> str:
    """A field's API name as people read it: ``pse__Bill_Rate__c`` is Bill Rate."""
    return field.removeprefix("pse__").removesuffix("__c").replace("_", " ")


def _refusal_kind(complaint: Complaint, answer: Answer) -> Kind | None:
    """The kind of a refusal, None when the code belongs to another list."""
    if complaint.message.startswith(_FOREIGN_KEY):
        return Kind.REFERENCE_MISSING
    if answer.status == 412:
        return Kind.CONFLICT
    kind = REFUSED.get(complaint.code)
    if kind is Kind.VALIDATION and PERIOD_CLOSED.search(complaint.message):
        return Kind.PERIOD_CLOSED
    if kind is Kind.NOT_FOUND and answer.status != 404:
        return Kind.REFERENCE_MISSING
    return kind


def _several(answer: Answer) -> Verdict:
    """300: the external id matches several records, which no upsert may choose between."""
    try:
        links = exact_json.decode(answer.body)
    except ValueError:
        links = []
    refs = [str(link).rpartition("/")[2] for link in links] if isinstance(links, list) else []
    return Rejected(
        kind=Kind.DUPLICATE,
        text=f"{len(refs)} records carry this external id: {', '.join(refs)}.",
        exchange=answer.exchange,
    )


def _about(field: str, message: str) -> str:
    return message.removeprefix(f"{field}: ")
