"""How a firm's facts become its figures: the mapping of facts to analytics."""

from __future__ import annotations

from controltower.mappings.library.rules import Agreed, copy

MAPPINGS: tuple[Agreed, ...] = (
    (
        "fact-to-warehouse",
        "Verified fact → warehouse row",
        "fact",
        "warehouse",
        True,
        [
            copy("Our reference", "reference", "reference", required=True),
            copy("Chain", "correlation_id", "correlation", required=True),
            copy("Workflow", "kind", "kind", required=True),
            copy("Name", "name", "name", required=True),
            copy("Legal entity", "entity", "entity", required=True),
            copy("Period", "period", "period", required=True),
            copy("Currency", "currency", "currency", required=True),
            copy("Amount", "amount", "amount", required=True),
            copy("Mapping versions", "mapping_versions", "mapping_version"),
            copy("Work of other companies, hours", "lent_hours", "lent_hours"),
            copy("Companies that lent people", "lent_by", "lent_by"),
        ],
    ),
)
