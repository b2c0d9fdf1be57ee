"""Reading a vendor's answer: exact where it is as agreed, told where it is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from controltower.canonical.verdicts import Exchange, Kind, Unknown
from integrations import shape
from integrations.shape import Drift

ROW: dict[str, Any] = {
    "name": "Ünï",
    "none": None,
    "rate": Decimal("148.10"),
    "whole": 7,
    "written": "1234567.89",
    "yes": True,
    "on": "2026-11-21",
    "at": "2026-11-21T09:00:00+01:00",
    "deep": {"name": "inner", "none": None},
    "list": [{"a": 1}],
    "nul": "a\x00b",
    "half": "\ud800",
}


def test_what_is_as_agreed_is_read_exactly() -> None:
    assert (shape.text(ROW, "name"), shape.text(ROW, "none")) == ("Ünï", "")
    assert shape.text(ROW, "deep.name") == shape.text(ROW, ("deep", "name")) == "inner"
    assert shape.text(ROW, "none.anything") == ""
    amounts = [shape.amount(ROW, path) for path in ("rate", "whole", "none")]
    assert amounts == [Decimal("148.10"), Decimal(7), Decimal(0)]
    assert shape.amount_text(ROW, "written") == Decimal("1234567.89")
    assert (shape.figure(ROW, "rate"), shape.figure(ROW, "none")) == ("148.10", "")
    assert shape.day(ROW, "on") == shape.day(ROW, "at") == date(2026, 11, 21)
    assert shape.moment(ROW, "at") == datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert (shape.flag(ROW, "yes"), shape.flag(ROW, "none")) == (True, False)
    assert shape.choice(ROW, "name", {"Ünï": 1}) == 1
    assert shape.listed(ROW, "list") == [{"a": 1}]


@pytest.mark.parametrize(
    ("read", "path"),
    [
        (shape.text, "missing"),
        (shape.text, "deep.missing"),
        (shape.text, "name.inner"),
        (shape.text, "whole"),
        (shape.text, "nul"),
        (shape.text, "half"),
        (shape.required, "none"),
        (shape.amount, "written"),
        (shape.amount, "yes"),
        (shape.amount_text, "name"),
        (shape.amount_text, "rate"),
        (shape.day, "name"),
        (shape.moment, "name"),
        (shape.moment, "none"),
        (shape.flag, "whole"),
        (shape.listed, "deep"),
        (shape.listed, "none"),
    ],
)
def test_what_is_not_is_told(read: Callable[[shape.Row, str], object], path: str) -> None:
    with pytest.raises(Drift) as told:
        read(ROW, path)
    assert path.split(".", maxsplit=1)[0] in str(told.value)


@pytest.mark.parametrize(
    "beyond", ["1E+15", "1E+999999999", "-1E+15", "1E-19", "NaN", "Infinity", "sNaN"]
)
def test_no_book_holds_such_an_amount(beyond: str) -> None:
    for read, value in ((shape.amount, Decimal(beyond)), (shape.amount_text, beyond)):
        with pytest.raises(Drift):
            read({"a": value}, "a")


def test_a_new_value_is_on_no_list() -> None:
    with pytest.raises(Drift):
        shape.choice(ROW, "name", {"Active": 1})


def test_drift_never_quotes_what_was_read() -> None:
    exchange = Exchange("GET /", "200", 200, 1)
    secret = {"a": "0000-SECRET-0000"}
    with pytest.raises(Drift) as told:
        shape.amount(secret, "a")
    read, written = told.value.verdict(exchange), told.value.doubt(exchange)
    assert read.kind is Kind.CONTRACT
    assert isinstance(written, Unknown)
    for verdict in (read, written):
        assert "SECRET" not in verdict.text
        assert verdict.exchange is exchange
