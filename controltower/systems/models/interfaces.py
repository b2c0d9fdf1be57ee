"""The interface registry: what each system tells us and is sent, by which contract, who uses it,
and where what came is not what was agreed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from controltower.systems.models.descriptions import Agreement
from controltower.systems.models.surroundings import System


class Direction(models.TextChoices):
    INBOUND = "in", "It tells us"
    OUTBOUND = "out", "We send it"


class Standing(models.TextChoices):
    UNDECIDED = "", "Not decided"
    STRATEGIC = "strategic", "Reusable service"
    LOCAL = "local", "One-off, local"


class Interface(models.Model):
    """One kind of record that a system tells us of, or is sent.

    Owner, standing and note are people's decisions. `deprecated_at`, `sunset_at` and `more` are
    what its answers announced (`announcements`), last at `announced_at`. `unread` holds fields that
    came and that nobody reads, each with when it was first seen. `mappings` names those by which
    its records are written.
    """

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="interfaces")
    entity = models.CharField(max_length=40)
    direction = models.CharField(max_length=3, choices=Direction)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    standing = models.CharField(max_length=10, choices=Standing, blank=True)
    note = models.CharField(max_length=400, blank=True)
    first_seen_at = models.DateTimeField()
    deprecated_at = models.DateTimeField(null=True, blank=True)
    sunset_at = models.DateTimeField(null=True, blank=True)
    more = models.CharField(max_length=300, blank=True)
    announced_at = models.DateTimeField(null=True, blank=True)
    unread = models.JSONField(default=dict, blank=True)
    mappings = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["system__title", "entity", "direction"]
        constraints = [
            models.UniqueConstraint(
                fields=["system", "entity", "direction"], name="one_interface_per_record"
            )
        ]

    def __str__(self) -> str:
        return f"{self.system}: {self.entity} ({self.get_direction_display().lower()})"


class InterfaceVersion(models.Model):
    """A contract as it was from a day on: a JSON Schema, and the terms that people have agreed on
    beyond what the code reads. Without an author it is what the code of this release reads or
    writes. It is never changed; another person than its author puts it in force."""

    interface = models.ForeignKey(Interface, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    schema = models.JSONField()
    terms = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=Agreement, default=Agreement.PROPOSED)
    note = models.CharField(max_length=400, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["interface", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["interface", "number"], name="one_contract_number"),
            models.UniqueConstraint(
                fields=["interface"], condition=Q(state="active"), name="one_active_contract"
            ),
            models.UniqueConstraint(
                fields=["interface"], condition=Q(state="proposed"), name="one_proposed_contract"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("author")),
                name="contract_decided_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state="active", author__isnull=False, decided_by__isnull=True),
                name="agreed_contract_names_both",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.interface} v{self.number}"


class InterfaceUse(models.Model):
    """How often somebody used an interface on a day (UTC): a process by its name, or "feed"."""

    interface = models.ForeignKey(Interface, on_delete=models.CASCADE, related_name="uses")
    consumer = models.CharField(max_length=60)
    day = models.DateField()
    calls = models.PositiveIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["interface", "consumer", "-day"]
        constraints = [
            models.UniqueConstraint(
                fields=["interface", "consumer", "day"], name="one_use_per_consumer_and_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.consumer}: {self.calls} on {self.day}"


class UseMark(models.Model):
    """How far calls are counted into uses, in its one row."""

    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.until}"


class Drift(models.Model):
    """A way in which answers are not as agreed: nothing was taken from them, and nothing that
    rests on them goes on. `sentence` is what was said where it was met; it ends when nothing shows
    it any more, and is open again when something does. `version` is the one that agrees to it."""

    interface = models.ForeignKey(Interface, on_delete=models.CASCADE, related_name="drifts")
    sentence = models.CharField(max_length=600)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    samples = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    version = models.ForeignKey(
        InterfaceVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["ended_at", "-first_seen_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["interface", "sentence"], name="one_row_per_drift")
        ]

    def __str__(self) -> str:
        return f"{self.interface}: {self.sentence}"


class Credential(models.Model):
    """When something that a system is called or heard by runs out: read from it where it says so
    itself (a certificate, a subscription), else as a person has noted it."""

    class Source(models.TextChoices):
        ITSELF = "itself", "It says so itself"
        PERSON = "person", "Noted"

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="credentials")
    name = models.CharField(max_length=60)
    expires_at = models.DateTimeField()
    source = models.CharField(max_length=8, choices=Source)
    noted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    noted_at = models.DateTimeField()

    class Meta:
        ordering = ["expires_at", "system", "name"]
        constraints = [
            models.UniqueConstraint(fields=["system", "name"], name="one_expiry_per_credential")
        ]

    def __str__(self) -> str:
        return f"{self.system}: {self.name}"


class Subscription(models.Model):
    """That a vendor sends changes of an entity to our door by itself, as last seen at the vendor.
    `troubled_at` is since when it is gone or tells nothing, as `trouble` says."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="subscriptions")
    entity = models.CharField(max_length=40)
    ref = models.CharField(max_length=120, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=300, blank=True)
    troubled_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField()

    class Meta:
        ordering = ["system", "entity"]
        constraints = [
            models.UniqueConstraint(fields=["system", "entity"], name="one_subscription_per_entity")
        ]

    def __str__(self) -> str:
        return f"{self.system}: {self.entity}"
