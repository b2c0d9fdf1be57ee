"""A customer whom an ERP knows more than once: a person says which record is meant."""

from __future__ import annotations

from collections.abc import Iterable

from controltower.canonical.verdicts import Exchange, Kind, Rejected

_NOBODY = Exchange()


def known_twice(
    customer: object, system: str, records: Iterable[tuple[str, str]], exchange: Exchange = _NOBODY
) -> Rejected:
    """The refusal. `records` are number and name: a name is said only where it is another one."""
    said = [number if name == customer else f"{number} ({name})" for number, name in records]
    names = ", ".join(said)
    words = (
        f"{customer or 'The customer'} exists {len(said)} times in {system}: {names}. "
        "Merge them there, or tell the CRM which one is meant."
    )
    return Rejected(kind=Kind.DUPLICATE, text=words, exchange=exchange)
