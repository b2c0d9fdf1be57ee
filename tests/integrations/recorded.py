"""Settings that note what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Recorded(Mapping[str, Any]):
    """A mapping that notes the names that are asked for, and by which default. Those within a
    group ("stream.url") are told with its name; the group itself is no name."""

    def __init__(self, held: Mapping[str, Any], groups: frozenset[str] = frozenset()) -> None:
        self.asked: dict[str, Any] = {}
        self._held, self._groups, self._within = held, groups, ""

    def get(self, name: str, default: Any = None) -> Any:
        """As of any mapping."""
        return self[name] if self._notes(name, default) else default

    def __getitem__(self, name: str) -> Any:
        if not self._notes(name, None):
            raise KeyError(name)
        return self._of_group(name) if name in self._groups else self._held[name]

    def __contains__(self, name: object) -> bool:
        return self._notes(str(name), None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def _notes(self, name: str, default: Any) -> bool:
        if name not in self._groups:
            whole = self._within + name
            self.asked[whole] = self.asked.get(whole) if default is None else default
        return name in self._held

    def _of_group(self, name: str) -> Recorded:
        within = Recorded(self._held[name])
        within.asked, within._within = self.asked, f"{name}."
        return within
