"""The broker's error replies as verdicts: a code in front of each says what it is about."""

from __future__ import annotations

from redis.exceptions import RedisError

from controltower.canonical.verdicts import (
    Exchange,
    Kind,
    Misconfigured,
    Rejected,
    TryLater,
    Unknown,
    Verdict,
)

_SIGN_IN = {"WRONGPASS", "NOAUTH"}
_TOO_MUCH = {"OOM", "BUSY"}
_TOO_MANY = ("max number of clients reached", "max requests limit exceeded")
_AWAY = {"LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "READONLY", "NOREPLICAS", "MISCONF"}
"""It does not serve this now, and has not: it starts, follows another, or cannot keep anything."""
_OURS = {
    "NOPERM": Kind.PERMISSION,
    **dict.fromkeys(("MOVED", "ASK", "CROSSSLOT", "WRONGTYPE", "NOGROUP"), Kind.CONTRACT),
}


def code_of(problem: Exception) -> str:
    """The code of an error reply, "" for what is none of the broker's own."""
    said = getattr(problem, "status_code", None)
    if said or not isinstance(problem, RedisError):
        return said or ""
    first = str(problem).partition(" ")[0]
    return first if first.isascii() and first.isalpha() and first.isupper() else ""


def verdict_of(problem: Exception, exchange: Exchange | None, *, writing: bool) -> Verdict | None:
    """What an error reply came to; None for what is no reply of the broker's own."""
    code, words = code_of(problem), str(problem).removeprefix(f"{code_of(problem)} ")
    if code in _SIGN_IN:
        text = f"The broker does not let us in: {words}"
        return Misconfigured(kind=Kind.AUTH, text=text, exchange=exchange)
    if code in _TOO_MUCH or words.startswith(_TOO_MANY):
        text = f"The broker has too much to do: {words}"
        return TryLater(kind=Kind.RATE_LIMITED, text=text, exchange=exchange)
    if code in _AWAY:
        text = f"The broker does not serve this now: {words}"
        return TryLater(kind=Kind.OUTAGE, text=text, exchange=exchange)
    if kind := _OURS.get(code):
        text = f"The broker does not let us do this: {words}"
        return Misconfigured(kind=kind, text=text, exchange=exchange)
    if code != "ERR":
        return None
    if writing and "script" in words:
        # what a script has done before it failed stays done
        return Unknown(text=f"The broker broke off in the middle: {words}", exchange=exchange)
    text = f"The broker refused this: {words}"
    if writing:
        return Rejected(kind=Kind.VALIDATION, text=text, exchange=exchange)
    return Misconfigured(kind=Kind.CONTRACT, text=text, exchange=exchange)
