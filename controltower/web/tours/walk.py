"""How a tour goes: something is done in the sandbox, the tower is watched, the books are asked."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db import OperationalError, connection
from django.utils import timezone

from controltower.transactions.models import Transaction

PATIENCE = 90.0
"""Seconds for one answer of a control door: an ERP at a month's end takes its time to pay."""


class TourFailed(Exception):
    """The tour could not go on; the text says what happened, and whether money moved."""


@dataclass(slots=True)
class Walk:
    """What happens on a tour, told line by line. `patience` is for each thing awaited, seconds."""

    patience: float = 120.0
    began: float = field(default_factory=time.monotonic)
    started: datetime = field(default_factory=timezone.now)
    journey: list[dict[str, Any]] = field(default_factory=list)

    def until_over(self, kind: str, value: str, process: str) -> Transaction:
        """The transaction of a business key, once it has ended. Raises TourFailed."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
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

    def steps(self, transaction: Transaction) -> Iterator[dict[str, Any]]:
        """Each step as a line."""
        for step in transaction.steps.select_related("system").order_by("position"):
            system = step.system.title if step.system else "Tower"
            line = self.tell(system, f"{step.title}: {step.state}", step.ref)
            if step.done_at:
                line["at"] = step.done_at.isoformat(timespec="milliseconds")
                line["after"] = round((step.done_at - self.started).total_seconds(), 2)
            yield line

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait for something else. Raises TourFailed."""
        end = time.monotonic() + self.patience
        while not done():
            if time.monotonic() > end:
                raise TourFailed(f"{what} did not happen within {self.patience:.0f} s.")
            time.sleep(0.2)

    def tell(self, system: str, text: str, ref: str = "") -> dict[str, Any]:
        """A line of the journey."""
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


@dataclass(frozen=True, slots=True)
class Door:
    """The control door of one of the sandbox's systems."""

    url: str

    def do(self, action: str, **wanted: Any) -> dict[str, Any]:
        """Have its people do something. Raises TourFailed."""
        return self._post(f"actions/{action}", wanted)

    def order(self, kind: str, **wanted: Any) -> None:
        """Order a fault, such as ``down`` for so many `seconds`. Raises TourFailed."""
        self._post("faults", {"kind": kind, **wanted})

    def state(self) -> dict[str, Any]:
        """What its control door says of it. Raises TourFailed."""
        return _call(urllib.request.Request(f"{self.url}/api/state"))  # noqa: S310 - the sandbox's own address

    def set_pace(self, pace: str) -> None:
        """Let its people live faster, slower or not at all. Raises TourFailed."""
        self._post("life", {"pace": pace})

    def books(self, kind: str, **query: str) -> list[dict[str, Any]]:
        """What its own books hold. Raises TourFailed."""
        address = f"{self.url}/api/books/{kind}?{urlencode(query)}"
        found = _call(urllib.request.Request(address))  # noqa: S310 - the sandbox's own address
        return list(found[kind])

    def _post(self, path: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the sandbox's own address
            f"{self.url}/api/{path}",
            data=json.dumps(wanted).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        return _call(request)


def _call(request: urllib.request.Request) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            content: dict[str, Any] = json.load(answer)
            return content
    except urllib.error.HTTPError as error:
        raise TourFailed(f"The sandbox refused: {error.read()[:300].decode()}") from error
    except OSError as error:
        raise TourFailed(
            f"The sandbox does not answer ({error}). Is the tower up with its sandbox? bin/status"
        ) from error
