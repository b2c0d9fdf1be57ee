"""The records of this room: what stands around us, and the interfaces to it."""

from controltower.systems.models.interfaces import (
    Credential,
    Direction,
    Drift,
    Interface,
    InterfaceUse,
    InterfaceVersion,
    Standing,
    Subscription,
    UseMark,
)
from controltower.systems.models.surroundings import (
    Agreement,
    Anchor,
    Call,
    Circuit,
    Description,
    Feed,
    Recovery,
    RecoveryQuerySet,
    Route,
    System,
    SystemQuerySet,
)

__all__ = [
    "Agreement",
    "Anchor",
    "Call",
    "Circuit",
    "Credential",
    "Description",
    "Direction",
    "Drift",
    "Feed",
    "Interface",
    "InterfaceUse",
    "InterfaceVersion",
    "Recovery",
    "RecoveryQuerySet",
    "Route",
    "Standing",
    "Subscription",
    "System",
    "SystemQuerySet",
    "UseMark",
]
