"""What the firm's people do in its other systems, through the control doors of those."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal

from aiohttp import ClientError, ClientSession, ClientTimeout

from integrations.sandbox.firm import ENTITIES
from integrations.sandbox.salesforce.life.firm_at_work import cents
from integrations.sandbox.salesforce.store import Row

_TIMEOUT = ClientTimeout(total=5)
_UNMAPPED, _UNMAPPED_SHARE = "6999", 0.05
"""An account that nobody has mapped, now and then: part of life."""
_HR = ("workday", "bamboohr")
_LEAVING = {"workday": ("leave",)}
"""Where whoever joined last leaves first, so that the firm keeps its people."""


class Errands:
    """Errands into the systems whose doors are known. A system that is away is not waited for."""

    def __init__(self, doors: Mapping[str, str], chance: random.Random) -> None:
        self._doors = doors
        self._chance = chance
        self._running = set[asyncio.Task[None]]()

    @property
    def can_buy(self) -> bool:
        """Whether there is a spend system."""
        return "coupa" in self._doors

    def buy(self, project: Row) -> tuple[str, dict[str, str]]:
        """Somebody approves a supplier's invoice, or an expense report, for a project."""
        deed = self._chance.choices(["approve_invoice", "approve_report"], [70, 30])[0]
        spent = cents(Decimal(str(self._chance.lognormvariate(6.2, 0.9))))
        wanted = {
            "project": str(project["Id"]),
            "entity": str(project["Legal_Entity__c"]),
            "currency": str(project["CurrencyIsoCode"]),
            "amount": str(spent),
            "billable": "true" if self._chance.random() < 0.3 else "",
        }
        if self._chance.random() < _UNMAPPED_SHARE:
            wanted["account"] = _UNMAPPED
        self._begin("coupa", deed, wanted)
        return "purchase approved", {"project": wanted["project"], "amount": wanted["amount"]}

    @property
    def has_second_psa(self) -> bool:
        """Whether one of the companies plans its projects elsewhere."""
        return "kantata" in self._doors

    def work_elsewhere(self) -> tuple[str, dict[str, str]]:
        """Somebody has time or an expense approved there, or a change order agreed."""
        deeds = ["approve_time", "approve_expense", "agree_change"]
        deed = self._chance.choices(deeds, [70, 20, 10])[0]
        wanted = {"pick": str(self._chance.randint(0, 999))}
        if deed != "approve_time":
            wanted["amount"] = str(cents(Decimal(str(self._chance.lognormvariate(6.5, 0.8)))))
        self._begin("kantata", deed, wanted)
        return f"in Kantata: {deed}", {"system": "kantata"}

    @property
    def has_staff(self) -> bool:
        """Whether there is an HR system."""
        return bool(self._hr())

    def change_staff(self) -> tuple[str, dict[str, str]]:
        """Somebody joins, is promoted, takes a day off or, where joiners go first, leaves."""
        system = self._chance.choice(self._hr())
        deeds = ["hire", "promote", "take_off", *_LEAVING.get(system, ())]
        deed = self._chance.choices(deeds, [40, 25, 20, 15][: len(deeds)])[0]
        self._begin(system, deed, {})
        return f"people: {deed}", {"system": system}

    def _hr(self) -> list[str]:
        return [name for name in _HR if name in self._doors]

    @property
    def has_books(self) -> bool:
        """Whether there is an ERP whose clerks keep customers."""
        return "tryton" in self._doors

    def change_customer(self) -> tuple[str, dict[str, str]]:
        """A clerk agrees on another payment term, or puts a customer on hold, or off it."""
        wanted = {"pick": str(self._chance.randint(0, 999))}
        if self._chance.random() < 0.7:
            wanted["payment_term"] = self._chance.choice(["NET14", "NET30"])
        else:
            wanted["credit_hold"] = self._chance.choice(["true", "false", "false"])
        self._begin("tryton", "change_customer", wanted)
        return "customer changed in the ERP", {"system": "tryton"}

    @property
    def can_pay(self) -> bool:
        """Whether there is a payroll provider."""
        return "payroll" in self._doors

    def pay(self) -> tuple[str, dict[str, str]]:
        """The payroll of a company is accepted."""
        entity = self._chance.choice(ENTITIES).code
        self._begin("payroll", "run_payroll", {"entity": entity})
        return "payroll accepted", {"entity": entity}

    def _begin(self, system: str, deed: str, wanted: Mapping[str, str]) -> None:
        errand = asyncio.get_running_loop().create_task(self._run(system, deed, wanted))
        self._running.add(errand)
        errand.add_done_callback(self._running.discard)

    async def _run(self, system: str, deed: str, wanted: Mapping[str, str]) -> None:
        url = f"{self._doors[system]}/api/actions/{deed}"
        with suppress(ClientError, TimeoutError):
            async with ClientSession(timeout=_TIMEOUT) as session:
                await session.post(url, json=wanted)
