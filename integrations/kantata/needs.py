"""What a connection to Kantata OX needs."""

from __future__ import annotations

from controltower.canonical.events import (
    ASSIGNMENT_CHANGED,
    CHANGE_ORDER_APPROVED,
    EXPENSE_APPROVED,
    PROJECT_SET_UP,
    TIMESHEET_APPROVED,
)
from integrations.kantata.feed import SETTLED
from integrations.needed import Needs, Option, Reading, Secret, Shape, settling

NEEDS = Needs(
    plays="psa",
    address="https://api.mavenlink.com",
    secrets=(
        Secret(
            "token",
            "An access token of an account administrator.",
            "In Kantata OX: Settings, Applications, the application's access token.",
        ),
    ),
    options=(
        settling(SETTLED),
        Option(
            "service",
            Shape.TEXT,
            "The service name under which our references are kept.",
            default="control-tower",
        ),
    ),
    feeds={
        "timecard": Reading(120, (TIMESHEET_APPROVED,)),
        "expense": Reading(120, (EXPENSE_APPROVED,)),
        "change_order": Reading(300, (CHANGE_ORDER_APPROVED,)),
        "assignment": Reading(300, (ASSIGNMENT_CHANGED,)),
        "project": Reading(300, (PROJECT_SET_UP,)),
    },
    calls_per_second=5,
)
