"""Customers over the API: would a record be accepted, which clients look alike, and the word."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Field, Router, Schema, Status
from pydantic import ConfigDict, StringConstraints

from controltower.canonical.records import Customer
from controltower.mappings.models import Likeness
from controltower.transactions import consent, duplicates, validating_customers
from controltower.web.api_access import caller, require_entity
from controltower.web.api_validations import refused
from controltower.web.api_words import Refusal, Text

router = Router()
Line = Annotated[
    str, StringConstraints(max_length=120, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")
]


class CustomerIn(Schema):
    """A customer as somebody is about to keep it. `client` is the CRM's id where it has one; `on`
    the accounting day of the first invoice, today when left out."""

    model_config = ConfigDict(extra="forbid")

    entity: Text = Field(examples=["LF-DE"])
    name: Text
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = Field(examples=["DE"])
    vat_number: Line = ""
    street: Line = ""
    postal_code: Line = ""
    city: Line = ""
    contact_name: Line = ""
    contact_email: Line = ""
    client: Line = ""
    customer_number: Line = ""
    on: date | None = None


class AcceptableOut(Schema):
    """Nothing speaks against the record. `customer_number` is that of the customer whom the ERP
    has already and who would be used, null for a new one."""

    accepted: bool
    tax_treatment: str = Field(examples=["reverse_charge"])
    customer_number: str | None


class PairOut(Schema):
    """Two clients that may be one. `client` has changed; its transaction waits for the word."""

    client: str
    client_name: str
    other: str
    other_name: str
    why: str
    transaction: str


class WordIn(Schema):
    """One client, for which `survivor` speaks, or (without one) two."""

    model_config = ConfigDict(extra="forbid")

    client: Text
    other: Text
    survivor: Text | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=300)]


class WordOut(Schema):
    """A data owner's word. The newest one on a pair holds."""

    id: int
    one: str
    other: str
    survivor: str | None
    said: str
    reason: str
    decided_by: str
    decided_at: datetime


@router.post(
    "/customers/validate", response={200: AcceptableOut}, summary="Would a customer be accepted?"
)
def validate(request: HttpRequest, given: CustomerIn) -> HttpResponse | AcceptableOut:
    """Ask rules, CRM and ERP, and write nothing. Answers within six seconds: 200 when nothing
    speaks against the record, else a problem document: 422 names what does, by field; 503 says
    that a system did not answer, so that nobody knows."""
    require_entity(caller(request), given.entity)
    fields = given.model_dump(exclude={"client", "customer_number", "on"})
    record = Customer(source_id=given.client, erp_code=given.customer_number, **fields).as_dict()
    found = validating_customers.validate(record=record, on=given.on, now=timezone.now())
    return refused(request, found, "customer") or AcceptableOut(
        accepted=True,
        tax_treatment=found.treatment,
        customer_number=found.customer_number or None,
    )


@router.get("/customers/duplicates", response=list[PairOut], summary="Clients that may be one")
def alike(request: HttpRequest) -> list[PairOut]:
    """The pairs that wait for a data owner's word, in your legal entities."""
    return [
        PairOut(
            client=pair.client["source_id"],
            client_name=pair.client["name"],
            other=pair.other["source_id"],
            other_name=pair.other["name"],
            why=pair.why,
            transaction=pair.transaction.reference,
        )
        for pair in duplicates.waiting(caller(request))
    ]


@router.post("/customers/decisions", response={201: WordOut}, summary="One client or two")
def word(request: HttpRequest, said: WordIn) -> Status[WordOut]:
    """A data owner's word on two clients that look alike. It is remembered; what waits for it goes
    on. A newer word on the same pair holds from then on."""
    calm = "Nothing was decided."
    try:
        made = duplicates.decide(
            ids=[said.client, said.other], survivor=said.survivor or "", reason=said.reason,
            by=caller(request), now=timezone.now(),
        )  # fmt: skip
    except consent.NotAllowed as refusal:
        raise Refusal(403, "not-allowed", "You may not decide", f"{refusal} {calm}") from None
    except duplicates.NotDecidable as refusal:
        title = "There is nothing to decide"
        raise Refusal(409, "not-decidable", title, f"{refusal} {calm}") from None
    return Status(201, _out(made))


def _out(made: Likeness) -> WordOut:
    return WordOut(
        id=made.pk,
        one=made.one,
        other=made.other,
        survivor=made.survivor or None,
        said=duplicates.said(made),
        reason=made.reason,
        decided_by=made.decided_by.username,
        decided_at=made.decided_at,
    )
