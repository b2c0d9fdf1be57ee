"""What the firm's people do to its clients' records in the CRM."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from integrations.sandbox.control import Impossible
from integrations.sandbox.salesforce.life.firm_at_work import CURRENCY_OF
from integrations.sandbox.salesforce.org import Org

_CONTACTS = ("Thea Marquardt", "Ole Fährmann", "Ruth Ainscough", "Ivo Castellan", "Mona Reyes")
_OVERREACHING = 0.3
"""How often somebody changes what is the ERP's: it is put back, and said."""


class ClientCare:
    """Deeds of whoever looks after clients. `chance` is the firm's, so a seed repeats a life."""

    def __init__(self, org: Org, chance: random.Random) -> None:
        self._org = org
        self._chance = chance

    def change(self) -> tuple[str, dict[str, str]]:
        """A customer has a new contact; or somebody corrects an address that is not theirs to
        correct."""
        rows = self._org.store.rows(
            "SELECT * FROM Account WHERE ERP_Customer_Code__c IS NOT NULL AND IsDeleted = 0"
            " ORDER BY Id",
            [],
        )
        if not rows:
            return "", {}
        client = self._chance.choice(rows)
        if self._chance.random() < _OVERREACHING:
            what = {"BillingStreet": f"Marktstraße {self._chance.randint(1, 90)}"}
        else:
            what = {"Billing_Contact_Name__c": self._chance.choice(_CONTACTS)}
        self._org.change("Account", client["Id"], what)
        return "client changed", {"client": str(client["Id"]), "name": str(client["Name"])}

    def open(self, entity: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A new client of a company. Raises Impossible for one that the firm does not have."""
        if entity not in CURRENCY_OF:
            raise Impossible(f"entity must be one of {', '.join(CURRENCY_OF)}")
        home = {"Legal_Entity__c": entity, "CurrencyIsoCode": CURRENCY_OF[entity]}
        return {"client": self._org.create("Account", {**home, **fields})}
