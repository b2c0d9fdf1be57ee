"""What the firm has agreed upon, as versions: rights, limits, calendars, promises, retention."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from controltower.firm.models.house import Person


class PolicyState(models.TextChoices):
    PROPOSED = "proposed", "Waits for a second person"
    IN_FORCE = "in_force", "In force"
    REFUSED = "refused", "Refused"
    RETIRED = "retired", "Retired"
    WITHDRAWN = "withdrawn", "Withdrawn"


class PolicyVersion(models.Model):
    """One version of one policy. `subject` is its kind and what it is about ("limit:LF-UK",
    "rights:otto.brandt"), `content` what it says, checked by its kind (`governing.py`).

    The author is empty where the tower itself wrote down what held before. What a version says is
    never changed (trigger), and who wrote it does not decide it (constraint).
    """

    subject = models.CharField(max_length=120)
    number = models.PositiveIntegerField()
    content = models.JSONField()
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=9, choices=PolicyState, default=PolicyState.PROPOSED)
    author = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["subject", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["subject", "number"], name="policy_versions_count"),
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(state="in_force"),
                name="one_policy_in_force",
            ),
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(state="proposed"),
                name="one_policy_proposed",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("author")),
                name="policy_decided_by_another",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "withdrawn"])
                | Q(author__isnull=True)
                | Q(decided_by__isnull=False),
                name="policy_decided_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} v{self.number}"

    @property
    def kind(self) -> str:
        """Which kind of policy it is: the word before the colon."""
        return self.subject.partition(":")[0]

    @property
    def about(self) -> str:
        """What it is about: what stands behind the colon."""
        return self.subject.partition(":")[2]
