"""What the firm's people do in the CRM and the PSA, one deed at a time."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from integrations.sandbox import firm
from integrations.sandbox.control import Impossible
from integrations.sandbox.days import today
from integrations.sandbox.salesforce.org import Org
from integrations.sandbox.salesforce.schema import CHANGE_REQUEST, OBJECTS
from integrations.sandbox.salesforce.store import Row
from integrations.sandbox.salesforce.values import stamp

CURRENCY_OF = {entity.code: entity.currency for entity in firm.ENTITIES}
T_AND_M, FIXED_FEE = "Time and materials", "Fixed fee"
BY_TIME = "Time and Materials"
"""How the PSA words what the CRM calls T_AND_M."""
TOWERS_PROJECT = "Tower_External_Id__c IS NOT NULL AND IsDeleted = 0"
"""Time is approved only on projects that exist because the tower created them."""

_RARE_SKILL, _RARE_SHARE = "Actuarial modelling", 0.04
"""Something that nobody can, asked for now and then."""


class FirmAtWork:
    """Deeds of the firm's people. Amounts are drawn from `chance`, so a seed repeats a life."""

    def __init__(self, org: Org, chance: random.Random) -> None:
        self.org = org
        self.chance = chance

    def open_deal(
        self,
        *,
        stage: str = "Prospecting",
        entity: str = "",
        client: str = "",
        amount: Decimal | None = None,
        billing: str = "",
    ) -> str:
        """A new opportunity; returns its id. Raises Impossible for an unknown client."""
        account = self._account(entity, client)
        home = str(account["Legal_Entity__c"])
        method = billing or self.chance.choices([T_AND_M, FIXED_FEE], [62, 38])[0]
        template = firm.PROJECT_TEMPLATES.get(method)
        if template is None:
            raise Impossible(f"billing must be one of {', '.join(firm.PROJECT_TEMPLATES)}")
        grouping = self.chance.choices(["Project", "PO", "Month"], [60, 30, 10])[0]
        closes = today(home) + timedelta(days=self.chance.randint(3, 45))
        return self.org.create(
            "Opportunity",
            {
                "Name": f"{account['Name']} – {self.chance.choice(firm.ENGAGEMENTS)}",
                "AccountId": account["Id"],
                "StageName": stage,
                "Amount": amount or self.price(method),
                "CurrencyIsoCode": CURRENCY_OF[home],
                "CloseDate": closes.isoformat(),
                "Legal_Entity__c": home,
                "Billing_Method__c": method,
                "Billing_Grouping__c": grouping,
                "PO_Number__c": f"45{self.chance.randint(10**7, 10**8 - 1)}",
                "Project_Template__c": template,
                "Region__c": firm.REGIONS[home],
            },
        )

    def win(self, opportunity: str) -> None:
        """Close a deal as won today."""
        deal = self.org.live(OBJECTS["Opportunity"], opportunity)
        home = str(deal["Legal_Entity__c"] or "LF-DE")
        closed = {"StageName": "Closed Won", "CloseDate": today(home).isoformat()}
        self.org.change("Opportunity", opportunity, closed)

    def assign(self, project: Row) -> Row:
        """The project's assignment of a suitable person, made when there is none; returns it."""
        made = self.org.store.rows(
            "SELECT * FROM pse__Assignment__c WHERE pse__Project__c = ? AND IsDeleted = 0",
            [project["Id"]],
        )
        if made and (len(made) > 3 or self.chance.random() < 0.75):
            return self.chance.choice(made)
        person = self._person(str(project["Legal_Entity__c"] or ""))
        asked = _RARE_SKILL if self.chance.random() < _RARE_SHARE else ""
        return self.staff(project, person, asked)

    def staff(
        self,
        project: Row,
        person: Row,
        skills: str = "",
        end: str | None = None,
        hours: Decimal | None = None,
    ) -> Row:
        """Put a person on a project, for the skills of their role unless others are asked for,
        without an end or planned hours unless they are given; the assignment."""
        currency = str(project["CurrencyIsoCode"])
        card = firm.RATE_CARDS.get(currency, firm.RATE_CARDS[firm.REPORTING_CURRENCY])
        role = str(person["pse__Resource_Role__c"])
        ref = self.org.create(
            "pse__Assignment__c",
            {
                "Name": f"{person['Name']} – {role}",
                "pse__Project__c": project["Id"],
                "pse__Resource__c": person["Id"],
                "pse__Role__c": role,
                "pse__Bill_Rate__c": card[role].bill,
                "pse__Start_Date__c": project["pse__Start_Date__c"] or today("LF-DE").isoformat(),
                "pse__End_Date__c": end,
                "pse__Planned_Hours__c": hours,
                "pse__Status__c": "Tentative",
                "Skills__c": skills or firm.SKILLS[role][0],
                "CurrencyIsoCode": currency,
            },
        )
        return self.org.live(OBJECTS["pse__Assignment__c"], ref)

    def approve_week(
        self,
        project: Row,
        *,
        hours: Decimal | None = None,
        billable: bool = True,
        week: date | None = None,
    ) -> dict[str, str]:
        """Enter and approve a week of one person; returns the ids of all three records."""
        assignment = self.assign(project)
        monday = week or self._last_monday(str(project["Legal_Entity__c"] or "LF-DE"))
        days = self._days(hours)
        header = self.org.create(
            "pse__Timecard_Header__c",
            {
                "pse__Project__c": project["Id"],
                "pse__Resource__c": assignment["pse__Resource__c"],
                "pse__Assignment__c": assignment["Id"],
                "pse__Start_Date__c": monday.isoformat(),
                "pse__End_Date__c": (monday + timedelta(days=6)).isoformat(),
                "CurrencyIsoCode": project["CurrencyIsoCode"],
                "pse__Billable__c": billable,
                "pse__Status__c": "Submitted",
                **days,
            },
        )
        self.org.change("pse__Timecard_Header__c", header, {"pse__Status__c": "Approved"})
        split = self.org.store.first(
            "SELECT Id, Name FROM pse__Timecard__c WHERE pse__Timecard_Header__c = ?", [header]
        )
        assert split is not None
        return {
            "assignment": str(assignment["Id"]),
            "header": header,
            "timecard": str(split["Id"]),
            "number": str(split["Name"]),
        }

    def approve_expense(self, project: Row, amount: Decimal | None = None) -> dict[str, str]:
        """An approved, billable expense; returns its id and number."""
        assignment = self.assign(project)
        person = self.org.live(OBJECTS["Contact"], str(assignment["pse__Resource__c"]))
        spent = amount or cents(Decimal(str(self.chance.lognormvariate(5.0, 0.8))))
        ref = self.org.create(
            "pse__Expense__c",
            {
                "pse__Project__c": project["Id"],
                "pse__Resource__c": person["Id"],
                "pse__Resource_Name__c": person["Name"],
                "pse__Type__c": self.chance.choice(firm.EXPENSE_TYPES),
                "pse__Expense_Date__c": today(str(project["Legal_Entity__c"])).isoformat(),
                "pse__Amount__c": spent,
                "CurrencyIsoCode": project["CurrencyIsoCode"],
                "pse__Billable__c": True,
                "pse__Approved__c": True,
            },
        )
        return {
            "expense": ref,
            "number": str(self.org.live(OBJECTS["pse__Expense__c"], ref)["Name"]),
        }

    def approve_milestone(self, milestone: str, reached: date | None = None) -> dict[str, str]:
        """Approve a milestone for billing, reached today or that day; returns its id and name."""
        row = self.org.live(OBJECTS["pse__Milestone__c"], milestone)
        approved = {"pse__Status__c": "Approved", "pse__Approved_for_Billing__c": True}
        dated = {"pse__Actual_Date__c": reached.isoformat()} if reached else {}
        self.org.change("pse__Milestone__c", milestone, approved | dated)
        return {"milestone": milestone, "name": str(row["Name"])}

    def agree_change(
        self,
        project: Row,
        *,
        amount: Decimal | None = None,
        ends_on: date | None = None,
        currency: str = "",
    ) -> dict[str, str]:
        """A change order that both sides have signed: a tenth to a quarter of the contract when no
        amount is given; returns its id and number."""
        home = str(project["Legal_Entity__c"] or "LF-DE")
        worth = Decimal(str(project["Contract_Value__c"] or 0))
        share = Decimal(self.chance.randint(10, 25)) / 100
        added = cents(worth * share) if amount is None else amount
        ref = self.org.create(
            "pse__Budget__c",
            {
                "pse__Project__c": project["Id"],
                "pse__Type__c": CHANGE_REQUEST,
                "pse__Status__c": "Approved",
                "pse__Approved__c": True,
                "pse__Amount__c": added,
                "CurrencyIsoCode": currency or project["CurrencyIsoCode"],
                "pse__Effective_Date__c": today(home).isoformat(),
                "New_End_Date__c": ends_on.isoformat() if ends_on else None,
                "pse__Description__c": self.chance.choice(firm.CHANGES),
            },
        )
        number = self.org.live(OBJECTS["pse__Budget__c"], ref)["Name"]
        return {"change_order": ref, "number": str(number), "amount": str(added)}

    def projects(self, *, by_time: bool = False) -> list[Row]:
        """Projects that the tower created, newest first; only those billed by time if wanted."""
        only = f" AND pse__Billing_Type__c = '{BY_TIME}'" if by_time else ""
        return self.org.store.rows(
            f"SELECT * FROM pse__Proj__c WHERE {TOWERS_PROJECT}{only} ORDER BY CreatedDate DESC, Id"
        )

    def idle_project(self, known_for: timedelta) -> Row | None:
        """The oldest project billed by time on which nobody has worked yet."""
        before = stamp(datetime.now(UTC) - known_for)
        return self.org.store.first(
            f"SELECT * FROM pse__Proj__c AS p WHERE {TOWERS_PROJECT} AND p.CreatedDate < ?"
            " AND p.pse__Billing_Type__c = ? AND NOT EXISTS (SELECT 1 FROM pse__Timecard_Header__c"
            " AS h WHERE h.pse__Project__c = p.Id) ORDER BY p.CreatedDate, p.Id",
            [before, BY_TIME],
        )

    def open_milestones(self) -> list[Row]:
        """Milestones of the tower's projects that are not yet approved, by target date."""
        return self.org.store.rows(
            f"SELECT * FROM pse__Milestone__c WHERE {TOWERS_PROJECT}"
            " AND pse__Approved_for_Billing__c = 0 ORDER BY pse__Target_Date__c, Id"
        )

    def open_deals(self) -> list[Row]:
        """Deals not yet won or lost, oldest first."""
        return self.org.store.rows(
            "SELECT * FROM Opportunity WHERE StageName IN ('Prospecting', 'Proposal')"
            " AND IsDeleted = 0 ORDER BY CreatedDate, Id"
        )

    def price(self, method: str) -> Decimal:
        """A contract value as the trade knows them: many small, few large, rounded to fifty."""
        middle = 10.7 if method == T_AND_M else 11.2
        value = Decimal(str(self.chance.lognormvariate(middle, 0.75)))
        steps = (min(max(value, Decimal(6000)), Decimal(1_400_000)) / 50).to_integral_value()
        return Decimal(steps * 50)

    def _account(self, entity: str, client: str) -> Row:
        """A client by code, name or id; a random one of the entity otherwise."""
        names = [c.name for c in firm.CLIENTS if c.entity == entity or not entity]
        if client:
            names = [c.name for c in firm.CLIENTS if client in (c.code, c.name)] or [client]
        found = self.org.store.first(
            "SELECT * FROM Account WHERE (Name = ? OR Id = ?) AND IsDeleted = 0 ORDER BY Id",
            [self.chance.choice(names) if names else "", client],
        )
        if found is None:
            raise Impossible(f"there is no client {client or entity!r}")
        return {**found, "Legal_Entity__c": entity or found["Legal_Entity__c"] or "LF-DE"}

    def _person(self, entity: str) -> Row:
        people = self.org.store.rows(
            "SELECT * FROM Contact WHERE pse__Is_Resource__c = 1 AND IsDeleted = 0"
            " AND (Legal_Entity__c = ? OR ? = '') ORDER BY Id",
            [entity, entity],
        )
        if not people:
            raise Impossible(f"nobody works for {entity}")
        return self.chance.choice(people)

    def _days(self, hours: Decimal | None) -> dict[str, Decimal]:
        """A week's hours by day: as given (on Monday), or a plausible week in half hours."""
        names = [f"pse__{day}_Hours__c" for day in ("Monday", "Tuesday", "Wednesday")]
        names += ["pse__Thursday_Hours__c", "pse__Friday_Hours__c"]
        if hours is not None:
            spread = (hours / 5).quantize(Decimal("0.5"), ROUND_HALF_UP)
            first = hours - 4 * spread
            return dict(zip(names, [first, *[spread] * 4], strict=True))
        worked = self.chance.choice((5, 5, 4, 3))
        halves = [Decimal(self.chance.randint(11, 18)) / 2 for _ in range(worked)]
        return dict(zip(names[:worked], halves, strict=True))

    def _last_monday(self, entity: str) -> date:
        day = today(entity)
        return day - timedelta(days=day.weekday())


def cents(value: Decimal) -> Decimal:
    """Rounded to two decimals."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)
