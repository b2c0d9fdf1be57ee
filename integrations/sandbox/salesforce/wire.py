"""A request below the API root and its reply: what HTTP and composite calls have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

_ANY_VERSION = re.compile(r"^/services/data/v[0-9]+\.0")


@dataclass(frozen=True)
class Request:
    """One call below the API root: ``target`` is a path, perhaps with a query string."""

    method: str
    target: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path below ``/services/data/v61.0`` or another version's, still quoted."""
        return _ANY_VERSION.sub("", urlsplit(self.target).path, count=1)

    @property
    def query(self) -> dict[str, str]:
        """The query string's parameters."""
        return {k: v[-1] for k, v in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True)
class Reply:
    """A status with a JSON body; None means no content."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
