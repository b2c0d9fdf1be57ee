"""What people edit in a step before it is sent again; the original stays as it came."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from controltower.transactions.models.journey import Step


class Amendment(models.Model):
    """A person edits fields of a stuck step: `changes` is {field: [was, becomes]}.

    It speaks of the step as it was (`fence`). In force, it holds for each later try, too. Never
    changed afterwards, save for the second person's word.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", "Waits for a second person"
        IN_FORCE = "in_force", "In force"
        REFUSED = "refused", "Refused"
        OUTDATED = "outdated", "Out of date"

    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="+")
    fence = models.PositiveIntegerField()
    changes = models.JSONField()
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["proposed_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")),
                name="two_people_decide_an_edit",
            ),
            models.UniqueConstraint(
                fields=["step"], condition=Q(state="proposed"), name="one_open_edit_per_step"
            ),
        ]

    @property
    def is_withdrawn(self) -> bool:
        """Whether whoever edited took it back: refused, and by no second person."""
        return self.state == self.State.REFUSED and self.decided_by_id is None

    def __str__(self) -> str:
        return f"{self.step_id}: {', '.join(self.changes)}"
