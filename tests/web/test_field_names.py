"""People read words for the fields that are owned or masked and for what a connector is given."""

from __future__ import annotations

import pytest

from controltower.canonical import personal, records
from controltower.mappings.library.catalogue import OWNERS
from controltower.systems import connected
from controltower.web import field_names
from tests.factories import Firm
from tests.web.cast import browser


def test_every_field_that_is_owned_or_masked_has_a_name() -> None:
    owned = {name for _record, name, *_rest in OWNERS}
    masked = {
        field for one in records.__all__ for field in personal.declared(getattr(records, one))
    }
    assert owned | masked == field_names.FIELDS.keys()


def test_all_that_a_connector_is_given_has_a_name() -> None:
    needs = [one.needs for one in connected.descriptors()]
    secrets = {one.name for need in needs for one in need.secrets}
    options = {one.name for need in needs for one in need.options}
    assert secrets | options == field_names.GIVEN.keys()


def test_what_has_no_name_is_said_by_its_own_words() -> None:
    assert field_names.field("cost_centre_code") == "Cost centre code"
    assert field_names.given("stream.retry_seconds") == "Stream: retry seconds"


@pytest.mark.django_db
def test_pages_say_the_words(firm: Firm) -> None:
    amara = browser(firm.amara)
    connect = amara.get("/systems/new/business_central/").content.decode()
    assert ">Client secret</label>" in connect
    assert ">client_secret</label>" not in connect
    masks = amara.get("/manage/masks/").content.decode()
    assert "Cost rate: Resource, Time entry" in masks
