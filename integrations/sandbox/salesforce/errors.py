"""The vendor's refusals: an HTTP status and an array of code, message and fields."""

from __future__ import annotations

from collections.abc import Sequence


class Refused(Exception):
    """The org refuses a request; becomes the vendor's error array."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = list(fields)

    def as_rest(self) -> dict[str, object]:
        """The entry of a REST error array; fields only where the vendor sends them."""
        entry: dict[str, object] = {"message": self.message, "errorCode": self.code}
        return {**entry, "fields": self.fields} if self.fields or self.status == 400 else entry

    def as_result(self) -> dict[str, object]:
        """The entry of a collection's save result."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields}


def not_found() -> Refused:
    """The vendor's 404."""
    return Refused(404, "NOT_FOUND", "The requested resource does not exist")
