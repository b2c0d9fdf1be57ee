"""What every connector must do, whichever vendor it speaks to: one suite, many subjects.

`@conforming(SubjectClass)` gives a test class every check that the subject's declarations make
meaningful; what they make meaningless is not collected. The class has a fixture `subject`: the
connector on a running counterpart. Nothing here is mocked. Themes are modules, checks are methods.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, TypeVar

import pytest

from tests.integrations.conformance import (
    acknowledgement,
    crowd,
    declarations,
    doubt,
    drift,
    feeds,
    fidelity,
    hostile,
    inbound,
    keys,
    needed,
    reach,
    reading,
    secrecy,
    subscriptions,
    throttling,
    writing,
)
from tests.integrations.conformance.needs import meets
from tests.integrations.subject import Subject

T = TypeVar("T")

THEMES: tuple[type, ...] = (
    declarations.Declarations,
    needed.Needed,
    reach.Reach,
    writing.Writing,
    doubt.Doubt,
    throttling.Throttling,
    reading.Reading,
    fidelity.Fidelity,
    secrecy.Secrecy,
    hostile.Hostile,
    drift.Drift,
    feeds.Feeds,
    acknowledgement.Acknowledgement,
    inbound.Inbound,
    subscriptions.Subscriptions,
    keys.Keys,
    crowd.Crowd,
)

OF_AN_ENTITY: tuple[type, ...] = (
    writing.Writing,
    doubt.Doubt,
    reading.Reading,
    fidelity.Fidelity,
    drift.Drift,
    keys.Keys,
)
"""What a connector's second entity is to pass beside the first one's whole suite."""


def conforming(
    kind: type[Subject], themes: Sequence[type] = THEMES
) -> Callable[[type[T]], type[T]]:
    """Give a test class the checks that its subject is to pass."""

    def with_checks(tests: type[T]) -> type[T]:
        for name, check in checks_of(kind, themes):
            setattr(tests, name, check)
        tests._closed_afterwards = _closed_afterwards  # type: ignore[attr-defined]
        return tests

    return with_checks


def checks_of(
    kind: type[Subject], themes: Sequence[type] = THEMES
) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every check that the subject's declarations make meaningful, by name."""
    for theme in themes:
        for name, check in vars(theme).items():
            if name.startswith("test_") and meets(kind, check):
                yield name, check


@pytest.fixture(autouse=True)
async def _closed_afterwards(self: object, subject: Subject) -> AsyncIterator[None]:
    yield
    await subject.connector.close()
