"""What a firm tells on its event broker: the mapping of facts to subscribers."""

from __future__ import annotations

from controltower.mappings.library.rules import Agreed, copy

MAPPINGS: tuple[Agreed, ...] = (
    (
        "fact-to-broker",
        "Verified fact → event",
        "fact",
        "broker",
        False,
        [
            copy("Event", "id", "id", required=True),
            copy("What happened", "type", "type", required=True),
            copy("Of what", "subject", "subject", required=True),
            copy("When", "time", "time", required=True),
            copy("Partition", "partition", "partitionkey", required=True),
            copy("Sequence", "sequence", "sequence", required=True),
            copy("Chain", "correlation_id", "correlationid", required=True),
            copy("Name", "name", "name", required=True),
            copy("Workflow", "kind", "kind", required=True),
            copy("Legal entity", "entity", "entity", required=True),
            copy("Period", "period", "period", required=True),
            copy("Currency", "currency", "currency", required=True),
            copy("Amount", "amount", "amount", required=True),
        ],
    ),
)
