"""Names that are kept as identifiers are words in both languages."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.utils import translation

from controltower.firm.rights import Right, who_grants
from controltower.web import catalogues, plain_names, sayings
from controltower.web.plain_names import AUDITED, KEYS, PROVEN, RECORDS
from integrations.connector import Verification
from tests.web.test_german import SOURCE


@pytest.fixture(autouse=True)
def known() -> None:
    """The product's catalogue as the pages read it."""
    catalogues.compile_all(SOURCE.parents[2], settings.LOCALE_PATHS[0])
    sayings.sayings.cache_clear()
    sayings._anew.cache_clear()


def test_records_keys_proofs_and_verbs_of_the_audit_are_in_the_catalogue() -> None:
    assert {str(one) for one in Verification} == set(PROVEN)
    for name in (*RECORDS, *KEYS, *PROVEN, *AUDITED):
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
        ("Tryton asks to slow down.\nNothing was sent.",
         "Tryton bittet um weniger Aufrufe.\nEs wurde nichts gesendet."),
    ],
)  # fmt: skip
def test_roles_records_and_connectors_are_heard_within_sentences(said: str, german: str) -> None:
    with translation.override("de"):
        assert sayings.heard(said) == german
