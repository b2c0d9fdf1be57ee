"""The main job, played against the running product: a deal is won, work is approved, and the
ERP's own books are asked whether exactly that one invoice is in them."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db import OperationalError, connection
from django.utils import timezone

from controltower.transactions.models import Transaction

DEAL = {
    "entity": "LF-DE",
    "client": "SIL",
    "amount": "48200.00",
    "billing": "Time and materials",
    "grouping": "Project",
}
HOURS = "36.5"


class TourFailed(Exception):
    """The tour could not go on; the text says what happened, and whether money moved."""


@dataclass(slots=True)
class Tour:
    """One walk. `crm` and `erp` are the sandbox systems' control doors."""

    crm: str
    erp: str
    patience: float = 120.0
    began: float = field(default_factory=time.monotonic)
    started: datetime = field(default_factory=timezone.now)
    journey: list[dict[str, Any]] = field(default_factory=list)

    def walk(self) -> Iterator[dict[str, Any]]:
        """Play the job, yielding each thing that happened. Raises TourFailed."""
        deal = _post(f"{self.crm}/api/actions/close_deal", DEAL)
        yield self._tell("CRM", f"Deal won: {deal['name']}, €{deal['amount']}", deal["opportunity"])
        setup = self._until_over("opportunity", deal["opportunity"], "opportunity-to-project")
        yield from self._steps(setup)
        project = setup.steps.get(name="project").ref
        work = _post(f"{self.crm}/api/actions/approve_time", {"project": project, "hours": HOURS})
        yield self._tell("PSA", f"Time approved: {work['number']}, {HOURS} hours", work["timecard"])
        billing = self._until_over("approved work", work["number"], "time-and-expense-to-billing")
        yield from self._steps(billing)
        yield self._proof(setup, billing)

    def _until_over(self, kind: str, value: str, process: str) -> Transaction:
        while time.monotonic() - self.began < self.patience:
            try:
                found = Transaction.objects.filter(
                    process=process, keys__kind=kind, keys__value=value
                ).first()
            except OperationalError:
                connection.close()
                found = None
            if found is not None and _needs_a_person(found):
                raise TourFailed(
                    f"{found.title} is stuck: {found.wait_text} See /tx/{found.correlation_id}/."
                )
            if found is not None and found.is_over:
                return found
            time.sleep(0.2)
        raise TourFailed(
            f"{value} was not through after {self.patience:.0f} s. Nothing is lost: it goes on by "
            "itself; see bin/status and the Transactions page."
        )

    def _steps(self, transaction: Transaction) -> Iterator[dict[str, Any]]:
        for step in transaction.steps.select_related("system").order_by("position"):
            system = step.system.title if step.system else "Tower"
            line = self._tell(system, f"{step.title}: {step.state}", step.ref)
            if step.done_at:
                line["at"] = step.done_at.isoformat(timespec="milliseconds")
                line["after"] = round((step.done_at - self.started).total_seconds(), 2)
            yield line

    def _proof(self, setup: Transaction, billing: Transaction) -> dict[str, Any]:
        """Exactly one posted invoice of exactly this amount, read from the ERP's own books."""
        query = urlencode({"reference": billing.reference})
        found = _get(f"{self.erp}/api/books/invoices?{query}")["invoices"]
        if len(found) != 1:
            raise TourFailed(
                f"The ERP's books hold {len(found)} invoices with reference {billing.reference}."
            )
        invoice = found[0]
        if invoice["state"] != "posted" or Decimal(invoice["untaxed"]) != billing.amount:
            raise TourFailed(
                f"The books show {invoice['number']} as {invoice['state']} over "
                f"{invoice['untaxed']}; the tower sent {billing.amount}."
            )
        line = self._tell(
            "ERP books",
            f"Exactly one invoice, {invoice['number']}, posted: {invoice['untaxed']} + "
            f"{invoice['tax']} tax = {invoice['total']} {invoice['currency']}",
            billing.reference,
        )
        line["correlation_id"] = setup.correlation_id
        return line

    def _tell(self, system: str, text: str, ref: str) -> dict[str, Any]:
        line: dict[str, Any] = {
            "at": timezone.now().isoformat(timespec="milliseconds"),
            "after": round(time.monotonic() - self.began, 2),
            "system": system,
            "text": text,
            "id": ref,
        }
        self.journey.append(line)
        return line


def _needs_a_person(transaction: Transaction) -> bool:
    return Transaction.objects.stuck().filter(pk=transaction.pk).exists()


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    return _call(
        urllib.request.Request(  # noqa: S310 - the sandbox's own address
            url,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
    )


def _get(url: str) -> dict[str, Any]:
    return _call(urllib.request.Request(url))  # noqa: S310 - the sandbox's own address


def _call(request: urllib.request.Request) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            content: dict[str, Any] = json.load(answer)
            return content
    except urllib.error.HTTPError as error:
        raise TourFailed(f"The sandbox refused: {error.read()[:300].decode()}") from error
    except OSError as error:
        raise TourFailed(
            f"The sandbox does not answer ({error}). Is the tower up with its sandbox? bin/status"
        ) from error
