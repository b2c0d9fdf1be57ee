"""A firm founds its tower by a file: all of it or nothing, with every mistake named."""

from __future__ import annotations

import io
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from controltower.firm import audit, governing
from controltower.firm.founding_file import BadFile, read
from controltower.firm.models import (
    AuditEntry,
    Duty,
    ExchangeRate,
    LegalEntity,
    Period,
    Person,
    PolicyVersion,
)
from controltower.firm.rights import SECOND, Right
from controltower.incidents import second_persons_of_rules
from controltower.supervisor.home import REPOSITORY
from controltower.web import policy_words

pytestmark = pytest.mark.django_db
EXAMPLE = (REPOSITORY / "docs" / "examples" / "fernwood.toml").read_text()


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path) -> Path:
    settings.HOME = tmp_path
    return tmp_path


def found(home: Path, text: str = EXAMPLE) -> str:
    """Play the command; what it says."""
    file = home / "firm.toml"
    file.write_text(text)
    told = io.StringIO()
    call_command("found", str(file), stdout=told)
    return told.getvalue()


def mistakes(text: str) -> list[str]:
    with pytest.raises(BadFile) as refused:
        read(text)
    return refused.value.mistakes


def person(username: str, *duties: str) -> str:
    listed = ", ".join(f'"{one}"' for one in duties)
    return (
        f'[[person]]\nusername = "{username}"\nfirst = "A"\nlast = "B"\nemail = "a@b.example"\n'
        f'zone = "UTC"\nduties = [{listed}]\n'
    )


def with_people(*people: str) -> str:
    return EXAMPLE.partition("[[person]]")[0] + "".join(people)


def test_the_example_founds_a_firm(home: Path) -> None:
    told = found(home)
    assert "Fernwood Example Consulting is founded: 2 companies, 3 people." in told
    german = LegalEntity.objects.get(code="FE-DE")
    assert (german.residency, german.currency) == ("EU", "EUR")
    months = dict(Period.objects.filter(entity=german).values_list("month", "closed"))
    assert months["2026-10"] is True
    assert months["2026-11"] is months["2026-12"] is False
    assert ExchangeRate.objects.get().rate == Decimal("1.1420")
    held = set(Duty.objects.values_list("person__username", "role"))
    assert held >= {("carl.example", "controller"), ("edda.example", "administrator")}


def test_passwords_are_private_and_work(home: Path, client: Client) -> None:
    found(home)
    file = home / "first-logins.json"
    assert file.stat().st_mode & 0o077 == 0
    for login in json.loads(file.read_text()):
        assert client.login(username=login["username"], password=login["password"])


def test_the_chain_tells_who_founded_what(home: Path) -> None:
    found(home)
    entry = AuditEntry.objects.get(verb="found firm")
    assert (entry.actor, entry.subject) == ("command line", "Fernwood Example Consulting")
    assert entry.detail["companies"] == ["FE-DE", "FE-UK"]
    assert entry.detail["account"]
    assert audit.walk().broken is None
    written = set(PolicyVersion.objects.values_list("subject", flat=True))
    assert written >= {"company:FE-UK", "rates:GBP", "rights:edda.example"}
    for version in PolicyVersion.objects.exclude(subject__startswith="firm:"):
        governing.KINDS[version.kind].check(version.about, version.content)


def test_the_same_file_again_changes_nothing(home: Path) -> None:
    found(home)
    before = (AuditEntry.objects.count(), (home / "first-logins.json").read_text())
    told = found(home, f"# A remark that says nothing.\n{EXAMPLE}")
    assert "founded by this file already" in told
    assert (AuditEntry.objects.count(), (home / "first-logins.json").read_text()) == before


def test_another_file_is_refused_with_the_page_that_changes_it(home: Path) -> None:
    found(home)
    with pytest.raises(CommandError, match=r"companies by Admin, Companies\. Nothing was changed"):
        found(home, EXAMPLE.replace("Fernwood Example Ltd", "Fernwood Ltd"))
    assert LegalEntity.objects.get(code="FE-UK").name == "Fernwood Example Ltd"


def test_nobody_is_founded_beside_somebody_else(home: Path) -> None:
    call_command("seed_demo", stdout=io.StringIO())
    with pytest.raises(CommandError, match="Larkfield Advisory GmbH's already"):
        found(home)
    assert not Person.objects.filter(username="edda.example").exists()


def test_no_pretend_firm_comes_beside_a_founded_one(home: Path) -> None:
    found(home)
    with pytest.raises(CommandError, match="Fernwood Example Consulting's: no pretend firm"):
        call_command("seed_demo", stdout=io.StringIO())
    assert not LegalEntity.objects.filter(code="LF-DE").exists()


def test_every_mistake_is_named_with_its_place_and_nothing_is_created(home: Path) -> None:
    wrong = (
        EXAMPLE.replace('country = "GB"', 'country = "Britain"')
        .replace('currency = "GBP"\nzone', 'currency = "POUND"\nzone')
        .replace('"1.1420"', '"-1"')
        .replace('"steward", "pmo_lead"', '"emperor", "steward@FE-FR"')
        .replace("sanna@fernwood.example", "sanna")
        .replace('residency = "EU"', 'residenc = "EU"')
        .replace('firm = "', 'firma = "')
    )
    with pytest.raises(CommandError, match=r"\d mistakes in .*; nothing was founded") as refused:
        found(home, wrong)
    told = str(refused.value)
    for place in (
        "“firma” is not known here",
        "firm: write the firm's name",
        "[[company]] number 1 (FE-DE), “residenc” is not known here",
        "[[company]] number 2 (FE-UK), country: “Britain” is no country",
        "[[company]] number 2 (FE-UK), currency: “POUND”",
        "[[rate]] number 1 (GBP), rate: “-1” is no rate",
        "[[person]] number 3 (sanna.example), email: “sanna” is no mail address",
        "duties: there is no role “emperor”: write one of controller",
        "duties: “steward@FE-FR” is in no company of this file",
    ):
        assert place in told, place
    assert not LegalEntity.objects.exists()
    assert not AuditEntry.objects.exists()
    assert not (home / "first-logins.json").exists()


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ('first_open_month = "2026-11"', "", "is no month"),
        ('code = "FE-UK"', 'code = "FE-DE"', "there is one before it"),
        ('username = "carl.example"', 'username = "edda.example"', "there is one before it"),
        ('currency = "EUR"   ', 'currency = "USD"   ', "CONTROLTOWER_CURRENCY=USD"),
        ('currency = "GBP"\nfrom', 'currency = "EUR"\nfrom', "it needs no rate"),
        ("gathering_minutes = 240", "gathering_minutes = 1.5", "Write whole minutes"),
        ("revenue_tolerance = 1", "revenue_tolerance = nan", "Write an amount"),
        ("revenue_tolerance = 1", "staffing_tolerance = -1", "Write hours"),
        ("from = 2026-11-01", 'from = "soon"', "is no day"),
        ('rate = "1.1420"', "rate = 1.123456789", "more than 8 decimals"),
        ("[[rate]]", "[rate]", "is written as [[rate]]"),
        ("[[person]]", "[[person", "is no TOML"),
        ('duties = ["controller"]', 'duties = "controller"', "write a list of roles"),
    ],
)
def test_what_cannot_be_is_refused_in_words(line: str, instead: str, said: str) -> None:
    assert line in EXAMPLE
    assert said in " ".join(mistakes(EXAMPLE.replace(line, instead)))


def test_a_file_without_anything_says_what_is_missing() -> None:
    told = " ".join(mistakes(""))
    for words in ("write the firm's name", "There is no [[company]]", "There is no [[person]]"):
        assert words in told
    assert "[[rate]]" not in told


def test_one_person_alone_founds_nothing() -> None:
    found = mistakes(with_people(person("solo", "administrator", "controller")))
    (policies, rates, owners) = found
    assert "say who owns which field" in owners
    assert "one more person with a duty as administrator or finance controller" in policies
    assert "propose exchange rates" in rates


def test_a_duty_in_one_company_does_not_reach_far_enough() -> None:
    told = mistakes(with_people(person("ada", "administrator"), person("bo", "controller@FE-UK")))
    assert any("one more person" in one for one in told)
    assert any("nobody may propose exchange rates" in one for one in told)


def test_two_persons_are_enough_to_begin_and_are_told_what_waits(home: Path) -> None:
    told = found(home, with_people(person("ada", "administrator"), person("bo", "controller")))
    not_yet = re.findall(r"^Not yet: (.*)$", told, re.MULTILINE)
    assert any("change a mapping that moves money" in one for one in not_yet)
    assert "Not yet" not in "".join(read(EXAMPLE).not_yet)


def test_everything_that_is_proposed_has_a_second_right() -> None:
    assert {kind.proposed_by for kind in governing.KINDS.values()} <= SECOND.keys()
    assert {SECOND[kind.proposed_by][0] for kind in governing.KINDS.values()} == {
        Right.APPROVE_POLICY
    }


def test_every_kind_of_policy_is_asked_for_and_worded() -> None:
    assert (
        second_persons_of_rules.POLICIES.keys()
        == policy_words.WORDS.keys()
        == governing.KINDS.keys()
    )
