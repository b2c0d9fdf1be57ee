"""What a connector declares of itself, and that it is true of its code."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from controltower.canonical.verdicts import Effect
from integrations import catalogue
from tests.integrations.conformance.needs import fed, needs, writes
from tests.integrations.subject import Subject

ROOM = Path(catalogue.__file__).parent


def _folder(subject: Subject) -> Path:
    return ROOM / subject.name


def _trees(subject: Subject) -> Iterator[ast.Module]:
    for file in sorted(_folder(subject).rglob("*.py")):
        yield ast.parse(file.read_text(encoding="utf-8"))


class Declarations:
    """Nothing here calls the system."""

    def test_describes_itself_without_a_connection(self, subject: Subject) -> None:
        descriptor = catalogue.descriptor(subject.name)
        assert descriptor.name == subject.name
        assert descriptor.title and descriptor.domain and descriptor.api_version

    def test_knows_what_it_does_not_offer(self, subject: Subject) -> None:
        with pytest.raises(KeyError):
            subject.descriptor().operation(subject.entity, "dance")

    @needs(writes)
    def test_declares_how_each_write_may_be_repeated(self, subject: Subject) -> None:
        operation = subject.descriptor().operation(subject.entity, subject.verb)
        assert operation.effect is not Effect.READ
        for declared in subject.descriptor().operations:
            probed = declared.effect in {Effect.PROBED, Effect.LAGGING}
            assert not probed or declared.quarantine > timedelta(0), declared
            assert declared.key_for is None or declared.effect is Effect.KEYED, declared

    def test_each_operation_is_declared_once(self, subject: Subject) -> None:
        declared = [(o.entity, o.verb) for o in subject.descriptor().operations]
        assert len(declared) == len(set(declared))

    def test_a_sunset_is_a_date(self, subject: Subject) -> None:
        sunset = subject.descriptor().sunset
        assert not sunset or date.fromisoformat(sunset)

    def test_its_page_says_how_far_it_is_proven(self, subject: Subject) -> None:
        page = (_folder(subject) / "README.md").read_text(encoding="utf-8")
        assert subject.descriptor().verification.value in " ".join(page.lower().split())

    def test_samples_are_kept_beside_the_code(self, subject: Subject) -> None:
        samples = sorted((_folder(subject) / "samples").iterdir())
        assert samples
        for sample in samples:
            assert sample.suffix != ".json" or json.loads(sample.read_bytes())

    @needs(fed)
    def test_the_feed_that_is_read_is_declared(self, subject: Subject) -> None:
        assert subject.feed in subject.descriptor().feeds

    def test_never_sleeps(self, subject: Subject) -> None:
        """Waiting is the engine's; a connector that waits holds up what stands behind it."""
        for tree in _trees(subject):
            names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            assert "sleep" not in names

    def test_speaks_in_no_vendor_kit(self, subject: Subject) -> None:
        for tree in _trees(subject):
            for node in ast.walk(tree):
                roots = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                roots += [name.name for name in node.names] if isinstance(node, ast.Import) else []
                assert {root.partition(".")[0] for root in roots} <= subject.libraries, roots

    def test_shows_no_secret_of_its_connection(self, subject: Subject) -> None:
        for name, secret in subject.connection.secrets.items():
            assert name in subject.public or secret not in repr(subject.connection)
