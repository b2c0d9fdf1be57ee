"""Pages of a tower in which nothing has happened yet, and of one in which nobody has set it up."""

from __future__ import annotations

import pytest
from django.db import connection

from controltower.firm.models import Role
from controltower.processes import opportunity_to_project
from tests.factories import Firm
from tests.web.cast import browser, person

pytestmark = pytest.mark.django_db


def test_processes_say_that_nothing_has_begun(firm: Firm) -> None:
    client = browser(firm.anna)
    assert "Nothing has ended in the last 30 days." in client.get("/processes/").content.decode()
    page = client.get(f"/processes/{opportunity_to_project.PROCESS.name}/").content.decode()
    assert "Nothing has begun yet." in page


def test_measures_have_nothing_to_tell(firm: Firm) -> None:
    client = browser(firm.anna)
    assert "No target is set yet." in client.get("/measures/").content.decode()
    page = client.get("/measures/recovery-time/").content.decode()
    assert "nothing to draw yet" in page
    assert client.get("/measures/no-such/").status_code == 404


def test_where_nothing_is_set_up_each_page_says_so_and_leads_on() -> None:
    with connection.cursor() as cursor:  # the sample firm may be there, for all tests
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "TRUNCATE systems_system, mappings_mapping, mappings_fieldowner, "
            "firm_legalentity CASCADE"
        )
    ada, otto = (browser(person(*one)) for one in (("ada", Role.ADMINISTRATOR), ("otto",)))
    leads = '<a href="/systems/new/">Connect the first one</a>'
    assert leads in ada.get("/systems/").content.decode()
    page = otto.get("/systems/").content.decode()
    assert "No system is connected yet." in page and leads not in page, "only who may"
    assert "No legal entity is set up yet." in ada.get("/manage/calendars/").content.decode()
    page = ada.get("/mappings/").content.decode()
    assert "No mapping yet." in page
    assert "Who owns each field" not in page and "as Excel" not in page, "there is nothing to own"
    assert "about – rows" not in ada.get("/manage/retention/").content.decode()
    assert "0 ms" not in ada.get("/assurance/").content.decode(), "nothing was looked at"
