"""Who owns which field, and the immutable, approved versions of how records are mapped."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class FieldOwner(models.Model):
    """Which system holds the truth of a canonical field, and who answers for it."""

    record = models.CharField(max_length=40)
    field = models.CharField(max_length=60)
    system_of_record = models.CharField(max_length=40)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    steward = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    is_money = models.BooleanField(default=False)
    is_personal = models.BooleanField(default=False)

    class Meta:
        ordering = ["record", "field"]
        constraints = [
            models.UniqueConstraint(fields=["record", "field"], name="one_owner_per_field")
        ]

    def __str__(self) -> str:
        return f"{self.record}.{self.field}"


class Mapping(models.Model):
    """How one canonical record becomes one target's record; its versions hold the rules."""

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=120)
    record = models.CharField(max_length=40)
    target = models.CharField(max_length=40)
    moves_money = models.BooleanField(default=False)

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title


class VersionState(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    CHANGES_REQUESTED = "changes_requested", "Changes requested"
    APPROVED = "approved", "Approved"
    SCHEDULED = "scheduled", "Scheduled"
    ACTIVE = "active", "Active"
    DEPRECATED = "deprecated", "Deprecated"
    RETIRED = "retired", "Retired"


class MappingVersion(models.Model):
    """Rules as JSON (`canonical.rules` says what they mean). Immutable once approved (trigger)."""

    mapping = models.ForeignKey(Mapping, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=20, choices=VersionState, default=VersionState.DRAFT)
    rules = models.JSONField()
    note = models.CharField(max_length=400, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    active_from = models.DateTimeField(null=True, blank=True)
    active_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["mapping", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["mapping", "number"], name="one_version_number"),
            models.UniqueConstraint(
                fields=["mapping"], condition=Q(state="active"), name="one_active_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mapping} v{self.number}"


class BackTest(models.Model):
    """A version tried on the last real records (`backtest.py` says what a line holds)."""

    version = models.ForeignKey(MappingVersion, on_delete=models.PROTECT, related_name="back_tests")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    lines = models.JSONField(default=list)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.version}, tried on {len(self.lines)} records"


class Review(models.Model):
    """A reviewer's decision on a version. `author` is copied so that the database can forbid
    self-approval."""

    version = models.ForeignKey(MappingVersion, on_delete=models.PROTECT, related_name="reviews")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    approved = models.BooleanField()
    comment = models.CharField(max_length=400, blank=True)
    back_test = models.ForeignKey(
        BackTest, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(author=F("reviewer")), name="reviewer_is_not_author"
            ),
            models.UniqueConstraint(
                fields=["version", "reviewer"],
                condition=Q(approved=True),
                name="one_approval_per_reviewer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reviewer} on {self.version}"


class Likeness(models.Model):
    """A data owner's word on two clients of the CRM that look alike: one and the same, in which
    case `survivor` speaks for both, or ("") two. Never changed; the newest word on a pair holds.

    `one` and `other` are the CRM's ids in their order; `why` is what made them look alike; `entity`
    the legal entity that asked ("" for none).
    """

    one = models.CharField(max_length=60)
    other = models.CharField(max_length=60)
    survivor = models.CharField(max_length=60, blank=True)
    names = models.JSONField()
    why = models.CharField(max_length=200)
    entity = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=300)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="a_pair_in_order"),
            models.CheckConstraint(
                condition=Q(survivor__in=["", F("one"), F("other")]), name="one_of_them_survives"
            ),
        ]
        indexes = [
            models.Index(fields=["one"], name="likeness_of_one"),
            models.Index(fields=["other"], name="likeness_of_other"),
        ]

    def __str__(self) -> str:
        return f"{self.one} and {self.other}"
