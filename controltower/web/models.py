"""What the edge must remember: sign-in tries, webhook messages, requests with a key, views, and
which daily mails were written."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from controltower.incidents.models import Message


class SignInTry(models.Model):
    """A try that has not succeeded. Written before the password is checked, so that guesses in
    parallel count too; kept for the length of the throttling window only."""

    account = models.CharField(max_length=150)
    address = models.CharField(max_length=45)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        verbose_name_plural = "sign-in tries"
        indexes = [
            models.Index(fields=["account", "at"], name="tries_by_account"),
            models.Index(fields=["address", "at"], name="tries_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.account} from {self.address}"


class WebhookMessage(models.Model):
    """A message taken in at the webhook door: one id means one content, for ever."""

    connection = models.CharField(max_length=60)
    message_id = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "message_id"], name="one_row_per_message")
        ]

    def __str__(self) -> str:
        return self.message_id


class KeyedRequest(models.Model):
    """A request of the JSON API under an Idempotency-Key, and the answer it was given.

    `status` is empty while the request is being worked on.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = models.JSONField(default=dict)

    class Meta:
        ordering = ["at", "id"]
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="one_row_per_key")]

    def __str__(self) -> str:
        return self.key


class SavedView(models.Model):
    """A list as somebody wants to come back to it: `page` is its route, `query` its filters and
    order. A `shared` one is there for all who have a company with its owner in common, and shows
    each what they may see. `readers` get its count in their daily mail. A removed one can be
    restored."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    page = models.CharField(max_length=20)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)
    shared = models.BooleanField(default=False)
    readers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "page", "name"],
                condition=Q(removed_at__isnull=True),
                name="one_view_of_a_name",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Digest(models.Model):
    """That a person's daily mail of a day (theirs) was seen to: once, whoever comes by. Nothing
    was sent (`message` is empty) when nothing had changed; `figures` is the SHA-256 of what the
    mail tells."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    at = models.DateTimeField()
    figures = models.CharField(max_length=64)
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-day", "id"]
        constraints = [
            models.UniqueConstraint(fields=["person", "day"], name="one_digest_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.day}"
