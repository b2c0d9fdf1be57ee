"""What happened to a step, in one sentence for people."""

from __future__ import annotations

from controltower.transactions.models import Step
from controltower.transactions.protocol import IN_DOUBT, Purpose, State

_SENTENCES = {
    (State.VERIFIED, Purpose.READ_BACK): "read back from {system}, it is there and agrees.",
    (State.VERIFIED, Purpose.SEND): "{system} answered.",
    (State.ACKED, Purpose.SEND): "{system} confirmed it.",
    (State.ACKED, Purpose.PROBE): "{system} has it; the lost answer did not matter.",
    (State.ACKED, Purpose.READ_BACK): "{system} cannot be read yet; it is asked again.",
    (State.UNKNOWN, Purpose.SEND): "sent, but {system} gave no clear answer. It is asked first.",
    (State.UNKNOWN, Purpose.PROBE): "{system} cannot say yet whether it arrived.",
    (State.SCHEDULED, Purpose.PROBE): "{system} does not have it, so it is sent again.",
    (State.SCHEDULED, Purpose.SEND): "not done. {said} It is tried again.",
    (State.HELD, Purpose.SEND): "{system} refused, the period is closed. {said}",
}


def sentence(step: Step, purpose: Purpose, *, system: str, said: str) -> str:
    """The timeline's sentence for a step that has just moved; `said` is the target's word."""
    if step.state == State.PARKED and step.kind == IN_DOUBT:
        return f"{step.title}: in doubt. {said} A person must decide."
    pattern = _SENTENCES.get((State(step.state), purpose), "{system} refused. {said}")
    return f"{step.title}: {pattern.format(system=system, said=said)}"
