"""A while after a deal was won, its client signs the contract, in the firm's DocuSign."""

from __future__ import annotations

import asyncio
import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from integrations.sandbox.days import today
from integrations.sandbox.salesforce.life.firm_at_work import T_AND_M
from integrations.sandbox.salesforce.life.pace import Pace
from integrations.sandbox.salesforce.life.retainers import retainer_of
from integrations.sandbox.salesforce.org import Org
from integrations.sandbox.salesforce.store import Row
from integrations.sandbox.salesforce.values import stamp

_TICK = 5.0
_TIME_TO_SIGN = timedelta(seconds=20)
_SIGNED = "contract signed"
_CAPPED = 4
"""One in so many contracts by time has a cap, of half its value: the first phase is agreed on."""
_TIMEOUT = ClientTimeout(total=10)


class Signing:
    """Lets contracts be signed at a control door of DocuSign's; nobody signs while the firm's life
    is paused. A deal whose signing went wrong has its turn again."""

    def __init__(self, org: Org, pace: Pace, door: str) -> None:
        self._org = org
        self._pace = pace
        self._address = f"{door.rstrip('/')}/api/actions/sign"

    async def run(self) -> None:
        """Live until cancelled."""
        async with ClientSession(timeout=_TIMEOUT, cookie_jar=DummyCookieJar()) as session:
            while True:
                await asyncio.sleep(_TICK)
                deal = self.next_deal() if self._pace.pace != "pause" else None
                if deal is not None:
                    await self.sign(session, deal)

    def next_deal(self) -> Row | None:
        """The deal that was won first and whose contract is not signed yet."""
        before = stamp(datetime.now(UTC) - _TIME_TO_SIGN)
        return self._org.store.first(
            "SELECT d.*, a.Name AS Client FROM Opportunity AS d JOIN Account AS a"
            " ON a.Id = d.AccountId WHERE d.StageName = 'Closed Won' AND d.IsDeleted = 0"
            " AND d.LastModifiedDate < ? AND NOT EXISTS (SELECT 1 FROM setting"
            " WHERE name = ? || ' ' || d.Id) ORDER BY d.LastModifiedDate, d.Id",
            [before, _SIGNED],
        )

    async def sign(self, session: ClientSession, deal: Row) -> None:
        """Let the contract of a deal be signed; nothing when DocuSign's door does not answer."""
        try:
            async with session.post(self._address, json=contract_of(deal)) as answer:
                answer.raise_for_status()
                envelope = str((await answer.json())["id"])
        except (ClientError, TimeoutError):
            return
        self._org.store.set(f"{_SIGNED} {deal['Id']}", envelope)
        self._pace.note(_SIGNED, opportunity=str(deal["Id"]), envelope=envelope)


def contract_of(deal: Row) -> dict[str, Any]:
    """A deal as the custom fields of its envelope."""
    said = {
        "subject": deal["Name"],
        "opportunity_id": deal["Id"],
        "customer_id": deal["AccountId"],
        "customer_name": deal["Client"],
        "legal_entity": deal["Legal_Entity__c"],
        "currency": deal["CurrencyIsoCode"],
        "contract_value": deal["Amount"],
        "billing_method": deal["Billing_Method__c"],
        "po_number": deal["PO_Number__c"],
        "starts_on": deal["CloseDate"],
        "cap": _cap_of(deal),
    }
    if retained := retainer_of(deal, today(str(deal["Legal_Entity__c"]))):
        said |= {**retained, "cap": None}
    return {name: str(value) for name, value in said.items() if value is not None}


def _cap_of(deal: Row) -> Decimal | None:
    """The most that may be billed under the contract; None where nothing is said."""
    is_capped = zlib.crc32(str(deal["Id"]).encode()) % _CAPPED == 0
    if deal["Billing_Method__c"] != T_AND_M or not is_capped:
        return None
    return (Decimal(str(deal["Amount"])) / 2).quantize(Decimal("0.01"))
