"""Incidents: something that must not be, led by a person until it was reviewed."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from controltower.firm.models import Person
from controltower.firm.rights import entity_keys_of
from controltower.incidents.models.letters import Cause, DeadLetter
from controltower.systems.models import System
from controltower.transactions.models import Transaction


class IncidentState(models.TextChoices):
    TRIGGERED = "triggered", "Triggered"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    MITIGATED = "mitigated", "Mitigated"
    RESOLVED = "resolved", "Resolved"
    REVIEWED = "reviewed", "Reviewed"


OPEN = (IncidentState.TRIGGERED, IncidentState.ACKNOWLEDGED, IncidentState.MITIGATED)


class Severity(models.TextChoices):
    HIGHEST = "highest", "Highest"
    HIGH = "high", "High"
    MODERATE = "moderate", "Moderate"


class IncidentQuerySet(models.QuerySet["Incident"]):
    def open(self) -> IncidentQuerySet:
        """Neither resolved nor reviewed."""
        return self.filter(state__in=OPEN)

    def visible_to(self, person: Person) -> IncidentQuerySet:
        """What concerns the whole firm (a rule, a system), and what hangs on one of the person's
        legal entities."""
        keys = entity_keys_of(person)
        if keys is None:
            return self
        theirs = Transaction.objects.filter(entity__in=keys)
        letters = DeadLetter.objects.filter(
            cause__incidents=OuterRef("pk"), transaction__entity__in=keys
        )
        of_cause = Incident.causes.through.objects.filter(incident=OuterRef("pk"))
        linked = Incident.transactions.through.objects.filter(incident=OuterRef("pk"))
        mine = linked.filter(transaction__in=theirs)
        firms = ~Exists(of_cause) & ~Exists(linked)
        return self.filter(firms | Exists(letters) | Exists(mine))


class Incident(models.Model):
    """Something that must not be. `subject` names what it is about (a rule, "cause:…",
    "system:…"); at most one incident of a subject is open at a time, and one that comes back
    before its review is the same incident again.

    `quiet_since` is when its trouble ended; it resolves when that has lasted. `missed` counts
    the timers that have run out since somebody answered. `remind_at` is when it is said again that
    one has run out, where nobody else can be asked.
    """

    subject = models.CharField(max_length=80)
    title = models.CharField(max_length=240)
    severity = models.CharField(max_length=8, choices=Severity)
    state = models.CharField(max_length=12, choices=IncidentState, default=IncidentState.TRIGGERED)
    opened_by = models.CharField(max_length=150)
    owner_role = models.CharField(max_length=16)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    causes = models.ManyToManyField(Cause, blank=True, related_name="incidents")
    systems = models.ManyToManyField(System, blank=True, related_name="+")
    transactions = models.ManyToManyField(Transaction, blank=True, related_name="+")
    affected = models.JSONField(default=list)
    halted = models.JSONField(default=list)
    times = models.PositiveSmallIntegerField(default=1)

    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    acknowledge_by = models.DateTimeField(null=True, blank=True)
    update_by = models.DateTimeField(null=True, blank=True)
    remind_at = models.DateTimeField(null=True, blank=True)
    missed = models.PositiveSmallIntegerField(default=0)
    quiet_since = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=600, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.CharField(max_length=150, blank=True)
    review = models.TextField(max_length=4000, blank=True)

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(state__in=OPEN),
                name="one_open_incident_per_subject",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN) | Q(resolved_at__isnull=False),
                name="resolved_incidents_say_when",
            ),
            models.CheckConstraint(
                condition=~Q(state="reviewed") | Q(reviewed_at__isnull=False),
                name="reviewed_incidents_say_when",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def name(self) -> str:
        """How people call it: "INC-12"."""
        return f"INC-{self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something before its review."""
        return self.state in OPEN

    def is_overdue(self, now: datetime) -> bool:
        """Whether somebody should have acknowledged it, or said how it stands, before now."""
        due = self.acknowledge_by or self.update_by
        return self.is_open and due is not None and due < now


class EntryKind(models.TextChoices):
    OPENED = "opened", "Opened"
    REOPENED = "reopened", "Back again"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    HANDED = "handed", "Handed over"
    SEVERITY = "severity", "Severity"
    LINKED = "linked", "Linked"
    MISSED = "missed", "Missed"
    UPDATE = "update", "Update"
    RUNBOOK = "runbook", "Runbook"
    MITIGATED = "mitigated", "Mitigated"
    QUIET = "quiet", "Quiet"
    RESOLVED = "resolved", "Resolved"
    REVIEWED = "reviewed", "Reviewed"


class IncidentEntry(models.Model):
    """One line of an incident's timeline, written once (trigger). `figures` are those of the
    moment, one per legal entity: code, count, amount and late in the reporting currency, and when
    the first is due (older lines do not say so)."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="entries")
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=EntryKind)
    actor = models.CharField(max_length=150)
    text = models.CharField(max_length=1000)
    figures = models.JSONField(default=list)

    class Meta:
        ordering = ["at", "id"]
        verbose_name_plural = "incident entries"

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"
