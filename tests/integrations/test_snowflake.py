"""The Snowflake connector on the pretend account: the common suite and the vendor's own ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from controltower.canonical.verdicts import (
    Exchange,
    Kind,
    Misconfigured,
    Outcome,
    Pending,
    Rejected,
)
from integrations import catalogue
from integrations.connector import Connection
from integrations.http import Answer
from integrations.sandbox.snowflake.warehouse import Warehouse
from integrations.snowflake import facts
from integrations.snowflake.refusals import verdict_of
from tests.integrations.conformance import conforming
from tests.integrations.conformance.verdicts import assert_absent, done
from tests.integrations.doors import Town
from tests.integrations.subject import DEADLINE, Subject

SAMPLES = Path(catalogue.__file__).parent / "snowflake" / "samples"


class Facts(Subject):
    """The fact table of the pretend account."""

    name = "snowflake"
    entity = "fact"
    has_money = True
    has_twins = True
    says_when = False
    throttles = ({"kind": "throttle"}, {"kind": "quota"})
    members = ("data", "resultSetMetaData", "rowType", "name")
    libraries = Subject.libraries | {"cryptography"}

    def __init__(self, town: Town) -> None:
        connection = Connection(
            "warehouse", town.urls[self.name], town.secrets[self.name], {}, DEADLINE
        )
        super().__init__(connection, town.controls[self.name])

    def record(self, tag: str, name: str, amount: Decimal) -> dict[str, Any]:
        said = {"reference": tag, "correlation": "c-1", "kind": "invoice", "name": name}
        where = {"entity": "LF-DE", "period": "2026-11", "currency": "EUR"}
        return {**said, **where, "amount": amount, "mapping_version": "3"}

    def business_key(self, tag: str) -> dict[str, Any]:
        return {"reference": tag}

    def shown(self, values: Mapping[str, Any]) -> tuple[str, Decimal]:
        return values["name"], values["amount"]

    async def make_twin(self, ref: str, tag: str) -> str:
        assert self.control.do("double", reference=ref) == {"added": 1}
        return ref


@conforming(Facts)
class TestSnowflake:
    @pytest.fixture
    def subject(self, town: Town) -> Facts:
        return Facts(town)

    async def test_a_running_load_is_asked_after_by_the_same_request(
        self, subject: Facts, tag: str
    ) -> None:
        subject.control.do("busy", times=2)
        first, second = await subject.write(tag), await subject.write(tag)
        assert isinstance(first, Pending), first
        assert isinstance(second, Pending), second
        assert first.job == second.job
        assert_absent(await subject.find(tag))
        assert done(await subject.write(tag)).outcome is Outcome.CREATED

    async def test_another_process_repeats_without_running_twice(
        self, subject: Facts, tag: str
    ) -> None:
        written = done(await subject.write(tag))
        before = done(await subject.find(tag))
        async with subject.elsewhere() as connector:
            record = subject.record(tag, "Conformance", subject.amount)
            again = done(await connector.upsert(subject.entity, record, tag))
        assert again.ref == written.ref
        assert done(await subject.find(tag)).version == before.version

    async def test_a_second_row_is_listed_as_one_more(self, subject: Facts, tag: str) -> None:
        await subject.make_twin(done(await subject.write(tag)).ref, tag)
        now = datetime.now(UTC)
        window = now - timedelta(minutes=5), now + timedelta(minutes=5)
        keys = await subject.connector.keys("fact", *window)
        assert [key.ref for key in keys if key.key == tag] == [tag, f"{tag} (2)"]

    async def test_an_amount_that_would_be_rounded_is_refused(
        self, subject: Facts, tag: str
    ) -> None:
        verdict = await subject.write(tag, amount=Decimal("0.1234567"))
        assert isinstance(verdict, Rejected), verdict
        assert verdict.text == "The amount 0.1234567 is finer than 6 decimals."
        assert_absent(await subject.find(tag))

    async def test_work_between_companies_is_read_back(self, subject: Facts, tag: str) -> None:
        lent = {"lent_by": "LF-UK", "lent_hours": "7.5"}
        record = subject.record(tag, "Lent", Decimal(1)) | lent
        done(await subject.connector.upsert("fact", record, tag))
        found = done(await subject.find(tag)).values
        assert (found["lent_by"], found["lent_hours"]) == ("LF-UK", Decimal("7.5"))
        verdict = await subject.connector.upsert("fact", record | {"lent_hours": "0.1234567"}, tag)
        assert isinstance(verdict, Rejected), verdict
        assert verdict.text == "The lent_hours 0.1234567 is finer than 6 decimals."

    async def test_a_column_that_is_not_there_is_refused(self, subject: Facts, tag: str) -> None:
        verdict = await subject.connector.upsert("fact", {"colour": "red"}, tag)
        assert isinstance(verdict, Rejected), verdict
        assert "colour" in verdict.text

    async def test_more_than_a_partition_is_listed_whole(self, subject: Facts, tag: str) -> None:
        since = datetime.now(UTC)
        tags = [f"{tag}-{n}" for n in range(21)]
        await asyncio.gather(*map(subject.write, tags))
        keys = await subject.connector.keys("fact", since, since + timedelta(minutes=5))
        assert {key.ref for key in keys} >= set(tags)
        assert {key.amount for key in keys if key.ref in tags} == {"1234567.89"}

    async def test_an_empty_amount_stays_empty(self, subject: Facts, tag: str) -> None:
        done(await subject.connector.upsert("fact", {"name": "Project set up"}, tag))
        found = done(await subject.connector.get("fact", tag)).values
        assert (found["name"], found["amount"], found["currency"]) == (
            "Project set up",
            Decimal(0),
            "",
        )


def test_a_table_of_before_is_given_the_columns_that_it_lacks(tmp_path: Path) -> None:
    whole = (Path(facts.__file__).parent / "facts.sql").read_text(encoding="utf-8")
    database = tmp_path / "warehouse.db"
    for definition in (whole.replace("LENT_BY VARCHAR, LENT_HOURS NUMBER(38, 6),", ""), whole):
        warehouse = Warehouse(database)
        warehouse.define(definition)
    assert warehouse.run("SELECT LENT_BY, LENT_HOURS FROM FACTS", {}).rows == []
    warehouse.close()


def test_the_samples_are_read() -> None:
    answer = Answer(200, CIMultiDict(), (SAMPLES / "merged.json").read_bytes(), Exchange())
    assert facts.rows(answer) == [{facts.INSERTED: "1", facts.UPDATED: "0"}]


@pytest.mark.parametrize(("code", "kind"), [("003001", Kind.PERMISSION), ("002003", Kind.CONTRACT)])
def test_a_set_up_that_is_wrong_is_ours_to_mend(code: str, kind: Kind) -> None:
    body = json.dumps({"code": code, "message": "Object does not exist."}).encode()
    verdict = verdict_of(Answer(422, CIMultiDict(), body, Exchange()), writing=True)
    assert isinstance(verdict, Misconfigured)
    assert verdict.kind is kind


def test_a_refusal_keeps_its_words() -> None:
    body = (SAMPLES / "refusal.json").read_bytes()
    verdict = verdict_of(Answer(422, CIMultiDict(), body, Exchange()), writing=True)
    assert isinstance(verdict, Rejected)
    assert verdict.text == "Numeric value 'x' is not recognized"
