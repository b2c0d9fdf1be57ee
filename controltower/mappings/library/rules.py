"""The rules of a mapping version, as the product words them."""

from __future__ import annotations

from typing import Any

Rule = dict[str, Any]
Agreed = tuple[str, str, str, str, bool, list[Rule]]
"""Name, title, record, target's part, whether it moves money, and the rules."""

OF_THE_LEDGER = frozenset(
    {"tax_code", "account_code", "revenue_account", "deferred_account", "journal"}
)
"""Targets whose values only a firm's own ledger can say."""


def copy(label: str, source: str, target: str, **more: Any) -> Rule:
    return {"label": label, "source": source, "target": target, "rule": "copy", **more}


def constant(label: str, target: str, value: Any) -> Rule:
    return {"label": label, "source": "", "target": target, "rule": "constant", "value": value}


def table(label: str, source: str, target: str, values: dict[str, str], **more: Any) -> Rule:
    return {
        "label": label,
        "source": source,
        "target": target,
        "rule": "value_map",
        "values": values,
        **more,
    }
