"""What is cut out of a contract: the operations wanted, and all that they refer to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.trim import trimmed

WHOLE: dict[str, Any] = {
    "openapi": "3.1.0",
    "tags": [{"name": "gone"}],
    "paths": {
        "/a/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {"responses": {"200": {"$ref": "#/components/responses/A"}}},
            "put": {"responses": {"200": {"$ref": "#/components/responses/Gone"}}},
        },
        "/gone": {"get": {}},
    },
    "components": {
        "parameters": {"Id": {"name": "id", "in": "path"}},
        "responses": {
            "A": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/B"}}}},
            "Gone": {},
        },
        "schemas": {"B": {"properties": {"b": {"$ref": "#/components/schemas/B"}}}, "Gone": {}},
    },
}


def test_what_is_referred_to_is_kept_and_the_rest_is_not() -> None:
    kept = trimmed(WHOLE, ["GET /a/{id}"])
    assert list(kept["paths"]) == ["/a/{id}"]
    assert set(kept["paths"]["/a/{id}"]) == {"parameters", "get"}
    assert {room: set(shelf) for room, shelf in kept["components"].items()} == {
        "parameters": {"Id"},
        "responses": {"A"},
        "schemas": {"B"},
    }
    assert "tags" not in kept


def test_an_operation_that_is_not_there_is_told() -> None:
    with pytest.raises(KeyError):
        trimmed(WHOLE, ["DELETE /a/{id}"])
