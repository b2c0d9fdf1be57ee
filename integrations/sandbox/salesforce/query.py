"""A parsed SOQL query as SQL over the store, and its rows in the vendor's shape."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from integrations.sandbox.salesforce import ids
from integrations.sandbox.salesforce.date_literals import days_of
from integrations.sandbox.salesforce.errors import Refused
from integrations.sandbox.salesforce.schema import (
    NUMERIC,
    OBJECTS,
    Field,
    SObject,
    Type,
    object_named,
)
from integrations.sandbox.salesforce.soql import (
    Comparison,
    Condition,
    Literal,
    Not,
    Order,
    Query,
    malformed,
    parse,
)
from integrations.sandbox.salesforce.store import Row, Store
from integrations.sandbox.salesforce.values import json_value, stamp

API = "/services/data/v61.0"


class Select:
    """One query being compiled: joins found on the way, parameters in order."""

    def __init__(self, query: Query, include_deleted: bool = False) -> None:
        self.query = query
        self.sobject = self._from(query)
        self._joins: dict[str, tuple[str, SObject, str]] = {}
        self._include_deleted = include_deleted
        self.columns = [(path, *self._resolve(path)) for path in query.paths]

    def run(self, store: Store) -> list[dict[str, Any]]:
        """Every record, in the vendor's JSON shape."""
        columns = [f"{alias}.{field.name} AS c{n}" for n, (_, alias, field) in self._numbered()]
        related = [f"{alias}.Id AS {alias}_id" for alias in self._joins]
        sql, parameters = self._sql(", ".join([*columns, *related, "t.Id AS row_id"]))
        return [self._shape(row) for row in store.rows(sql, parameters)]

    def count(self, store: Store) -> int:
        """How many records match."""
        sql, parameters = self._sql("COUNT(*) AS n")
        return int((store.first(sql, parameters) or {"n": 0})["n"])

    def _numbered(self) -> list[tuple[int, tuple[str, str, Field]]]:
        return list(enumerate(self.columns))

    def _sql(self, selection: str) -> tuple[str, list[Any]]:
        parameters: list[Any] = []
        where = [] if self._include_deleted else ["t.IsDeleted = 0"]
        if self.query.where:
            where.append(self._where(self.query.where, parameters))
        order = [self._ordering(term) for term in self.query.order]
        sql = f"SELECT {selection} FROM {self.sobject.name} t"
        for alias, (source, target, column) in self._joins.items():
            sql += f" LEFT JOIN {target.name} {alias} ON {alias}.Id = {source}.{column}"
        if where:
            sql += f" WHERE {' AND '.join(where)}"
        if self.query.paths:
            sql += f" ORDER BY {', '.join([*order, 't.Id'])}"
            sql += f" LIMIT {-1 if self.query.limit is None else self.query.limit}"
            sql += f" OFFSET {self.query.offset}"
        return sql, parameters

    def _from(self, query: Query) -> SObject:
        found = object_named(query.object)
        if found is None:
            raise Refused(
                400,
                "INVALID_TYPE",
                f"{_pointer(query.text, query.object)}sObject type '{query.object}' is not"
                " supported. If you are attempting to use a custom object, be sure to append the"
                " '__c' after the entity name. Please reference your WSDL or the describe call for"
                " the appropriate names.",
            )
        return found

    def _resolve(self, path: str) -> tuple[str, Field]:
        """The table alias and field that a dotted path leads to."""
        *steps, last = path.split(".")
        sobject, alias = self.sobject, "t"
        for step in steps:
            reference = sobject.relations().get(step.lower())
            if reference is None:
                raise Refused(
                    400,
                    "INVALID_FIELD",
                    f"{_pointer(self.query.text, path)}Didn't understand relationship '{step}' in"
                    " field path. If you are attempting to use a custom relationship, be sure to"
                    " append the '__r' after the custom relationship name. Please reference your"
                    " WSDL or the describe call for the appropriate names.",
                )
            target = OBJECTS[reference.to]
            joined = f"{alias}_{reference.name}"
            self._joins[joined] = (alias, target, reference.name)
            sobject, alias = target, joined
        field = sobject.find(last)
        if field is None:
            raise Refused(
                400,
                "INVALID_FIELD",
                f"{_pointer(self.query.text, path)}No such column '{last}' on entity"
                f" '{sobject.name}'. If you are attempting to use a custom field, be sure to append"
                " the '__c' after the custom field name. Please reference your WSDL or the describe"
                " call for the appropriate names.",
            )
        return alias, field

    def _ordering(self, term: Order) -> str:
        alias, field = self._resolve(term.path)
        column = f"{alias}.{field.name}"
        if field.type in NUMERIC:
            column = f"CAST({column} AS REAL)"
        nulls = "LAST" if term.nulls_last else "FIRST"
        return f"{column} {'DESC' if term.descending else 'ASC'} NULLS {nulls}"

    def _where(self, condition: Condition, parameters: list[Any]) -> str:
        if isinstance(condition, Not):
            return f"NOT ({self._where(condition.part, parameters)})"
        if isinstance(condition, Comparison):
            return self._comparison(condition, parameters)
        parts = (self._where(part, parameters) for part in condition.parts)
        return "(" + f" {condition.word} ".join(parts) + ")"

    def _comparison(self, condition: Comparison, parameters: list[Any]) -> str:
        alias, field = self._resolve(condition.path)
        column = f"{alias}.{field.name}"
        if field.type in NUMERIC:
            column = f"CAST({column} AS REAL)"
        if condition.operator in ("IN", "NOT IN"):
            listed = self._listed(condition, field, parameters)
            found = f"{column}{_collation(field)} IN ({listed})"
            return found if condition.operator == "IN" else f"({column} IS NULL OR NOT {found})"
        literal = condition.values[0]
        if condition.operator == "LIKE":
            parameters.append(self._value(field, literal))
            return f"{column} LIKE ? ESCAPE '\\'"
        days = days_of(literal.text, datetime.now(UTC).date()) if literal.kind == "word" else None
        if days:
            return self._range(field, column, condition.operator, days, parameters)
        value = self._value(field, literal)
        if value is None:
            return f"{column} IS {'NOT ' if condition.operator == '!=' else ''}NULL"
        parameters.append(value)
        if condition.operator == "!=":
            return f"({column} IS NULL OR {column} <> ?{_collation(field)})"
        return f"{column} {condition.operator} ?{_collation(field)}"

    def _listed(self, condition: Comparison, field: Field, parameters: list[Any]) -> str:
        """The values of an IN, or the query that finds them."""
        if condition.found_by is None:
            parameters.extend(self._value(field, literal) for literal in condition.values)
            return ", ".join("?" for _ in condition.values)
        inner = Select(condition.found_by)
        ((_, alias, found),) = inner.columns
        sql, given = inner._sql(f"{alias}.{found.name} AS value")
        parameters.extend(given)
        return f"SELECT value FROM ({sql}) WHERE value IS NOT NULL"

    def _range(
        self,
        field: Field,
        column: str,
        operator: str,
        days: tuple[date, date],
        parameters: list[Any],
    ) -> str:
        start, end = (_edge(field, day) for day in days)
        if operator in ("=", "!="):
            parameters.extend([start, end])
            inside = f"({column} >= ? AND {column} < ?)"
            return inside if operator == "=" else f"({column} IS NULL OR NOT {inside})"
        bound = {"<": ("<", start), "<=": ("<", end), ">": (">=", end), ">=": (">=", start)}
        sign, edge = bound[operator]
        parameters.append(edge)
        return f"{column} {sign} ?"

    def _value(self, field: Field, literal: Literal) -> Any:
        """The stored form of a literal. Raises Refused when its type does not fit the field."""
        word = literal.text.lower() if literal.kind == "word" else ""
        if word == "null":
            return None
        expected = _EXPECTED.get(field.type, "string")
        if literal.kind != expected or (expected == "word" and word not in ("true", "false")):
            quoted = " and should be enclosed in quotes" if expected == "string" else ""
            raise Refused(
                400,
                "INVALID_FIELD",
                f"{_pointer(self.query.text, field.name)}value of filter criterion for field"
                f" '{field.name}' must be of type {field.type.value}{quoted}",
            )
        if field.type is Type.BOOLEAN:
            return int(word == "true")
        if field.type in NUMERIC:
            return float(Decimal(literal.text))
        if field.type in (Type.DATE, Type.DATETIME):
            return _moment(field, literal.text)
        if field.type in (Type.ID, Type.REFERENCE):
            known = ids.normal(literal.text)
            if known is None:
                raise Refused(
                    400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.text}"
                )
            return known
        return literal.text

    def _shape(self, row: Row) -> dict[str, Any]:
        """Nest related fields under their relationship, null when the reference is empty."""
        shaped: dict[str, Any] = {"attributes": _attributes(self.sobject, row["row_id"])}
        for number, (path, _, field) in self._numbered():
            value = json_value(field, row[f"c{number}"])
            place = self._place(shaped, path.split(".")[:-1], row)
            if place is not None:
                place[field.name] = value
        return shaped

    def _place(self, shaped: Row, steps: list[str], row: Row) -> Row | None:
        """Where a field at the end of these relationships goes; None when one of them is empty."""
        sobject, alias = self.sobject, "t"
        for step in steps:
            reference = sobject.relations()[step.lower()]
            sobject, alias = OBJECTS[reference.to], f"{alias}_{reference.name}"
            related = row[f"{alias}_id"]
            if related is None:
                shaped[reference.relation] = None
                return None
            shaped = shaped.setdefault(
                reference.relation, {"attributes": _attributes(sobject, related)}
            )
        return shaped


_EXACT = {Type.ID, Type.REFERENCE, Type.DATETIME, Type.DATE, Type.BOOLEAN, *NUMERIC}
_EXPECTED = {
    Type.BOOLEAN: "word",
    Type.CURRENCY: "number",
    Type.DOUBLE: "number",
    Type.DATE: "date",
    Type.DATETIME: "datetime",
}


def select(text: str, include_deleted: bool = False) -> Select:
    """Parse and check a query. Raises Refused."""
    return Select(parse(text), include_deleted)


def whole(store: Store, sobject: SObject, row: Row) -> dict[str, Any]:
    """A record as GET on the record answers it."""
    values = {name: json_value(field, row[name]) for name, field in sobject.fields.items()}
    return {"attributes": _attributes(sobject, row["Id"]), **values}


def _attributes(sobject: SObject, ref: str) -> dict[str, str]:
    return {"type": sobject.name, "url": f"{API}/sobjects/{sobject.name}/{ref}"}


def _collation(field: Field) -> str:
    """Text compares without case at the vendor; ids, stamps and dates compare exactly."""
    return "" if field.type in _EXACT else " COLLATE NOCASE"


def _moment(field: Field, text: str) -> str:
    try:
        if field.type is Type.DATETIME:
            return stamp(datetime.fromisoformat(text))
        return date.fromisoformat(text).isoformat()
    except (ValueError, OverflowError):
        raise malformed(f"Invalid {field.type.value}: {text}") from None


def _edge(field: Field, day: date) -> str:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return stamp(midnight) if field.type is Type.DATETIME else day.isoformat()


def _pointer(text: str, word: str) -> str:
    """The vendor's drawing of where the error is."""
    at = max(text.find(word), 0)
    line = text[max(at - 40, 0) : at + 40].replace("\n", " ")
    return f"\n{line}\n{' ' * min(at, 40)}^\nERROR at Row:1:Column:{at + 1}\n"
