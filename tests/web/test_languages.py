"""In which language pages speak: the person's choice, the cookie's, the browser's; programs in
English. And how what the engine said is recognised."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from django.conf import settings
from django.test import Client
from django.utils import translation
from pytest_django.fixtures import Settings

from controltower.firm.models import Person
from controltower.web import catalogues, sayings
from tests.web.cast import browser, person, token

GERMAN = {"Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}


def language_of(page: bytes) -> str:
    return page.decode().partition('<html lang="')[2].partition('"')[0]


@pytest.mark.django_db
def test_before_the_sign_in_the_browser_says_and_a_choice_is_kept_in_a_cookie() -> None:
    anybody = Client()
    assert language_of(anybody.get("/sign-in/").content) == "en-gb"
    assert language_of(anybody.get("/sign-in/", headers=GERMAN).content) == "de"
    chosen = anybody.post("/language/", {"language": "de", "next": "/sign-in/"})
    assert chosen.status_code == 302 and chosen["Location"] == "/sign-in/"
    german = anybody.get("/sign-in/")
    assert language_of(german.content) == "de" and german["Content-Language"] == "de"
    anybody.post("/language/", {"language": ""})
    assert language_of(anybody.get("/sign-in/").content) == "en-gb"


@pytest.mark.django_db
def test_a_persons_own_choice_goes_before_the_browsers() -> None:
    petra = person("petra")
    window = browser(petra)
    window.post("/language/", {"language": "de"})
    assert Person.objects.get(pk=petra.pk).language == "de"
    assert language_of(browser(petra).get("/exceptions/").content) == "de"
    window.post("/language/", {"language": "en-gb"})
    assert language_of(browser(petra).get("/exceptions/", headers=GERMAN).content) == "en-gb"


@pytest.mark.django_db
def test_a_language_that_is_not_there_or_a_way_out_of_the_tower_is_refused() -> None:
    window = browser(person("petra"))
    assert window.post("/language/", {"language": "tlh"}).status_code == 404
    out = window.post("/language/", {"language": "de", "next": "https://elsewhere.example/"})
    assert out["Location"] == "/"
    assert window.get("/language/").status_code == 405


@pytest.mark.django_db
def test_programs_are_answered_in_english_whatever_they_ask_for() -> None:
    petra = person("petra")
    petra.language = "de"
    petra.save()
    answer = Client().get("/api/v1/transactions", headers=token(petra) | GERMAN)
    assert answer.status_code == 200 and answer["Content-Language"] == "en-gb"


@pytest.fixture
def taught(settings: Settings, tmp_path: Path) -> None:
    """A small German catalogue in place of the product's."""
    catalogue = Catalog(locale="de")
    for said, german in (
        ("The deal names the legal entity %(entity)s, which the firm does not have.",
         "Das Geschäft nennt die Gesellschaft %(entity)s, die es in der Firma nicht gibt."),
        ("Create the project", "Projekt anlegen"),
        ("%(title)s: not needed. %(reason)s", "%(title)s: nicht nötig. %(reason)s"),
        ("On “%(project)s” %(cap)s %(currency)s may be billed.",
         "Auf „%(project)s“ dürfen %(cap)s %(currency)s fakturiert werden."),
        ("Nothing was sent.", "Es wurde nichts gesendet."),
        ("Only %(share)s %% of it was delivered.", "Nur %(share)s %% davon wurden geliefert."),
        ("The work is above the cap. On “%(project)s” nothing is left. Ask for more.",
         "Die Arbeit liegt über der Grenze. Auf „%(project)s“ ist nichts übrig. Mehr verlangen."),
        ("The project of %(name)s did not come from a deal.",
         "Das Projekt von %(name)s stammt aus keinem Geschäft."),
        ("%(records)s of %(company)s from %(day)s", "%(records)s von %(company)s ab %(day)s"),
        ("%(reference)s above the cap", "%(reference)s über der Grenze"),
    ):  # fmt: skip
        catalogue.add(said, german)
    source = tmp_path / "sources" / "de" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    with source.open("wb") as file:
        write_po(file, catalogue)
    settings.LOCALE_PATHS = [tmp_path / "compiled"]
    catalogues.compile_all(tmp_path / "sources", tmp_path / "compiled")
    _forget()


def _forget() -> None:
    sayings.sayings.cache_clear()
    sayings._anew.cache_clear()


@pytest.mark.usefixtures("taught")
@pytest.mark.parametrize(
    ("said", "german"),
    [
        ("The deal names the legal entity LF-XX, which the firm does not have.",
         "Das Geschäft nennt die Gesellschaft LF-XX, die es in der Firma nicht gibt."),
        ("The deal names the legal entity LF-XX, which the firm does not have",
         "Das Geschäft nennt die Gesellschaft LF-XX, die es in der Firma nicht gibt"),
        ("Create the project: not needed. Nothing was sent.",
         "Projekt anlegen: nicht nötig. Es wurde nichts gesendet."),
        ("Create the project: Quota exceeded, ask 50 % less. Nothing was sent.",
         "Projekt anlegen: Quota exceeded, ask 50 % less. Es wurde nichts gesendet."),
        ("The project of … did not come from a deal",
         "Das Projekt von … stammt aus keinem Geschäft"),
        ("The work is above the cap", "Die Arbeit liegt über der Grenze"),
        ("7,200.00 EUR Nothing was sent.", "7.200,00\xa0€ Es wurde nichts gesendet."),
        ("7,200.00 EUR by somebody.", "7,200.00 EUR by somebody."),
        ("On “Oak” 16,825.00 GBP may be billed.",
         "Auf „Oak“ dürfen 16.825,00 GBP fakturiert werden."),
        ("Only 40 % of it was delivered.", "Nur 40 % davon wurden geliefert."),
        ("A vendor's own words %(entity)s", "A vendor's own words %(entity)s"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_the_engine_said_is_recognised_and_said_anew(said: str, german: str) -> None:
    try:
        with translation.override("de"):
            assert sayings.heard(said) == german
        with translation.override("en-gb"):
            assert sayings.heard(said) == said
    finally:
        _forget()


def test_sentences_of_the_rooms_are_found_with_holes_for_their_values() -> None:
    source = '''
class State(models.TextChoices):
    """Where it is."""
    OPEN = "open", "Open"

def check(deal, client):
    """A docstring is not said."""
    log.info("Nor is what is logged.")
    held = f"{deal}.state = '{State.OPEN}' AND {deal}.amount IN ({client})"
    if deal["amount"] == client.amount:
        raise ValueError("Nor what programs are told.")
    return Refuse("amount", f"{deal['amount']} is not {client.amount}, 5 % off.")
'''
    assert sorted(catalogues.sayings_in(source)) == [
        "%(amount)s is not %(amount2)s, 5 %% off.", "Open",
    ]  # fmt: skip


def test_the_catalogue_of_the_product_is_compiled_where_the_tower_runs() -> None:
    catalogues.compile_all(settings.CATALOGUES, settings.LOCALE_PATHS[0])
    source = settings.CATALOGUES / "de" / "LC_MESSAGES" / "django.po"
    compiled = settings.LOCALE_PATHS[0] / "de" / "LC_MESSAGES" / "django.mo"
    assert compiled.stat().st_mtime_ns == source.stat().st_mtime_ns
