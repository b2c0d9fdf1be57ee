"""Business Central's own contract judges the connector's requests and the sandbox's answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openapi_core.testing import MockRequest, MockResponse

from controltower.canonical.verdicts import Kind, Outcome
from integrations.business_central.connector import CentralConnector
from integrations.connector import Connection
from integrations.sandbox.business_central.server import API, Server
from tests.contracts.contract import Contract, Witness, watched
from tests.integrations.conformance.verdicts import done
from tests.integrations.erp import rejected
from tests.integrations.ledger import KNOWN, credit, customer, invoice
from tests.integrations.ledger_revenue import entry

CREDENTIALS = {"client_id": "the-tower", "client_secret": "the-towers-secret"}
DAYS = ("invoiceDate", "creditMemoDate", "dueDate", "postingDate")
Counter = tuple[CentralConnector, Witness]


def days_as_days(content: Any) -> Any:
    """The contract calls every date a date-time, having no other word; the vendor's reference and
    its metadata say Edm.Date ("2026-11-20")."""
    if isinstance(content, dict):
        mended = {name: days_as_days(value) for name, value in content.items()}
        for name in DAYS:
            if isinstance(mended.get(name), dict) and "format" in mended[name]:
                mended[name] = {**mended[name], "format": "date"}
        return mended
    return [days_as_days(one) for one in content] if isinstance(content, list) else content


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract("business_central", API, days_as_days)


@pytest.fixture
async def counter(tmp_path: Path, contract: Contract) -> AsyncIterator[Counter]:
    async with watched(Server(tmp_path, CREDENTIALS), contract) as (url, witness):
        connector = CentralConnector(Connection("erp", url, CREDENTIALS, {"settle_seconds": 0}))
        yield connector, witness
        await connector.close()


async def test_both_sides_keep_the_contract_all_along(counter: Counter) -> None:
    connector, witness = counter
    done(await connector.health())
    ref = done(await connector.upsert("customer", customer(KNOWN, "Quillfeather"), "k")).ref
    done(await connector.upsert("customer", customer(KNOWN, "Quillfeather Mutual"), "k"))
    done(await connector.get("customer", ref))
    done(await connector.act("customer", ref, "update", {"email": "new@quill.example"}, "k"))
    assert (await connector.read_changes("customer", "", 10)).changes
    drafted = done(await connector.upsert("invoice", invoice("BIL-000001"), "k"))
    assert drafted.outcome is Outcome.CREATED
    on = {"invoice_date": "2026-11-02"}
    posted = done(await connector.act("invoice", drafted.ref, "post", on, "k"))
    assert posted.values["state"] == "posted"
    done(await connector.find("invoice", {"reference": "BIL-000001", "company": "LF-UK"}))
    assert (await connector.read_changes("invoice", "", 10)).changes
    record = credit("CRE-000001", str(posted.values["number"]), "76.63", "BIL-000001")
    taken = done(await connector.upsert("credit_note", record, "k"))
    assert taken.outcome is Outcome.CREATED
    done(await connector.act("credit_note", taken.ref, "post", on, "k"))
    assert (await connector.read_changes("credit_note", "", 10)).changes
    await _revenue(connector)
    now, minute = datetime.now(UTC), timedelta(minutes=1)
    for entity in ("customer", "invoice", "credit_note"):
        assert await connector.keys(entity, now - minute, now + minute)
    assert witness.requests == _beyond(witness.requests)
    assert witness.answers == _beyond(witness.answers)
    used = {operation for operation in witness.operations if not _is_beyond(operation)}
    assert used == witness.contract.operations()


async def _revenue(connector: CentralConnector) -> None:
    """A journal, its lines by $batch, posted; what the ledger shows then."""
    record = entry("contract-0001", "1000.00", reference="RR-CONTRACT-1", date="2026-11-02")
    drafted = done(await connector.upsert("revenue_entry", record, "k"))
    posted = done(await connector.act("revenue_entry", drafted.ref, "post", {}, "k"))
    assert posted.values["state"] == "posted"
    done(await connector.get("revenue", record["project"], "LF-UK"))


async def test_errors_are_no_part_of_the_contract(counter: Counter) -> None:
    """It says nothing of them; what we make of them rests on the vendor's guide."""
    connector, witness = counter
    nobody = invoice("BIL-000002", party_code="C-NOBODY")
    rejected(await connector.upsert("invoice", nobody, "k"), Kind.REFERENCE_MISSING)
    missing = "LF-UK/00000000-0000-0000-0000-000000000001"
    rejected(await connector.get("invoice", missing), Kind.NOT_FOUND)
    assert witness.requests == _beyond(witness.requests)
    assert [one for one in witness.answers if "404" in one or "ResponseNotFound" in one]


def test_the_contract_can_be_broken(contract: Contract) -> None:
    """Else the tests above would prove nothing."""
    company = "companies(6e4b7f52-3c3f-4a63-8a1e-4d5b6c7d8e9f)"
    asked = MockRequest(
        "http://sandbox",
        "GET",
        f"{API}/{company}/salesInvoices",
        headers={"Authorization": "Bearer x"},
    )
    assert contract.complaint(asked) == ""
    row = '{"value": [{"id": "6e4b7f52-3c3f-4a63-8a1e-4d5b6c7d8e9f", %s}]}'
    for said, good in (
        ('"invoiceDate": "2026-11-20"', True),
        ('"invoiceDate": "20 November"', False),
        ('"totalTaxAmount": "12.30"', False),
        ('"lastModifiedDateTime": "2026-11-20"', False),
    ):
        complaint = contract.complaint(asked, MockResponse((row % said).encode()))
        assert (complaint == "") == good, (said, complaint)
    elsewhere = MockRequest("http://sandbox", "GET", f"{API}/companies(not-a-guid)/salesInvoices")
    assert contract.complaint(elsewhere)


def _is_beyond(said: str) -> bool:
    """Whether it is of what this contract does not have: asking for a token, which is another
    host's, the accounting periods of v2.0, and batches."""
    return any(path in said for path in ("/oauth2/v2.0/token", "/accountingPeriods", "/$batch"))


def _beyond(complaints: list[str]) -> list[str]:
    return [one for one in complaints if _is_beyond(one)]
