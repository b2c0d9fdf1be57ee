"""The firm's clients, who pay whatever stands in the ERP's books: hence called to be early, before
other tests have posted hundreds of invoices."""

from __future__ import annotations

import pytest

from controltower.canonical.verdicts import Outcome
from integrations.sandbox.paying import pays
from integrations.sandbox.tryton.clients import Clients
from integrations.sandbox.tryton.counter import Counter
from integrations.sandbox.tryton.ledger import Ledger
from integrations.tryton.connector import TrytonConnector
from tests.integrations.erp import Erp, a_posted, done

pytestmark = [pytest.mark.tryton, pytest.mark.slow]


async def test_clients_pay_what_is_posted_a_while_after_they_see_it(erp: Erp) -> None:
    connector = TrytonConnector(erp.connection())
    refs = {(await a_posted(connector))[0] for _ in range(3)}
    async with erp.administrator() as console:
        ledger, counter = Ledger(console), Counter("http://127.0.0.1:9")
        patient = Clients(ledger, counter, patience=3600)
        posted = set(await ledger.unpaid())
        await patient.look()
        assert set(await ledger.unpaid()) == posted
        quick = Clients(ledger, counter, patience=0)
        await quick.look()
        await quick.look()
        left = await ledger.unpaid()
    assert [number for number in left if pays(number)] == []
    for ref in refs:
        values = done(await connector.get("invoice", ref), Outcome.READ).values
        assert values["state"] == ("paid" if pays(str(values["number"])) else "posted")
    await connector.close()
