"""A cause is named in one sentence; of many, by what all of theirs have in common."""

from __future__ import annotations

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from controltower.incidents import letters
from controltower.incidents.sorting import shared, title_of
from controltower.mappings.models import MappingVersion
from controltower.systems.models import System
from controltower.transactions.models import Step
from tests.factories import Firm, signed_in, stuck_bills
from tests.web.conftest import PLAIN

ERP = System(slug="erp", title="Tryton ERP")


@pytest.mark.parametrize(
    ("system", "kind", "text", "title"),
    [
        (None, "validation", "The deal has no amount. Ask sales.", "The deal has no amount"),
        (
            None,
            "period_closed",
            "October is closed in Larkfield Advisory Inc. by the controller. Reopen it.",
            "Closed period: October is closed in Larkfield Advisory Inc. by the controller",
        ),
        (ERP, "validation", "Tryton: It is locked.", "Tryton ERP refuses: It is locked"),
        (ERP, "contract", "No version of it is in force.", "No version of it is in force"),
        (ERP, "unknown", "No answer.", "In doubt whether Tryton ERP has it: draft the invoice"),
    ],
)  # fmt: skip
def test_a_cause_says_what_is_wrong(
    system: System | None, kind: str, text: str, title: str
) -> None:
    assert title_of(Step(title="Draft the invoice", system=system, kind=kind, text=text)) == title


@pytest.mark.parametrize(
    ("title", "other", "common"),
    [
        (
            "The place asks for Actuarial modelling, which LF-0017 does not have in Workday",
            "The place asks for Change, which LF-0021 does not have in Workday",
            "The place asks for …, which … does not have in Workday",
        ),
        (
            "Tryton ERP refuses: Otterbourne Rail exists 2 times: K1 (Otterbourne Rail), K2",
            "Tryton ERP refuses: Enzian exists 2 times: K3 (Enzian), K4",
            "Tryton ERP refuses: … exists 2 times: … (…), …",
        ),
        (
            "2,914.50 GBP on “Shamrock” is above the cap",
            "75.00 EUR on “Enzian Privatbank AG” is above the cap",
            "… on “…” is above the cap",
        ),
        ("Tryton ERP refuses: this", "Tryton ERP refuses: that", "Tryton ERP refuses: this"),
        ("The deal has no amount", "The deal has no amount", "The deal has no amount"),
    ],
)
def test_titles_of_one_cause_share_what_is_not_of_one_record(
    title: str, other: str, common: str
) -> None:
    assert shared(title, other) == common
    assert shared(common, other) == common, "and it stays"


@pytest.mark.django_db
def test_a_cause_of_many_is_called_by_what_they_share(firm: Firm) -> None:
    one, other = stuck_bills(firm, 2)
    words = "{} of the client is not known to the company"
    for bill, number in ((one, "TC-18"), (other, "TC-19")):
        step = Step.objects.filter(transaction=bill, name="draft")
        step.update(text=words.format(number), fingerprint="UNKNOWN TO THEM")
        letters.catch_up(now=timezone.now(), of=[bill.pk])
        number = "…" if bill == other else number
        assert firm.cause(bill).title.endswith(words.format(number))


@pytest.mark.django_db
def test_what_our_own_mapping_has_no_word_for_was_refused_by_nobody(
    firm: Firm, settings: Settings
) -> None:
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN}}
    (bill,) = stuck_bills(firm, 1)
    gap = "No value for “Cost account” is mapped from “6999”. (Mapping Purchase v1.)"
    version = MappingVersion.objects.get(mapping__slug="invoice-to-erp", number=1)
    Step.objects.filter(transaction=bill, name="draft").update(
        text=gap, kind="reference_missing", sent_at=None, mapping_version=version,
        fingerprint="UNMAPPED",
    )  # fmt: skip
    letters.catch_up(now=timezone.now(), of=[bill.pk])
    cause = firm.cause(bill)
    assert cause.title == gap
    page = signed_in(firm.anna).get(f"/exceptions/{cause.pk}/").content.decode()
    assert "stopped by our own check, before anything was sent" in page
    assert "refused it" not in page
    shown = signed_in(firm.anna).get(f"/tx/{bill.correlation_id}/").content.decode()
    assert "Stuck at our own check" in shown
