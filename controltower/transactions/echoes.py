"""Changes of customers that begin nothing, such as our own writing told back to us."""

from __future__ import annotations

from django.db.models import Q

from controltower.canonical.events import CUSTOMER_CHANGED
from controltower.processes import customer_master_sync
from controltower.transactions import books
from controltower.transactions.models import InboundEvent, Step
from controltower.transactions.protocol import State

OURS = Q(transaction__process=customer_master_sync.PROCESS.name, verb="update") | Q(
    name=books.CREATED, verb="upsert"
)


def why_nothing_follows(event: InboundEvent) -> str:
    """Why a change of a customer begins nothing, in words; "" when it does, or is another fact."""
    if event.type != CUSTOMER_CHANGED:
        return ""
    is_client = any(kind == "client" for kind, _ in event.keys)
    number, ref = event.record["erp_code"], event.record["source_id"]
    if not is_client and not books.placed(number):
        return "No client of ours is known under this number."
    if not number and not books.placed_for(ref):
        return "No ERP has this client yet."
    return "What the tower itself wrote came back to it." if is_own(event) else ""


def is_own(event: InboundEvent) -> bool:
    """Whether a system shows of a customer exactly what the tower last wrote there, and nobody has
    told of anything else since. One word of somebody else's in it, and it is a change."""
    wrote = (
        Step.objects.filter(
            OURS,
            entity="customer",
            transaction__keys__kind="customer",
            transaction__keys__value=event.record["erp_code"],
            system__connection=event.source.partition("/")[0],
            ref=event.record["source_id"],
            state=State.VERIFIED,
        )
        .order_by("-done_at")
        .first()
    )
    if wrote is None or not _says_the_same(event, wrote):
        return False
    others = InboundEvent.objects.filter(source=event.source, subject=event.subject)
    return not others.filter(received_at__gt=wrote.sent_at).exclude(pk=event.pk).exists()


def _says_the_same(event: InboundEvent, wrote: Step) -> bool:
    """Of which company it was told is not of the record: some ERPs share customers."""
    known = wrote.sent if wrote.verb == "update" else wrote.values
    names = event.record.keys() - {"entity"}
    return all(known.get(name) == event.record[name] for name in names)
