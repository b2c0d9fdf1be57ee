"""Sending what is in the outbox: claimed, committed, sent, and written down as what came of it.

A message goes out once as far as its way allows: a try that was certainly refused is repeated; one
whose answer was lost is not, where the receiver would show a second copy (Slack, Teams), and is
repeated under the same Message-ID by e-mail, by which mail servers and programs know it again.
"""

from __future__ import annotations

import asyncio
import smtplib
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from controltower.canonical.verdicts import (
    Done,
    Kind,
    Rejected,
    TryLater,
    Unavailable,
    Unknown,
    Verdict,
)
from controltower.incidents import folding
from controltower.incidents.models import Channel, Message, MessageState
from controltower.systems import calls
from controltower.systems.doors import opened
from controltower.systems.models import System

LEASE = timedelta(minutes=2)
MOST_TRIES = 8
FIRST_REST = timedelta(seconds=30)
FOR_GOOD = 500
CLAIM = """
UPDATE incidents_message SET state = 'sending', tries = tries + 1, due_at = %(until)s
WHERE id = (SELECT id FROM incidents_message
            WHERE state IN ('waiting', 'sending') AND due_at <= %(now)s
            ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def due(*, now: datetime) -> QuerySet[Message]:
    """What may go out now, a try that never ended included."""
    open_ = (MessageState.WAITING, MessageState.SENDING)
    return Message.objects.filter(state__in=open_, due_at__lte=now)


def deliver(*, now: datetime, most: int = 50) -> int:
    """Send what is due, one after the other; returns how many were tried."""
    for tried in range(most):
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, {"now": now, "until": now + LEASE})
            row = cursor.fetchone()
        if row is None:
            return tried
        found = Message.objects.select_related("entry__incident", "ask", "person")
        _send(found.get(pk=row[0]), now)
    return most


def _send(message: Message, now: datetime) -> None:
    """Send one claimed message and write down what came of it."""
    was_lost = message.tries > 1 and message.fault == ""
    if why := folding.why_needless(message):
        _note(message, MessageState.NEEDLESS, why)
        return
    folding.write(message, now)
    channel = Channel(message.channel)
    if not channel.shows_copies:
        _judge(message, _mail(message), now)
    elif was_lost:
        text = f"Its sender stopped; {channel.label} may show it or not."
        _note(message, MessageState.DOUBT, text)
    else:
        _judge(message, _chat(message, channel), now)


def _mail(message: Message) -> Verdict | None:
    """Hand it to the mail server. None when the server has taken it."""
    heard_by = import_string(settings.HEARD_BY)
    subject = heard_by(message.person, message.subject.replace("\n", " "))
    text = heard_by(message.person, message.text)
    mail = EmailMultiAlternatives(
        subject, text, settings.DEFAULT_FROM_EMAIL, [message.to],
        headers={"Message-ID": f"<{message.name}@{_domain()}>"},
    )  # fmt: skip
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    try:
        mail.send()
    except (smtplib.SMTPServerDisconnected, TimeoutError) as lost:
        return Unknown(text=f"The mail server did not answer ({type(lost).__name__}).")
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as no:
        return _refused(no)
    except (OSError, smtplib.SMTPException) as away:
        return Unavailable(text=f"The mail server cannot be reached ({type(away).__name__}).")
    return None


def _domain() -> str:
    return str(settings.DEFAULT_FROM_EMAIL).rpartition("@")[2].strip("<> ") or "localhost"


def _refused(refusal: smtplib.SMTPException) -> Verdict:
    """A code from 500 on is for good, one below says to come back."""
    codes = [getattr(refusal, "smtp_code", 0)]
    if isinstance(refusal, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _words in refusal.recipients.values()]
    text = f"The mail server refused it ({', '.join(map(str, codes))})."
    if max(codes) >= FOR_GOOD:
        return Rejected(kind=Kind.VALIDATION, text=text)
    return TryLater(kind=Kind.TRANSIENT, text=text)


def _chat(message: Message, channel: Channel) -> Verdict:
    """Say it in a room of the first system that is of the channel's own connector."""
    system = System.objects.filter(connector=channel.value, active=True).order_by("pk").first()
    if system is None:
        return Rejected(kind=Kind.CONTRACT, text=f"No {channel.label} is connected.")
    subject = f"*{message.subject}*" if channel is Channel.SLACK else message.subject
    order = calls.Order(
        "send", "room", "notify", ref=message.to,
        record={"text": f"{subject}\n{message.text}"}, key=message.name,
    )  # fmt: skip
    return asyncio.run(_told(system, order))


async def _told(system: System, order: calls.Order) -> Verdict:
    async with opened([system]) as doors:
        try:
            return await doors[system.pk].perform(order)
        except calls.TooLate:
            return Unavailable(text=f"{system.title} is not called at present.")


def _judge(message: Message, verdict: Verdict | None, now: datetime) -> None:
    """sending → sent, in doubt, not sent, or waiting again after a growing rest."""
    if verdict is None or isinstance(verdict, Done):
        message.sent_at = now
        _note(message, MessageState.SENT, "")
        return
    text = str(getattr(verdict, "text", "")) or type(verdict).__name__
    if isinstance(verdict, Unknown) and Channel(message.channel).shows_copies:
        _note(message, MessageState.DOUBT, text)
    elif isinstance(verdict, TryLater | Unavailable | Unknown) and message.tries < MOST_TRIES:
        message.due_at = now + FIRST_REST * 2 ** (message.tries - 1)
        _note(message, MessageState.WAITING, text)
    else:
        _note(message, MessageState.FAILED, text)


def _note(message: Message, state: MessageState, fault: str) -> None:
    """Only the try that claimed it last has a say."""
    Message.objects.filter(pk=message.pk, state=MessageState.SENDING, tries=message.tries).update(
        state=state, fault=fault[:300], sent_at=message.sent_at, due_at=message.due_at
    )
    message.state, message.fault = state, fault[:300]
