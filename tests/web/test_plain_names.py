"""Names that are kept as identifiers are words in both languages."""

from __future__ import annotations

from datetime import date

import pytest
from django.conf import settings
from django.utils import translation

from controltower.canonical.calendar import public_holidays
from controltower.firm.rights import Right, who_grants
from controltower.incidents.library.catalogue import RUNBOOKS
from controltower.processes.facts_to_subscribers import HAPPENED
from controltower.web import catalogues, plain_names, sayings
from controltower.web.plain_names import (
    AUDITED,
    DOMAINS,
    EVENTS,
    FAULTS,
    FAULTY,
    HOLIDAYS,
    KEYS,
    PROBLEMS,
    PROVEN,
    RECORDS,
    SHAPES,
    SIGNS_IN,
)
from integrations.connector import Auth, Verification
from tests.web.test_german import SOURCE


@pytest.fixture(autouse=True)
def known() -> None:
    """The product's catalogue as the pages read it."""
    catalogues.compile_all(SOURCE.parents[2], settings.LOCALE_PATHS[0])
    sayings.sayings.cache_clear()
    sayings._anew.cache_clear()


def test_records_keys_proofs_and_verbs_of_the_audit_are_in_the_catalogue() -> None:
    assert {str(one) for one in Verification} == set(PROVEN)
    assert {str(one) for one in Auth} == set(SIGNS_IN)
    spoken = (kind.replace(".", " ").replace("_", " ") for kind in HAPPENED.values())
    assert {*spoken, "fact verified"} == set(EVENTS)
    for name in (
        *RECORDS,
        *KEYS,
        *PROVEN,
        *SIGNS_IN,
        *EVENTS,
        *DOMAINS,
        *SHAPES,
        *PROBLEMS,
        *AUDITED,
        *FAULTY,
        *FAULTS,
        *HOLIDAYS,
    ):
        assert sayings.known(name, "de"), name


@pytest.mark.parametrize(
    ("operation", "english", "german"),
    [
        ("send post supplier_invoice", "Supplier invoice: posting asked for",
         "Eingangsrechnung: Buchung veranlasst"),
        ("read_back upsert customer", "Customer: read back", "Kunde: zurückgelesen"),
        ("read changes timecard", "Timecard: changes read",
         "Leistungsnachweis: Änderungen gelesen"),
        ("ping", "ping", "ping"),
    ],
)  # fmt: skip
def test_a_call_is_told_by_its_record(operation: str, english: str, german: str) -> None:
    assert plain_names.called(operation) == english
    with translation.override("de"):
        assert plain_names.called(operation) == german


@pytest.mark.parametrize(
    ("said", "german"),
    [
        (who_grants(Right.REVEAL_PERSONAL), "Revision oder Datenverantwortung oder Controlling"),
        ("Kantata has no billing_event “7”.",
         "In Kantata gibt es „7“ nicht (Abrechnungsereignis)."),
        ("Account 4.1.3 is not in the chart of accounts of Larkfield Advisory GmbH.",
         "Das Konto 4.1.3 steht nicht im Kontenplan von Larkfield Advisory GmbH."),
        ("Client Otter & Finch plc", "Kunde Otter & Finch plc"),
        ("3 transactions worth EUR 1,248,200.50 hang on it, EUR 3.00 of it is late.",
         "Daran hängen 3 Vorgänge im Wert von 1.248.200,50\xa0€, davon 3,00\xa0€ verspätet."),
        ("1 transaction worth EUR 99.00 hangs on it; nothing is late yet.",
         "Daran hängt 1 Vorgang im Wert von 99,00\xa0€; noch ist nichts verspätet."),
        ("First due 01 December 2026 07:05 (Europe/Berlin).",
         "Zuerst fällig am 1. Dezember 2026, 07:05 (Europe/Berlin)."),
        ("From your quiet hours: 4 messages", "Aus Ihren Ruhezeiten: 4 Nachrichten"),
        ("Take it by 01 December 2026 07:05 (Europe/Berlin).",
         "Übernehmen bis 1. Dezember 2026, 07:05 (Europe/Berlin)."),
        ("Nobody leads it yet: it waits for the data steward or integration operator.",
         "Noch führt ihn niemand: er wartet auf Datenverantwortung oder Integrationsbetrieb."),
        ("INC-4: New incident: High severity: Zollamt: Stempel 7",
         "INC-4: Neuer Vorfall: Hohe Schwere: Zollamt: Stempel 7"),
        ("INC-3: New incident: High severity: Our sign-in to Coupa is refused",
         "INC-3: Neuer Vorfall: Hohe Schwere: Unsere Anmeldung bei Coupa wird abgelehnt"),
        ("INC-7: New incident: High severity: “hireDate” is missing",
         "INC-7: Neuer Vorfall: Hohe Schwere: „hireDate“ fehlt"),
        ("The deal names no legal entity, so nobody knows which company sells it (Otter plc)",
         "Das Geschäft nennt keine Gesellschaft, daher weiß niemand, welche verkauft (Otter plc)"),
        ("Figures of March 2026: Invoice for Otter plc",
         "Zahlen für März 2026: Rechnung für Otter plc"),
        ("Event invoice posted: Invoice for Otter plc",
         "Ereignis „Rechnung gebucht“: Rechnung für Otter plc"),
        ("“Stage” is of another type: text was agreed, a list came.",
         "„Stage“ ist von anderer Art: Text war vereinbart, eine Liste kam."),
        ("Tryton asks to slow down.\nNothing was sent.",
         "Tryton bittet um weniger Aufrufe.\nEs wurde nichts gesendet."),
    ],
)  # fmt: skip
def test_roles_records_and_connectors_are_heard_within_sentences(said: str, german: str) -> None:
    with translation.override("de"):
        assert sayings.heard(said) == german


@pytest.mark.parametrize(
    ("kind", "english", "german"),
    [
        ("worker intake frozen for over a minute", "worker intake: frozen for over a minute",
         "Worker intake: über eine Minute eingefroren"),
        ("crm network: late", "crm network: late", "Netz zum CRM: verspätet"),
        ("killed", "killed", "getötet"),
        ("meteor", "meteor", "meteor"),
    ],
)  # fmt: skip
def test_a_fault_of_a_chaos_run_is_told_in_words(kind: str, english: str, german: str) -> None:
    assert plain_names.fault(kind) == english
    with translation.override("de"):
        assert plain_names.fault(kind) == german


@pytest.mark.parametrize(
    ("country", "day", "english", "german"),
    [
        ("DE", date(2026, 12, 26), "Second Day of Christmas", "Zweiter Weihnachtstag"),
        ("GB", date(2026, 12, 26), "Boxing Day", "Zweiter Weihnachtstag"),
        ("GB", date(2026, 12, 28), "Boxing Day (observed)", "Zweiter Weihnachtstag (nachgeholt)"),
    ],
)
def test_holidays_are_named_in_the_readers_language(
    country: str, day: date, english: str, german: str
) -> None:
    region = "ENG" if country == "GB" else ""
    assert public_holidays(country, region, 2026, "en")[day] == english
    with translation.override("de"):
        assert sayings.heard(public_holidays(country, region, 2026, "de")[day]) == german
    assert set(public_holidays(country, region, 2026)) == set(
        public_holidays(country, region, 2026, "de")
    )


def test_a_list_of_runbooks_says_in_german_what_they_fit() -> None:
    words = {word for _slug, _title, fits, _steps in RUNBOOKS for word in fits.get("words", ())}
    assert {word for word in words if not sayings.known(word, "de")} == set()


def test_a_part_of_a_cause_is_said_as_the_whole_of_it() -> None:
    with translation.override("de"):
        whole = sayings.heard("Approved work is above the cap of its contract")
        part = sayings.heard("Approved work is above the cap of its contract (LF-UK)")
    assert part == f"{whole} (LF-UK)"
    assert "Approved" not in whole
