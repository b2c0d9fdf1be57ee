"""What stands together by a person's decision."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from controltower.incidents.models.incident import Incident
from controltower.incidents.models.letters import Cause


class By(models.TextChoices):
    """What tells the letters that are split off from the others."""

    ALL = "", "Everything"
    ENTITY = "entity", "Legal entity"
    CLIENT = "client", "Client or supplier"


class GroupingQuerySet(models.QuerySet["Grouping"]):
    def in_force(self) -> GroupingQuerySet:
        """Not taken back."""
        return self.filter(ended_at__isnull=True)


class Grouping(models.Model):
    """Letters of one fingerprint stand under another cause: all of them (joined), or those with
    this `value` (split off). It sticks, for what comes later too, until it is taken back. `brought`
    are the incidents to which joining brought the other cause."""

    fingerprint = models.CharField(max_length=32)
    by = models.CharField(max_length=8, choices=By, blank=True)
    value = models.CharField(max_length=200, blank=True)
    cause = models.ForeignKey(Cause, on_delete=models.PROTECT, related_name="groupings")
    reason = models.CharField(max_length=300)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    brought = models.ManyToManyField(Incident, related_name="+")

    objects = GroupingQuerySet.as_manager()

    class Meta:
        ordering = ["decided_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint", "by", "value"],
                condition=Q(ended_at__isnull=True),
                name="one_grouping_in_force",
            )
        ]

    def __str__(self) -> str:
        return f"{self.fingerprint} {self.by} {self.value} -> {self.cause_id}"
