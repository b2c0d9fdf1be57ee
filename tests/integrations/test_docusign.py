"""The DocuSign connector on the pretend account: the common suite and the vendor's own ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from controltower.canonical.events import CONTRACT_SIGNED
from controltower.canonical.records import Contract
from controltower.canonical.verdicts import Kind, Rejected
from integrations import catalogue
from integrations.connector import Connection
from integrations.docusign.amounts import amount
from integrations.docusign.translate import contract, retold
from integrations.sandbox.docusign.server import signatures
from integrations.shape import Drift
from tests.integrations.conformance import conforming
from tests.integrations.conformance.verdicts import done
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Message, Subject, lower

SAMPLES = Path(catalogue.__file__).parent / "docusign" / "samples"


class Contracts(Subject):
    """Envelopes that were signed."""

    name = "docusign"
    entity = "contract"
    verb = ""
    feed = "contract"
    has_money = True
    says_age = False
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    members = ("envelopeId", "status", "statusChangedDateTime", "emailSubject", "customFields")
    row_member = "emailSubject"
    choices = ("status",)
    signed_headers = ("x-docusign-signature-1",)

    libraries = Subject.libraries | {"babel"}

    def __init__(self, town: Town, **options: Any) -> None:
        settled = {"settle_seconds": 0, **options}
        connection = Connection(
            "clm", town.urls[self.name], town.secrets[self.name], settled, DEADLINE
        )
        super().__init__(connection, town.controls[self.name])

    def sign(self, **fields: Any) -> str:
        """Let a contract be signed; its envelope."""
        return str(self.control.do("sign", **fields)["id"])

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        raise NotImplementedError

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"opportunity_id": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"], values["value"]

    async def existing(self, tag: str) -> str:
        return self.sign(opportunity_id=tag, contract_value=str(self.amount), currency="EUR")

    async def make_facts(self, count: int) -> list[str]:
        return [self.sign(opportunity_id=f"006-{n}") for n in range(count)]

    async def touch(self, ref: str) -> None:
        self.control.do("annotate", id=ref)

    async def messages(self, count: int) -> list[Message]:
        if not self.control.sent():
            self.control.do("subscribe", url="http://127.0.0.1:9/")
        await self.make_facts(count)
        return self.last_sent(count)

    def signed(self, raw: bytes) -> Message:
        return lower(signatures(raw, self.connection.secrets["hmac_key"])), raw


@conforming(Contracts)
class TestDocuSign:
    @pytest.fixture
    def subject(self, town: Town) -> Contracts:
        return Contracts(town)

    async def test_a_message_and_a_poll_tell_one_fact(self, subject: Contracts) -> None:
        cursor = await subject.drained()
        (message,) = await subject.messages(1)
        (told,) = subject.receive(message)
        (polled,) = await subject.changes(cursor)
        assert (told.event, told.raw) == (polled.event, polled.raw)
        assert subject.connector.retell("contract", told.raw) == told.event.record

    async def test_what_is_repeated_is_the_same_fact(self, subject: Contracts) -> None:
        (message,) = await subject.messages(1)
        (first,) = subject.receive(message)
        subject.control.do("repeat", id=first.event.record.source_id)
        (again,) = subject.last_sent(1)
        assert again != message
        assert subject.receive(again)[0] == first

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"allowEnvelopePublish": "false"}, "switched off"),
            ({"envelopeEvents": ["Sent"]}, "completed envelopes"),
            ({"includeHMAC": "false"}, "sign its messages"),
        ],
    )
    async def test_connect_that_tells_us_nothing(
        self, subject: Contracts, tag: str, changed: Mapping[str, Any], words: str
    ) -> None:
        address = f"https://tower.invalid/inbound/{tag}/"
        subject.control.do("subscribe", url=address, name=tag, **changed)
        (one,) = await subject.connector.subscriptions(address)  # type: ignore[attr-defined]
        assert tag in one.trouble and words in one.trouble
        subject.control.do("unsubscribe", id=one.ref)

    async def test_any_of_several_signatures_counts(self, subject: Contracts) -> None:
        ((_, raw),) = await subject.messages(1)
        ours = subject.connection.secrets["hmac_key"]
        assert subject.receive((lower(signatures(raw, "old", "older", ours)), raw))

    async def test_what_is_not_signed_yet_tells_nothing(self, subject: Contracts) -> None:
        cursor = await subject.drained()
        await subject.messages(0)
        subject.control.do("decline", opportunity_id="006-declined")
        (message,) = subject.last_sent(1)
        assert list(subject.receive(message)) == []
        assert await subject.changes(cursor) == []

    async def test_a_contract_says_what_the_firm_must_know(self, subject: Contracts) -> None:
        cursor = await subject.drained()
        subject.sign(
            opportunity_id="006A", legal_entity="LF-DE", contract_value="48000.10", currency="EUR",
            cap="60000", billing_method="T&M", starts_on="2026-12-01", correlation_id="CT-7",
            subject="Rollout",
        )  # fmt: skip
        (change,) = await subject.changes(cursor)
        record = change.event.record
        assert isinstance(record, Contract)
        assert (change.event.type, change.event.correlation_id) == (CONTRACT_SIGNED, "CT-7")
        assert (record.value, record.cap) == (Decimal("48000.10"), Decimal(60000))
        assert (record.name, record.opportunity_id, record.entity) == ("Rollout", "006A", "LF-DE")
        assert record.signed_on == datetime.now(UTC).date()
        assert ("opportunity", "006A") in [(key.kind, key.value) for key in change.event.keys]

    async def test_a_slip_of_the_pen_holds_nobody_up(self, subject: Contracts) -> None:
        cursor = await subject.drained()
        envelope = subject.sign(
            opportunity_id="006B", contract_value="about 50k", starts_on="soon", cap="60.000",
            retainer="-5", retainer_hours="40", ends_on="2027-12-31",
        )  # fmt: skip
        (change,) = await subject.changes(cursor)
        record = change.event.record
        assert isinstance(record, Contract)
        assert record.unread == ("value", "cap", "retainer", "starts_on")
        assert (record.value, record.cap, record.starts_on) == (Decimal(0), Decimal(0), None)
        assert (record.retainer_hours, record.ends_on) == (Decimal(40), date(2027, 12, 31))
        corrected = {"contract_value": "50000", "starts_on": "", "cap": "60000", "retainer": ""}
        subject.control.do("correct", id=envelope, **corrected)
        subject.control.do("repeat", id=envelope)
        (again,) = subject.receive(*subject.last_sent(1))
        assert again.event.id != change.event.id
        assert isinstance(again.event.record, Contract)
        assert (again.event.record.unread, again.event.record.cap) == ((), Decimal(60000))

    async def test_two_contracts_of_one_deal_are_not_chosen_between(
        self, subject: Contracts, tag: str
    ) -> None:
        first = await subject.existing(tag)
        assert done(await subject.find(tag)).ref == first
        second = await subject.existing(tag)
        found = await subject.find(tag)
        assert isinstance(found, Rejected)
        assert found.kind is Kind.DUPLICATE
        assert first in found.text and second in found.text


def test_the_samples_are_read() -> None:
    message = json.loads((SAMPLES / "message.json").read_bytes())
    row = message["data"]["envelopeSummary"]
    assert contract(row, {}).opportunity_id == "006Q000001aBcDe"
    assert retold(json.dumps(row).encode(), {}) == contract(row, {})


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("60000", "60000"), ("48000.10", "48000.10"), ("48000,10", "48000.10"),
        ("60.000,00", "60000.00"), ("60,000.00", "60000.00"), ("60'000", "60000"),
        ("60’000.50", "60000.50"), ("1 234,50", "1234.50"), ("1\u202f234\u00a0567,5", ""),
        ("1\u202f234\u202f567,5", "1234567.5"), ("1.234.567", "1234567"), ("1,5", "1.5"),
        ("0.500", "0.500"), ("1234.567", "1234.567"), ("60.000", ""), ("1,234", ""),
        ("1.234.56", ""), ("12,34,567", ""), ("1,234 567", ""), ("1,234,567,89", ""),
        ("1e5", ""), ("٦٠", ""), ("1_000", ""), ("-5", ""), ("60000 EUR", ""), ("60.000,-", ""),
        (".", ""), (",50", ""), ("NaN", ""), ("1" * 16, ""),
    ],
)  # fmt: skip
def test_an_amount_is_read_where_it_can_only_be_one(written: str, means: str) -> None:
    try:
        found = str(amount(written, ""))
    except (ValueError, Drift):
        found = ""
    assert found == means, "digits as they were written: kept records are compared with them"


@pytest.mark.parametrize(
    ("written", "language", "means"),
    [
        ("60.000", "de", 60000), ("60,000", "en-GB", 60000), ("60.000", "en", None),
        ("60,000", "de-AT", None), ("60.000", "de-CH", None), ("60.000", "es-MX", None),
        ("60.000", "nl", 60000), ("60.000", "nobody's", None), ("60,000", "de_DE", None),
    ],
)  # fmt: skip
def test_a_language_says_what_parts_thousands(
    written: str, language: str, means: int | None
) -> None:
    try:
        assert amount(written, language) == means
    except ValueError:
        assert means is None


async def test_an_envelope_or_its_company_says_in_which_language(town: Town) -> None:
    subject = Contracts(town, languages={"LF-DE": "de", "": "en"})
    cursor = await subject.drained()
    for fields in (
        {"legal_entity": "LF-DE"},
        {"legal_entity": "LF-UK"},
        {"legal_entity": "LF-DE", "language": "en-IE"},
    ):
        subject.sign(cap="60.000", retainer="1,500", **fields)
    read = [one.event.record for one in await subject.changes(cursor)]
    told = [(one.unread, one.cap, one.retainer) for one in read if isinstance(one, Contract)]
    assert told == [
        (("retainer",), Decimal(60000), Decimal(0)),
        (("cap",), Decimal(0), Decimal(1500)),
        (("cap",), Decimal(0), Decimal(1500)),
    ]
