"""Customers: whose value survives, who is invoiced, and which clients may be one."""

from __future__ import annotations

from typing import Any

import pytest

from controltower.canonical.records import Customer
from controltower.canonical.verdicts import Kind
from controltower.processes import agreement, clients, survivorship
from controltower.processes.definition import Refuse
from controltower.processes.overwritten import Writing, fought_over, still_stands, stopped

OWNERS = {
    name: {"role": role, "system": system, "title": title, "person": "Anna", "personal": personal}
    for role, system, title, names in (
        ("crm", "salesforce", "Salesforce", ("name", "contact_email")),
        ("erp", "tryton", "Tryton ERP", ("vat_number", "street", "payment_term", "credit_hold")),
    )
    for name in names
    for personal in [name == "contact_email"]
}


def client(ref: str = "001A", **given: Any) -> dict[str, Any]:
    """A client as the CRM shows it."""
    known = {"name": "Brackwasser Werke AG", "city": "Bremen", "vat_number": "DE676122202"}
    mail = {"contact_email": f"accounts@{ref.lower()}.example"}
    return Customer(source_id=ref, **(known | mail | given)).as_dict()


class TestSurvivorship:
    def test_of_each_field_the_owners_value_survives(self) -> None:
        crm = client(street="Marktstraße 1", payment_term="NET14")
        erp = client(name="Brackwasser", street="Deichtor 19", payment_term="NET30")
        chosen = survivorship.survivors(crm, erp, OWNERS)
        assert chosen["name"] == "Brackwasser Werke AG"
        assert (chosen["street"], chosen["payment_term"]) == ("Deichtor 19", "NET30")

    def test_what_an_owner_leaves_empty_erases_nothing(self) -> None:
        crm, erp = client(street="Marktstraße 1"), client(street="")
        assert survivorship.survivors(crm, erp, OWNERS)["street"] == "Marktstraße 1"
        assert not survivorship.differs(erp, crm, "street")

    def test_a_credit_hold_that_is_lifted_is_a_value(self) -> None:
        chosen = survivorship.survivors(client(credit_hold=True), client(credit_hold=False), OWNERS)
        assert chosen["credit_hold"] is False
        assert survivorship.differs(chosen, client(credit_hold=True), "credit_hold")

    def test_a_side_that_does_not_keep_a_field_shows_nothing_else(self) -> None:
        wanted = {"name": "Quill", "contact_name": "Thea", "owned": ["name", "contact_name"]}
        assert not survivorship.differs(wanted, {"name": "Quill"}, "contact_name")
        assert survivorship.differs(wanted, {"contact_name": ""}, "contact_name")
        assert agreement.customer_differs(wanted, {"name": "Quill"}) == ""
        assert agreement.customer_differs(wanted, {"name": "Quill", "contact_name": "Bo"})

    def test_a_tax_number_is_the_same_however_it_is_spaced(self) -> None:
        spaced = client(vat_number="DE 676 122 202")
        assert not survivorship.differs(client(), spaced, "vat_number")
        sent = client() | {"owned": ["vat_number"]}
        assert agreement.customer_differs(sent, spaced) == ""
        assert agreement.customer_differs(sent, client(vat_number="DE1")) != ""

    def test_who_does_not_own_a_field_is_told_of(self) -> None:
        crm = client(street="Marktstraße 1", contact_email="new@example.org")
        erp = client(name="Umbenannt", street="Deichtor 19", contact_email="old@example.org")
        books = {"teller": {"role": "crm", "title": "Salesforce"}, "owners": OWNERS}
        (words,) = survivorship.overruled(books, crm, erp, erp)
        assert "the street (“Marktstraße 1”; “Deichtor 19” stands): Tryton ERP owns it" in words
        unset = client(street="", contact_email="new@example.org")
        assert survivorship.overruled(books, unset, erp, erp) == []
        books["teller"] = {"role": "erp", "title": "Tryton ERP"}
        told = " ".join(survivorship.overruled(books, crm, erp, erp))
        assert "the name (“Umbenannt”" in told
        assert "the contact's e-mail: Salesforce owns it" in told
        assert "old@example.org" not in told, "what is personal is not repeated"

    def test_what_an_erp_holds_of_another_ones_fields_is_told_of(self) -> None:
        """Nobody overwrites it, so nobody may be left to think that it is the same."""
        books = {"owners": OWNERS}
        owns = client(name="Brackwasser", credit_hold=True, payment_term="NET30")
        there = client(name="Umbenannt", credit_hold=False, payment_term="30T")
        place = {"system": "business_central", "title": "Business Central"}
        (words,) = survivorship.apart(books, place, there, owns)
        assert words.startswith("Business Central shows another value for the credit hold (“no”")
        assert "Tryton ERP owns it" in words
        assert survivorship.apart(books, {"system": "tryton", "title": "T"}, there, owns) == []

    def test_the_erp_that_told_is_heard_and_no_other_one(self) -> None:
        books = {"teller": {"role": "erp", "title": "Business Central"}, "owners": OWNERS}
        crm, owns = client(), client(name="Bei Tryton umbenannt")
        (words,) = survivorship.overruled(books, crm, client(name="Dort umbenannt"), owns)
        assert "the name (“Dort umbenannt”" in words


class TestLikeness:
    @pytest.mark.parametrize(
        ("other", "why"),
        [
            (client("B", name="X", vat_number="DE 676122202"), ["the same VAT number"]),
            (
                client("B", name="BRACKWASSER WERKE", vat_number=""),
                ["the same name and city"],
            ),
            (client("B", name="Brackwasser Werke", city="Emden", vat_number=""), []),
            (
                client("B", name="X", vat_number="", contact_email="x@001a.example"),
                ["the same mail domain"],
            ),
        ],
    )
    def test_clients_look_alike(self, other: dict[str, Any], why: list[str]) -> None:
        assert clients.likeness(client(), other) == why

    def test_a_public_mail_domain_says_nothing(self) -> None:
        one = client("A", name="X", vat_number="", contact_email="x@gmail.com")
        other = client("B", name="Y", vat_number="", contact_email="y@gmail.com")
        assert clients.likeness(one, other) == []

    def test_names_compare_without_accents_and_legal_form(self) -> None:
        assert clients.plain("Süßwasser & Söhne GmbH") == clients.plain("SUSSWASSER SOHNE")

    def test_a_group_is_no_duplicate(self) -> None:
        parent = client("P")
        child = client("C", parent_id="A")
        merged = client("M", merged_into="A")
        stranger = client("S")
        me = client("A", parent_id="P")
        found = clients.lookalikes(me, [parent], [parent, child, merged, stranger])
        assert [one["source_id"] for one in found] == ["S"]


class TestWhoIsInvoiced:
    def test_a_client_without_a_payer_is_invoiced_itself(self) -> None:
        mine = client(parent_id="P")
        assert clients.invoiced(mine, [client("P")]) is mine

    def test_the_next_one_up_that_pays_and_so_on(self) -> None:
        child = client("C", parent_id="P", billed_by_parent=True)
        parent = client("P", parent_id="G", billed_by_parent=True)
        group = client("G", parent_id="X")
        assert clients.invoiced(child, [parent, group]) is group

    def test_whom_it_was_merged_into_goes_first(self) -> None:
        twin = client("T", merged_into="S", parent_id="P", billed_by_parent=True)
        survivor = client("S")
        assert clients.invoiced(twin, [survivor]) is survivor

    def test_a_circle_is_refused_in_words(self) -> None:
        one = client("A", parent_id="B", billed_by_parent=True)
        other = client("B", parent_id="A", billed_by_parent=True)
        refused = clients.invoiced(one, [other, one])
        assert isinstance(refused, Refuse)
        assert refused.kind is Kind.CONFLICT
        assert "circle" in refused.text


def test_a_writing_is_known_again_by_signs_and_not_by_its_values() -> None:
    """A contact's name is nobody's business in what a step has learnt."""
    one, key = Writing("crm", "contact_name", "Ruth Ainscough", "Mona Reyes"), b"the tower's own"
    mark = one.mark(key)
    assert not any("Ruth" in part or "Mona" in part for part in mark)
    assert fought_over([one], [mark] * 2, key) == []
    assert fought_over([one], [mark] * 3, key) == [one]
    other = Writing("crm", "contact_name", "Ole Fährmann", "Mona Reyes")
    assert fought_over([other], [mark] * 3, key) == [], "another value is another matter"
    assert still_stands(one, [mark], key) and not still_stands(other, [mark], key)


def test_who_sets_a_personal_value_back_is_said_without_the_value() -> None:
    one = Writing("salesforce", "contact_name", "Ruth Ainscough", "Mona Reyes")
    said = stopped(one, "Salesforce", {"title": "Tryton ERP", "personal": True})
    assert "Salesforce has set the contact back 3 times" in said.text
    assert "Ruth" not in said.text and "Mona" not in said.text
