"""The JSON API does what its description says, whatever a program sends that was written by it.

Schemathesis makes requests by docs/openapi.json, fitting and not; no answer may be a fault of ours,
or one that the description does not tell.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import given, settings, strategies
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from controltower.web.api import api
from tests.web.cast import person, token
from tests.web.test_api import stuck

pytestmark = pytest.mark.django_db

DESCRIPTION = schemathesis.openapi.from_dict(api.get_openapi_schema())
OPERATIONS = {
    found.ok().label: found.ok()
    for found in DESCRIPTION.get_all_operations()
    if "/inbound/" not in found.ok().path
}
ANSWERS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


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
    def plays(case: Case, is_known: bool) -> None:
        if is_known and "name" in case.path_parameters:
            case.path_parameters["name"] = "CT-1"
        case.validate_response(case.call(app=tower, headers=headers), checks=ANSWERS)

    plays()
