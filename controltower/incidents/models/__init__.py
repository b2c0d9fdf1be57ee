"""The records of this room: dead letters by cause, incidents, runbooks and their runs."""

from controltower.incidents.models.asks import Answer, Ask
from controltower.incidents.models.grouping import By, Grouping
from controltower.incidents.models.incident import (
    OPEN,
    EntryKind,
    Incident,
    IncidentEntry,
    IncidentState,
    Severity,
)
from controltower.incidents.models.letters import (
    Cause,
    CauseQuerySet,
    DeadLetter,
    LetterState,
    Resolution,
)
from controltower.incidents.models.notices import Channel, Message, MessageState, Wish
from controltower.incidents.models.runbook import (
    Run,
    Runbook,
    RunbookState,
    RunbookVersion,
    RunState,
    RunStep,
    StepState,
)
from controltower.incidents.models.settlement import Settlement

__all__ = [
    "OPEN",
    "Answer",
    "Ask",
    "By",
    "Cause",
    "CauseQuerySet",
    "Channel",
    "DeadLetter",
    "EntryKind",
    "Grouping",
    "Incident",
    "IncidentEntry",
    "IncidentState",
    "LetterState",
    "Message",
    "MessageState",
    "Resolution",
    "Run",
    "RunState",
    "RunStep",
    "Runbook",
    "RunbookState",
    "RunbookVersion",
    "Settlement",
    "Severity",
    "StepState",
    "Wish",
]
