"""What a connection to Certinia needs: that of the org it lives in."""

from __future__ import annotations

from controltower.canonical.events import (
    ASSIGNMENT_CHANGED,
    CHANGE_ORDER_APPROVED,
    EXPENSE_APPROVED,
    MILESTONE_APPROVED,
    PROJECT_SET_UP,
    TIMESHEET_APPROVED,
    WORK_DELIVERED,
)
from integrations.needed import Needs, Reading
from integrations.salesforce_platform.needs import ADDRESS, OPTIONS, SECRETS

NEEDS = Needs(
    plays="psa",
    address=ADDRESS,
    secrets=SECRETS,
    options=OPTIONS,
    feeds={
        "timecard": Reading(120, (TIMESHEET_APPROVED,)),
        "expense": Reading(120, (EXPENSE_APPROVED,)),
        "milestone": Reading(300, (MILESTONE_APPROVED,)),
        "change_order": Reading(300, (CHANGE_ORDER_APPROVED,)),
        "assignment": Reading(300, (ASSIGNMENT_CHANGED,)),
        "project": Reading(300, (PROJECT_SET_UP,)),
        "delivered_month": Reading(900, (WORK_DELIVERED,)),
    },
)
