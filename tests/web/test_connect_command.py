"""A connection is proposed from a file, by the same rights as on the page."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from controltower.firm.models import AuditEntry
from controltower.systems.models import Agreement, Description, System
from tests.factories import Firm, found

pytestmark = pytest.mark.django_db
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "bamboohr.toml"
SECRET = "b4mb00-a-secret-that-was-written"


@pytest.fixture
def firm(settings: Settings) -> Firm:
    """A firm whose machine allows the example's host and has no variable of it."""
    settings.SYSTEM_HOSTS = ["larkfield.bamboohr.com"]
    return found()


def connect(file: Path, by: str = "amara.osei") -> str:
    out = StringIO()
    try:
        call_command("connect", str(file), by=by, stdout=out)
    except CommandError as refused:
        return f"{out.getvalue()}{refused}"
    return out.getvalue()


def changed(folder: Path, before: str, after: str) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert before in text
    file = folder / "changed.toml"
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    return file


def test_the_example_is_proposed_and_not_put_in_force(firm: Firm) -> None:
    said = connect(EXAMPLE)
    assert "bamboohr v1 is kept." in said
    assert "SYSTEM_BAMBOOHR_API_KEY is not set on this machine" in said
    assert "/systems/bamboohr/descriptions/v1/" in said
    assert Description.objects.get(slug="bamboohr").state == Agreement.PROPOSED
    assert not System.objects.filter(slug="bamboohr").exists()
    assert AuditEntry.objects.filter(verb="connect system", actor="amara.osei").exists()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"bamboohr"\nslug', '"bamboo"\nslug', "connector: it must be one of"),
        ("env:SYSTEM_BAMBOOHR_API_KEY", SECRET, "secrets.api_key: what stands here is no"),
        ("api_key", "api_kez", "secrets: 'api_key' is missing"),
        ("api_key", "api_kez", "secrets: there is no “api_kez” here"),
        ("lookback_days = 14", 'lookback_days = "x"', "options.lookback_days: it must be of type"),
        ("lookback_days", "lookahead_days", "options: there is no “lookahead_days” here"),
        ("feeds.resource", "feeds.invoice", "feeds: there is no “invoice” here"),
        ("every_seconds = 300", "every_seconds = 0", "feeds.resource.every_seconds: the minimum"),
        ('since = "now"', "since = 2026-02-31", "is no TOML"),
        ('since = "now"', 'since = "2026-02-31"', "feeds.resource.since: there is no day"),
        ('since = "now"', 'since = "later"', "feeds.resource.since: “start”, “now” or a day"),
        ("concurrency = 4", "concurrency = 400", "limits.concurrency: the maximum is 32."),
        ("larkfield.bamboohr.com", "169.254.169.254", "base_url: 169.254.169.254 is not in"),
        ("# [[takes]]", '[[takes]]\ncompany="LF-XX"\nfrom="2026-12-01"', "takes.0.company: there"),
        ("# [[takes]]", '[[takes]]\nrecord="invoice"\nfrom="2026-12-01"', "takes.0.record: Bamboo"),
        ("title", "titel", "the set-up: 'title' is missing."),
    ],
)
def test_every_mistake_is_named_with_its_place(
    firm: Firm, tmp_path: Path, before: str, after: str, said: str
) -> None:
    words = connect(changed(tmp_path, before, after))
    assert said in words
    assert "Nothing was kept." in words and SECRET not in words
    assert not Description.objects.filter(slug="bamboohr").exists()


def test_only_an_administrator_proposes(firm: Firm) -> None:
    assert "Only the administrator may do this." in connect(EXAMPLE, by="otto.brandt")
    assert "Nobody signs in as nobody." in connect(EXAMPLE, by="nobody")
    assert not Description.objects.filter(slug="bamboohr").exists()
