"""The spine: a business transaction and its steps."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q, Value

from controltower.canonical.identity import new_id
from controltower.canonical.verdicts import Kind
from controltower.firm.models import LegalEntity, Person
from controltower.firm.rights import entity_keys_of
from controltower.mappings.models import MappingVersion
from controltower.systems.models import Recovery, System
from controltower.transactions.models.states import (
    LIVE,
    STUCK,
    TERMINAL,
    UNDER_WAY,
    TransactionState,
    WaitKind,
)
from controltower.transactions.protocol import State


class TransactionQuerySet(models.QuerySet["Transaction"]):
    def visible_to(self, person: Person) -> TransactionQuerySet:
        """Only what the person's legal entities allow; what has no entity is for firm-wide eyes."""
        keys = entity_keys_of(person)
        return self if keys is None else self.filter(entity__in=keys)

    def of_entity(self, code: str) -> TransactionQuerySet:
        """One legal entity's, along the index of its transactions."""
        return self.filter(entity=LegalEntity.objects.filter(code=code).values("pk")[:1])

    def live(self) -> TransactionQuerySet:
        """Not yet at an end."""
        return self.filter(state__in=LIVE)

    def stuck(self) -> TransactionQuerySet:
        """Waiting for a person: parked, or held for a decision."""
        return self.filter(STUCK)

    def lost(self, before: datetime) -> TransactionQuerySet:
        """Live without anything that could move it (invariant I6): no step under way, a step that
        nobody plays or holds, or a billing run that should have begun; in recovery it waits."""
        moving = [State.SCHEDULED, State.SENDING, State.UNKNOWN, State.ACKED]
        idle = Q(state__in=[TransactionState.ACCEPTED, TransactionState.IN_PROGRESS]) & ~Exists(
            Step.objects.filter(transaction=OuterRef("pk"), state__in=moving)
        )
        stranded = Step.objects.filter(transaction=OuterRef("pk"), state__in=moving).filter(
            Q(system__isnull=True)
            | Q(system__active=False)
            | Q(state=State.SENDING, lease_until__isnull=True)
            | Q(state=State.SENDING, lease_until__lt=before)
            | ~Q(state=State.SENDING) & Q(due_at__isnull=True)
        )
        overdue = Q(gathering=True, wait_until__isnull=True) | Q(
            gathering=True, wait_until__lt=before
        )
        overdue &= ~Q(Exists(Recovery.objects.open()))
        live = self.live().filter(changed_at__lt=before)
        return live.filter(idle | overdue | Q(Exists(stranded)))


class Transaction(models.Model):
    """One process run for one business matter; a fold over its steps.

    `correlation_id` never changes and joins the whole chain from deal to cash; `reference` is ours
    alone and goes into the target's records. Amounts are exact, in `currency`, major units. `month`
    is the first accounting month that it moves money in ("2026-11"), "" when it moves none.
    Its promise ends at `due_at` and is at risk from `warns_at` on.
    `needed_person` says that a step of it was parked or held once, however it went on.
    `happened_at` is when the earliest of its facts came to be, as its source dates it; None where
    the process does not ask. It may be long before `started_at`, when the tower took it up.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    correlation_id = models.CharField(max_length=60)
    reference = models.CharField(max_length=40)
    process = models.CharField(max_length=60)
    entity = models.ForeignKey(
        LegalEntity,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    title = models.CharField(max_length=200)
    counterparty = models.CharField(max_length=200, blank=True)
    amount = models.DecimalField(max_digits=24, decimal_places=4)
    currency = models.CharField(max_length=10)
    exposure = models.CharField(max_length=20)
    month = models.CharField(max_length=7, blank=True, default="", db_default="")
    subject = models.JSONField(default=dict)
    decisions = models.JSONField(default=dict)
    results = models.JSONField(default=dict)

    state = models.CharField(
        max_length=20, choices=TransactionState, default=TransactionState.ACCEPTED
    )
    wait = models.CharField(max_length=16, choices=WaitKind, blank=True)
    wait_text = models.CharField(max_length=400, blank=True)
    wait_until = models.DateTimeField(null=True, blank=True)
    group = models.CharField(max_length=240, blank=True)
    gathering = models.BooleanField(default=False)
    needed_person = models.BooleanField(default=False, db_default=False)
    due_at = models.DateTimeField(null=True, blank=True)
    warns_at = models.DateTimeField(null=True, blank=True)
    clock_from = models.DateTimeField(null=True, blank=True)
    promise = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    happened_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = TransactionQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["process", "group"],
                condition=Q(gathering=True),
                name="one_gathering_per_group",
            ),
            models.UniqueConstraint(
                fields=["reference"], opclasses=["varchar_pattern_ops"], name="one_reference_each"
            ),
        ]
        indexes = [
            models.Index(
                fields=["correlation_id"], opclasses=["varchar_pattern_ops"], name="tx_by_chain"
            ),
            models.Index(fields=["-started_at", "-id"], name="tx_by_time"),
            models.Index(fields=["state", "-started_at", "-id"], name="tx_by_state"),
            models.Index(fields=["entity", "-started_at", "-id"], name="tx_by_entity"),
            models.Index(fields=["process", "-started_at", "-id"], name="tx_by_process"),
            models.Index(
                fields=["entity", "process", "-started_at", "-id"], name="tx_by_entity_process"
            ),
            models.Index(
                fields=["wait_until"],
                condition=Q(gathering=True),
                name="tx_gathering",
            ),
            models.Index(
                fields=["state", "wait", "changed_at"],
                condition=Q(state__in=[state.value for state in LIVE]),
                name="tx_live",
            ),
            models.Index(
                fields=["entity", "month", "started_at", "id"],
                condition=Q(state__in=[state.value for state in LIVE]) & ~Q(month=""),
                name="tx_before_close",
            ),
            models.Index(fields=["ended_at"], condition=Q(state="verified"), name="tx_arrived"),
            models.Index(
                fields=["process", "-ended_at", "-id"],
                include=["entity", "due_at"],
                condition=Q(state="verified"),
                name="tx_ended",
            ),
            models.Index(
                fields=["-ended_at", "-id"],
                condition=Q(state="verified", ended_at__gt=models.F("due_at")),
                name="tx_missed",
            ),
            models.Index(
                fields=["-ended_at", "-id"],
                include=["process", "entity"],
                condition=Q(state="verified", needed_person=True),
                name="tx_repaired",
            ),
            models.Index(
                fields=["correlation_id"],
                include=[
                    "id",
                    "process",
                    "entity",
                    "currency",
                    "amount",
                    "due_at",
                    "changed_at",
                ],
                condition=STUCK,
                name="tx_stuck",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_over(self) -> bool:
        """Whether the transaction is in a terminal state."""
        return self.state in TERMINAL


class Step(models.Model):
    """One step's present position. `fence` counts claims: a late worker's writes do not count."""

    STATES = [(state.value, state.value) for state in State]

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    transaction = models.ForeignKey(
        Transaction, on_delete=models.CASCADE, related_name="steps", db_index=False
    )
    name = models.CharField(max_length=60)
    title = models.CharField(max_length=160)
    position = models.PositiveSmallIntegerField()
    system = models.ForeignKey(
        System, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    entity = models.CharField(max_length=40, blank=True)
    verb = models.CharField(max_length=30, blank=True)
    effect = models.CharField(max_length=14)
    state = models.CharField(max_length=10, choices=STATES, default=State.PLANNED)
    due_at = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    generation = models.PositiveSmallIntegerField(default=1)
    ordering_key = models.CharField(max_length=160, blank=True)
    idempotency_key = models.CharField(max_length=120, blank=True)
    mapping_version = models.ForeignKey(
        MappingVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    tries = models.PositiveSmallIntegerField(default=0)
    probes = models.PositiveSmallIntegerField(default=0)
    absences = models.PositiveSmallIntegerField(default=0)
    deaths = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    quarantine_until = models.DateTimeField(null=True, blank=True)
    sent = models.JSONField(default=dict)
    ref = models.CharField(max_length=120, blank=True)
    values = models.JSONField(default=dict)
    kind = models.CharField(max_length=20, blank=True)
    text = models.CharField(max_length=600, blank=True)
    field = models.CharField(max_length=80, blank=True)
    fingerprint = models.CharField(max_length=32, blank=True)
    changed_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["transaction", "position"]
        constraints = [
            models.UniqueConstraint(fields=["transaction", "name"], name="one_step_per_name"),
            models.UniqueConstraint(
                fields=["system", "ordering_key"],
                condition=Q(state__in=["sending", "unknown"]) & ~Q(ordering_key=""),
                name="one_in_flight_per_business_key",
            ),
        ]
        indexes = [
            models.Index(
                fields=["system", "due_at", "id"],
                condition=Q(state__in=["scheduled", "unknown", "acked"]),
                name="steps_due",
            ),
            models.Index(
                fields=["system", "ordering_key"],
                condition=Q(kind="unknown", state__in=["planned", "scheduled", "parked", "held"])
                & ~Q(ordering_key=""),
                name="steps_in_doubt",
            ),
            models.Index(
                fields=["mapping_version", "-id"],
                condition=Q(mapping_version__isnull=False),
                name="steps_mapped",
            ),
            models.Index(
                fields=["done_at"], condition=Q(verb="post", state="verified"), name="steps_posted"
            ),
            models.Index(fields=["id"], condition=Q(state="sending"), name="steps_sending"),
            models.Index(
                fields=["changed_at"], condition=Q(state__in=["parked", "held"]), name="steps_stuck"
            ),
            models.Index(
                fields=["transaction", "position"],
                include=["name"],
                condition=Q(state__in=[state.value for state in UNDER_WAY]),
                name="steps_under_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} of {self.transaction_id}"

    @property
    def unmapped(self) -> bool:
        """Whether our own mapping had no word for a value: its system was never asked."""
        mapped = self.mapping_version_id is not None
        return mapped and self.sent_at is None and self.kind == Kind.REFERENCE_MISSING
