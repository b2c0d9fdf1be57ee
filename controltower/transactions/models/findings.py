"""What people found when they looked in a target that can be neither repeated nor asked."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from controltower.transactions.models.journey import Step


class Finding(models.Model):
    """A person looked whether the target has a step in doubt: there under `ref`, or ("") not there.

    It speaks of exactly what the step was when they looked: its `fence` and its key's `generation`.
    Never changed afterwards, save for the second person's word.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", "Waits for a second person"
        CARRIED_OUT = "carried_out", "Carried out"
        REFUSED = "refused", "Refused"
        OUTDATED = "outdated", "Out of date"

    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="+")
    fence = models.PositiveIntegerField()
    generation = models.PositiveSmallIntegerField()
    ref = models.CharField(max_length=120, blank=True)
    evidence = models.CharField(max_length=400)
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=11, choices=State, default=State.PROPOSED)
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    reported_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-reported_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("reported_by")),
                name="two_people_decide_a_doubt",
            ),
            models.UniqueConstraint(
                fields=["step"], condition=Q(state="proposed"), name="one_open_finding_per_step"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step_id}: {self.ref or 'not there'}"
