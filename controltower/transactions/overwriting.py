"""What the tower has lately written of a client, over which values, and what was let stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.crypto import salted_hmac

from controltower.processes import chosen_values, customer_master_sync, overwritten
from controltower.transactions.cases import Case
from controltower.transactions.models import Step, Transaction
from controltower.transactions.protocol import State

CHOICE = "choose"


def lately(case: Case) -> Mapping[str, Any]:
    """The `writings` into each system that were read back within the window, of earlier changes of
    the case's client; what is `let_stand` of it by a person's newest word; and the `key` by which
    values are signed."""
    keys = case.transaction.keys.filter(kind__in=("client", "customer"))
    same = Transaction.objects.filter(
        process=customer_master_sync.PROCESS.name,
        keys__kind__in=("client", "customer"),
        keys__value__in=keys.values("value"),
    ).exclude(pk=case.transaction.pk)
    choices = Step.objects.filter(name=CHOICE, state=State.VERIFIED, transaction__in=same)
    recent = choices.filter(done_at__gte=case.now - overwritten.WINDOW).order_by("done_at", "pk")
    decided = choices.filter(transaction__decisions__has_key=overwritten.OVERWRITTEN)
    word = decided.order_by("done_at", "pk").last()
    return {
        "writings": [one for step in recent for one in _written(step)],
        "let_stand": list(_let_stand(word)) if word else [],
        "key": _key(),
    }


def _written(choice: Step) -> Iterable[overwritten.Mark]:
    """What a choice came to: of what it meant to write, what was written and read back."""
    done = Step.objects.filter(
        transaction=choice.transaction_id, verb="update", state=State.VERIFIED
    )
    names = set(done.values_list("name", flat=True))
    for name, told in choice.values.get(chosen_values.DUE, {}).items():
        if name in names:
            yield from _kept(told)


def _let_stand(choice: Step) -> Iterable[overwritten.Mark]:
    return _kept(choice.values.get(chosen_values.LEFT, ()))


def _kept(marks: Iterable[Sequence[str]]) -> Iterable[overwritten.Mark]:
    key = _key()
    return (overwritten.keyed(mark, key) for mark in marks)


def _key() -> bytes:
    """Of this tower alone. Under a new secret, a person is asked once more what may stand."""
    return salted_hmac("controltower.overwritten", "signs", algorithm="sha256").digest()
