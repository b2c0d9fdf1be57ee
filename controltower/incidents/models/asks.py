"""What somebody asks a second person for, and what became of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controltower.firm.models import Person


class Answer(models.TextChoices):
    AGREED = "agreed", "Agreed"
    REFUSED = "refused", "Refused"
    NEEDLESS = "needless", "No longer asked"


class AskQuerySet(models.QuerySet["Ask"]):
    def open(self) -> AskQuerySet:
        """Those that still wait for somebody."""
        return self.filter(settled_at__isnull=True)


class Ask(models.Model):
    """Something that waits for the word of one of `people` (`incidents/asking.py` keeps it true).

    `name` is its kind and key, the same for as long as exactly this is asked; `path` is the page on
    which it is decided. `answer` is empty while it waits.
    """

    name = models.CharField(max_length=160, unique=True)
    title = models.CharField(max_length=200)
    path = models.CharField(max_length=300)
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    people = models.ManyToManyField(Person, related_name="+")
    answer = models.CharField(max_length=8, choices=Answer, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = AskQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-id"]
        indexes = [
            models.Index(fields=["id"], name="asks_open", condition=Q(settled_at__isnull=True))
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def outcome(self) -> str:
        """What became of it, in a sentence; "" while it waits."""
        match self.answer:
            case Answer.AGREED:
                return f"{self.settled_by} has agreed to it."
            case Answer.REFUSED:
                return f"{self.settled_by} has refused it."
            case Answer.NEEDLESS:
                return "It is not asked for any more."
        return ""
