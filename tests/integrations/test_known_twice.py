"""A customer who is there twice: numbers tell the records apart, names only where they differ."""

from __future__ import annotations

from integrations.known_twice import known_twice


def test_a_name_is_said_once() -> None:
    told = known_twice("Otterbourne Rail plc", "Tryton", [("K1", "Otterbourne Rail plc")] * 2)
    assert told.text.startswith("Otterbourne Rail plc exists 2 times in Tryton: K1, K1. Merge")


def test_another_name_is_said_beside_its_number() -> None:
    records = [("K1", "Otterbourne Rail plc"), ("K2", "Otterbourne Rail")]
    told = known_twice("Otterbourne Rail plc", "NetSuite", records)
    assert "in NetSuite: K1, K2 (Otterbourne Rail). Merge" in told.text
