"""What waited for a mapping goes on once somebody has put it in use."""

from __future__ import annotations

import pytest

from controltower.mappings import versions
from controltower.mappings.models import MappingVersion, VersionState
from controltower.transactions.models import TransactionState
from tests import factories

pytestmark = pytest.mark.django_db


def test_deals_that_waited_for_their_mapping_go_on() -> None:
    firm = factories.found()
    found = MappingVersion.objects.filter(mapping__slug="deal-links-to-crm")
    found.update(state=VersionState.APPROVED)
    deal = firm.deal()
    step = deal.steps.get(name="link")
    assert step.state == "parked"
    assert "“Links → CRM opportunity” is in force" in step.text
    versions.activate(version=found.get(), by=firm.anna, now=firm.now)
    deal = firm.play(deal)
    assert deal.state == TransactionState.VERIFIED
    entry = deal.timeline.filter(text__contains="“Links → CRM opportunity” is in use")
    assert entry.exists()
