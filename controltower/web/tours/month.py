"""The firm's month at so many times its volume: everything that its people do in their systems,
each of which may be away for a while in the middle; then every total across systems."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

from django.utils import timezone

from controltower.transactions.models import InboundEvent, Transaction
from controltower.web.tours.auditing import audited
from controltower.web.tours.erp_books import ErpBooks
from controltower.web.tours.psa_books import CertiniaBooks, KantataBooks, PsaBooks
from controltower.web.tours.settling import settled
from controltower.web.tours.stage import Lines
from controltower.web.tours.walk import Door, Walk

CLIENTS = {
    "LF-DE": ("MHH", "BRA", "SIL", "KUP", "LOU", "ENZ"),
    "LF-UK": ("QFM", "OTT", "PEB", "SHA"),
    "LF-US": ("BLU", "COP", "MAP"),
}
"""Clients of every tax treatment, none of whom the ERP has twice."""
BY_TIME, FIXED_FEE = "Time and materials", "Fixed fee"
CAP = "6000.00"
SOLD = (
    *((company, BY_TIME, grouping, "") for company in CLIENTS for grouping in ("Project", "PO")),
    ("LF-DE", FIXED_FEE, "Project", ""), ("LF-UK", FIXED_FEE, "PO", ""),
    ("LF-DE", BY_TIME, "Month", ""), ("LF-UK", BY_TIME, "Project", CAP),
)  # fmt: skip
"""What is sold in a month: company, billing method, grouping, and the most that may be billed, that
the month's work goes beyond. What is billed by month gathers until the month is over."""
AWAY_SECONDS, BETWEEN_SECONDS = 12, 2.0
PLACES = ("LF-DE", "LF-UK", "LF-US")


@dataclass
class Month:
    """A month of the firm. Each deed is done through a control door, as somebody in that system
    does it; `away` takes every system down once, in turn, between the deeds."""

    walk: Walk
    doors: Mapping[str, Door]
    times: int
    away: bool
    deals: list[dict[str, Any]] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    falling: list[str] = field(default_factory=list)

    def play(self) -> Lines:
        """Play it and compare. Raises TourFailed when anything is not as it should be."""
        psa = self.doors["salesforce"]
        pace = str(psa.state()["life"]["pace"])
        psa.set_pace("pause")
        try:
            yield from self._lived()
            yield from audited(self.walk, self.doors)
        finally:
            psa.set_pace(pace)

    def _lived(self) -> Lines:
        began = timezone.now()
        yield from self._sell()
        yield settled(self.walk, "Deals, contracts and projects")
        self.falling = list(self.doors) if self.away else []
        yield from self._work()
        while self.falling:
            self._fall()
            time.sleep(BETWEEN_SECONDS)
        yield settled(self.walk, "Work, milestones, change orders, purchases, people")
        yield from self._correct_and_pay()
        yield settled(self.walk, "Credit notes, new invoices, cash")
        events = InboundEvent.objects.filter(received_at__gte=began).count()
        over = Transaction.objects.filter(started_at__gte=began).exclude(ended_at=None).count()
        yield self.walk.tell("Tower", f"{events:,} events taken in, {over:,} transactions over")

    def _sell(self) -> Lines:
        clients = {company: cycle(names) for company, names in CLIENTS.items()}
        for number, (company, method, grouping, cap) in enumerate(SOLD * self.times):
            deal = self.doors["salesforce"].do(
                "close_deal", entity=company, client=next(clients[company]), billing=method,
                grouping=grouping, amount=f"{30_000 + 1_117 * (number % 60)}.{number % 100:02d}",
            )  # fmt: skip
            self.deals.append({**deal, "method": method})
            self._sign(deal, cap)
        yield self.walk.tell("CRM", f"{len(self.deals)} deals are won, their contracts signed")

    def _sign(self, deal: Mapping[str, Any], cap: str) -> None:
        said = {
            "opportunity_id": deal["opportunity"], "legal_entity": deal["entity"],
            "currency": deal["currency"], "contract_value": deal["amount"],
        }  # fmt: skip
        self.doors["docusign"].do("sign", **said, **({"cap": cap} if cap else {}))

    def _work(self) -> Lines:
        projects = self._projects(CertiniaBooks(self.doors["salesforce"]))
        spaces = self._projects(KantataBooks(self.doors["kantata"]))
        deeds = [*self._in_the_psa(projects), *self._in_kantata(spaces)]
        deeds += self._elsewhere([*projects.items()])
        every = max(1, len(deeds) // max(1, len(self.falling)))
        for number, deed in enumerate(deeds):
            deed()
            if number % every == 0:
                self._fall()
        yield self.walk.tell("", f"{len(deeds)} deeds in the PSAs, the spend and the HR systems")

    def _projects(self, psa: PsaBooks) -> dict[str, dict[str, Any]]:
        """The deals of the month by their projects in a PSA."""
        deals = {deal["opportunity"]: deal for deal in self.deals}
        return {one.name: deals[one.deal] for one in psa.projects() if one.deal in deals}

    def _in_the_psa(self, projects: Mapping[str, Mapping[str, Any]]) -> Iterator[Deed]:
        """Four weeks of time and an expense, or two milestones; every third contract changes."""
        for number, (project, deal) in enumerate(projects.items()):
            if deal["method"] == FIXED_FEE:
                yield from [self._deed("approve_milestone", project=project)] * 2
                yield self._deed("approve_time", project=project, hours="6", billable=False)
            else:
                for week in _weeks():
                    yield self._timed(project, str(week))
                yield self._deed("approve_expense", project=project, amount=f"{100 + number}.35")
            if number % 3 == 0:
                yield self._deed("agree_change", project=project, amount=f"{1000 + number}.01")

    def _timed(self, project: str, week: str) -> Deed:
        def approve() -> None:
            psa = self.doors["salesforce"]
            done = psa.do("approve_time", project=project, week=week)
            self.cards.append(str(done["timecard"]))

        return approve

    def _deed(self, name: str, system: str = "salesforce", **wanted: Any) -> Deed:
        return lambda: self.doors[system].do(name, **wanted)

    def _in_kantata(self, spaces: Iterable[str]) -> Iterator[Deed]:
        for space in spaces:
            for hours in ("8", "7.25", "3.335"):
                yield self._deed("approve_time", "kantata", project=space, hours=hours)
            for amount in ("136.38", "99.99"):
                yield self._deed("approve_expense", "kantata", project=space, amount=amount)
            yield self._deed("agree_change", "kantata", project=space, amount="2000.02")

    def _elsewhere(self, projects: list[tuple[str, dict[str, Any]]]) -> Iterator[Deed]:
        """Purchases, payrolls, joiners and one who leaves again."""
        for number, (project, deal) in enumerate(islice(cycle(projects), 4 * self.times)):
            kind = "approve_report" if number % 4 == 3 else "approve_invoice"
            yield self._deed(
                kind, "coupa", project=project, entity=deal["entity"],
                currency=deal["currency"], amount=f"{400 + 7 * number}.57",
                billable="true" if number % 5 == 1 else "",
            )  # fmt: skip
        for number in range(self.times):
            paid = f"{40_000 + number}.03"
            yield self._deed("run_payroll", "payroll", entity=PLACES[number % 3], amount=paid)
            yield self._deed("hire", "workday", company="LF-UK", role="Analyst")
            yield self._joined_and_left

    def _joined_and_left(self) -> None:
        hr = self.doors["workday"]
        joined = hr.do("hire", company="LF-DE", role="Consultant")
        hr.do("leave", id=joined["id"])

    def _correct_and_pay(self) -> Lines:
        """Time that turns out wrong, and clients who pay."""
        billed = {
            row["Id"] for row in self.doors["salesforce"].books("pse__Timecard__c")
            if row["pse__Billed__c"]
        }  # fmt: skip
        wrong = [card for card in self.cards if card in billed][:: max(1, 10 // self.times)]
        for card in wrong[: 2 * self.times]:
            self.doors["salesforce"].do("correct_time", timecard=card, hours="4")
        erps, paid = ErpBooks(self.doors), dict[str, int]()
        for erp, row in islice(erps.booked(), 0, None, 3):
            if row["state"] == "posted" and Decimal(row["total"]) > 0:
                erps.pay(erp, row)
                paid[erp] = paid.get(erp, 0) + 1
        told = ", ".join(f"{number} in {erp}" for erp, number in paid.items())
        yield self.walk.tell(
            "", f"{len(wrong[: 2 * self.times])} corrected; invoices paid: {told or 'none'}"
        )

    def _fall(self) -> None:
        """The next system is away for a while."""
        if self.falling:
            self.doors[self.falling.pop(0)].order("down", seconds=AWAY_SECONDS)


Deed = Callable[[], object]


def _weeks() -> Iterator[date]:
    """The Mondays of this month's weeks that have begun, at most four."""
    today = timezone.now().date()
    first = today.replace(day=1)
    monday = first + timedelta(days=-first.weekday() % 7)
    for week in range(4):
        if (on := monday + timedelta(weeks=week)) <= today:
            yield on
