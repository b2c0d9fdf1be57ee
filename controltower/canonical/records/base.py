"""What all canonical records have."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

PERSONAL = "personal"
"""Under which name a field's metadata say which personal data it holds."""


class Personal(StrEnum):
    """Classes of personal data: what is masked, and asked for, as one."""

    NAME = "name"
    CONTACT = "contact"
    PAY = "pay"
    BANK = "bank"
    IDENTITY = "identity"


NAMES_SOMEBODY = {PERSONAL: Personal.NAME}
REACHES_SOMEBODY = {PERSONAL: Personal.CONTACT}
PAYS_SOMEBODY = {PERSONAL: Personal.PAY}
"""Metadata of fields that hold personal data."""

MONEY = "money"
PRICES = {MONEY: True}
"""Metadata of a text that decides over money: a currency, a tax code, an account. Numbers need no
such word: every Decimal of a record is an amount, a rate, or what a rate is multiplied by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of canonical records. `source_id` is the id in the system it was read from."""

    source_id: str
    name: str = ""
    entity: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain nested dictionaries, for mappings and storage."""
        return asdict(self)
