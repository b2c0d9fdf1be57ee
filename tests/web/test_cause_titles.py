"""Causes of one title are told apart in lists by the least that does it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from controltower.incidents.models import Cause
from controltower.measures.exposure import Scope
from controltower.transactions.models import Transaction
from controltower.web import cause_titles, exception_groups
from controltower.web.sayings import heard
from tests.factories import Firm, refused, signed_in
from tests.web.files import rows_of

pytestmark = pytest.mark.django_db
SAME, PROCESS = "Tryton ERP refuses: The deal names no client", "Opportunity to project"


def stuck(firm: Firm, text: str, field: str = "tax_code", **values: Any) -> Transaction:
    """An invoice that the ERP refuses."""
    return firm.bill(firm.deal(**values), answers={"draft": refused(text, field_=field)})


def added(firm: Firm, *stuck: Transaction) -> list[str]:
    """What the list adds to the title of each, once all are called the same."""
    Cause.objects.update(title=SAME)
    causes = [Cause.objects.select_related("system").get(letters__transaction=one) for one in stuck]
    found = cause_titles.titles(causes, exception_groups.letters_of(Scope(firm.anna)))
    return [found[cause.pk].removeprefix(SAME) for cause in causes]


def test_what_the_titles_say_already_is_not_added_to(firm: Firm) -> None:
    stuck(firm, "It is locked.")
    firm.deal(entity="")
    shown = signed_in(firm.anna).get("/exceptions/").context["groups"]
    assert {one.title for one in shown} == set(Cause.objects.values_list("title", flat=True))


def test_the_system_comes_before_the_process_and_the_step(firm: Firm) -> None:
    both = stuck(firm, "It is locked."), firm.deal(amount="0.00")
    assert added(firm, *both) == [" (Tryton ERP)", " (Control Tower)"]


def test_the_process_tells_where_the_system_does_not(firm: Firm) -> None:
    deal = firm.deal(answers={"customer": refused("Nobody knows them.")})
    both = stuck(firm, "It is locked."), deal
    assert added(firm, *both) == [" (Time and expense to billing)", " (Opportunity to project)"]


def test_the_company_tells_where_each_is_of_one(firm: Firm) -> None:
    london = {"entity": "LF-UK", "currency": "GBP"}
    both = stuck(firm, "It is locked."), stuck(firm, "It is gone.", **london)
    assert added(firm, *both) == [" (LF-DE)", " (LF-UK)"]
    stuck(firm, "It is locked.", **london)
    assert added(firm, *both) == ["", ""], "one is of two companies now"


def test_the_field_tells_what_is_refused_for_one_text(firm: Firm) -> None:
    both = stuck(firm, "It is locked."), stuck(firm, "It is locked.", field="po_number")
    assert added(firm, *both) == [" (tax code)", " (po number)"]


def test_several_words_tell_where_none_does_alone(firm: Firm) -> None:
    three = (
        stuck(firm, "It is locked."),
        stuck(firm, "It is gone.", entity="LF-UK", currency="GBP"),
        firm.deal(amount="0.00"),
    )
    assert added(firm, *three) == [
        " (Tryton ERP, LF-DE)", " (Tryton ERP, LF-UK)", " (Control Tower, LF-DE)",
    ]  # fmt: skip


def test_the_list_its_file_and_the_tower_say_the_same(firm: Firm) -> None:
    stuck(firm, "It is locked.")
    other = firm.cause(stuck(firm, "It is locked.", field="po_number"))
    client, title = signed_in(firm.anna), f"{other.title} (po number)"
    for page in ("/exceptions/", "/exceptions/?q=po+number", "/tower/triage/"):
        assert title in client.get(page).content.decode(), page
    assert title in {row["cause"] for row in rows_of(client, "/exports/exceptions/")}


def test_what_is_added_is_said_in_the_language_of_the_person() -> None:
    with override("de"):
        said, process = heard(f"{SAME} ({PROCESS})"), heard(PROCESS)
    assert process != PROCESS and said.endswith(f" ({process})")


def test_it_is_one_look_and_none_where_no_two_are_alike(firm: Firm) -> None:
    stuck(firm, "It is locked.")
    stuck(firm, "It is gone.")
    causes = list(Cause.objects.select_related("system"))
    letters = exception_groups.letters_of(Scope(firm.anna))
    with CaptureQueriesContext(connection) as none:
        cause_titles.titles(causes, letters)
    causes[0].title = causes[1].title
    with CaptureQueriesContext(connection) as one:
        cause_titles.titles(causes, letters)
    assert (len(none), len(one)) == (0, 1)
