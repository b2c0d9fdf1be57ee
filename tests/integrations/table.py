"""The tables of docs/connectors.md and docs/connecting.md, made of what the connectors declare.

``python -m tests.integrations.table`` writes them.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from integrations import catalogue
from integrations.connector import ChangeFeed, Connection, Descriptor, Receiver

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, HOW = DOCS / "connectors.md", DOCS / "connecting.md"
BEGIN, END = "a test keeps it true -->\n", "<!-- /"
HEAD = (
    "| system | kind | interface | changes | writes | signs in | proven so far |\n"
    "|---|---|---|---|---|---|---|\n"
)


NEEDS = (
    "| system | address | secrets, and where they are found | options | feeds |\n"
    "|---|---|---|---|---|\n"
)


def page() -> str:
    """The page of connectors with its table as it should stand."""
    return _with(PAGE, table())


def how() -> str:
    """The page on connecting with its table as it should stand."""
    return _with(HOW, NEEDS + "".join(map(_needed, catalogue.CONNECTORS)))


def _with(file: Path, rows: str) -> str:
    before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + rows + END + rest.partition(END)[2]


def _needed(name: str) -> str:
    """What is needed of one that is not described."""
    said = catalogue.descriptor(name)
    if not (needs := said.needs).plays:
        return ""
    secrets = [f"{_given(one.name, one.required)}: {one.where}" for one in needs.secrets]
    options = [_given(one.name, one.required) for one in needs.options]
    cells = (said.title, f"`{needs.address}`", "<br>".join(secrets), ", ".join(options) or "none",
             ", ".join(needs.feeds) or "none")  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _given(name: str, required: bool) -> str:
    return f"`{name}`" if required else f"*{name}*"


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
    HOW.write_text(how(), encoding="utf-8")
