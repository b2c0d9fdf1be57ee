"""Processes and measures of a tower in which nothing has happened yet."""

from __future__ import annotations

import pytest

from controltower.processes import opportunity_to_project
from tests.factories import Firm
from tests.web.cast import browser

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
