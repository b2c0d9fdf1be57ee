"""Invoices over the API: would the one for gathered work be accepted?"""

from __future__ import annotations

from datetime import date

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Field, Router, Schema
from pydantic import ConfigDict

from controltower.processes import time_and_expense_to_billing as billing
from controltower.transactions import validating_invoices
from controltower.transactions.models import Transaction
from controltower.web import privacy
from controltower.web.api_access import caller
from controltower.web.api_validations import refused
from controltower.web.api_words import Amount, Refusal, Text

router = Router()


class WorkIn(Schema):
    """Any key of gathered work: the number of a timecard, a project, a purchase order, or the
    transaction's own reference."""

    model_config = ConfigDict(extra="forbid")

    key: Text = Field(examples=["TCH-0042"])


class InvoiceOut(Schema):
    """Nothing speaks against the invoice: it would be drafted so. `untaxed` is null where nothing
    would be billed; `notes` say what of the work it would leave out, and why."""

    accepted: bool
    transaction: str
    untaxed: Amount | None
    invoice_date: date | None
    tax_treatment: str = Field(examples=["LF-DE/domestic"])
    customer_number: str
    notes: list[str]


@router.post(
    "/invoices/validate", response={200: InvoiceOut}, summary="Would an invoice be accepted?"
)
def validate(request: HttpRequest, given: WorkIn) -> HttpResponse | InvoiceOut:
    """Ask rules, contract, CRM and ERP about the invoice for gathered work, and write nothing.
    Answers within twelve seconds: 200 when nothing speaks against it, else a problem document: 409
    where its invoice was drafted already; 422 names what speaks against it, by field; 503 says that
    a system did not answer, so that nobody knows."""
    one = _work(request, given.key)
    mask = privacy.of_each([one])[one.pk]
    try:
        found = validating_invoices.validate(transaction=one, now=timezone.now())
    except validating_invoices.NotForeseeable as why:
        title = "There is no invoice to come"
        raise Refusal(409, "not-foreseeable", title, f"{why} Nothing was written.") from None
    return refused(request, found, "invoice", mask.text) or InvoiceOut(
        accepted=True,
        transaction=one.reference,
        untaxed=None if found.untaxed is None else Amount.of(found.untaxed, found.currency),
        invoice_date=found.on,
        tax_treatment=found.treatment,
        customer_number=found.customer_number,
        notes=[mask.text(note) for note in found.notes],
    )


def _work(request: HttpRequest, key: str) -> Transaction:
    """The billing that bears the key, of several the one that still gathers. Raises Http404."""
    rows = Transaction.objects.visible_to(caller(request)).filter(process=billing.PROCESS.name)
    named = rows.filter(Q(reference=key) | Q(keys__value=key)).select_related("entity").distinct()
    found = named.order_by("-gathering", "-started_at", "-pk").first()
    if found is None:
        raise Http404
    return found
