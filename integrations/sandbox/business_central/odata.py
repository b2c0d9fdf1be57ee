"""The part of OData's $filter that the vendor's guide shows: comparisons, what a text contains,
starts or ends with, and, or, brackets."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

_TOKEN = re.compile(r"\s*(\(|\)|'(?:[^']|'')*'|[^\s()']+)")
_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge,
    "lt": operator.lt, "le": operator.le,
}  # fmt: skip
_OF_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
Test = Callable[[Mapping[str, Any]], bool]


class Unreadable(Exception):
    """A filter that the vendor would not read; the text quotes where."""


def filtering(expression: str) -> Test:
    """The filter as a test of a row. Raises Unreadable."""
    tokens = _TOKEN.findall(expression)
    if not tokens or re.sub(r"\s", "", "".join(tokens)) != re.sub(r"\s", "", expression):
        raise Unreadable(expression)
    reader = _Reader(tokens)
    test = reader.either()
    if reader.rest:
        raise Unreadable(" ".join(reader.rest))
    return test


class _Reader:
    """Reads tokens from the left; `rest` is what is not read yet."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens

    def either(self) -> Test:
        tests = [self._both()]
        while self.rest[:1] == ["or"]:
            self.rest.pop(0)
            tests.append(self._both())
        return lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._single()]
        while self.rest[:1] == ["and"]:
            self.rest.pop(0)
            tests.append(self._single())
        return lambda row: all(test(row) for test in tests)

    def _single(self) -> Test:
        if self.rest[:1] == ["("]:
            self.rest.pop(0)
            test = self.either()
            if self.rest[:1] != [")"]:
                raise Unreadable("a bracket is not closed")
            self.rest.pop(0)
            return test
        if self.rest[0] in _OF_TEXT:
            return self._of_text()
        if len(self.rest) < 3 or self.rest[1] not in _TESTS:
            raise Unreadable(" ".join(self.rest))
        member, test_name, literal = (self.rest.pop(0) for _ in range(3))
        compare, wanted = _TESTS[test_name], _value(literal)
        return lambda row: compare(_comparable(row.get(member)), wanted)

    def _of_text(self) -> Test:
        if len(self.rest) < 5 or (self.rest[1], self.rest[4]) != ("(", ")"):
            raise Unreadable(" ".join(self.rest))
        name, _, member, literal, _ = (self.rest.pop(0) for _ in range(5))
        test, part = _OF_TEXT[name], _value(literal)
        return lambda row: test(str(row.get(member.removesuffix(","), "")), part)


def _value(literal: str) -> Any:
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    return _comparable(literal)


def _comparable(value: Any) -> Any:
    """Times as times, whatever their decimals; everything else as it is written."""
    try:
        return datetime.fromisoformat(value) if "T" in str(value) and ":" in value else value
    except (TypeError, ValueError):
        return value
