"""Rows that several tests share: each test undoes only what it has changed itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.test import TestCase
from pytest_django import DjangoDbBlocker


@contextmanager
def kept(blocker: DjangoDbBlocker) -> Iterator[None]:
    """What is written inside stays until the block ends, as `setUpTestData` of Django's own test
    cases does. Not around tests that commit."""
    with blocker.unblock():
        begun = TestCase._enter_atomics()  # type: ignore[attr-defined]
        try:
            yield
        finally:
            TestCase._rollback_atomics(begun)  # type: ignore[attr-defined]
