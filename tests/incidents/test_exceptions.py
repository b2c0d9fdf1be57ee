"""Whatever can go wrong has a runbook, and the page that says which is true."""

from __future__ import annotations

import pytest

from controltower.processes import catalogue
from tests.incidents import exceptions
from tests.incidents.exceptions import NO_RUNBOOK, Stop

EVERY = [*exceptions.stops(), *exceptions.absences(), *exceptions.refusals()]


def test_the_page_is_made_of_the_rules() -> None:
    assert exceptions.PAGE.read_text(encoding="utf-8") == exceptions.page(), (
        "python -m tests.incidents.exceptions_page"
    )


@pytest.mark.parametrize("stop", EVERY, ids=lambda stop: f"{stop.module}: {stop.text[:60]}")
def test_no_exception_is_without_a_runbook(stop: Stop) -> None:
    assert exceptions.runbook_for(stop) != NO_RUNBOOK


def test_every_workflow_has_its_rules_on_the_page() -> None:
    named = {title for stop in exceptions.stops() for title in exceptions.workflows_of(stop.module)}
    late = {stop.module for stop in exceptions.absences()}
    silent = {"Facts to analytics", "Facts to subscribers", "Project workspace"}
    titles = {one.title for one in catalogue.WORKFLOWS}
    assert titles - named - late == silent, "those only hand on what others have judged"
