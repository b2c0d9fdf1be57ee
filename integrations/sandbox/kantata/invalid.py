"""What the account says of a record that it does not take."""


class Invalid(Exception):
    """The field and what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message
