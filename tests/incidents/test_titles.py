"""A cause is named in one sentence, without what is particular to one record."""

from __future__ import annotations

import pytest

from controltower.incidents.sorting import title_of
from controltower.systems.models import System
from controltower.transactions.models import Step

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
        (ERP, "unknown", "No answer.", "In doubt whether Tryton ERP has it: draft the invoice"),
    ],
)  # fmt: skip
def test_a_cause_says_what_is_wrong(
    system: System | None, kind: str, text: str, title: str
) -> None:
    assert title_of(Step(title="Draft the invoice", system=system, kind=kind, text=text)) == title
