"""The JSON API: assembled here, spoken in `api_words`, played in `api_reading`,
`api_replays`, `api_findings`, `api_processes`, `api_customers`, `api_invoices`,
`api_interfaces`, `api_systems`, `api_views` and `api_assurance`.

Bearer tokens belong to a person; what a person may not see is not there (404). Refusals are
RFC 9457 problem documents. Amounts are exact text beside their currency.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser

from controltower.canonical import strict_json
from controltower.web import (
    api_amendments,
    api_assurance,
    api_closing,
    api_customers,
    api_event_log,
    api_findings,
    api_incidents,
    api_interfaces,
    api_invoices,
    api_measures,
    api_processes,
    api_reading,
    api_replays,
    api_systems,
    api_views,
)
from controltower.web.api_access import Token, known_caller, no_token
from controltower.web.api_description import DescribedAPI
from controltower.web.api_words import Refusal
from controltower.web.errors import problem, reference_of


class StrictParser(Parser):
    """Reads bodies as strictly as the webhook door does."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body's JSON. Raises HttpError 400."""
        try:
            return strict_json.decode(request.body)
        except strict_json.NotStrictJson as error:
            raise HttpError(400, str(error)) from None


api = DescribedAPI(
    title="Control Tower",
    version="1",
    description=(
        "Transactions by any key, exceptions by cause, incidents, replays. "
        "Bearer tokens belong to a person; what a person may not see is not there (404). "
        "Refusals are RFC 9457 problem documents. "
        "Amounts are exact text beside their currency. "
        "Partners send their events to the webhook door, `/inbound/{connection}/`."
    ),
    servers=[{"url": "/", "description": "This tower"}],
    auth=Token(),
    parser=StrictParser(),
    docs_url=None,
    openapi_url="/openapi.json",
    docs_decorator=known_caller,
    urls_namespace="api",
)
api.add_router("/", api_reading.router)
api.add_router("/", api_amendments.router)
api.add_router("/", api_findings.router)
api.add_router("/", api_assurance.router)
api.add_router("/replays", api_replays.router)
api.add_router("/", api_incidents.router)
api.add_router("/", api_interfaces.router)
api.add_router("/", api_systems.router)
api.add_router("/", api_processes.router)
api.add_router("/", api_event_log.router)
api.add_router("/", api_measures.router)
api.add_router("/", api_closing.router)
api.add_router("/", api_customers.router)
api.add_router("/", api_invoices.router)
api.add_router("/", api_views.router)


@api.exception_handler(Refusal)
def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return problem(
        refusal.status,
        refusal.name,
        refusal.title,
        refusal.detail,
        reference=reference_of(request),
    )


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """422, naming the fields without repeating what was sent."""
    fields = [
        {"field": ".".join(str(part) for part in one["loc"]), "problem": one["msg"]}
        for one in error.errors
    ]
    return problem(
        422, "invalid", "The request does not fit", "Nothing was changed. See the fields.",
        reference=reference_of(request), fields=fields,
    )  # fmt: skip


@api.exception_handler(AuthenticationError)
def _unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return no_token(request)


@api.exception_handler(Http404)
def _absent(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(
        404, "not-found", "Not found", "It is not there, or not in your legal entities.",
        reference=reference_of(request),
    )  # fmt: skip


@api.exception_handler(HttpError)
def _failed(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(
        error.status_code, "unreadable", "The request could not be read",
        f"{error} Nothing was changed.", reference=reference_of(request),
    )  # fmt: skip
