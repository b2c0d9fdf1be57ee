"""Read and write many rows of one table in one statement, and as a compare-and-set where it
matters: rows that nobody but the engine has in hand, so that no signal need be sent for them.

A set is mostly alike: what all its rows share is said once, and only the rest for every row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from django.db import connection
from django.db.models import AutoField, DecimalField, Field, FloatField, JSONField, Model
from django.db.models.base import ModelState

from controltower.canonical.wire import require_finite
from controltower.transactions import statements

Row = TypeVar("Row", bound=Model)
EMPTY = "{}"
_write = msgspec.json.Encoder(enc_hook=str).encode
_document = msgspec.json.Decoder().decode
"""Documents to and from text, with keys, times and decimals as PostgreSQL reads them, in a tenth of
the time that `json` takes. Numbers must be finite: it would write NaN as null, without a word."""


class Moved(Exception):
    """A row was no longer as it had been read: nothing of the set may be kept."""


def made(model: type[Row], **values: Any) -> Row:
    """A new row with its defaults; `values` by attribute names (`step_id`, not `step`).

    Several times as fast as the model itself, which looks at every field of every row.
    """
    constants, makers = _defaults(model)
    row = model.__new__(model)
    row.__dict__.update(constants, _state=ModelState(), **values)
    for name, make in makers:
        if name not in values:
            row.__dict__[name] = make()
    return row


@cache
def _defaults(model: type[Model]) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    fields = model._meta.concrete_fields
    made_anew = [(f.attname, f.default) for f in fields if f.has_default() and callable(f.default)]
    anew = {name for name, _make in made_anew}
    return {f.attname: f.get_default() for f in fields if f.attname not in anew}, made_anew


def read(
    model: type[Row],
    column: str,
    keys: Collection[Any],
    *,
    order: str,
    lock: str = "",
    without: tuple[str, ...] = (),
) -> list[Row]:
    """Rows whose column holds one of the keys, in order; locked when a lock is named, `without`
    columns that nobody will ask for.

    Several times as fast as a queryset, which sets every attribute of every row by itself.
    """
    if not keys:
        return []
    names, attributes, documents = _columns(model, without)
    table = connection.ops.quote_name(model._meta.db_table)
    statement = f"SELECT {names} FROM {table} WHERE {column} = ANY(%s) ORDER BY {order} {lock}"  # noqa: S608 - names
    with statements.cursor() as cursor:
        cursor.execute(statement, [list(keys)])
        found = cursor.fetchall()
    rows, alias = [], connection.alias
    for values in found:
        row = model.__new__(model)
        held = row.__dict__
        held["_state"] = state = ModelState()
        state.db, state.adding = alias, False
        held.update(zip(attributes, values, strict=True))
        for name in documents:
            held[name] = {} if held[name] == EMPTY else _document(held[name])
        rows.append(row)
    return rows


@cache
def _columns(model: type[Model], without: tuple[str, ...] = ()) -> tuple[str, list[str], list[str]]:
    """What to ask for, the attributes that it gives, and those of them that are documents."""
    fields = [f for f in model._meta.concrete_fields if f.attname not in without]
    quote, documents = connection.ops.quote_name, [f for f in fields if isinstance(f, JSONField)]
    asked = [quote(str(f.column)) + ("::text" if f in documents else "") for f in fields]
    return ", ".join(asked), [f.attname for f in fields], [f.attname for f in documents]


def join(row: Model, **others: Model | None) -> None:
    """Give a row the rows that it refers to, which we have in hand: nothing of it is changed."""
    row._state.fields_cache.update(others)


def insert(rows: Iterable[Model], *, ignore_conflicts: bool = False) -> None:
    """Add rows of one model; a primary key that the database gives stays unknown to them.

    Several times as fast as `bulk_create`, which adapts every value by itself. Raises NotAnAmount.
    """
    new = list(rows)
    if not new:
        return
    model = type(new[0])
    names = _inserted(model)
    given = _given(model, names, [row.__dict__ for row in new], own=names[:1])
    with statements.cursor() as cursor:
        cursor.execute(_insertion(model, given.shared, given.own, ignore_conflicts), given.values)
    for row in new:
        row._state.adding = False


@cache
def _inserted(model: type[Model]) -> list[str]:
    return [f.attname for f in model._meta.concrete_fields if not isinstance(f, AutoField)]


def update(model: type[Model], rows: Mapping[Any, Mapping[str, Any]]) -> None:
    """Give each row (by primary key) its new values; all rows name the same columns. Raises Moved
    when a row is gone, NotAnAmount."""
    _update(model, [{"pk": key, **values} for key, values in rows.items()], ())


def keep(
    model: type[Model],
    rows: Iterable[Model],
    seen: Mapping[int, Mapping[str, Any]],
    guards: Sequence[str] = (),
) -> None:
    """Update those rows that differ from what was `seen` of them (their attributes, by the row's
    `id()`), in the columns in which any of them does; what was not seen is new, and left alone.

    A row is only written while its guards are as they were seen: raises Moved when one is not, and
    the caller's database transaction must be rolled back. Raises NotAnAmount.
    """
    changed = []
    columns: dict[str, None] = {}
    for row in rows:
        was, now = seen.get(id(row)), row.__dict__
        if was is not None and was != now:
            columns |= {name: None for name in was if was[name] is not now[name] != was[name]}
            changed.append((was, now))
    named, key = sorted(columns), _key(model)
    told = []
    for was, now in changed:
        row_told = {"pk": now[key]}
        for name in guards:
            row_told[OLD + name] = was[name]
        for name in named:
            row_told[name] = now[name]
        told.append(row_told)
    _update(model, told, guards)


OLD = "old_"


def _update(model: type[Model], told: Sequence[Mapping[str, Any]], guards: Sequence[str]) -> None:
    if not told:
        return
    own = ["pk", *(OLD + name for name in guards)]
    given = _given(model, list(told[0]), told, own)
    with statements.cursor() as cursor:
        cursor.execute(_change(model, given.shared, given.own, tuple(guards)), given.values)
        if cursor.rowcount != len(told):
            raise Moved(f"{len(told) - cursor.rowcount} of {len(told)} rows")


class _Given(NamedTuple):
    """What a set is to be: columns that all its rows share, columns that each has of its own, and
    the values: of the shared ones, then one document for the rest, whatever the number of rows."""

    shared: tuple[str, ...]
    own: tuple[str, ...]
    values: list[Any]


def _given(
    model: type[Model],
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    own: Collection[str],
) -> _Given:
    documents, first, last = _columns(model)[2], rows[0], rows[-1]
    for name in _numeric(model).intersection(names):
        require_finite([row[name] for row in rows])
    values, rest = {}, []
    for name in names:
        value = first[name]
        if name in own or (name in documents and value) or last[name] != value:
            rest.append(name)
        elif [row[name] for row in rows].count(value) == len(rows):
            values[name] = _write(value).decode() if name in documents else value
        else:
            rest.append(name)
    document = _write([{name: row[name] for name in rest} for row in rows]).decode()
    return _Given(tuple(values), tuple(rest), [*values.values(), document])


@cache
def _numeric(model: type[Model]) -> frozenset[str]:
    """The columns in which there may be a number that PostgreSQL must not be given."""
    kinds = JSONField, DecimalField, FloatField
    return frozenset(f.attname for f in model._meta.concrete_fields if isinstance(f, kinds))


@cache
def _insertion(
    model: type[Model], shared: Sequence[str], own: Sequence[str], ignore_conflicts: bool
) -> str:
    fields, quote = _fields(model), connection.ops.quote_name
    columns = ", ".join(quote(str(fields[name].column)) for name in (*shared, *own))
    values = [_value(fields[name]) for name in shared]
    values += [f"v.{quote(name)}" for name in own]
    shape = ", ".join(f"{quote(name)} {_type(fields[name])}" for name in own)
    return (
        f"INSERT INTO {quote(model._meta.db_table)} ({columns}) SELECT {', '.join(values)} "  # noqa: S608 - names
        f"FROM json_to_recordset(%s::json) AS v({shape})"
        f"{' ON CONFLICT DO NOTHING' if ignore_conflicts else ''}"
    )


@cache
def _change(
    model: type[Model], shared: Sequence[str], own: Sequence[str], guards: Sequence[str]
) -> str:
    fields, quote = _fields(model), connection.ops.quote_name
    key = fields[_key(model)]
    fields |= {"pk": key} | {OLD + name: fields[name] for name in guards}
    unset = {"pk", *(OLD + name for name in guards)}
    settings = [f"{quote(fields[name].column)} = {_value(fields[name])}" for name in shared]
    settings += [
        f"{quote(fields[name].column)} = v.{quote(name)}" for name in own if name not in unset
    ]
    wanted = [f"row.{quote(key.column)} = v.pk"]
    wanted += [f"row.{quote(fields[name].column)} = v.{quote(OLD + name)}" for name in guards]
    shape = ", ".join(f"{quote(name)} {_type(fields[name])}" for name in own)
    return (
        f"UPDATE {quote(model._meta.db_table)} row SET {', '.join(settings)} "  # noqa: S608 - names
        f"FROM json_to_recordset(%s::json) AS v({shape}) WHERE {' AND '.join(wanted)}"
    )


@cache
def _key(model: type[Model]) -> str:
    key = model._meta.pk
    assert key is not None
    return key.attname


def _fields(model: type[Model]) -> dict[str, Any]:
    return {field.attname: field for field in model._meta.concrete_fields}


def _value(field: Field[Any, Any]) -> str:
    """Without a length: a cast to one would cut off what is too long, instead of refusing it."""
    return f"%s::{_type(field).partition('(')[0]}"


def _type(field: Field[Any, Any]) -> str:
    kind = field.db_type(connection)
    assert kind is not None
    return kind
