"""What was typed into a form that was refused is there again on the next page, and only there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from controltower.incidents.models import Cause
from controltower.web import refused_forms, standing
from tests import factories
from tests.factories import Firm, signed_in

pytestmark = pytest.mark.django_db
OPEN = re.compile(r'<div popover id="([^"]+)"[^>]* data-again>.*?</form>', re.DOTALL)
FINDING = {"evidence": "The list of drafts, 09:30.", "reason": ""}


@pytest.fixture
def cause(firm: Firm) -> Cause:
    return firm.cause(factories.stuck_bills(firm, 1)[0])


@pytest.fixture
def otto(firm: Firm) -> Client:
    return signed_in(firm.otto)


def send(client: Client, cause: Cause, dialog: str, **fields: Any) -> str:
    """Send a dialog of the cause's page; the page that comes back."""
    form = {"dialog": dialog, **fields}
    path = f"/exceptions/{cause.pk}/{dialog}s/"
    return client.post(path, form, follow=True).content.decode()


def opened(page: str) -> dict[str, str]:
    """The forms that are open, by the ids of their dialogs."""
    return {found[1]: found[0] for found in OPEN.finditer(page)}


def test_what_was_typed_is_there_with_what_is_wrong_and_the_cursor(
    cause: Cause, otto: Client
) -> None:
    page = send(otto, cause, "snooze", hours="24", count="many", reason="They look at it today.")
    form = opened(page)["snooze"]
    assert "They look at it today." in form and 'value="24" selected' in form
    assert "Enter a whole number." in form
    (typed,) = re.findall(r'<input[^>]* name="count"[^>]*>', form)
    assert 'value="many"' in typed and "autofocus" in typed and 'aria-invalid="true"' in typed
    assert 'role="alert"' not in form, "the field says it"
    assert list(opened(page)) == ["snooze"]


def test_it_is_offered_once_and_not_in_a_region(cause: Cause, otto: Client) -> None:
    otto.post(f"/exceptions/{cause.pk}/parkings/", {"dialog": "park", "reason": " "})
    path = f"/exceptions/{cause.pk}/"
    assert not opened(otto.get(path, headers={"HX-Request": "true"}).content.decode())
    assert list(opened(otto.get(path).content.decode())) == ["park"]
    assert not opened(otto.get(path).content.decode())


def test_what_was_done_does_not_open_again(cause: Cause, otto: Client) -> None:
    page = send(otto, cause, "snooze", hours="24", reason="They look at it today.")
    assert "is-ok" in page and not opened(page)


def test_a_right_form_that_is_refused_says_why(cause: Cause, firm: Firm) -> None:
    anna, otto = signed_in(firm.anna), signed_in(firm.otto)
    before = anna.get(f"/exceptions/{cause.pk}/").content.decode()
    (seen,) = {*re.findall(r'name="seen" value="([^"]+)"', before)}
    send(otto, cause, "snooze", hours="24", reason="They look at it today.")
    page = send(anna, cause, "snooze", hours="4", reason="I ask the client.", seen=seen)
    form = opened(page)["snooze"]
    assert "I ask the client." in form
    assert "so nothing was done" in re.findall(r'role="alert">([^<]+)<', form)[0]
    assert f'value="{seen}"' not in form, "how it stands now"


def test_a_form_about_something_else_stays_shut(firm: Firm) -> None:
    one, otto = factories.unaskable(firm), signed_in(firm.otto)
    page = otto.get(standing.url_of(one)).content.decode()
    (form,) = re.findall(r'<div popover id="found-no".*?</form>', page, re.DOTALL)
    unseen = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    (to,) = re.findall(r'<form[^>]* action="([^"]+)"', form)
    sent = {**unseen, **FINDING, "dialog": "found-no"}
    assert "09:30" in opened(otto.post(to, sent, follow=True).content.decode())["found-no"]
    meant = {**sent, "fence": str(int(unseen["fence"]) + 1)}
    assert not opened(otto.post(to, meant, follow=True).content.decode())


def test_rights_that_are_refused_stay_ticked(firm: Firm) -> None:
    amara, whose = signed_in(firm.amara), "/manage/people/{.username}/".format
    page = whose(firm.otto)
    sent = {"dialog": "rights", "duties": ["auditor@LF-UK"], "reason": " "}
    before = ticked(amara.get(page).content.decode())
    refused = amara.post(f"{page}rights/", sent, follow=True).content.decode()
    assert ticked(refused) == ["auditor@LF-UK"] and "This field is required." in refused
    assert ticked(amara.get(page).content.decode()) == before != []
    amara.post(f"{page}rights/", sent)
    assert "auditor@LF-UK" not in ticked(amara.get(whose(firm.jonas)).content.decode())


def ticked(page: str) -> list[str]:
    """The rights that the page shows as held."""
    return re.findall(r'name="duties" value="([^"]+)" checked', page)


def test_nothing_is_kept_of_other_forms_nor_of_what_no_one_types(
    cause: Cause, otto: Client
) -> None:
    otto.post(f"/exceptions/{cause.pk}/snoozes/", {"hours": "x", "reason": "Why"})
    long = "x" * refused_forms.LONGEST
    otto.post(
        f"/exceptions/{cause.pk}/snoozes/", {"dialog": "snooze", "hours": "x", "reason": long}
    )
    assert all(refused_forms.KEY not in one.get_decoded() for one in Session.objects.all())
