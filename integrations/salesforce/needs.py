"""What a connection to Salesforce needs."""

from __future__ import annotations

from controltower.canonical.events import CUSTOMER_CHANGED, OPPORTUNITY_WON
from integrations.needed import Needs, Reading
from integrations.salesforce_platform.needs import ADDRESS, OPTIONS, SECRETS

NEEDS = Needs(
    plays="crm",
    address=ADDRESS,
    secrets=SECRETS,
    options=OPTIONS,
    feeds={
        "opportunity": Reading(60, (OPPORTUNITY_WON,)),
        "customer": Reading(120, (CUSTOMER_CHANGED,)),
        "unnumbered_customer": Reading(600, (CUSTOMER_CHANGED,)),
    },
)
