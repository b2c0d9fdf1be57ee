"""The records of this room: what stands around us, and the interfaces to it."""

from controltower.systems.models.call_paces import CallPace
from controltower.systems.models.descriptions import NEVER_HELD, Agreement, Description, Rehearsal
from controltower.systems.models.downtimes import Downtime
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
    Anchor,
    Call,
    Circuit,
    Feed,
    Recovery,
    RecoveryQuerySet,
    Route,
    System,
    SystemQuerySet,
)

__all__ = [
    "NEVER_HELD",
    "Agreement",
    "Anchor",
    "Call",
    "CallPace",
    "Circuit",
    "Credential",
    "Description",
    "Direction",
    "Downtime",
    "Drift",
    "Feed",
    "Interface",
    "InterfaceUse",
    "InterfaceVersion",
    "Recovery",
    "RecoveryQuerySet",
    "Rehearsal",
    "Route",
    "Standing",
    "Subscription",
    "System",
    "SystemQuerySet",
    "UseMark",
]
