"""One field's value on its way in (JSON to column, with the vendor's complaints) and out."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from integrations.sandbox.salesforce import ids
from integrations.sandbox.salesforce.errors import Refused
from integrations.sandbox.salesforce.schema import BY_PREFIX, NUMERIC, Field, Type

Column = str | int | None
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def stamp(moment: datetime) -> str:
    """A datetime as the vendor prints it: UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}+0000"
    )


def column(field: Field, value: Any) -> Column:
    """The stored form of a JSON value. Raises Refused as the vendor would."""
    if value is None or value == "":
        return 0 if field.type is Type.BOOLEAN else None
    if field.type is Type.BOOLEAN:
        return _boolean(field, value)
    if field.type in NUMERIC:
        return _number(field, value)
    if field.type is Type.REFERENCE:
        return _reference(field, value)
    if not isinstance(value, str):
        raise _unreadable(field, value)
    return _date(field, value) if field.type is Type.DATE else _text(field, value)


def json_value(field: Field, stored: Any) -> Any:
    """The JSON form of a stored value."""
    if field.type is Type.BOOLEAN:
        return bool(stored)
    if stored is not None and field.type in NUMERIC:
        number = Decimal(stored)
        short = number.normalize()
        return short if short.as_tuple().exponent < 0 else number.quantize(Decimal("0.1"))  # type: ignore[operator]
    return stored


def _text(field: Field, value: str) -> str:
    if field.type is Type.PICKLIST and field.values and value not in field.values:
        code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        text = f"bad value for restricted picklist field: {value}"
    elif field.type is Type.EMAIL and not _EMAIL.fullmatch(value):
        code, text = "INVALID_EMAIL_ADDRESS", f"invalid email address: {value}"
    elif len(value) > field.length:
        code = "STRING_TOO_LONG"
        text = f"data value too large: {value[:60]} (max length={field.length})"
    else:
        return value
    raise Refused(400, code, f"{field.name}: {text}", [field.name])


def _boolean(field: Field, value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    raise _unreadable(field, value)


def _number(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        raise _unreadable(field, value)
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        raise _unreadable(field, value) from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 16:
        raise Refused(
            400,
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.name}: value outside of valid range on numeric field: {value}",
            [field.name],
        )
    return str(number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP))


def _reference(field: Field, value: Any) -> str:
    known = ids.normal(value) if isinstance(value, str) else None
    if known is None:
        raise Refused(
            400, "MALFORMED_ID", f"{field.name}: id value of incorrect type: {value}", [field.name]
        )
    target = BY_PREFIX.get(known[:3])
    if target is None or target.name != field.to:
        raise Refused(
            400,
            "FIELD_INTEGRITY_EXCEPTION",
            f"{field.name}: id value of incorrect type: {value}",
            [field.name],
        )
    return known


def _date(field: Field, value: str) -> str:
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        raise _unreadable(field, value) from None


def _unreadable(field: Field, value: Any) -> Refused:
    kind = {Type.BOOLEAN: "boolean", Type.DATE: "date"}.get(field.type, "double")
    if field.type not in NUMERIC | {Type.BOOLEAN, Type.DATE}:
        kind = "string"
    return Refused(
        400,
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {kind} from value {value!r}"
        " or request may be missing a required field",
        [field.name],
    )
