"""Cut a vendor's OpenAPI contract down to the operations that are used here.

``python -m tests.contracts.trim SOURCE TARGET.json "GET /a/{id}" "POST /b" …``: what is kept is
unchanged; what it refers to is kept with it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

_HEAD = ("openapi", "info", "servers", "security")
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def trimmed(contract: Mapping[str, Any], operations: list[str]) -> dict[str, Any]:
    """The contract with these operations only. Raises KeyError for one that it does not have."""
    paths: dict[str, Any] = {}
    for operation in operations:
        method, _, path = operation.partition(" ")
        known = contract["paths"][path]
        shared = {name: part for name, part in known.items() if name not in _METHODS}
        paths[path] = {**shared, **paths.get(path, {}), method.lower(): known[method.lower()]}
    kept: dict[str, Any] = {name: contract[name] for name in _HEAD if name in contract}
    kept |= {"paths": paths, "components": {}}
    waiting = list(_references(paths))
    schemes = contract.get("components", {}).get("securitySchemes")
    if schemes:
        kept["components"]["securitySchemes"] = schemes
    while waiting:
        _, room, name = waiting.pop().removeprefix("#/").split("/")
        shelf = kept["components"].setdefault(room, {})
        if name not in shelf:
            shelf[name] = contract["components"][room][name]
            waiting += _references(shelf[name])
    return kept


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def main() -> None:
    """Read, cut, write."""
    parser = argparse.ArgumentParser(prog="trim")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("operations", nargs="+", metavar="METHOD PATH")
    arguments = parser.parse_args()
    source = yaml.safe_load(arguments.source.read_text(encoding="utf-8"))
    kept = trimmed(source, arguments.operations)
    text = json.dumps(kept, indent=1, ensure_ascii=False, default=str)
    arguments.target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
