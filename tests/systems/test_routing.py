"""Which of several systems plays a part: origin first, then the most particular route in force."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controltower.systems.models import Route, System
from controltower.systems.routing import Part, chosen

OLD = System(pk=1, slug="old", connection="old-books", role="erp")
NEW = System(pk=2, slug="new", connection="new-books", role="erp")
DAY = date(2026, 11, 21)
GERMANY, BRITAIN = 1, 2


def _route(
    system: System, company: int | None = None, record: str = "", *, on: date = DAY
) -> Route:
    return Route(role="erp", system=system, company_id=company, record=record, starts_on=on)


def _part(company: int | None = GERMANY, record: str = "invoice", on: date = DAY) -> Part:
    return Part("erp", company, record, on)


def test_nothing_tells_without_a_route() -> None:
    assert chosen(_part(), [OLD, NEW], [], ()) is None


def test_the_facts_own_system_hears_what_came_of_them() -> None:
    assert chosen(_part(), [OLD, NEW], [_route(OLD)], {"new", "crm"}) is NEW
    assert chosen(_part(), [OLD, NEW], [_route(OLD)], {"new-books/invoice"}) is NEW


def test_the_more_particular_route_decides() -> None:
    routes = [_route(OLD), _route(NEW, GERMANY), _route(OLD, GERMANY, "customer")]
    assert chosen(_part(BRITAIN), [OLD, NEW], routes, ()) is OLD
    assert chosen(_part(GERMANY), [OLD, NEW], routes, ()) is NEW
    assert chosen(_part(GERMANY, "customer"), [OLD, NEW], routes, ()) is OLD
    assert chosen(_part(None), [OLD, NEW], routes, ()) is OLD


def test_a_route_to_a_system_that_is_gone_decides_nothing() -> None:
    gone = System(pk=3, slug="gone", role="erp")
    assert chosen(_part(), [OLD, NEW], [_route(gone, GERMANY), _route(OLD)], ()) is OLD


@given(st.integers(-400, 400))
def test_a_cut_over_has_one_answer_on_every_day(days: int) -> None:
    on = DAY + timedelta(days=days)
    routes = [_route(OLD, on=date.min), _route(NEW, GERMANY)]
    assert chosen(_part(on=on), [OLD, NEW], routes, ()) is (NEW if on >= DAY else OLD)
    ending = _route(NEW, GERMANY, on=date.min)
    ending.ends_on = DAY
    assert chosen(_part(on=on), [OLD, NEW], [ending], ()) is (NEW if on < DAY else None)
