"""The schemas that partners read are the ones that the door asks."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from controltower.canonical import schema


@pytest.mark.parametrize("event_type", schema.ACCEPTED)
def test_the_file_is_what_the_records_say(event_type: str) -> None:
    written = (schema.FOLDER / f"{event_type}.json").read_text(encoding="utf-8")
    assert written == schema.as_text(event_type)
    Draft202012Validator.check_schema(json.loads(written))


def test_there_is_a_file_for_each_type_and_no_other() -> None:
    names = {path.name for path in schema.FOLDER.iterdir()}
    assert names == {f"{event_type}.json" for event_type in schema.ACCEPTED}
