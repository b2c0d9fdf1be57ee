"""How many must approve a version: two for what changes a field that carries money, else one."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from controltower.mappings import scheduling, versions
from controltower.mappings.models import Mapping, MappingVersion
from tests.factories import Firm, found

pytestmark = pytest.mark.django_db
SLUG = "invoice-to-erp"


@pytest.fixture
def firm() -> Firm:
    return found()


def submitted(firm: Firm, target: str, **change: Any) -> MappingVersion:
    """A version in review in which one rule is another than in the version in force."""
    rules = deepcopy(versions.active(SLUG, "tryton").rules)
    next(rule for rule in rules if rule["target"] == target).update(change)
    mapping = Mapping.objects.get(slug=SLUG)
    made = versions.draft(mapping=mapping, rules=rules, note="So.", author=firm.lena, now=firm.now)
    versions.submit(version=made, by=firm.lena, now=firm.now)
    made.refresh_from_db()
    return made


def approve(firm: Firm, version: MappingVersion, *names: str) -> MappingVersion:
    for name in names:
        who = firm.people[name]
        version = versions.review(version=version, by=who, approve=True, comment="", now=firm.now)
    return version


def test_one_approves_what_changes_no_money(firm: Firm) -> None:
    version = submitted(firm, "comment", source="reference")
    assert versions.approvals_needed(version) == 1
    assert approve(firm, version, "anna").state == "approved"


def test_two_approve_what_changes_money(firm: Firm) -> None:
    version = submitted(firm, "untaxed", source="total")
    assert versions.money_changes(version) == ["untaxed"]
    version = approve(firm, version, "anna")
    assert (version.state, versions.approvals_missing(version)) == ("in_review", 1)
    assert approve(firm, version, "marta").state == "approved"


def test_a_second_person_is_asked_again_once_the_version_in_force_is_another(firm: Firm) -> None:
    plain = approve(firm, submitted(firm, "comment", source="reference"), "anna")
    money = approve(firm, submitted(firm, "untaxed", source="total"), "anna", "marta")
    scheduling.schedule(version=plain, at=firm.now + timedelta(days=1), by=firm.anna, now=firm.now)
    versions.activate(version=money, by=firm.anna, now=firm.now)
    assert scheduling.take_effect(now=firm.now + timedelta(days=2)) == 0
    plain.refresh_from_db()
    assert (plain.state, versions.approvals_missing(plain)) == ("approved", 1)
    with pytest.raises(versions.WrongState, match="untaxed"):
        versions.activate(version=plain, by=firm.anna, now=firm.now)
    versions.activate(version=approve(firm, plain, "marta"), by=firm.anna, now=firm.now)
    assert versions.active(SLUG, "tryton") == plain


def test_what_was_in_force_is_gone_back_to_at_once(firm: Firm) -> None:
    first = versions.active(SLUG, "tryton")
    money = approve(firm, submitted(firm, "untaxed", source="total"), "anna", "marta")
    versions.activate(version=money, by=firm.anna, now=firm.now)
    first.refresh_from_db()
    versions.activate(version=first, by=firm.anna, now=firm.now)
    assert versions.active(SLUG, "tryton") == first
