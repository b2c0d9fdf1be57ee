"""A mapping made for one system: rules of others never stand in for it."""

from __future__ import annotations

import pytest

from controltower.mappings import versions
from controltower.mappings.models import Mapping, MappingVersion
from tests.factories import Firm

pytestmark = pytest.mark.django_db
GENERAL, OWN = "customer-to-erp", "customer-to-erp-for-tryton"


def in_review(firm: Firm) -> MappingVersion:
    """A mapping of one system, which somebody has written and nobody decided on."""
    general = versions.active(GENERAL, "tryton")
    own = Mapping.objects.create(
        slug=OWN, title="Customer to ERP (Tryton)", record="customer", target="erp"
    )
    made = versions.draft(
        mapping=own, rules=general.rules, note="Its own.", author=firm.lena, now=firm.now
    )
    versions.submit(version=made, by=firm.lena, now=firm.now)
    made.refresh_from_db()
    return made


def test_while_it_is_in_review_nothing_goes_by_the_general_one(firm: Firm) -> None:
    in_review(firm)
    deal = firm.deal()
    stuck = deal.steps.get(name="customer")
    assert (stuck.state, stuck.kind) == ("parked", "contract")
    assert stuck.text.startswith("No version of the mapping “Customer to ERP (Tryton)” is in force")
    assert "Its version 1 waits for the data steward or finance controller." in stuck.text
    assert not stuck.attempts.exists(), "nothing was sent"
    assert firm.letter(deal).cause.owner_role
    assert versions.active(GENERAL, "netsuite").mapping.slug == GENERAL, "others go on"


def test_once_agreed_it_counts_and_what_waited_goes_by_it(firm: Firm) -> None:
    made = in_review(firm)
    agreed = versions.review(
        version=made, by=firm.anna, approve=True, comment="So be it.", now=firm.now
    )
    versions.activate(version=agreed, by=firm.anna, now=firm.now)
    step = firm.deal().steps.get(name="customer")
    assert step.mapping_version == made


def test_without_any_version_the_name_is_told(firm: Firm) -> None:
    with pytest.raises(MappingVersion.DoesNotExist, match="“riddle-to-erp” is in force"):
        versions.active("riddle-to-erp", "tryton")
