"""Runbooks: what to do about a kind of trouble, in approved versions; and each time it was done."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from controltower.firm.models import Person
from controltower.firm.rights import entity_keys_of
from controltower.incidents.models.incident import Incident
from controltower.incidents.models.letters import Cause, DeadLetter
from controltower.transactions.models import ReplayPlan


class RunbookState(models.TextChoices):
    DRAFT = "draft", "Draft"
    APPROVAL_PENDING = "approval_pending", "Waits for approval"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"
    DEPRECATED = "deprecated", "Replaced"


class Runbook(models.Model):
    """What to do about a kind of trouble; its versions hold the steps."""

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=120)

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title


class RunbookVersion(models.Model):
    """Steps and what they fit, as JSON (`incidents/steps.py` and `matching.py` say what they
    mean). Frozen once it has left draft (trigger); the author never approves (constraint)."""

    runbook = models.ForeignKey(Runbook, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=RunbookState, default=RunbookState.DRAFT)
    fits = models.JSONField(default=dict)
    steps = models.JSONField(default=list)
    note = models.CharField(max_length=400, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    comment = models.CharField(max_length=400, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["runbook", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["runbook", "number"], name="one_runbook_number"),
            models.UniqueConstraint(
                fields=["runbook"], condition=Q(state="approved"), name="one_approved_runbook"
            ),
            models.CheckConstraint(
                condition=~Q(author=F("decided_by")), name="runbook_author_does_not_decide"
            ),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(decided_by__isnull=False, expires_at__isnull=False),
                name="approved_runbooks_say_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.runbook} v{self.number}"


class RunState(models.TextChoices):
    RUNNING = "running", "Running"
    HALTED = "halted", "Halted"
    COMPLETED = "completed", "Done"
    STOPPED = "stopped", "Stopped"


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, person: Person) -> RunQuerySet:
        """Those about an incident, or a cause, that the person may see."""
        keys = entity_keys_of(person)
        if keys is None:
            return self
        theirs = DeadLetter.objects.filter(cause=OuterRef("cause"), transaction__entity__in=keys)
        incidents = Incident.objects.visible_to(person).order_by()
        return self.filter(Q(incident__in=incidents.values("pk")) | Exists(theirs))


class Run(models.Model):
    """One time that a runbook is followed, for an incident or a cause. Halted: a step has failed,
    and a person must look again, skip it with a reason, or stop."""

    version = models.ForeignKey(RunbookVersion, on_delete=models.PROTECT, related_name="runs")
    incident = models.ForeignKey(
        Incident, null=True, blank=True, on_delete=models.PROTECT, related_name="runs"
    )
    cause = models.ForeignKey(
        Cause, null=True, blank=True, on_delete=models.PROTECT, related_name="runs"
    )
    state = models.CharField(max_length=12, choices=RunState, default=RunState.RUNNING)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "incident", "cause"],
                condition=Q(state__in=["running", "halted"]),
                nulls_distinct=False,
                name="one_run_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(incident__isnull=False) | Q(cause__isnull=False),
                name="runs_are_about_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} since {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do in it."""
        return self.state in {RunState.COMPLETED, RunState.STOPPED}


class StepState(models.TextChoices):
    AHEAD = "ahead", "Not begun"
    NOW = "now", "Now"
    UNDER_WAY = "under_way", "Under way"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"


class RunStep(models.Model):
    """One step of a run, copied from its version: who did it, when, what came of it, and the
    evidence as figures of the moment."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    rule = models.JSONField()
    state = models.CharField(max_length=10, choices=StepState, default=StepState.AHEAD)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=400, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    evidence = models.JSONField(default=dict)
    until = models.DateTimeField(null=True, blank=True)
    plan = models.ForeignKey(
        ReplayPlan, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["run", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="one_step_per_position")
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.rule.get('title', '')}"
