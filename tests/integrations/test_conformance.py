"""The suite itself: who is held to it, by how much, and that it follows what is declared."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations import catalogue
from integrations.connector import ChangeFeed
from tests.integrations.conformance import checks_of
from tests.integrations.conformance.needs import feed_of
from tests.integrations.subject import Subject
from tests.integrations.table import HOW, PAGE, how, page

FEWEST = 40


def subjects() -> dict[str, type[Subject]]:
    """Each connector's first subject."""
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        importlib.import_module(f"tests.integrations.{file.stem}")
    found: dict[str, type[Subject]] = {}
    for kind in _below(Subject):  # type: ignore[type-abstract] # only its subclasses are asked for
        if hasattr(kind, "entity") and kind.__module__.startswith("tests.integrations.test_"):
            found.setdefault(kind.name, kind)
    return found


def _below(kind: type[Subject]) -> Iterator[type[Subject]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


@pytest.mark.parametrize("name", catalogue.CONNECTORS)
def test_every_connector_is_held_to_forty_checks(name: str) -> None:
    assert len(dict(checks_of(subjects()[name]))) >= FEWEST


@pytest.mark.parametrize("name", catalogue.CONNECTORS)
def test_every_connector_says_what_a_connection_needs(name: str) -> None:
    """But for the one whose user says so."""
    said = catalogue.descriptor(name).needs
    assert (said.plays == "") is (name == "described")
    assert bool(said.secrets and said.address) is (name != "described")


def test_what_is_declared_decides_what_is_collected() -> None:
    kind = subjects()["salesforce"]
    whole = set(dict(checks_of(kind)))

    def without(**declared: Any) -> set[str]:
        changed = type("Changed", (kind,), declared)
        changed.__module__ = "elsewhere"
        return whole - set(dict(checks_of(changed)))

    assert "test_repeating_makes_no_second_record" in without(verb="")
    assert "test_loses_nothing_at_equal_stamps" in without(feed="")
    assert "test_a_garbled_write_is_unknown" in without(answers_writes=False)
    assert without() == set()


def test_no_check_is_collected_for_a_kind_of_feed_that_is_not_there() -> None:
    for name, kind in subjects().items():
        checks = dict(checks_of(kind))
        polled = feed_of(kind) is ChangeFeed.POLL
        assert ("test_an_unreadable_cursor_is_a_gap" in checks) == polled, name
        assert ("test_what_was_acknowledged_is_gone" in checks) == (
            feed_of(kind) in {ChangeFeed.FLAG, ChangeFeed.QUEUE, ChangeFeed.FILE}
        ), name


def test_the_page_of_connectors_says_what_they_declare() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.integrations.table"
    assert HOW.read_text(encoding="utf-8") == how(), "python -m tests.integrations.table"


@pytest.mark.parametrize("name", catalogue.CONNECTORS)
def test_every_check_is_a_check(name: str) -> None:
    """A theme's methods are all collected under one name each: none hides another."""
    seen: dict[str, Callable[..., Any]] = {}
    for called, check in checks_of(subjects()[name]):
        assert seen.setdefault(called, check) is check, called
