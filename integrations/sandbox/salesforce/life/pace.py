"""How fast the firm lives, and what happens next."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from integrations.sandbox.control import Impossible
from integrations.sandbox.salesforce.errors import Refused
from integrations.sandbox.salesforce.life.clients import ClientCare
from integrations.sandbox.salesforce.life.corrections import correct_some_time
from integrations.sandbox.salesforce.life.dirt import DIRT
from integrations.sandbox.salesforce.life.errands import Errands
from integrations.sandbox.salesforce.life.firm_at_work import FirmAtWork
from integrations.sandbox.salesforce.life.fixed_price import work_at_fixed_price
from integrations.sandbox.salesforce.life.retainers import sell_retainer

EVENTS_PER_MINUTE = {"pause": 0.0, "normal": 4.0, "busy": 20.0, "month_end": 45.0}
DIRT_SHARE = 0.03
_OPENING_DEALS = 4
_OPENING_EVENTS_PER_MINUTE = 8.0
_TICK = 1.0
_SURGE = 2
_TIME_TO_STAFF = timedelta(seconds=12)


class Pace:
    """The firm's clock. The pace and the count of what happened survive a restart."""

    def __init__(
        self, work: FirmAtWork, chance: random.Random, doors: Mapping[str, str] | None = None
    ) -> None:
        """`doors` are the control doors of the firm's other systems, by their names."""
        self._work = work
        self._chance = chance
        self._clients = ClientCare(work.org, chance)
        self._errands = Errands(doors or {}, chance)
        self._recent: deque[dict[str, str]] = deque(maxlen=12)

    @property
    def pace(self) -> str:
        """The name of the current pace."""
        return self._work.org.store.setting("pace", "normal")

    def set_pace(self, pace: str) -> None:
        """Raises Impossible on an unknown pace."""
        if pace not in EVENTS_PER_MINUTE:
            raise Impossible(f"pace must be one of {', '.join(EVENTS_PER_MINUTE)}")
        self._work.org.store.set("pace", pace)

    def recent(self) -> list[dict[str, str]]:
        """What happened last, newest first."""
        return list(self._recent)

    async def run(self) -> None:
        """Live until cancelled."""
        while True:
            await asyncio.sleep(_TICK)
            if self._chance.random() < self._rate() * _TICK / 60:
                self.live_a_moment()

    def live_a_moment(self) -> None:
        """One thing happens; a refusal by the org's rules is part of life."""
        try:
            what, found = self._next()
        except (Refused, Impossible) as refusal:
            what, found = "was refused", {"reason": str(refusal)}
        except Exception:  # noqa: BLE001 - a defect here must not stop the servers beside it
            traceback.print_exc()
            what, found = "went wrong", {"reason": "see the sandbox's log"}
        if what:
            self.note(what, **found)

    def note(self, what: str, **found: str) -> None:
        """Remember what happened, for the control page."""
        happened = datetime.now(UTC).isoformat(timespec="seconds")
        self._recent.appendleft({"at": happened, "what": what, **found})

    def _rate(self) -> float:
        """Events a minute; the first deals close faster, so that there is something to see."""
        usual = EVENTS_PER_MINUTE[self.pace] * (_SURGE if _month_ends() else 1)
        if usual and self._won_so_far() < _OPENING_DEALS:
            return max(usual, _OPENING_EVENTS_PER_MINUTE)
        return usual

    def _won_so_far(self) -> int:
        return int(self._work.org.store.setting("deals_won", "0"))

    def _next(self) -> tuple[str, dict[str, str]]:
        if self._won_so_far() < _OPENING_DEALS:
            return self._win_a_deal()
        if waiting := self._work.idle_project(_TIME_TO_STAFF):
            return "time approved", self._work.approve_week(waiting)
        if self._chance.random() < DIRT_SHARE:
            kind = self._chance.choice(list(DIRT))
            return f"dirt: {kind}", DIRT[kind](self._work)
        month_end = self.pace == "month_end" or _month_ends()
        deeds: list[tuple[int, Callable[[], tuple[str, dict[str, str]]]]] = [
            (8 if month_end else 18, self._win_a_deal),
            (8, self._open_a_deal),
            (55 if month_end else 44, self._approve_time),
            (18, self._approve_expense),
            (16 if month_end else 8, self._approve_milestone),
            (8 if self._errands.can_buy else 0, self._buy),
            (4 if self._errands.has_staff else 0, self._errands.change_staff),
            (2 if self._errands.can_pay else 0, self._errands.pay),
            (3, self._agree_change),
            (8, lambda: work_at_fixed_price(self._work)),
            (3, self._change_client),
            (2, lambda: correct_some_time(self._work)),
            (2, lambda: sell_retainer(self._work)),
            (10 if self._errands.has_second_psa else 0, self._errands.work_elsewhere),
        ]
        return self._chance.choices([d for _, d in deeds], [w for w, _ in deeds])[0]()

    def _win_a_deal(self) -> tuple[str, dict[str, str]]:
        deals = [deal for deal in self._work.open_deals() if deal["StageName"] == "Proposal"]
        if not deals:
            return self._open_a_deal()
        deal = self._chance.choice(deals)
        self._work.win(deal["Id"])
        self._work.org.store.set("deals_won", str(self._won_so_far() + 1))
        self._work.open_deal(stage="Proposal")
        return "deal won", {"opportunity": deal["Id"], "name": deal["Name"]}

    def _open_a_deal(self) -> tuple[str, dict[str, str]]:
        early = [d for d in self._work.open_deals() if d["StageName"] == "Prospecting"]
        if len(early) > 10:
            deal = self._chance.choice(early)
            stage = self._chance.choices(["Proposal", "Closed Lost"], [70, 30])[0]
            self._work.org.change("Opportunity", deal["Id"], {"StageName": stage})
            return f"deal moved to {stage}", {"opportunity": deal["Id"], "name": deal["Name"]}
        return "deal opened", {"opportunity": self._work.open_deal()}

    def _approve_time(self) -> tuple[str, dict[str, str]]:
        projects = self._work.projects(by_time=True)
        if not projects:
            return "", {}
        billable = self._chance.random() > 0.08
        project = self._chance.choice(projects[:60])
        return "time approved", self._work.approve_week(project, billable=billable)

    def _change_client(self) -> tuple[str, dict[str, str]]:
        """Somebody keeps a customer's data, in the CRM or in the ERP."""
        if self._errands.has_books and self._chance.random() < 0.4:
            return self._errands.change_customer()
        return self._clients.change()

    def _agree_change(self) -> tuple[str, dict[str, str]]:
        projects = self._work.projects()
        if not projects:
            return "", {}
        return "change order agreed", self._work.agree_change(self._chance.choice(projects[:60]))

    def _buy(self) -> tuple[str, dict[str, str]]:
        projects = self._work.projects()
        if not projects:
            return "", {}
        return self._errands.buy(self._chance.choice(projects[:60]))

    def _approve_expense(self) -> tuple[str, dict[str, str]]:
        projects = self._work.projects(by_time=True)
        if not projects:
            return "", {}
        return "expense approved", self._work.approve_expense(self._chance.choice(projects[:60]))

    def _approve_milestone(self) -> tuple[str, dict[str, str]]:
        milestones = self._work.open_milestones()
        if not milestones:
            return "", {}
        due = self._chance.choice(milestones[:20])
        return "milestone approved", self._work.approve_milestone(due["Id"])


def _month_ends() -> bool:
    """The last two days of a month, when time sheets are chased and milestones are signed."""
    today = datetime.now(UTC).date()
    return (today + timedelta(days=2)).month != today.month
