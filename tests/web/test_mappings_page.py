"""Mappings over HTTP: who owns what, and how a version comes into use through other people."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from django.test import Client

from controltower.firm.models import AuditEntry
from controltower.mappings import versions
from controltower.mappings.models import MappingVersion
from controltower.transactions.models import Transaction
from tests import factories
from tests.factories import Firm
from tests.web.cast import browser
from tests.web.files import rows_of

pytestmark = pytest.mark.django_db
INVOICE = "/mappings/invoice-to-erp/"


class Form(HTMLParser):
    """The fields that a browser would post from the page's draft form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.feed(page[page.index('class="stack draft"') :])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = dict(attrs)
        ticked = at.get("type") != "checkbox" or "checked" in at
        if tag == "input" and at.get("name") and ticked:
            self.fields[str(at["name"])] = at.get("value") or (
                "on" if at.get("type") == "checkbox" else ""
            )


def drafted(client: Client, values: dict[str, str]) -> MappingVersion:
    """A draft of the invoice mapping, written in the form as a person would."""
    answers = Form(client.get(f"{INVOICE}drafts/").content.decode()).fields
    names = {value: name for name, value in answers.items() if name.startswith("from-")}
    for before, after in values.items():
        answers[names[before].replace("from-", "to-")] = after
    client.post(f"{INVOICE}drafts/", answers | {"note": "The rate changes in January."})
    return MappingVersion.objects.filter(mapping__slug="invoice-to-erp").latest("number")


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_board_begins_with_what_nobody_owns(firm: Firm) -> None:
    text = page(browser(firm.jonas), "/mappings/")
    assert "2 fields have no owner:" in text
    assert text.index("Invoice: Account code") < text.index("Project: Billing method")
    owners = text[text.index("owners-title") :]
    assert owners.index(">Invoice ") < owners.index(">Customer ")
    assert ">Account code <code" in owners
    assert "what moves money is approved by two" in text


def test_a_version_comes_into_use_through_two_other_people(firm: Firm) -> None:
    lena, anna, marta = browser(firm.lena), browser(firm.anna), browser(firm.marta)
    draft = drafted(lena, {"LF-DE/domestic": "DE-16"})
    at = f"{INVOICE}v{draft.number}/"
    assert (draft.number, draft.state, draft.author) == (2, "draft", firm.lena)
    text = page(lena, at)
    assert "<del>LF-DE/domestic → DE-19</del>" in text
    assert "<ins>LF-DE/domestic → DE-16</ins>" in text
    lena.post(f"{at}submission/")
    own = page(lena, at)
    assert "You wrote this version, so someone else must approve it" in own
    assert "May still decide: " in own
    anna.post(f"{at}reviews/", {"approve": "yes", "comment": "As the law says."})
    waits = page(anna, at)
    assert "You have approved it. A second person must approve it too." in waits
    decide = re.search(r"1 approval is missing\. May still decide: ([^<]+)", waits)
    assert decide and "Marta Velez" in decide[1] and "Anna Lindqvist" not in decide[1]
    assert re.search(r"changes what carries money: .*<code>lines\[\].tax_code</code>", waits)
    marta.post(f"{at}reviews/", {"approve": "yes"})
    assert "Put v2 in use" in page(anna, at)
    anna.post(f"{at}activation/")
    assert _states() == ["active", "deprecated"]
    anna.post(f"{INVOICE}v1/activation/")
    assert _states() == ["deprecated", "active"]


def _states() -> list[str]:
    found = MappingVersion.objects.filter(mapping__slug="invoice-to-erp").order_by("-number")
    return list(found.values_list("state", flat=True))


def test_its_reviewers_see_what_it_would_change_in_money(firm: Firm) -> None:
    firm.bill(firm.deal())
    british = firm.bill(firm.deal(entity="LF-UK", currency="GBP"))
    lena, callum = browser(firm.lena), browser(firm.callum)
    draft = drafted(lena, {"LF-DE/domestic": "DE-16"})
    at = f"{INVOICE}v{draft.number}/"
    assert "Not tried yet." in page(lena, at)
    lena.post(f"{at}submission/")
    text = page(browser(firm.anna), at)
    assert "Of the last 2 real records 1 would change. It touches €7,200.00." in text
    assert "<del>DE-19</del> → <ins>DE-16</ins>" in text
    assert british.title not in text, "what stays the same is only counted"
    own = page(callum, at)
    assert "Of the last real record none would be different." in own
    assert "7,200" not in own
    file = f"/exports{INVOICE}v{draft.number}/trials/"
    lines = rows_of(browser(firm.anna), file)
    assert [(row["outcome"], row["entity"], row["amount"]) for row in lines] == [
        ("changed", "LF-DE", "7200.0000"), ("same", "LF-UK", "7200.0000"),
    ]  # fmt: skip
    assert [row["entity"] for row in rows_of(callum, file)] == ["LF-UK"]


def test_what_was_not_tried_is_not_approved(firm: Firm) -> None:
    lena, anna = browser(firm.lena), browser(firm.anna)
    draft = drafted(lena, {"LF-DE/domestic": "DE-16"})
    versions.submit(version=draft, by=firm.lena, now=firm.now)
    at = f"{INVOICE}v{draft.number}/"
    assert "Test it on real records first." in page(anna, at)
    answer = anna.post(f"{at}reviews/", {"approve": "yes"}, follow=True)
    assert "It was not tried on real records yet." in answer.content.decode()
    anna.post(f"{at}trials/")
    assert "there is nothing to try" in page(anna, at)
    anna.post(f"{at}reviews/", {"approve": "yes"})
    assert "1 of 2" in page(anna, at)


def test_a_date_is_given_and_called_off(firm: Firm) -> None:
    lena, anna = browser(firm.lena), browser(firm.anna)
    draft = drafted(lena, {"LF-DE/domestic": "DE-16"})
    at = f"{INVOICE}v{draft.number}/"
    lena.post(f"{at}submission/")
    for reviewer in (firm.anna, firm.marta):
        browser(reviewer).post(f"{at}reviews/", {"approve": "yes"})
    past = anna.post(f"{at}dates/", {"at": "2020-01-01T08:00"}, follow=True)
    assert "The date has passed." in past.content.decode()
    anna.post(f"{at}dates/", {"at": "2099-01-01T08:00"})
    assert "will be in use from" in page(anna, at)
    draft.refresh_from_db()
    assert (draft.state, draft.active_from) == ("scheduled", datetime(2099, 1, 1, 7, tzinfo=UTC))
    anna.post(f"{at}cancellations/")
    assert "Put v2 in use" in page(anna, at)


def test_the_author_is_refused_and_the_denial_recorded(firm: Firm) -> None:
    lena = browser(firm.lena)
    draft = drafted(lena, {"LF-DE/domestic": "DE-16"})
    lena.post(f"{INVOICE}v{draft.number}/submission/")
    answer = lena.post(f"{INVOICE}v{draft.number}/reviews/", {"approve": "yes"}, follow=True)
    assert "The author may not approve their own version." in answer.content.decode()
    draft.refresh_from_db()
    assert draft.state == "in_review"
    assert AuditEntry.objects.filter(verb="approve mapping", allowed=False).count() == 1


def test_changes_are_asked_for_with_words(firm: Firm) -> None:
    lena, anna = browser(firm.lena), browser(firm.anna)
    draft = drafted(lena, {"LF-DE/domestic": "DE-16"})
    at = f"{INVOICE}v{draft.number}/"
    lena.post(f"{at}submission/")
    silent = anna.post(f"{at}reviews/", {"approve": "no", "comment": " "}, follow=True)
    assert "Say what should change." in silent.content.decode()
    anna.post(f"{at}reviews/", {"approve": "no", "comment": "Also the lines."})
    text = page(lena, at)
    assert "Also the lines." in text
    assert "Submit for review" in text


def test_what_comes_in_between_is_answered_with_a_sentence(firm: Firm) -> None:
    anna = browser(firm.anna)
    answer = anna.post(f"{INVOICE}v1/reviews/", {"approve": "yes"}, follow=True)
    assert "is active, not in review." in answer.content.decode()
    answer = anna.post(f"{INVOICE}v1/activation/", follow=True)
    assert "is active, not approved." in answer.content.decode()


def test_without_the_right_nothing_is_written(firm: Firm) -> None:
    jonas = browser(firm.jonas)
    form = page(jonas, f"{INVOICE}drafts/")
    assert "Only the data steward or integration operator may do this." in form
    answers = Form(form).fields | {"note": "Mine.", "constant-0": "x"}
    answers.pop("required-0")
    answer = jonas.post(f"{INVOICE}drafts/", answers)
    assert answer.status_code == 422
    assert "No right to edit mappings." in answer.content.decode()
    assert _states() == ["active"]
    assert AuditEntry.objects.filter(verb="draft mapping", allowed=False).exists()


def test_the_form_keeps_what_was_typed_and_marks_what_is_wrong(firm: Firm) -> None:
    lena = browser(firm.lena)
    answers = Form(page(lena, f"{INVOICE}drafts/")).fields | {"note": ""}
    blank = next(name for name in answers if name.startswith("from-6-") and not answers[name])
    answer = lena.post(f"{INVOICE}drafts/", answers | {blank: "LF-DE/new"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Say what “LF-DE/new” becomes." in text
    assert 'value="LF-DE/new"' in text
    assert "This field is required." in text
    assert _states() == ["active"]


def test_more_rows_saves_nothing(firm: Firm) -> None:
    lena = browser(firm.lena)
    answers = Form(page(lena, f"{INVOICE}drafts/")).fields
    answer = lena.post(f"{INVOICE}drafts/", answers | {"more": "6", "note": "Half a thought"})
    text = answer.content.decode()
    assert len([n for n in Form(text).fields if n.startswith("from-6-")]) > len(
        [n for n in answers if n.startswith("from-6-")]
    )
    assert "Half a thought" in text
    assert _states() == ["active"]


def test_a_draft_without_a_difference_is_not_made(firm: Firm) -> None:
    lena = browser(firm.lena)
    answers = Form(page(lena, f"{INVOICE}drafts/")).fields | {"note": "Nothing"}
    assert (
        "Nothing differs from v1 yet." in lena.post(f"{INVOICE}drafts/", answers).content.decode()
    )


def test_the_history_says_who_wrote_and_who_approved(firm: Firm) -> None:
    text = page(browser(firm.jonas), INVOICE)
    assert "Lena Weil" in text
    assert "Anna Lindqvist, Marta Velez" in text


def test_an_approved_fix_shows_on_the_tower(firm: Firm) -> None:
    firm.bill(firm.deal(), {"draft": factories.refused()})
    lena, anna, marta = browser(firm.lena), browser(firm.anna), browser(firm.marta)
    at = f"{INVOICE}v{drafted(lena, {'LF-DE/domestic': 'DE-16'}).number}/"
    lena.post(f"{at}submission/")
    for reviewer in (anna, marta):
        reviewer.post(f"{at}reviews/", {"approve": "yes"})
    anna.post(f"{at}activation/")
    text = page(anna, "/tower/triage/")
    assert "Fix ready: “Approved work → ERP invoice” v2" in text
    assert "Review and replay" in text


def test_reading_writes_nothing(firm: Firm) -> None:
    client = browser(firm.lena)
    before = (AuditEntry.objects.count(), MappingVersion.objects.count())
    for url in ("/mappings/", INVOICE, f"{INVOICE}v1/", f"{INVOICE}drafts/"):
        page(client, url)
    for url in ("submission", "reviews", "activation"):
        assert client.get(f"{INVOICE}v1/{url}/").status_code == 405
    assert (AuditEntry.objects.count(), MappingVersion.objects.count()) == before
    assert not Transaction.objects.exists()


def test_what_is_not_there_is_not_found(firm: Firm) -> None:
    client = browser(firm.lena)
    for url in (
        "/mappings/none/",
        f"{INVOICE}v9/",
        f"{INVOICE}drafts/?from=9",
        "/mappings/none/v1/",
    ):
        assert client.get(url).status_code == 404
