"""The sandbox's Connect messages have no member, and no type of one, that the vendor's sample does
not have; and the connector needs nothing that is not in the sample."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from integrations.docusign.translate import told
from integrations.sandbox.docusign import envelopes
from integrations.sandbox.store import Store

SAMPLE = json.loads((Path(__file__).parent / "docusign_connect.json").read_bytes())


def unknown(sample: Any, message: Any, path: str = "") -> Iterator[str]:
    """What a message has that its sample has not, or has otherwise."""
    if type(sample) is not type(message):
        yield path
    elif isinstance(message, Mapping):
        for name, value in message.items():
            if name in sample:
                yield from unknown(sample[name], value, f"{path}/{name}")
            else:
                yield f"{path}/{name}"
    elif isinstance(message, list):
        for item in message:
            yield from unknown(sample[0], item, f"{path}[]")


def test_the_sandbox_writes_what_the_vendor_writes(tmp_path: Path) -> None:
    store = Store(tmp_path / "docusign.db")
    content = envelopes.written({"opportunity_id": "006A", "contract_value": "10"})
    message = envelopes.message(store.add("envelope", content, envelopes.number(1)))
    store.close()
    assert list(unknown(SAMPLE, message)) == []
    message["data"]["envelopeSummary"]["sender"]["nickname"] = "?"
    assert list(unknown(SAMPLE, message)) == ["/data/envelopeSummary/sender/nickname"]


def test_the_connector_reads_the_vendors_own_sample() -> None:
    message = copy.deepcopy(SAMPLE)
    message["event"] = "envelope-completed"
    summary = message["data"]["envelopeSummary"]
    summary |= {"status": "completed", "statusChangedDateTime": "2026-11-20T09:30:00.1234567Z"}
    summary["customFields"]["textCustomFields"][0] |= {"name": "opportunity_id", "value": "006A"}
    (change,) = told("clm", json.dumps(message).encode(), {})
    assert ("opportunity", "006A") in [(key.kind, key.value) for key in change.event.keys]
