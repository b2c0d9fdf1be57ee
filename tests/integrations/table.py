"""The table of connectors in docs/connectors.md, made of what the connectors declare.

``python -m tests.integrations.table`` writes it.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from integrations import catalogue
from integrations.connector import ChangeFeed, Connection, Descriptor, Receiver

PAGE = Path(__file__).resolve().parents[2] / "docs" / "connectors.md"
BEGIN, END = "a test keeps it true -->\n", "<!-- /connectors -->"
HEAD = (
    "| system | kind | interface | changes | writes | signs in | proven so far |\n"
    "|---|---|---|---|---|---|---|\n"
)


def page() -> str:
    """The page with the table as it should stand."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def table() -> str:
    """One row for each connector, in the order of the catalogue."""
    return HEAD + "".join(map(_row, catalogue.CONNECTORS))


def _row(name: str) -> str:
    descriptor = catalogue.descriptor(name)
    unset = Connection(name, "https://unset.invalid")
    cells = (
        descriptor.title,
        descriptor.domain,
        descriptor.api_version,
        _changes(descriptor, isinstance(catalogue.connect(name, unset), Receiver)),
        _writes(descriptor),
        descriptor.auth.value,
        descriptor.verification.value,
    )
    return f"| {' | '.join(cells)} |\n"


def _changes(descriptor: Descriptor, hears: bool) -> str:
    kinds = {kind.value for kind in descriptor.feeds.values() if kind is not ChangeFeed.NONE}
    return ", ".join([*sorted(kinds), *(["signed messages"] if hears else [])]) or "none"


def _writes(descriptor: Descriptor) -> str:
    """Effect classes with what is written so; reading has none."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for operation in descriptor.operations:
        if operation.verb != "get":
            found[operation.effect.value].append(f"{operation.verb} {operation.entity}")
    return "; ".join(f"{effect}: {', '.join(said)}" for effect, said in found.items()) or "none"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
