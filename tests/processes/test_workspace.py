"""What a project's folder and channel are called, and where the channel leads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from controltower.processes import agreement
from controltower.processes.definition import Facts, Result, Send
from controltower.processes.project_workspace import (
    LONGEST_NAME,
    LONGEST_PURPOSE,
    make_folder,
    open_room,
)

URL = "https://larkfield.sharepoint.com/Projects/CT-1-P%20Rollout"


def facts(name: str, url: str = URL) -> Facts:
    project = {"external_id": "CT-AB.1-P", "name": name, "customer_name": "Solvik AS"}
    results = {"folder": Result("F1", {"url": url})}
    return Facts("ct-1", "CT-1", project, [], results, {}, {}, datetime.now(UTC))


def sent(prepared: object) -> dict[str, Any]:
    assert isinstance(prepared, Send)
    return dict(prepared.record)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Rollout", "CT-AB-1-P Rollout"),
        ('Plan: A/B "test" <1>?', "CT-AB-1-P Plan A B test 1"),
        ("Rollout. ", "CT-AB-1-P Rollout"),
        ("", "CT-AB-1-P"),
        ("x" * 300, f"CT-AB-1-P {'x' * 300}"[:LONGEST_NAME]),
    ],
)
def test_a_folder_is_called_what_every_library_takes(name: str, folder: str) -> None:
    record = sent(make_folder(facts(name)))
    assert record["name"] == folder
    assert record["title"] == f"Solvik AS – {name}"


def test_a_channel_is_called_by_our_reference_alone() -> None:
    assert sent(open_room(facts("Größe & Co")))["name"] == "ct-ab-1-p"


def test_the_way_to_the_papers_is_never_cut_off() -> None:
    for name in ("Rollout", "x" * 400):
        purpose = sent(open_room(facts(name)))["purpose"]
        assert purpose.endswith(URL)
        assert len(purpose) <= LONGEST_PURPOSE
    endless = sent(open_room(facts("Rollout", f"{URL}{'y' * 300}")))
    assert endless["purpose"] == "Rollout"
    assert agreement.room_differs(endless, {"name": endless["name"], "purpose": "Rollout"}) == ""


def test_a_channel_that_leads_elsewhere_differs() -> None:
    record = sent(open_room(facts("Rollout")))
    shown = {"name": record["name"], "purpose": record["purpose"]}
    assert agreement.room_differs(record, shown) == ""
    assert "lead" in agreement.room_differs(record, shown | {"purpose": "Rollout"})
    assert "name" in agreement.room_differs(record, shown | {"name": "another"})
