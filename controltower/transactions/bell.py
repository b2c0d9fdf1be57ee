"""The one signal that goes up: after a commit, which transactions and topics have changed."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.transaction import on_commit
from django.dispatch import Signal

rung = Signal()
"""Sent with `topics` (a frozenset of names) after the change is committed. Receivers must be
idempotent and may be called late; what must not be missed is caught up by the dispatcher."""


def ring(*topics: str, transactions: Iterable[object] = ()) -> None:
    """Ring once the current database transaction has committed."""
    names = frozenset({*topics, *(f"tx-{pk}" for pk in transactions)})
    on_commit(lambda: ring_now(names), robust=True)


def ring_now(topics: frozenset[str]) -> None:
    """The same for a caller that knows its commit to be done."""
    rung.send(sender=None, topics=topics)
