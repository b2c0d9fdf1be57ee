"""What the firm's people do when billed time turns out to be wrong: take it back, enter it anew."""

from __future__ import annotations

from decimal import Decimal

from integrations.sandbox.control import Impossible
from integrations.sandbox.salesforce.life.firm_at_work import FirmAtWork
from integrations.sandbox.salesforce.schema import OBJECTS
from integrations.sandbox.salesforce.store import Row


def correct_time(work: FirmAtWork, timecard: str, hours: Decimal) -> dict[str, str]:
    """Take billed time back by time of less than zero, and enter so many hours in its place, if
    any; the ids and numbers of both. Raises Impossible for time that is not billed."""
    card = work.org.live(OBJECTS["pse__Timecard__c"], timecard)
    if not card["pse__Billed__c"]:
        raise Impossible("time that is not billed is simply changed")
    header = work.org.live(OBJECTS["pse__Timecard_Header__c"], str(card["pse__Timecard_Header__c"]))
    worked = Decimal(str(card["pse__Total_Hours__c"]))
    taken = _approve(work, header, -worked, str(card["Id"]))
    done = {"correction": taken["Id"], "number": taken["Name"]}
    if hours:
        anew = _approve(work, header, hours, None)
        done |= {"timecard": anew["Id"], "rebilled": anew["Name"]}
    return {name: str(value) for name, value in done.items()}


def billed_time(work: FirmAtWork) -> Row | None:
    """Some billed time that nobody has corrected yet."""
    return work.org.store.first(
        "SELECT * FROM pse__Timecard__c AS t WHERE pse__Billed__c = 1 AND IsDeleted = 0"
        " AND Corrects__c IS NULL AND NOT EXISTS (SELECT 1 FROM pse__Timecard__c AS c"
        " WHERE c.Corrects__c = t.Id) ORDER BY CreatedDate DESC, Id LIMIT 1"
    )


def correct_some_time(work: FirmAtWork) -> tuple[str, dict[str, str]]:
    """Somebody finds that a client was billed for too much."""
    card = billed_time(work)
    if card is None:
        return "", {}
    left = max(Decimal(str(card["pse__Total_Hours__c"])) - work.chance.randint(1, 8), Decimal(0))
    return "billed time corrected", correct_time(work, str(card["Id"]), left)


def _approve(work: FirmAtWork, header: Row, hours: Decimal, corrects: str | None) -> Row:
    names = (
        "pse__Project__c", "pse__Resource__c", "pse__Assignment__c", "pse__Start_Date__c",
        "pse__End_Date__c", "CurrencyIsoCode",
    )  # fmt: skip
    given = {name: header[name] for name in names} | {
        "pse__Billable__c": True,
        "pse__Status__c": "Submitted",
        "pse__Monday_Hours__c": hours,
        "Corrects__c": corrects,
    }
    ref = work.org.create("pse__Timecard_Header__c", given)
    work.org.change("pse__Timecard_Header__c", ref, {"pse__Status__c": "Approved"})
    split = work.org.store.first(
        "SELECT * FROM pse__Timecard__c WHERE pse__Timecard_Header__c = ?", [ref]
    )
    assert split is not None
    return split
