"""What a message says at the moment when it goes out: nothing any more, or what quiet hours have
held for one person, told in one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.transaction import atomic

from controltower.incidents import composing
from controltower.incidents.models import EntryKind, IncidentState, Message, MessageState
from controltower.incidents.notices import TOLD

OVER = (IncidentState.RESOLVED, IncidentState.REVIEWED)
ANSWERS = (EntryKind.ACKNOWLEDGED, EntryKind.HANDED, EntryKind.UPDATE, EntryKind.MITIGATED)
"""What somebody writes who has heard of it."""


def why_needless(message: Message) -> str:
    """Why it need not go out any more; "" when it must."""
    if entry := message.entry:
        if entry.incident.state in OVER:
            return "It was over before this could go out."
        since = entry.incident.entries.filter(pk__gt=entry.pk, kind__in=ANSWERS)
        if entry.kind in TOLD and since.exists():
            return "Somebody had answered before this could go out."
    if message.ask and message.ask.answer:
        return "It was decided before this could go out."
    return ""


def write(message: Message, now: datetime) -> None:
    """Write down what it says, before its first try: with what was held for the same person and
    place, which then has gone out with it. A later try says the same."""
    if message.text and message.tries > 1:
        return
    with atomic():
        others = _held_with(message, now) if message.held and message.tries == 1 else []
        newest = {one.entry.incident if one.entry else one: one for one in (message, *others)}
        parts = [(one.subject, _text(one)) for one in newest.values()]
        if len(parts) == 1:
            ((message.subject, message.text),) = parts
        else:
            message.subject = f"From your quiet hours: {len(parts)} messages"
            message.text = "\n\n".join(f"{subject}\n{text}" for subject, text in parts)
        message.save(update_fields=["subject", "text"])
        folded = Message.objects.filter(pk__in=[one.pk for one in others])
        folded.update(state=MessageState.FOLDED)


def _held_with(message: Message, now: datetime) -> Sequence[Message]:
    """What else waited for the same quiet hours to end and is still needed, the oldest first."""
    held = Message.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        person=message.person, channel=message.channel, to=message.to,
        held=True, state=MessageState.WAITING, tries=0, due_at__lte=now,
    )  # fmt: skip
    found = held.select_related("entry__incident", "ask", "person").order_by("created_at", "pk")
    return [one for one in found if not why_needless(one)]


def _text(message: Message) -> str:
    if message.entry and not message.text:
        return composing.text_for(message.person, message.entry)
    return message.text
