"""The pretend firm past the hostile network: what happens in it, and what its own books say."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from typing import Any

from tests.chaos.house import House
from tests.integrations.doors import ControlDoor

API = "/services/data/v61.0"
CLIENTS = {
    "LF-DE": ("MHH", "BRA", "SIL", "KUP", "WOL"),
    "LF-UK": ("QFM", "OTT", "PEB", "HAR", "THI", "SPA"),
    "LF-US": ("BLU", "COP", "NIM", "PAL", "RED"),
}
"""Clients that their company can invoice, and that the ERP does not know twice."""
CURRENCY = {"LF-DE": "EUR", "LF-UK": "GBP", "LF-US": "USD"}
TIMEOUT = 20.0


class Firm:
    """Deeds by the sandbox's control doors; books by the org's own SOQL and the ERP's own ledger.

    Every method raises OSError while the system it asks is away.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._control = ControlDoor(f"http://127.0.0.1:{house.crm_control}")
        self._erp = f"http://127.0.0.1:{house.erp_control}"
        self._token = ""

    def win(self, entity: str, client: str) -> str:
        """A deal is won in the CRM; its id."""
        deal = {"entity": entity, "client": client, "grouping": "Project"}
        return str(self._control.do("close_deal", **deal)["opportunity"])

    def offer(self, entity: str, client: str) -> dict[str, Any]:
        """A deal that the CRM shows as open, though a partner says that it is won."""
        name = self._client(client)
        (account,) = self.query(f"SELECT Id, Name FROM Account WHERE Name = '{name}' LIMIT 1")
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        fields = {
            "Name": f"{name} – partner deal", "AccountId": account["Id"], "StageName": "Proposal",
            "Amount": 24000, "CurrencyIsoCode": CURRENCY[entity], "CloseDate": today,
            "Legal_Entity__c": entity, "Billing_Method__c": "Time and materials",
            "Billing_Grouping__c": "Project",
        }  # fmt: skip
        made = self._org("POST", f"{API}/sobjects/Opportunity", fields)
        return {"id": str(made["id"]), "name": fields["Name"], "account": account}

    def approve(self, deed: str, project: str) -> None:
        """Time or an expense on a project is approved: ``approve_time``, ``approve_expense``."""
        self._control.do(deed, project=project)

    def query(self, soql: str) -> list[dict[str, Any]]:
        """All rows of a query."""
        rows: list[dict[str, Any]] = []
        path: str | None = f"{API}/query?" + urllib.parse.urlencode({"q": soql})
        while path:
            page = self._org("GET", path)
            rows += page["records"]
            path = page.get("nextRecordsUrl")
        return rows

    def invoices(self) -> list[dict[str, Any]]:
        """Every customer invoice of the ERP's own books, drafts included."""
        found: list[dict[str, Any]] = _json(f"{self._erp}/api/books/invoices")["invoices"]
        return found

    def _client(self, code: str) -> str:
        from integrations.sandbox import firm

        return next(client.name for client in firm.CLIENTS if client.code == code)

    def _org(self, method: str, path: str, body: Any = None) -> Any:
        if not self._token:
            self._sign_in()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        return _json(self._house.crm + path, method, content, headers)

    def _sign_in(self) -> None:
        credentials = self._house.credentials
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials["SANDBOX_SALESFORCE_CLIENT_ID"],
            "client_secret": credentials["SANDBOX_SALESFORCE_CLIENT_SECRET"],
        }
        content = urllib.parse.urlencode(form).encode()
        self._token = _json(f"{self._house.crm}/services/oauth2/token", "POST", content)[
            "access_token"
        ]


def _json(
    url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
) -> Any:
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return json.load(answer)
