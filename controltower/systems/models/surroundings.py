"""What stands around us: systems, their limits, their circuits, their feeds; and whether our own
database is as new as it should be."""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from controltower.canonical.identity import new_id
from controltower.firm.models import LegalEntity


class Circuit(models.TextChoices):
    CLOSED = "closed", "Closed"
    TESTING = "testing", "Testing"
    OPEN = "open", "Open"


class SystemQuerySet(models.QuerySet["System"]):
    def playing(self, role: str) -> SystemQuerySet:
        """Systems that take this part in a process."""
        return self.filter(role=role, active=True)

    def callable(self, now: datetime) -> SystemQuerySet:
        """Systems that may be called: not paused, signed in, not asked to wait, circuit not open
        (or its rest is over)."""
        return self.filter(active=True, paused_at__isnull=True, refused_at__isnull=True).filter(
            ~Q(circuit=Circuit.OPEN) | Q(retry_at__lte=now),
            Q(slow_until__isnull=True) | Q(slow_until__lte=now),
        )


class System(models.Model):
    """A system we talk to.

    `secrets` maps the connector's credential names to references ("env:NAME"), never to values.
    Systems with the same `connection` share one sign-in, quota and concurrency: all are held while
    that sign-in is refused (since `refused_at`, in the words of `refusal`), and until `slow_until`
    when one of them has asked to be called less often (`holding`).
    `terms` are what people have agreed on about its answers, by entity, beyond what its connector
    reads: those of the interface versions in force (`agreeing`).
    `region` is where it keeps what it is given ("EU"); "" when nobody has said.
    """

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=80)
    domain = models.CharField(max_length=40)
    role = models.CharField(max_length=20)
    connector = models.CharField(max_length=40)
    connection = models.CharField(max_length=40)
    base_url = models.CharField(max_length=300)
    secrets = models.JSONField(default=dict)
    options = models.JSONField(default=dict, blank=True)
    terms = models.JSONField(default=dict, blank=True)
    region = models.CharField(max_length=16, blank=True)
    deadline_seconds = models.PositiveSmallIntegerField(default=20)
    concurrency = models.PositiveSmallIntegerField(default=8)
    calls_per_second = models.PositiveSmallIntegerField(default=25)
    active = models.BooleanField(default=True)

    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    pause_reason = models.CharField(max_length=300, blank=True)

    circuit = models.CharField(max_length=8, choices=Circuit, default=Circuit.CLOSED)
    failures = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    last_ok_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_failure = models.CharField(max_length=400, blank=True)

    refused_at = models.DateTimeField(null=True, blank=True)
    refusal = models.CharField(max_length=300, blank=True)
    slow_until = models.DateTimeField(null=True, blank=True)

    quota_used = models.PositiveIntegerField(null=True, blank=True)
    quota_limit = models.PositiveIntegerField(null=True, blank=True)

    objects = SystemQuerySet.as_manager()

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    @property
    def deadline(self) -> timedelta:
        """The total time one call may take."""
        return timedelta(seconds=self.deadline_seconds)

    def within(self, deadline: timedelta) -> System:
        """The system, to be called with another deadline than its usual one."""
        if deadline == self.deadline:
            return self
        patient = copy(self)
        patient.deadline_seconds = round(deadline.total_seconds())
        return patient


class Route(models.Model):
    """Which of several systems plays a part, for whom and from which accounting day: an old and a
    new ERP beside each other. Without a company or record (an entity of the connectors, such as
    "invoice") it holds for all; `ends_on` is the first day on which it no longer does."""

    role = models.CharField(max_length=20)
    company = models.ForeignKey(
        LegalEntity, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    record = models.CharField(max_length=40, blank=True)
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="routes")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["role", "company", "record", "starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["role", "company", "record", "starts_on"],
                name="one_route_from_a_day",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                name="route_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.company or 'all'}: {self.system} from {self.starts_on}"


class Feed(models.Model):
    """A change feed we poll: the cursor moves in the same commit as the events it brought.
    `ended_at` is when it was last read to its end, `gap_at` when its source last could not say what
    had changed: until it has ended since, changes may be missing. `expires_at` is when its source
    gives up what has not been read by then, as the last page said. What changed before `since` is
    left where it is (None: nothing is). Whoever reads it moves `due_at` ahead by the `LEASE`."""

    LEASE = timedelta(seconds=60)

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="feeds")
    entity = models.CharField(max_length=40)
    cursor = models.TextField(blank=True)
    every_seconds = models.PositiveIntegerField(default=5)
    since = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField()
    polled_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    gap_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["system", "entity"]
        constraints = [
            models.UniqueConstraint(fields=["system", "entity"], name="one_feed_per_entity")
        ]

    def __str__(self) -> str:
        return f"{self.system}: {self.entity}"

    @property
    def is_healed(self) -> bool:
        """Whether all was read again after the last gap."""
        return self.gap_at is None or (self.ended_at is not None and self.ended_at >= self.gap_at)


class Call(models.Model):
    """One outbound call, for the call-time line and the error share. Partitioned by day along its
    id, and forgotten by the day (docs/growth.md). Its system is not looked up by the database: each
    row would lock the one that all calls share."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    system = models.ForeignKey(
        System, on_delete=models.CASCADE, related_name="calls", db_index=False, db_constraint=False
    )
    at = models.DateTimeField()
    operation = models.CharField(max_length=60)
    milliseconds = models.PositiveIntegerField()
    verdict = models.CharField(max_length=20)
    reached = models.BooleanField()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["system", "at"], name="calls_by_system"),
            models.Index(fields=["-id"], condition=Q(reached=False), name="calls_that_got_lost"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.verdict}"


class Anchor(models.Model):
    """How far this database has come, in its one row: `number` only grows, and a copy of it is kept
    outside (see `anchor`). `cluster` names the PostgreSQL server and its timeline."""

    identity = models.UUIDField(default=new_id)
    number = models.BigIntegerField(default=0)
    marked_at = models.DateTimeField()
    cluster = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return f"{self.identity} at {self.number}"


class RecoveryQuerySet(models.QuerySet["Recovery"]):
    def open(self) -> RecoveryQuerySet:
        """Not ended: at most one."""
        return self.filter(ended_at__isnull=True)


class Recovery(models.Model):
    """A time in which the books may be older than reality, since they came from a backup: nothing
    is written to any system until what may have happened since was asked for.

    `restore_point` is the last moment that the books know for certain (UTC), None when unknown.
    `read_at` is when every feed had been read again: what has arrived since is of the present.
    """

    began_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    restore_point = models.DateTimeField(null=True, blank=True)
    why = models.CharField(max_length=300)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    end_reason = models.CharField(max_length=300, blank=True)

    objects = RecoveryQuerySet.as_manager()

    class Meta:
        ordering = ["-began_at"]
        verbose_name_plural = "recoveries"
        constraints = [
            models.UniqueConstraint(
                fields=["ended_at"],
                condition=Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="one_recovery_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M}: {self.why}"
