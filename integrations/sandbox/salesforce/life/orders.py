"""What the control door may order of the firm, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.sandbox.control import Impossible
from integrations.sandbox.salesforce.bus import WAYS
from integrations.sandbox.salesforce.errors import Refused
from integrations.sandbox.salesforce.life.clients import ClientCare
from integrations.sandbox.salesforce.life.corrections import correct_time
from integrations.sandbox.salesforce.life.dirt import DIRT
from integrations.sandbox.salesforce.life.firm_at_work import T_AND_M, FirmAtWork
from integrations.sandbox.salesforce.life.fixed_price import plan_hours
from integrations.sandbox.salesforce.life.pace import EVENTS_PER_MINUTE, Pace
from integrations.sandbox.salesforce.schema import OBJECTS
from integrations.sandbox.salesforce.store import Row

Wanted = Mapping[str, Any]


class Orders:
    """The firm's life as the control door sees it (see `control.Life`)."""

    def __init__(self, work: FirmAtWork, pace: Pace, quota: Callable[[], tuple[int, int]]) -> None:
        self._work = work
        self._clients = ClientCare(work.org, work.chance)
        self._pace = pace
        self._quota = quota
        self._deeds: dict[str, Callable[[Wanted], dict[str, Any]]] = {
            "close_deal": self._close_deal,
            "open_client": self._open_client,
            "approve_time": self._approve_time,
            "approve_expense": self._approve_expense,
            "approve_milestone": self._approve_milestone,
            "staff": self._staff,
            "agree_change": self._agree_change,
            "plan_hours": self._plan_hours,
            "correct_time": self._correct_time,
            "dirty": self._dirty,
            "change": self._change,
            "delete": self._delete,
            "undelete": self._undelete,
            "merge": self._merge,
            "lock": self._lock,
            "duplicate_external_id": self._duplicate_external_id,
            "daily_limit": self._daily_limit,
            "bus": self._bus,
        }

    def state(self) -> dict[str, Any]:
        """Pace, figures and what happened last."""
        used, limit = self._quota()
        store = self._work.org.store
        counts = {
            sobject.label: (store.first(f"SELECT COUNT(*) AS n FROM {name}") or {"n": 0})["n"]
            for name, sobject in OBJECTS.items()
        }
        return {
            "pace": self._pace.pace,
            "paces": list(EVENTS_PER_MINUTE),
            "actions": list(self._deeds),
            "dirt": list(DIRT),
            "records": counts,
            "quota": {"used": used, "limit": limit},
            "recent": self._pace.recent(),
        }

    def set_pace(self, pace: str) -> None:
        """Raises Impossible on an unknown pace."""
        self._pace.set_pace(pace)

    def books(self, kind: str) -> list[dict[str, Any]]:
        """Live records of an object. Raises Impossible on an unknown one."""
        if kind not in OBJECTS:
            raise Impossible(f"the org has {', '.join(OBJECTS)}")
        return self._work.org.store.rows(f"SELECT * FROM {kind} WHERE IsDeleted = 0 ORDER BY Id")

    def act(self, name: str, wanted: Wanted) -> dict[str, Any]:
        """Do something now; the ids of what came of it. Raises Impossible."""
        deed = self._deeds.get(name)
        if deed is None:
            raise Impossible(f"action must be one of {', '.join(self._deeds)}")
        try:
            done = deed(wanted)
        except Refused as refusal:
            raise Impossible(f"the org refuses: {refusal}") from refusal
        self._pace.note(f"on order: {name}", **{k: str(v) for k, v in done.items()})
        return done

    def _close_deal(self, wanted: Wanted) -> dict[str, Any]:
        """``entity``, ``client`` (code, name or id), ``amount``, ``billing``, ``grouping``, or
        ``opportunity`` to win an open one."""
        ref = str(wanted.get("opportunity") or "")
        if not ref:
            ref = self._work.open_deal(
                stage="Proposal",
                entity=str(wanted.get("entity") or ""),
                client=str(wanted.get("client") or ""),
                amount=_amount(wanted, "amount"),
                billing=str(wanted.get("billing") or T_AND_M),
            )
        if wanted.get("grouping"):
            self._work.org.change(
                "Opportunity", ref, {"Billing_Grouping__c": str(wanted["grouping"])}
            )
        self._work.win(ref)
        deal = self._work.org.live(OBJECTS["Opportunity"], ref)
        return {
            "opportunity": ref,
            "name": deal["Name"],
            "amount": str(deal["Amount"]),
            "currency": deal["CurrencyIsoCode"],
            "entity": deal["Legal_Entity__c"],
        }

    def _open_client(self, wanted: Wanted) -> dict[str, Any]:
        """``entity`` and any fields of an account; what is left out is as for a new client."""
        fields = {name: value for name, value in wanted.items() if name != "entity"}
        return self._clients.open(str(wanted.get("entity") or "LF-DE"), fields)

    def _approve_time(self, wanted: Wanted) -> dict[str, Any]:
        """``project`` (id), ``hours``, ``billable``, ``week`` (its Monday)."""
        return dict(
            self._work.approve_week(
                self._project(wanted),
                hours=_amount(wanted, "hours"),
                billable=wanted.get("billable") not in (False, "false", "no"),
                week=_day(wanted, "week"),
            )
        )

    def _approve_expense(self, wanted: Wanted) -> dict[str, Any]:
        """``project`` (id), ``amount``."""
        return dict(self._work.approve_expense(self._project(wanted), _amount(wanted, "amount")))

    def _approve_milestone(self, wanted: Wanted) -> dict[str, Any]:
        """``milestone`` (id), or ``project`` for its next one, or neither for any; ``on``: the day
        it was reached."""
        ref = str(wanted.get("milestone") or "")
        if not ref:
            of = str(wanted.get("project") or "")
            ready = [m for m in self._work.open_milestones() if of in ("", m["pse__Project__c"])]
            if not ready:
                raise Impossible("no milestone waits for approval")
            ref = str(ready[0]["Id"])
        return dict(self._work.approve_milestone(ref, _day(wanted, "on")))

    def _staff(self, wanted: Wanted) -> dict[str, Any]:
        """``project`` and ``person`` (ids): an assignment; ``skills``, ``end`` and ``hours`` as
        wanted."""
        person = self._work.org.live(OBJECTS["Contact"], str(wanted.get("person")))
        skills, end = str(wanted.get("skills") or ""), wanted.get("end")
        last, hours = str(end) if end else None, _amount(wanted, "hours")
        made = self._work.staff(self._project(wanted), person, skills, last, hours)
        return {"assignment": made["Id"]}

    def _agree_change(self, wanted: Wanted) -> dict[str, Any]:
        """``project`` (id), ``amount``, ``ends_on`` (YYYY-MM-DD), ``currency``."""
        return dict(
            self._work.agree_change(
                self._project(wanted),
                amount=_amount(wanted, "amount"),
                ends_on=_day(wanted, "ends_on"),
                currency=str(wanted.get("currency") or ""),
            )
        )

    def _plan_hours(self, wanted: Wanted) -> dict[str, Any]:
        """``project`` (id), ``hours``: revenue of a fixed price is earned as they are worked."""
        return dict(plan_hours(self._work, self._project(wanted), _amount(wanted, "hours")))

    def _correct_time(self, wanted: Wanted) -> dict[str, Any]:
        """``timecard`` (id), billed already; ``hours`` that were right, none by default."""
        hours = _amount(wanted, "hours") or Decimal(0)
        return dict(correct_time(self._work, str(wanted.get("timecard")), hours))

    def _dirty(self, wanted: Wanted) -> dict[str, Any]:
        """``kind``: one of the known sorts of dirt."""
        kind = str(wanted.get("kind") or "")
        if kind not in DIRT:
            raise Impossible(f"kind must be one of {', '.join(DIRT)}")
        return dict(DIRT[kind](self._work))

    def _change(self, wanted: Wanted) -> dict[str, Any]:
        """``object``, ``id``, ``fields``: somebody corrects a record by hand."""
        fields = wanted.get("fields")
        if not isinstance(fields, dict):
            raise Impossible("fields must be an object")
        self._work.org.change(str(wanted.get("object")), str(wanted.get("id")), fields)
        return {"id": str(wanted.get("id"))}

    def _delete(self, wanted: Wanted) -> dict[str, Any]:
        """``object``, ``id``: somebody deletes a record."""
        self._work.org.delete(str(wanted.get("object")), str(wanted.get("id")))
        return {"id": str(wanted.get("id"))}

    def _undelete(self, wanted: Wanted) -> dict[str, Any]:
        """``object``, ``id``: somebody takes it back out of the recycle bin."""
        self._work.org.undelete(str(wanted.get("object")), str(wanted.get("id")))
        return {"id": str(wanted.get("id"))}

    def _merge(self, wanted: Wanted) -> dict[str, Any]:
        """``object``, ``id`` of the record that is left, ``gone`` that of the one that is not."""
        left, gone = str(wanted.get("id")), str(wanted.get("gone"))
        self._work.org.merge(str(wanted.get("object")), left, gone)
        return {"id": left, "gone": gone}

    def _lock(self, wanted: Wanted) -> dict[str, Any]:
        """``id``, ``held``: an approval process holds or releases a record."""
        held = wanted.get("held", True) is not False
        self._work.org.lock(str(wanted.get("id")), held)
        return {"id": str(wanted.get("id")), "held": held}

    def _duplicate_external_id(self, wanted: Wanted) -> dict[str, Any]:
        """``object``, ``id``: a second record with the same external id, as a data load leaves."""
        sobject = OBJECTS.get(str(wanted.get("object")))
        if sobject is None:
            raise Impossible("object must name one of the org's objects")
        org = self._work.org
        row = org.live(sobject, str(wanted.get("id")))
        with org.store.transaction():
            twin = org.store.insert(sobject, {k: v for k, v in row.items() if k != "Id"})
        return {"id": twin["Id"]}

    def _daily_limit(self, wanted: Wanted) -> dict[str, Any]:
        """``calls``: the org's daily quota."""
        limit = _amount(wanted, "calls")
        if limit is None or limit < 0:
            raise Impossible("calls must be a number")
        self._work.org.store.set("daily_limit", str(int(limit)))
        return {"calls": int(limit)}

    def _bus(self, wanted: Wanted) -> dict[str, Any]:
        """``order``: how changes are told from now on (``events``, ``gaps``, ``overflow``), or what
        befalls those that were told (``age``: three days pass; ``anew``: the org is moved)."""
        bus, order = self._work.org.store.bus, str(wanted.get("order") or "")
        if order in WAYS:
            bus.way = order
        elif order == "age":
            bus.age()
        elif order == "anew":
            bus.begin_anew()
        else:
            raise Impossible(f"order must be age, anew or one of {', '.join(WAYS)}")
        return {"order": order, "tip": bus.tip()}

    def _project(self, wanted: Wanted) -> Row:
        ref = str(wanted.get("project") or "")
        if ref:
            return self._work.org.live(OBJECTS["pse__Proj__c"], ref)
        projects = self._work.projects()
        if not projects:
            raise Impossible("the tower has created no project yet")
        return projects[0]


def _day(wanted: Wanted, name: str) -> date | None:
    value = str(wanted.get(name) or "")
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise Impossible(f"{name} must be a date such as 2026-11-30") from None


def _amount(wanted: Wanted, name: str) -> Decimal | None:
    value = wanted.get(name)
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Impossible(f"{name} must be a number") from None
    if not number.is_finite():
        raise Impossible(f"{name} must be a number")
    return number
