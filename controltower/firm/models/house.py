"""Who we are: legal entities, periods, rates, people and what they may do where."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q


class LegalEntity(models.Model):
    """A company of the firm. `gather_for` is how long approved work is gathered for an invoice;
    `residency` the region that its records may not leave ("EU"), "" when they may. Up to
    `revenue_tolerance`, in `currency`, the ledger may differ from what was delivered before
    somebody is asked; up to `staffing_tolerance` hours a place on a project may ask for more than
    whoever has it can work. When it works, and by when its months must be complete, its calendar
    says (`firm/calendars.py`)."""

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    zone = models.CharField(max_length=64)
    gather_for = models.DurationField(default=timedelta(hours=4))
    residency = models.CharField(max_length=16, blank=True)
    revenue_tolerance = models.DecimalField(
        max_digits=12, decimal_places=3, default=Decimal(1), validators=[MinValueValidator(0)]
    )
    staffing_tolerance = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal(8), validators=[MinValueValidator(0)]
    )

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "legal entities"

    def __str__(self) -> str:
        return self.name


class Period(models.Model):
    """An accounting month ("2026-11") of a legal entity, open unless said otherwise. `told_by` is
    the ERP (its slug) that said so last, at `told_at`; "" while none has."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="periods")
    month = models.CharField(max_length=7)
    closed = models.BooleanField(default=False)
    changed_at = models.DateTimeField(auto_now=True)
    told_at = models.DateTimeField(null=True, blank=True)
    told_by = models.CharField(max_length=50, blank=True)

    class Meta:
        ordering = ["entity", "month"]
        constraints = [
            models.UniqueConstraint(fields=["entity", "month"], name="one_period_per_month")
        ]

    def __str__(self) -> str:
        return f"{self.entity.code} {self.month}"


class SurgeQuerySet(models.QuerySet["Surge"]):
    def under_way(self, now: datetime) -> SurgeQuerySet:
        """Begun, and neither over nor ended by a person."""
        return self.filter(began_at__lte=now, ends_at__gt=now, ended_at__isnull=True)


class Surge(models.Model):
    """A time around the cut-off of an entity's month in which that month goes first. Begun by the
    calendar (`by` None) or a person; over at `ends_at`, or earlier by `ended_by`. Times UTC."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="surges")
    month = models.CharField(max_length=7)
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    by = models.ForeignKey(
        "firm.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=300)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        "firm.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    end_reason = models.CharField(max_length=300, blank=True)

    objects = SurgeQuerySet.as_manager()

    class Meta:
        ordering = ["entity", "-began_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["entity", "month"],
                condition=Q(ended_at__isnull=True),
                name="one_surge_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["entity", "month"],
                condition=Q(by__isnull=True),
                name="one_surge_by_the_calendar",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("began_at")), name="surge_ends_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entity.code} {self.month}"


class ExchangeRate(models.Model):
    """Units of the reporting currency per unit of `currency`, valid from `on`."""

    currency = models.CharField(max_length=3)
    on = models.DateField()
    rate = models.DecimalField(max_digits=18, decimal_places=8)

    class Meta:
        ordering = ["currency", "-on"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "on"], name="one_rate_per_day"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="rate_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.on} {self.rate}"


class Role(models.TextChoices):
    """What a person is to the firm; rights hang on it (`rights.py`)."""

    CONTROLLER = "controller", "Finance controller"
    PMO_LEAD = "pmo_lead", "PMO lead"
    OPERATOR = "operator", "Integration operator"
    STEWARD = "steward", "Data steward"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"


class Theme(models.TextChoices):
    AUTO = "auto", "As the device"
    LIGHT = "light", "Day"
    DARK = "dark", "Night"


class Density(models.TextChoices):
    NORMAL = "normal", "Normal"
    COMPACT = "compact", "Compact"


class Landing(models.TextChoices):
    """Where somebody begins who signs in."""

    BY_ROLE = "", "Where my role has its work"
    TOWER = "tower", "Tower"
    DEALS = "deals", "Opportunity to project"
    EXCEPTIONS = "exceptions", "Exceptions"
    MEASURES = "measures", "Measures"
    MAPPINGS = "mappings", "Mappings"
    AUDIT = "audit", "Audit"
    ADMIN = "admin", "Admin"


class Language(models.TextChoices):
    BROWSER = "", "As the browser"
    ENGLISH = "en-gb", "English"
    GERMAN = "de", "Deutsch"


class Person(AbstractUser):
    """Someone who signs in. Times are shown in `zone`, words in `language` ("" is what the browser
    asks for)."""

    language = models.CharField(max_length=8, choices=Language, blank=True, default="")
    zone = models.CharField(max_length=64, default="Europe/Berlin")
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.AUTO)
    density = models.CharField(max_length=8, choices=Density, default=Density.NORMAL)
    single_keys = models.BooleanField(default=True)
    lands_on = models.CharField(max_length=10, choices=Landing, blank=True, default="")
    last_looked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @property
    def initials(self) -> str:
        """Two letters for the round mark."""
        return (self.first_name[:1] + self.last_name[:1]).upper() or self.username[:2].upper()


class Duty(models.Model):
    """A person's role in one legal entity, or in all of them when `entity` is empty."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="duties")
    role = models.CharField(max_length=16, choices=Role)
    entity = models.ForeignKey(
        LegalEntity, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["person", "role", "id"]
        verbose_name_plural = "duties"
        constraints = [
            models.UniqueConstraint(
                fields=["person", "role", "entity"], name="one_duty_each", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} is {self.get_role_display()}"


class ApiToken(models.Model):
    """A person's key to the JSON API. Only its digest is kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return f"{self.name} of {self.person}"


class Approval(models.Model):
    """Four eyes: a request bound to the digest of exactly what is approved."""

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"

    subject = models.CharField(max_length=80)
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    requested_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["-requested_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="approver_is_not_requester",
            ),
            models.UniqueConstraint(
                fields=["subject", "digest"],
                condition=Q(state="requested"),
                name="one_open_request_per_subject",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.state}"


class AuditEntry(models.Model):
    """One decision, allowed or denied, chained to the one before. Never changed (trigger)."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    verb = models.CharField(max_length=60)
    allowed = models.BooleanField()
    subject = models.CharField(max_length=120)
    entity = models.CharField(max_length=16, blank=True)
    detail = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["subject", "id"], name="audit_by_subject"),
            models.Index(fields=["actor", "id"], name="audit_by_actor"),
            models.Index(fields=["verb", "id"], name="audit_by_verb"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.verb} {self.subject}"
