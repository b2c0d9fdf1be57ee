"""The fact table: its columns, the few statements that are sent, and its rows in our words.

The statements are constants and every value is bound. Snowflake keeps no primary key unique, so
MERGE, which locks the table, is what keeps one row to a reference.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from integrations import exact_json
from integrations.connector import Key
from integrations.http import Answer
from integrations.shape import Drift, Row, amount_text, at, listed, object_of, required, text

COLUMNS = (
    "correlation", "kind", "name", "entity", "period", "currency", "amount", "mapping_version",
    "lent_by", "lent_hours",
)  # fmt: skip
"""What a fact says, beside the `reference` it is known by and when it was loaded."""
DECIMALS = 6
"""Of the columns AMOUNT and LENT_HOURS, NUMBER(38, 6): what is finer would be rounded, silently."""
_NUMBERS = ("amount", "lent_hours")

MERGE = """\
MERGE INTO FACTS AS T USING (
    SELECT ? AS REFERENCE, ? AS CORRELATION, ? AS KIND, ? AS NAME, ? AS ENTITY, ? AS PERIOD,
        ? AS CURRENCY, TO_DECIMAL(?, 38, 6) AS AMOUNT, ? AS MAPPING_VERSION, ? AS LENT_BY,
        TO_DECIMAL(?, 38, 6) AS LENT_HOURS
) AS S ON T.REFERENCE = S.REFERENCE
WHEN MATCHED THEN UPDATE SET
    CORRELATION = S.CORRELATION, KIND = S.KIND, NAME = S.NAME, ENTITY = S.ENTITY,
    PERIOD = S.PERIOD, CURRENCY = S.CURRENCY, AMOUNT = S.AMOUNT,
    MAPPING_VERSION = S.MAPPING_VERSION, LENT_BY = S.LENT_BY, LENT_HOURS = S.LENT_HOURS,
    LOADED_AT = SYSDATE()
WHEN NOT MATCHED THEN INSERT (
    REFERENCE, CORRELATION, KIND, NAME, ENTITY, PERIOD, CURRENCY, AMOUNT, MAPPING_VERSION,
    LENT_BY, LENT_HOURS, LOADED_AT
) VALUES (
    S.REFERENCE, S.CORRELATION, S.KIND, S.NAME, S.ENTITY, S.PERIOD, S.CURRENCY, S.AMOUNT,
    S.MAPPING_VERSION, S.LENT_BY, S.LENT_HOURS, SYSDATE()
)"""
BY_REFERENCE = """\
SELECT REFERENCE, CORRELATION, KIND, NAME, ENTITY, PERIOD, CURRENCY, TO_VARCHAR(AMOUNT) AS AMOUNT,
    MAPPING_VERSION, LENT_BY, TO_VARCHAR(LENT_HOURS) AS LENT_HOURS,
    TO_VARCHAR(LOADED_AT, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"') AS LOADED_AT
FROM FACTS AS F WHERE F.REFERENCE = ?"""
LOADED_BETWEEN = """\
SELECT REFERENCE, CURRENCY, TO_VARCHAR(AMOUNT) AS AMOUNT,
    TO_VARCHAR(LOADED_AT, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"') AS LOADED_AT
FROM FACTS AS F
WHERE F.LOADED_AT >= TO_TIMESTAMP_NTZ(?) AND F.LOADED_AT < TO_TIMESTAMP_NTZ(?)
ORDER BY REFERENCE"""
HELD = "SELECT COUNT(*) AS HELD FROM FACTS"
INSERTED, UPDATED = "number of rows inserted", "number of rows updated"


def bound(reference: str, record: Mapping[str, Any]) -> list[str | None]:
    """The values of a MERGE, in its order. Raises ValueError for what the table cannot hold."""
    unknown = sorted(record.keys() - {*COLUMNS, "reference"})
    if unknown:
        raise ValueError(f"The fact table has no column “{unknown[0]}”.")
    for number in _NUMBERS:
        written = str(record.get(number) or "")
        if re.search(rf"\.\d{{{DECIMALS}}}\d*[1-9]", written):
            raise ValueError(f"The {number} {written} is finer than {DECIMALS} decimals.")
    return [reference, *(_written(record.get(column)) for column in COLUMNS)]


def _written(value: Any) -> str | None:
    if value is None:
        return None
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def fingerprint(key: str, values: Sequence[str | None]) -> str:
    """One send's identity: the same key with the same values is the same statement."""
    said = exact_json.encode([key, *values]).encode()
    return hashlib.blake2b(said, digest_size=16).hexdigest()


def rows(answer: Answer, columns: Sequence[str] = ()) -> list[Row]:
    """What an answer's table says, by column in lower case. A further partition has only data; its
    `columns` are the first one's. Raises Drift."""
    content = object_of(exact_json.decode(answer.body))
    names = list(columns) or names_of(content)
    found = at(content, "data")
    if not isinstance(found, list) or not all(
        isinstance(row, list) and len(row) == len(names) for row in found
    ):
        raise Drift("“data” is not a table of the columns named")
    return [dict(zip(names, row, strict=True)) for row in found]


def names_of(content: Row) -> list[str]:
    """The columns of a table. Raises Drift."""
    return [
        required(column, "name").lower() for column in listed(content, "resultSetMetaData.rowType")
    ]


def values_of(row: Row) -> dict[str, Any]:
    """A fact in our words. Raises Drift."""
    said = {name: text(row, name) for name in ("reference", *COLUMNS) if name not in _NUMBERS}
    numbers = {name: amount_text(row, name) for name in _NUMBERS}
    return {**said, **numbers, "loaded_at": text(row, "loaded_at")}


def keys_of(found: Sequence[Row]) -> list[Key]:
    """What reconciliation compares. A second row of a reference is one more: it counts in every
    total of the warehouse. Raises Drift."""
    times = Counter[str]()
    keys = list[Key]()
    for row in found:
        reference = required(row, "reference")
        times[reference] += 1
        ref = reference if times[reference] == 1 else f"{reference} ({times[reference]})"
        amount = format(amount_text(row, "amount").normalize(), "f")
        loaded = required(row, "loaded_at")
        keys.append(Key(ref, reference, loaded, amount, text(row, "currency")))
    return keys
