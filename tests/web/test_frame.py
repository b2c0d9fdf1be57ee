"""What stands around every page: true counts, the person's own companies, few queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import prefetch_related_objects
from django.test import RequestFactory
from django.utils import timezone

from controltower.firm.models import Person, Role
from controltower.incidents.models import Cause, DeadLetter
from controltower.transactions.models import ReplayItem, ReplayPlan, Step, Transaction
from controltower.web import frame, scope
from tests.web.cast import LONG_AGO, entity, person, transaction

pytestmark = pytest.mark.django_db


def request(who: Person, chosen: str = "", path: str = "/") -> Any:
    made = RequestFactory().get(path)
    made.user = Person.objects.get(pk=who.pk)
    made.session = SessionStore()
    if chosen:
        made.session[scope.KEY] = chosen
    return made


def drawn(who: Person, chosen: str = "", path: str = "/") -> frame.Frame:
    made = frame.frame_of(request(who, chosen, path), timezone.now())
    assert made is not None
    return made


def counts(made: frame.Frame) -> dict[str, int | None]:
    return {item.label: item.count for group in made.rail for item in group.items}


def stuck(reference: str, code: str, cause: str) -> Step:
    """A stuck step with its letter under a cause."""
    made: Transaction = transaction(reference, code)
    step = Step.objects.create(
        transaction=made, name="s", title="S", position=1, effect="keyed", changed_at=LONG_AGO
    )
    found, _ = Cause.objects.get_or_create(
        fingerprint=cause, defaults={"first_seen_at": LONG_AGO, "last_seen_at": LONG_AGO}
    )
    Transaction.objects.filter(pk=made.pk).update(needed_person=True)
    DeadLetter.objects.create(step=step, transaction=made, cause=found, opened_at=LONG_AGO)
    return step


def test_exceptions_are_counted_by_cause_as_far_as_one_sees() -> None:
    for reference, code, cause in (("1", "LF-DE", "A"), ("2", "LF-DE", "A"), ("3", "LF-UK", "B")):
        stuck(reference, code, cause)
    olga, uma = person("olga"), person("uma", Role.CONTROLLER, "LF-UK")
    assert counts(drawn(olga))["Exceptions"] == 2
    assert counts(drawn(olga, chosen="LF-DE"))["Exceptions"] == 1
    assert counts(drawn(uma))["Exceptions"] == 1
    Cause.objects.update(snoozed_until=timezone.now() + timedelta(hours=1))
    assert counts(drawn(olga))["Exceptions"] == 0


def test_a_choice_never_widens_what_one_sees() -> None:
    stuck("1", "LF-DE", "A")
    uma = person("uma", Role.CONTROLLER, "LF-UK")
    made = drawn(uma, chosen="LF-DE")
    assert counts(made)["Exceptions"] == 0
    assert [option.code for option in made.scope.options] == ["", "LF-UK"]
    assert made.scope.label == "All entities"


def test_the_currency_follows_the_choice() -> None:
    entity("LF-UK", "GBP")
    olga = person("olga")
    assert drawn(olga).scope.currency == "EUR"
    assert drawn(olga, chosen="LF-UK").scope.currency == "GBP"


def test_the_tray_shows_jobs_that_touch_ones_companies() -> None:
    olga = person("olga")
    step = stuck("1", "LF-DE", "A")
    plan = ReplayPlan.objects.create(title="Job", requested_by=olga, requested_at=LONG_AGO)
    for state in ("verified", "waiting"):
        one = step if state == "verified" else stuck("2", "LF-DE", "A")
        ReplayItem.objects.create(
            plan=plan, transaction=one.transaction, step=one, fence=0, forecast="create",
            amount=1, currency="EUR", state=state,
        )  # fmt: skip
    (job,) = drawn(olga).jobs
    assert (job.title, job.progress.worked, job.progress.total) == ("Job", 1, 2)
    assert drawn(person("dora", Role.AUDITOR, "LF-DE")).jobs == (job,)
    assert drawn(person("uma", Role.AUDITOR, "LF-UK")).jobs == ()


def test_one_place_is_the_present_one() -> None:
    olga = person("olga")
    for path, label in (
        ("/", "Tower"),
        ("/systems/erp/", "Health"),
        ("/tx/ct-1/", "Transactions"),
        ("/processes/quote-to-cash/", "Processes"),
        ("/processes/month-end-close/", "Close"),
        ("/library/", "Mappings"),
        ("/customers/", "Mappings"),
    ):
        items = [item for group in drawn(olga, path=path).rail for item in group.items]
        assert [item.label for item in items if item.current] == [label]


def test_a_frame_costs_few_queries(django_assert_max_num_queries: Any) -> None:
    made = request(person("olga"))
    prefetch_related_objects([made.user], "duties__entity")
    with django_assert_max_num_queries(6):
        frame.frame_of(made, timezone.now())


def test_nobody_has_no_frame_and_a_fragment_asks_nothing(
    django_assert_num_queries: Any,
) -> None:
    made = request(person("olga"))
    with django_assert_num_queries(0):
        assert "frame" in frame.frame(made)
