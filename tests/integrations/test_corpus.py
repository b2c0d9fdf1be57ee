"""What vendors answer, as they and their users have documented it, and what each comes to.

Each case names the page that documents its form and code; ids and names in it are invented.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from controltower.canonical.verdicts import (
    Exchange,
    Misconfigured,
    Rejected,
    TryLater,
    Unavailable,
    Unknown,
    Verdict,
)
from integrations import graph
from integrations.bamboohr import refusals as bamboohr
from integrations.business_central import refusals as business_central
from integrations.coupa import refusals as coupa
from integrations.docusign import refusals as docusign
from integrations.http import Answer
from integrations.kantata import refusals as kantata
from integrations.netsuite import refusals as netsuite
from integrations.payroll import refusals as adp
from integrations.power_bi import refusals as power_bi
from integrations.salesforce_platform import refusals as salesforce
from integrations.slack import refusals as slack
from integrations.snowflake import refusals as snowflake
from integrations.workday import refusals as workday

CORPUS = Path(__file__).parent / "corpus"
FEWEST = 15
VERDICTS: dict[str, type[Verdict]] = {
    "rejected": Rejected,
    "try_later": TryLater,
    "misconfigured": Misconfigured,
    "unavailable": Unavailable,
    "unknown": Unknown,
}
Judge = Callable[[Answer, bool], Verdict]


def judging(verdict_of: Callable[..., Verdict]) -> Judge:
    """A vendor's judge, who is told whether it was a write."""
    return lambda answer, writing: verdict_of(answer, writing=writing)


JUDGES: dict[str, Judge] = {
    "adp": judging(adp.verdict_of),
    "bamboohr": judging(bamboohr.verdict_of),
    "business_central": judging(business_central.verdict_of),
    "coupa": judging(coupa.verdict_of),
    "docusign": lambda answer, _writing: docusign.verdict_of(answer),
    "graph": judging(partial(graph.verdict_of, title="SharePoint")),
    "kantata": judging(kantata.verdict_of),
    "netsuite": judging(netsuite.verdict_of),
    "power_bi": judging(power_bi.verdict_of),
    "salesforce": judging(salesforce.verdict_of),
    "slack": judging(slack.verdict_of),
    "snowflake": judging(snowflake.verdict_of),
    "workday": lambda answer, _writing: workday.verdict_of(answer),
}


def cases() -> Iterator[Any]:
    for vendor in JUDGES:
        for case in json.loads((CORPUS / f"{vendor}.json").read_text()):
            yield pytest.param(vendor, case, id=f"{vendor}: {case['when']}")


def answer_of(case: dict[str, Any]) -> Answer:
    body = case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])
    return Answer(case["status"], CIMultiDict(case.get("headers", {})), body.encode(), Exchange())


@pytest.mark.parametrize(("vendor", "case"), cases())
def test_what_a_vendor_says_comes_to_what_it_means(vendor: str, case: dict[str, Any]) -> None:
    verdict = JUDGES[vendor](answer_of(case), case["writing"])
    assert type(verdict) is VERDICTS[case["verdict"]], verdict
    assert getattr(verdict, "kind", "") == case.get("kind", getattr(verdict, "kind", "")), verdict
    if "after" in case:
        assert getattr(verdict, "after", None) == timedelta(seconds=case["after"])
    named = [one.field for one in getattr(verdict, "fields", ())]
    assert set(case.get("fields", ())) <= set(named)
    text = str(getattr(verdict, "text", ""))
    assert text and "{" not in text.partition(" with keys ")[0] and "<html" not in text, text


def test_every_vendor_has_a_corpus_with_its_pages() -> None:
    assert {path.stem for path in CORPUS.glob("*.json")} == set(JUDGES)
    for vendor in JUDGES:
        found = json.loads((CORPUS / f"{vendor}.json").read_text())
        assert len(found) >= FEWEST, vendor
        assert len({case["when"] for case in found}) == len(found), vendor
        assert all(case["page"].startswith("https://") for case in found)
