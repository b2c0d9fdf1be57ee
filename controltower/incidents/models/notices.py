"""Who is told what by which way, and each message that goes out: an outbox."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controltower.firm.models import Person
from controltower.incidents.models.asks import Ask
from controltower.incidents.models.incident import IncidentEntry


class Wish(models.Model):
    """How somebody wants to be told. Without one, alerts come by e-mail at any time.

    Between `quiet_from` and `quiet_until` (in the person's zone) messages wait for the end of the
    quiet time, unless they are of the highest severity and `wakes` is set. At `digest_at`, in that
    zone, a daily mail says how things stand; without it none is written.
    """

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="+")
    mail = models.BooleanField(default=True)
    slack_channel = models.CharField(max_length=40, blank=True)
    teams_team = models.CharField(max_length=40, blank=True)
    tickets = models.BooleanField(default=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    wakes = models.BooleanField(default=True)
    digest_at = models.TimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"What {self.person} gets"


class Channel(models.TextChoices):
    MAIL = "mail", "E-mail"
    SLACK = "slack", "Slack"
    TEAMS = "teams", "Teams"

    @property
    def shows_copies(self) -> bool:
        """Whether a second sending is a second message there. Mail is known by its Message-ID."""
        return self is not Channel.MAIL


class MessageState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    DOUBT = "doubt", "Perhaps sent"
    FAILED = "failed", "Not sent"
    NEEDLESS = "needless", "No longer needed"
    FOLDED = "folded", "Told in another"


class Message(models.Model):
    """One message to one person, committed with what causes it: a line of an incident's timeline,
    something that waits for their word (`ask`), or (without either) the daily mail. `name` is its
    identity wherever it goes, the same at every try. `to` is where: an address, a Slack channel or
    a team; `text` is written when it first goes out. A mail with `html` shows that where it can be
    shown. Those that quiet hours have `held` go out in one of them; the others are folded.
    """

    name = models.CharField(max_length=60, unique=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    entry = models.ForeignKey(
        IncidentEntry, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    ask = models.ForeignKey(Ask, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=8, choices=Channel)
    to = models.CharField(max_length=254)
    subject = models.CharField(max_length=200)
    text = models.TextField(max_length=16000, blank=True)
    html = models.TextField(max_length=16000, blank=True)
    state = models.CharField(max_length=8, choices=MessageState, default=MessageState.WAITING)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    held = models.BooleanField(default=False)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    fault = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "person", "channel"], name="one_message_of_an_entry"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="messages_to_send",
                condition=Q(state__in=("waiting", "sending")),
            ),
        ]

    def __str__(self) -> str:
        return self.subject
