"""The palette: any name finds, and only what the person may see."""

from __future__ import annotations

import pytest

from controltower.firm.models import Person
from controltower.transactions.models import Transaction
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser

pytestmark = pytest.mark.django_db


def found(who: Person, text: str) -> str:
    answer = browser(who).get("/find/", {"q": text})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_page_is_found_by_the_beginning_of_its_name(firm: Firm) -> None:
    page = found(firm.anna, "mapp")
    assert 'data-href="/mappings/"' in page
    assert "G O" in page


def test_a_page_that_is_not_for_them_is_not_offered(firm: Firm) -> None:
    assert 'data-href="/manage/"' in found(firm.amara, "admin")
    assert 'data-href="/manage/"' not in found(firm.otto, "admin")


def test_any_key_finds_the_transaction(firm: Firm) -> None:
    deal = firm.deal()
    key = deal.keys.order_by("pk")[0].value
    for text in (key, key.lower(), deal.reference, deal.correlation_id):
        assert deal.title in found(firm.anna, text)


def test_other_entities_are_not_found(firm: Firm) -> None:
    deal = firm.deal(entity="LF-DE")
    assert deal.title in found(firm.anna, deal.reference)
    page = found(firm.callum, deal.reference)
    assert deal.title not in page
    assert "Nothing found for" in page


def test_a_cause_is_found_by_a_word_of_it(firm: Firm) -> None:
    one = firm.bill(firm.deal(), {"draft": factories.refused()})
    assert f"/exceptions/{firm.cause(one).pk}/" in found(firm.anna, "tax code")


def test_what_is_typed_is_written_back_escaped(firm: Firm) -> None:
    assert "<script>" not in found(firm.anna, "<script>alert(1)</script>")


def test_the_last_digits_of_a_key_find_the_transaction(firm: Firm) -> None:
    deal = firm.deal()
    key = deal.keys.filter(kind="opportunity")[0].value
    assert deal.title in found(firm.anna, key[-5:])
    assert deal.title not in found(firm.callum, key[-5:])


def test_part_of_a_word_finds_title_and_client_also_after_they_changed(firm: Firm) -> None:
    deal = firm.deal()
    assert deal.title in found(firm.anna, deal.counterparty[2:7].lower())
    Transaction.objects.filter(pk=deal.pk).update(title="Überholt 100%", counterparty="Straße & Co")
    for text in ("berhol", "traße", "100%"):
        assert "Überholt 100%" in found(firm.anna, text)
    assert "Überholt" not in found(firm.anna, "1000")


def test_two_letters_are_only_looked_for_as_a_whole_name(firm: Firm) -> None:
    deal = firm.deal()
    assert deal.title not in found(firm.anna, deal.title[:2])
