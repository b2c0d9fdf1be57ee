"""One client's data on a tour: each side is given what the other one owns."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from controltower.firm.models import Person
from controltower.transactions import duplicates
from controltower.transactions.models import Step, Transaction, TransactionState
from controltower.web.tours.month_end import CONTROLLER
from controltower.web.tours.stage import Lines, Stage
from controltower.web.tours.walk import TourFailed


def play(stage: Stage) -> Lines:
    """What the CRM owns of a client is so in the ERP, what the ERP owns is so in the CRM; whoever
    else changes the client meanwhile is followed."""
    assert stage.job.setup is not None
    client, crm = stage.job.setup.subject["customer_id"], stage.doors["salesforce"]
    code, erp = stage.job.setup.steps.get(name="customer").values["code"], stage.doors["tryton"]

    def contact() -> str:
        (known,) = (one for one in crm.books("Account") if one["Id"] == client)
        return str(known["Billing_Contact_Name__c"])

    def in_the_erp() -> dict[str, Any]:
        (known,) = erp.books("customers", code=code)
        return known

    now, called = timezone.now(), {"Billing_Contact_Name__c": f"Tour {stage.job.setup.reference}"}
    crm.do("change", object="Account", id=client, fields=called)
    yield stage.walk.tell("CRM", "The client has a new contact", client)
    there = yield from _last_written(
        stage, code, "erp-1", lambda found: found["contact_name"] == contact(), since=now
    )
    yield from stage.walk.steps(there)
    now, term = timezone.now(), "NET14" if in_the_erp()["payment_term"] != "NET14" else "NET30"
    erp.do("change_customer", code=code, payment_term=term)
    yield stage.walk.tell("ERP", f"Another payment term is agreed: {term}", code)
    here = yield from _last_written(
        stage, code, "crm", lambda found: found["payment_term"] == term, since=now
    )
    yield from stage.walk.steps(here)
    stage.walk.until(lambda: in_the_erp()["contact"] == contact(), "The same contact on both sides")
    shown = here.steps.get(name="crm").values["payment_term"]
    if (known := in_the_erp())["payment_term"] != shown:
        raise TourFailed(f"The ERP's books show {known} of customer {code}, the CRM {shown}.")
    yield stage.walk.tell("Books", f"Contact and payment term of {code}: the same on both sides")


def _last_written(
    stage: Stage,
    code: str,
    step: str,
    fits: Callable[[Mapping[str, Any]], bool],
    since: datetime,
) -> Generator[dict[str, Any], None, Transaction]:
    """The transaction that has brought a customer's change to a side. Who may be the same client
    holds it up until a data owner has said otherwise."""
    changes = Transaction.objects.filter(process=duplicates.SYNC, keys__value=code)
    written = Step.objects.filter(
        transaction__in=changes.filter(state=TransactionState.VERIFIED),
        name=step,
        state="verified",
        done_at__gte=since,
    ).select_related("transaction")
    owner = Person.objects.get(username=CONTROLLER)
    found: list[Transaction] = []
    doubted: list[duplicates.Pair] = []

    def is_there_or_doubted() -> bool:
        found[:] = [one.transaction for one in written.all() if fits(one.values)]
        doubted[:] = [
            pair for pair in duplicates.waiting(owner) if changes.contains(pair.transaction)
        ]
        return bool(found or doubted)

    while True:
        stage.walk.until(is_there_or_doubted, "The change of the customer")
        if found:
            return found[0]
        for pair in doubted:
            word = duplicates.decide(
                ids=pair.ids, survivor="", reason="The second record was made by mistake",
                by=owner, now=timezone.now(),
            )  # fmt: skip
            yield stage.walk.tell("Tower", duplicates.said(word))
