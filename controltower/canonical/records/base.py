"""What all canonical records have."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of canonical records. `source_id` is the id in the system it was read from."""

    source_id: str
    name: str = ""
    entity: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain nested dictionaries, for mappings and storage."""
        return asdict(self)
