"""Customers in a real Tryton."""

from __future__ import annotations

import asyncio
import re

import pytest

from controltower.canonical.verdicts import (
    Done,
    Kind,
    Outcome,
    TryLater,
)
from integrations.tryton.connector import TrytonConnector
from tests.integrations.erp import (
    customer,
    done,
    fresh,
    invoice,
    rejected,
)

pytestmark = [pytest.mark.tryton, pytest.mark.slow]


async def test_a_customer_is_created_once_and_shared_by_the_companies(
    tryton: TrytonConnector,
) -> None:
    record = customer("LF-DE", vat_number="DE532650201")
    created = done(await tryton.upsert("customer", record, "key"), Outcome.CREATED)
    assert created.values["code"] == created.values["erp_code"] == record["code"]
    assert created.values["vat_number"] == "DE532650201"
    assert created.values["street"] == record["street"]
    assert created.values["contact_email"] == record["email"]
    done(await tryton.upsert("customer", record, "key"), Outcome.UNCHANGED)
    abroad = record | {"company": "LF-UK"}
    assert done(await tryton.upsert("customer", abroad, "key"), Outcome.UPDATED).ref == created.ref
    done(await tryton.upsert("customer", abroad, "key"), Outcome.UNCHANGED)
    billed = await tryton.upsert("invoice", invoice(record["code"], "LF-UK"), "key")
    done(billed, Outcome.CREATED)


async def test_two_creations_at_once_make_one_customer(tryton: TrytonConnector) -> None:
    record = customer()
    verdicts = await asyncio.gather(*(tryton.upsert("customer", record, "key") for _ in range(3)))
    refs = {verdict.ref for verdict in verdicts if isinstance(verdict, Done)}
    assert len(refs) == 1
    assert all(isinstance(v, Done | TryLater) for v in verdicts), verdicts


async def test_a_customer_the_erp_has_had_for_long_keeps_its_number(
    tryton: TrytonConnector,
) -> None:
    key = {"code": fresh("C"), "name": "Meridian", "vat_number": "DE 342366712", "company": "LF-DE"}
    found = done(await tryton.find("customer", key), Outcome.READ)
    assert found.values["code"].startswith("K")
    by_name = {"code": fresh("C"), "name": "Nimbus & Larch Software", "company": "LF-US"}
    assert done(await tryton.find("customer", by_name), Outcome.READ).values["code"].startswith("K")


async def test_a_client_that_exists_twice_is_not_guessed(tryton: TrytonConnector) -> None:
    record = customer(name="Tannenhäher Logistik SE", vat_number="DE471874633")
    refused = rejected(await tryton.upsert("customer", record, "key"), Kind.DUPLICATE)
    assert re.search(r"exists 2 times in Tryton: K\d+, K\d+\. Merge", refused.text)


async def test_a_wrong_vat_number_is_the_erps_to_refuse(tryton: TrytonConnector) -> None:
    record = customer(vat_number="DE532650202")
    refused = rejected(await tryton.upsert("customer", record, "key"), Kind.VALIDATION)
    assert refused.fields[0].field == "vat_number"
    rejected(await tryton.find("customer", {"code": record["code"]}), Kind.NOT_FOUND)


async def test_what_others_own_is_brought_up_to_date_and_told_once(
    tryton: TrytonConnector,
) -> None:
    record = customer("LF-DE", vat_number="")
    created = done(await tryton.upsert("customer", record, "key"), Outcome.CREATED)
    named = {"name": f"Umbenannt {record['code']}", "contact_name": "Thea Ærøvej"}
    wanted = named | {"email": "neu@test.example"}
    for _ in range(2):
        changed = done(
            await tryton.act("customer", created.ref, "update", wanted, "key"), Outcome.UPDATED
        )
        assert changed.values["name"] == wanted["name"]
        assert changed.values["contact_name"] == "Thea Ærøvej"
        assert changed.values["contact_email"] == "neu@test.example"
        assert changed.values["code"] == record["code"]
        assert changed.values["street"] == record["street"]
    kept = done(
        await tryton.act("customer", created.ref, "update", {"name": ""}, "key"), Outcome.UPDATED
    )
    assert kept.values["name"] == wanted["name"], "what is empty stays as it is"
    told = set[str]()
    for _ in range(2):
        page = await tryton.read_changes("customer", "", 1000)
        told |= {one.event.id for one in page.changes if one.event.subject.endswith(created.ref)}
    assert len(told) == 1
    rejected(await tryton.act("customer", "999999", "update", wanted, "key"), Kind.NOT_FOUND)
