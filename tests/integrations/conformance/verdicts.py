"""What the checks say of verdicts, and how they get hold of one."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from controltower.canonical.verdicts import Done, Kind, Rejected, Verdict
from integrations.connector import CallFailed


async def verdict_of(call: Awaitable[Any]) -> Any:
    """What a call came to: what it returned, or the verdict that it failed with."""
    try:
        return await call
    except CallFailed as failure:
        return failure.verdict


def assert_absent(verdict: Verdict) -> None:
    """The target has proven not to have it."""
    assert isinstance(verdict, Rejected), verdict
    assert verdict.kind is Kind.NOT_FOUND, verdict


def assert_found(verdict: Verdict, ref: str) -> None:
    """The target has it exactly once."""
    assert isinstance(verdict, Done), verdict
    assert verdict.ref == ref, verdict


def done(verdict: Verdict) -> Done:
    """The verdict, which must be a success."""
    assert isinstance(verdict, Done), verdict
    return verdict
