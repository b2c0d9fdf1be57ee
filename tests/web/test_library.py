"""What the product brings: proposed by one, agreed to by another, used by nobody before."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controltower.firm.models import AuditEntry, Person, Role
from controltower.incidents import asking, offering
from controltower.incidents.library.catalogue import RUNBOOKS
from controltower.incidents.models import Answer, Ask, RunbookState, RunbookVersion
from controltower.mappings import offering as mapping_offering
from controltower.mappings import own_codes, versions
from controltower.mappings.library.catalogue import MAPPINGS
from controltower.mappings.models import MappingVersion, VersionState
from tests.web.cast import browser, entity, person

pytestmark = pytest.mark.django_db
REASON = {"reason": "Read, every one."}
OF_THE_LEDGER = {
    "invoice-to-erp", "credit-note-to-erp", "purchase-to-erp", "revenue-entry-to-erp",
}  # fmt: skip
"""What wants codes that the product cannot know."""


@pytest.fixture
def cast() -> dict[str, Person]:
    return {
        "otto": person("otto", Role.OPERATOR),
        "anna": person("anna", Role.CONTROLLER),
        "lena": person("lena", Role.STEWARD),
        "jonas": person("jonas", Role.AUDITOR),
    }


@pytest.fixture
def otto(cast: dict[str, Person]) -> Client:
    return browser(cast["otto"])


@pytest.fixture
def anna(cast: dict[str, Person]) -> Client:
    return browser(cast["anna"])


def said(client: Client, path: str, form: dict[str, Any] | None = None) -> str:
    return client.post(f"/library/{path}", form or {}, follow=True).content.decode()


def in_use() -> int:
    return MappingVersion.objects.filter(state=VersionState.ACTIVE).count()


def test_nothing_is_used_before_somebody_else_has_agreed(otto: Client) -> None:
    assert f"{len(MAPPINGS) + len(RUNBOOKS)} are not proposed yet" in (
        otto.get("/library/").content.decode()
    )
    assert "Nothing of it is used before somebody else has agreed." in said(otto, "proposals/")
    assert len(mapping_offering.waiting()) == len(MAPPINGS) - len(OF_THE_LEDGER)
    assert len(offering.waiting()) == len(RUNBOOKS)
    assert in_use() == 0
    assert not RunbookVersion.objects.filter(state=RunbookState.APPROVED).exists()
    with pytest.raises(MappingVersion.DoesNotExist, match="waits for the"):
        versions.active("customer-to-erp", "tryton")
    said(otto, "proposals/")
    assert MappingVersion.objects.count() == len(MAPPINGS)


def test_codes_of_the_ledger_are_the_firm_s_own(otto: Client, cast: dict[str, Person]) -> None:
    entity("FE-DE")
    entity("FE-UK")
    said(otto, "proposals/")
    drafts = {one.mapping.slug: one for one in mapping_offering.to_fill_in()}
    assert drafts.keys() == OF_THE_LEDGER
    page = otto.get("/library/").content.decode()
    assert "Your ledger’s codes are wanted" in page
    assert "/mappings/invoice-to-erp/drafts/?from=1" in page
    one = drafts["invoice-to-erp"]
    assert own_codes.blanks(one.rules) == ["Tax code", "Revenue account"]
    (tax,) = [rule["values"] for rule in one.rules if rule["target"] == "tax_code"]
    assert {"FE-DE/domestic", "FE-UK/export"} <= tax.keys() and set(tax.values()) == {""}
    with pytest.raises(versions.WrongState, match="no value yet for Tax code, Revenue account"):
        versions.submit(version=one, by=cast["otto"], now=timezone.now())
    form = posted(otto.get("/mappings/invoice-to-erp/drafts/?from=1").content.decode())
    missing = otto.post("/mappings/invoice-to-erp/drafts/", form | {"note": "Ours.", "from": "1"})
    assert missing.status_code == 422 and "Say what" in missing.content.decode()
    filled = {name: value or "DE-19" for name, value in form.items() if name.startswith("to-")}
    told = {name: form[name.replace("to-", "from-")] for name in filled}
    own = form | {name: value for name, value in filled.items() if told[name]}
    otto.post("/mappings/invoice-to-erp/drafts/", own | {"note": "Ours.", "from": "1"})
    assert "submission/" in otto.get("/mappings/invoice-to-erp/v2/").content.decode()
    otto.post("/mappings/invoice-to-erp/v2/submission/")
    version = MappingVersion.objects.get(mapping__slug="invoice-to-erp", number=2)
    assert version.state == VersionState.IN_REVIEW
    assert "invoice-to-erp" not in {v.mapping.slug for v in mapping_offering.to_fill_in()}


def posted(page: str) -> dict[str, str]:
    """What a browser would send from the draft's form."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page[page.index('class="stack draft"') :]):
        at = dict(re.findall(r'([a-z]+)="([^"]*)"', tag))
        ticked = at.get("type") != "checkbox" or " checked" in tag
        if at.get("name") and ticked:
            found[unescape(at["name"])] = unescape(at.get("value", ""))
    return found


def test_whoever_proposed_it_agrees_to_nothing(otto: Client, cast: dict[str, Person]) -> None:
    said(otto, "proposals/")
    assert "Somebody else agrees to what you proposed." in otto.get("/library/").content.decode()
    said(otto, "runbooks/", REASON)
    assert len(offering.waiting()) == len(RUNBOOKS)
    assert AuditEntry.objects.filter(verb="approve runbook", allowed=False).exists()


def test_each_is_one_decision_and_money_keeps_its_two(otto: Client, anna: Client) -> None:
    said(otto, "proposals/")
    plain = len(mapping_offering.without_money())
    assert 0 < plain < len(MAPPINGS)
    assert f"{plain} agreed to" in said(anna, "mappings/", REASON)
    assert in_use() == plain
    assert AuditEntry.objects.filter(verb="approve mapping", allowed=True).count() == plain
    left = mapping_offering.waiting()
    assert len(left) == len(MAPPINGS) - len(OF_THE_LEDGER) - plain
    assert all(versions.approvals_missing(one) == 2 for one in left)
    assert f"{len(RUNBOOKS)} agreed to" in said(anna, "runbooks/", REASON)
    decided = RunbookVersion.objects.filter(state=RunbookState.APPROVED, comment=REASON["reason"])
    assert decided.count() == len(RUNBOOKS)


def test_money_is_agreed_to_by_two_on_its_own_page(
    otto: Client, anna: Client, cast: dict[str, Person]
) -> None:
    said(otto, "proposals/")
    version = next(one for one in mapping_offering.waiting() if versions.money_changes(one))
    address = f"/mappings/{version.mapping.slug}/v1/"
    assert address in anna.get("/library/").content.decode()
    anna.post(f"{address}reviews/", {"approve": "yes", "comment": "Read."})
    assert versions.approvals_missing(MappingVersion.objects.get(pk=version.pk)) == 1
    version = versions.review(
        version=version, by=cast["lena"], approve=True, comment="", now=timezone.now()
    )
    assert version.state == VersionState.APPROVED


def test_only_those_who_may_propose_and_agree(cast: dict[str, Person]) -> None:
    jonas = browser(cast["jonas"])
    said(jonas, "proposals/")
    assert len(mapping_offering.missing()) == len(MAPPINGS)
    said(browser(cast["otto"]), "proposals/")
    said(jonas, "mappings/", REASON)
    said(jonas, "runbooks/", REASON)
    assert in_use() == 0
    assert len(offering.waiting()) == len(RUNBOOKS)
    assert "Nothing was changed. Say why." in said(browser(cast["anna"]), "mappings/")


def test_it_is_one_question_not_one_for_each(otto: Client, anna: Client) -> None:
    said(otto, "proposals/")
    asking.follow(now=timezone.now())
    assert set(Ask.objects.values_list("name", flat=True)) == {
        "library mappings", "library runbooks",
    }  # fmt: skip
    said(anna, "runbooks/", REASON)
    asking.follow(now=timezone.now())
    assert Ask.objects.get(name="library runbooks").answer == Answer.AGREED


def test_what_somebody_wrote_otherwise_is_not_the_products(
    otto: Client, cast: dict[str, Person]
) -> None:
    said(otto, "proposals/")
    version = mapping_offering.waiting()[0]
    versions.review(
        version=version, by=cast["anna"], approve=False, comment="Not ours.", now=timezone.now()
    )
    other = versions.draft(
        mapping=version.mapping, rules=version.rules[:1], note=mapping_offering.NOTE,
        author=cast["otto"], now=timezone.now(),
    )  # fmt: skip
    versions.submit(version=other, by=cast["otto"], now=timezone.now())
    assert version.mapping not in {one.mapping for one in mapping_offering.waiting()}
