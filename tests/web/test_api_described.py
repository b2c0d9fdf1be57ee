"""The JSON API does what its description says, whatever a program sends that was written by it.

Schemathesis makes requests by docs/openapi.json, fitting and not; no answer may be a fault of ours,
or one that the description does not tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import given, settings, strategies
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from controltower.web.api import api
from tests.web.cast import person, token
from tests.web.test_api import stuck

pytestmark = pytest.mark.django_db

DESCRIPTION = schemathesis.openapi.from_dict(api.get_openapi_schema())
OPERATIONS = {
    found.label: found
    for found in (one.ok() for one in DESCRIPTION.get_all_operations() if isinstance(one, Ok))
    if not found.path.startswith("/inbound/")
}
ANSWERS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


def test_all_of_it_can_be_played() -> None:
    played = {f"{operation.method.upper()} {operation.path}" for operation in OPERATIONS.values()}
    described = api.get_openapi_schema()["paths"]
    assert played == {
        f"{method.upper()} {path}"
        for path, operations in described.items()
        for method in operations
        if path.startswith("/api/")
    }


@pytest.fixture
def tower() -> Iterator[WSGIHandler]:
    """The application; the test's connection outlives its requests."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.filterwarnings("ignore:No directory at")
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_one_that_is_described(label: str, tower: WSGIHandler) -> None:
    stuck("CT-1", "LF-DE")
    headers = token(person("olga")) | {"Accept-Encoding": "identity"}
    fitting, unfit = (
        OPERATIONS[label].as_strategy(generation_mode=mode)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    )

    @settings(max_examples=15, derandomize=True, database=None)
    @given(case=fitting | unfit, is_known=strategies.booleans())
    def plays(case: Case[Any], is_known: bool) -> None:
        if is_known and "name" in case.path_parameters:
            case.path_parameters["name"] = "CT-1"
        case.validate_response(case.call(app=tower, headers=headers), checks=ANSWERS)

    plays()
