"""What people end as settled outside the tower, or write off."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from controltower.incidents.models.letters import Cause
from controltower.transactions.models import Transaction


class Settlement(models.Model):
    """Somebody ends stuck transactions by their word alone. Above the limit they are ended once a
    second person agrees. `worth` is in the reporting currency (major units), None when nobody knows
    it; `ended` says how many were ended: what has moved on meanwhile is left as it is."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Waits for a second person"
        CARRIED_OUT = "carried_out", "Carried out"
        REFUSED = "refused", "Refused"

    transactions = models.ManyToManyField(Transaction, related_name="+")
    cause = models.ForeignKey(
        Cause, null=True, blank=True, on_delete=models.SET_NULL, related_name="settlements"
    )
    discard = models.BooleanField()
    reason = models.CharField(max_length=300)
    worth = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    state = models.CharField(max_length=11, choices=State, default=State.PROPOSED)
    ended = models.PositiveIntegerField(default=0)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-proposed_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")),
                name="two_people_settle_much_money",
            ),
        ]
        indexes = [
            models.Index(
                fields=["cause"], condition=Q(state="proposed"), name="settlements_waiting"
            ),
        ]

    @property
    def is_withdrawn(self) -> bool:
        """Whether whoever proposed it took it back: refused, and by no second person."""
        return self.state == self.State.REFUSED and self.decided_by_id is None

    def __str__(self) -> str:
        return f"settlement {self.pk}"
