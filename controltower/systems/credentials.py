"""Secrets and addresses that a system's record only refers to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def reference(value: str) -> str:
    """ "env:NAME" is read from the environment; anything else stands for itself."""
    return os.environ.get(value[4:], "") if value.startswith("env:") else value


def resolved(option: Any) -> Any:
    """An option with the references in it resolved."""
    if isinstance(option, Mapping):
        return {name: resolved(value) for name, value in option.items()}
    return reference(option) if isinstance(option, str) else option
