"""What people have said of systems that no code knows, and what came of asking by it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Agreement(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    ACTIVE = "active", "In force"
    RETIRED = "retired", "No longer in force"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


NEVER_HELD = (Agreement.REFUSED, Agreement.WITHDRAWN)
"""Somebody proposed it, and it has never been in force."""


class DescriptionQuerySet(models.QuerySet["Description"]):
    def standing(self) -> DescriptionQuerySet:
        """Those in force or waiting to be: what was refused or withdrawn is said no more."""
        return self.filter(state__in=[Agreement.PROPOSED, Agreement.ACTIVE])


class Description(models.Model):
    """A version of what is said of a described system (integrations/described). It is never
    changed; another person than its author puts it in force."""

    slug = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    document = models.JSONField()
    state = models.CharField(max_length=10, choices=Agreement, default=Agreement.PROPOSED)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=300, blank=True)

    objects = DescriptionQuerySet.as_manager()

    class Meta:
        ordering = ["slug", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["slug", "number"], name="one_description_number"),
            models.UniqueConstraint(
                fields=["slug"], condition=Q(state="active"), name="one_active_description"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("author")),
                name="description_decided_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} v{self.number}"


class Rehearsal(models.Model):
    """What came of asking a system by a version of its description, reading only. `findings` are
    its questions with their answers (`asking.Finding`)."""

    description = models.ForeignKey(
        Description, on_delete=models.CASCADE, related_name="rehearsals"
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    findings = models.JSONField()

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.description}, {self.at:%Y-%m-%d %H:%M}"

    @property
    def went_well(self) -> bool:
        """Whether all that was asked was answered as described."""
        return all(finding["is_good"] for finding in self.findings)
