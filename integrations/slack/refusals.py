"""The vendor's answers as verdicts: nearly all are an HTTP 200, and `ok` says whether it is one."""

from __future__ import annotations

from collections.abc import Mapping

from controltower.canonical.verdicts import Kind, Misconfigured, Rejected, TryLater, Verdict
from integrations import exact_json
from integrations.answers import foreign, throttled
from integrations.http import Answer
from integrations.shape import Row

_OURS = {
    **dict.fromkeys(
        (
            "not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired",
            "two_factor_setup_required",
        ),
        Kind.AUTH,
    ),
    **dict.fromkeys(
        (
            "missing_scope", "restricted_action", "no_permission", "access_denied",
            "not_allowed_token_type", "user_is_restricted", "user_is_bot", "ekm_access_denied",
            "team_access_not_granted", "accesslimited", "enterprise_is_restricted",
        ),
        Kind.PERMISSION,
    ),
    **dict.fromkeys(
        (
            "unknown_method", "method_deprecated", "deprecated_endpoint", "invalid_json",
            "json_not_object", "invalid_arg_name", "invalid_array_arg", "invalid_charset",
            "invalid_form_data", "invalid_post_type", "missing_post_type", "upgrade_required",
        ),
        Kind.CONTRACT,
    ),
}  # fmt: skip
_THROTTLED = {"ratelimited", "rate_limited"}
_MOVING = {"team_added_to_org", "org_login_required"}
"""The workspace is being moved into an organisation, and lets nobody in until it is there."""
_FAILED = {"fatal_error", "internal_error", "service_unavailable", "request_timeout"}
"""Slack itself is unwell, and says that some of the work may have been done."""
_REFUSED = {
    "name_taken": Kind.DUPLICATE,
    "channel_not_found": Kind.NOT_FOUND,
    "user_not_found": Kind.REFERENCE_MISSING,
    "already_in_channel": Kind.ALREADY_DONE,
    "already_archived": Kind.ALREADY_DONE,
}


def is_success(answer: Answer) -> bool:
    """Whether the vendor itself says that it has done it."""
    content = _content(answer)
    return answer.status == 200 and content is not None and content.get("ok") is True


def verdict_of(answer: Answer, *, writing: bool) -> Verdict:
    """What an answer other than success came to."""
    content = _content(answer) or {}
    code = content.get("error") if answer.status == 200 and content.get("ok") is False else None
    if answer.status == 429 or code in _THROTTLED:
        return throttled(answer, "Slack")
    if not isinstance(code, str) or code in _FAILED:
        text = f"Slack's answer (HTTP {answer.status}) says neither yes nor no."
        return foreign(answer, text, writing=writing)
    if code in _MOVING:
        text = "The Slack workspace is being moved into an organisation, and is away until then."
        return TryLater(kind=Kind.OUTAGE, text=text, exchange=answer.exchange)
    said = content.get("detail") or code.replace("_", " ")
    if kind := _OURS.get(code):
        text = f"Slack does not let us do this: {said}."
        return Misconfigured(kind=kind, text=text, exchange=answer.exchange)
    text = f"Slack refused this: {said}"
    return Rejected(kind=_REFUSED.get(code, Kind.VALIDATION), text=text, exchange=answer.exchange)


def _content(answer: Answer) -> Row | None:
    try:
        content = exact_json.decode(answer.body)
    except ValueError:
        return None
    return content if isinstance(content, Mapping) else None
