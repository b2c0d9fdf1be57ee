"""SOQL, the part of it that integrations use: text to a tree.

The grammar: ``SELECT path, … | COUNT() FROM Object [WHERE …] [ORDER BY path [ASC|DESC] [NULLS
FIRST|LAST], …] [LIMIT n] [OFFSET n]``; a list of IN may be a query of one path (a semi-join). As at
the vendor, AND and OR may not be mixed without parentheses, and a semi-join is no part of an OR.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from integrations.sandbox.salesforce.errors import Refused

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:\\.|[^'\\])*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)(?![\w])
    | (?P<number>[+-]?\d+(?:\.\d+)?)(?![\w])
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*(?::\d+)?)
    | (?P<mark><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_DEEPEST = 50
OPERATORS = {"=", "!=", "<>", "<", "<=", ">", ">="}


@dataclass(frozen=True)
class Literal:
    """A value as written: kind is string, number, date, datetime or word (null, true, TODAY)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Comparison:
    """``path operator values``; more than one value, or those that a query finds, only with IN and
    NOT IN."""

    path: str
    operator: str
    values: tuple[Literal, ...] = ()
    found_by: Query | None = None


@dataclass(frozen=True)
class Not:
    """Negation."""

    part: Condition


@dataclass(frozen=True)
class Group:
    """Conditions joined by one word: AND or OR."""

    word: str
    parts: tuple[Condition, ...]


Condition = Comparison | Not | Group


@dataclass(frozen=True)
class Order:
    """One ordering term. The vendor puts nulls first unless told otherwise."""

    path: str
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Query:
    """A parsed query; ``paths`` is empty for COUNT()."""

    text: str
    paths: tuple[str, ...]
    object: str
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


@dataclass
class _Tokens:
    text: str
    items: list[tuple[str, str]] = field(default_factory=list)
    at: int = 0
    depth: int = 0

    def __post_init__(self) -> None:
        position = 0
        body = self.text.rstrip()
        while position < len(body):
            match = _TOKEN.match(body, position)
            if match is None:
                raise malformed(f"unexpected token: '{body[position:].strip()[:20]}'")
            kind = match.lastgroup or ""
            self.items.append((kind, match.group(kind)))
            position = match.end()

    def peek(self) -> str:
        return self.items[self.at][1] if self.at < len(self.items) else ""

    def word(self) -> str:
        return self.peek().upper()

    def take(self) -> tuple[str, str]:
        if self.at >= len(self.items):
            raise malformed("unexpected token: '<EOF>'")
        self.at += 1
        return self.items[self.at - 1]

    def accept(self, *words: str) -> bool:
        if self.word() in words:
            self.at += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise malformed(f"unexpected token: '{self.peek() or '<EOF>'}'")


def malformed(message: str) -> Refused:
    """The vendor's answer to a query it cannot read."""
    return Refused(400, "MALFORMED_QUERY", message)


def parse(text: str) -> Query:
    """Read a query. Raises Refused (MALFORMED_QUERY)."""
    tokens = _Tokens(text)
    tokens.expect("SELECT")
    query = _query(tokens)
    if tokens.peek():
        raise malformed(f"unexpected token: '{tokens.peek()}'")
    return query


def _query(tokens: _Tokens) -> Query:
    paths = _selection(tokens)
    tokens.expect("FROM")
    name = _path(tokens)
    where = _condition(tokens) if tokens.accept("WHERE") else None
    order = _order(tokens)
    limit = _count(tokens) if tokens.accept("LIMIT") else None
    offset = _count(tokens) if tokens.accept("OFFSET") else 0
    return Query(tokens.text, paths, name, where, order, limit, offset)


def _selection(tokens: _Tokens) -> tuple[str, ...]:
    if tokens.accept("COUNT"):
        tokens.expect("(")
        tokens.expect(")")
        return ()
    paths = [_path(tokens)]
    while tokens.accept(","):
        paths.append(_path(tokens))
    return tuple(paths)


def _path(tokens: _Tokens) -> str:
    kind, text = tokens.take()
    if kind != "word":
        raise malformed(f"unexpected token: '{text}'")
    return text


def _count(tokens: _Tokens) -> int:
    kind, text = tokens.take()
    if kind != "number" or not text.isdigit():
        raise malformed(f"unexpected token: '{text}'")
    return int(text)


def _order(tokens: _Tokens) -> tuple[Order, ...]:
    if not tokens.accept("ORDER"):
        return ()
    tokens.expect("BY")
    terms = [_term(tokens)]
    while tokens.accept(","):
        terms.append(_term(tokens))
    return tuple(terms)


def _term(tokens: _Tokens) -> Order:
    path = _path(tokens)
    descending = tokens.accept("DESC")
    if not descending:
        tokens.accept("ASC")
    last = False
    if tokens.accept("NULLS"):
        last = tokens.word() == "LAST"
        if not tokens.accept("FIRST", "LAST"):
            raise malformed(f"unexpected token: '{tokens.peek()}'")
    return Order(path, descending, last)


def _condition(tokens: _Tokens) -> Condition:
    parts = [_unary(tokens)]
    word = tokens.word() if tokens.word() in ("AND", "OR") else ""
    while word and tokens.accept(word):
        parts.append(_unary(tokens))
    if tokens.word() in ("AND", "OR"):
        raise malformed(f"unexpected token: '{tokens.peek()}'")
    if word == "OR" and any(isinstance(one, Comparison) and one.found_by for one in parts):
        raise malformed("Semi join sub-selects are not allowed with the 'OR' operator")
    return Group(word, tuple(parts)) if len(parts) > 1 else parts[0]


def _unary(tokens: _Tokens) -> Condition:
    if tokens.word() not in ("NOT", "("):
        return _comparison(tokens)
    tokens.depth += 1
    if tokens.depth > _DEEPEST:
        raise malformed("the condition is nested too deeply")
    if tokens.accept("NOT"):
        inner: Condition = Not(_unary(tokens))
    else:
        tokens.expect("(")
        inner = _condition(tokens)
        tokens.expect(")")
    tokens.depth -= 1
    return inner


def _comparison(tokens: _Tokens) -> Comparison:
    path = _path(tokens)
    if tokens.accept("LIKE"):
        return Comparison(path, "LIKE", (_literal(tokens),))
    if tokens.accept("IN"):
        return _among(tokens, path, "IN")
    if tokens.accept("NOT"):
        tokens.expect("IN")
        return _among(tokens, path, "NOT IN")
    _, operator = tokens.take()
    if operator not in OPERATORS:
        raise malformed(f"unexpected token: '{operator}'")
    return Comparison(path, "!=" if operator == "<>" else operator, (_literal(tokens),))


def _among(tokens: _Tokens, path: str, operator: str) -> Comparison:
    tokens.expect("(")
    if tokens.accept("SELECT"):
        query = _query(tokens)
        if len(query.paths) != 1:
            raise malformed("a sub-select must select one field")
        found = Comparison(path, operator, found_by=query)
    else:
        values = [_literal(tokens)]
        while tokens.accept(","):
            values.append(_literal(tokens))
        found = Comparison(path, operator, tuple(values))
    tokens.expect(")")
    return found


def _literal(tokens: _Tokens) -> Literal:
    kind, text = tokens.take()
    if kind == "mark":
        raise malformed(f"unexpected token: '{text}'")
    if kind == "string":
        text = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1])
    return Literal(kind, text)
