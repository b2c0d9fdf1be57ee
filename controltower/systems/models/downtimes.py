"""When a system will not answer, and everybody knows it beforehand."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from controltower.systems.models.surroundings import System


class DowntimeQuerySet(models.QuerySet["Downtime"]):
    def open(self) -> DowntimeQuerySet:
        """Planned or under way: nobody has ended it, and its time is not over."""
        return self.filter(ended_at__isnull=True)

    def under_way(self, now: datetime) -> DowntimeQuerySet:
        """Those in which a system is not expected to answer now."""
        return self.open().filter(begins_at__lte=now, ends_at__gt=now)


class Downtime(models.Model):
    """A planned downtime of a system (UTC). `begun_at` is when the tower took it up: when the
    system's pause began at that very moment, the pause is the downtime's own. `ended_at` is when it
    was over, or was called off by `ended_by`."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="downtimes")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    announced_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = DowntimeQuerySet.as_manager()

    class Meta:
        ordering = ["begins_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("begins_at")), name="downtime_ends_after_it_begins"
            )
        ]
        indexes = [
            models.Index(
                fields=["system"], condition=Q(ended_at__isnull=True), name="open_downtimes"
            )
        ]

    def __str__(self) -> str:
        return f"{self.system}, {self.begins_at:%d %b %H:%M} to {self.ends_at:%d %b %H:%M} UTC"
