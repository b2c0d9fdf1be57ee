"""The rows of this room: `house` says who we are, `policies` what we have agreed upon."""

from controltower.firm.models.house import (
    ApiToken,
    Approval,
    AuditEntry,
    Density,
    Duty,
    ExchangeRate,
    Landing,
    Language,
    LegalEntity,
    Period,
    Person,
    Role,
    Surge,
    Theme,
)
from controltower.firm.models.policies import PolicyState, PolicyVersion

__all__ = [
    "ApiToken",
    "Approval",
    "AuditEntry",
    "Density",
    "Duty",
    "ExchangeRate",
    "Landing",
    "Language",
    "LegalEntity",
    "Period",
    "Person",
    "PolicyState",
    "PolicyVersion",
    "Role",
    "Surge",
    "Theme",
]
