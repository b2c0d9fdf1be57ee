"""What the bytes that a system gave us mean, by the code that reads them and by what people have
agreed on beyond it. No call is made here."""

from __future__ import annotations

from controltower.canonical.contracts import Fields, Terms
from controltower.canonical.records import Record
from controltower.systems.models import System
from integrations import catalogue, shape
from integrations.connector import Connection


def terms_of(system: System, entity: str) -> Terms:
    """What people have agreed on about an entity of a system, beyond what its connector reads."""
    return Terms.of(system.terms.get(entity, {}))


def retell(system: System, entity: str, raw: bytes) -> Record | None:
    """What the bytes of a change of this system mean; None where they do not say. Raises whatever
    bytes that are not a change cause."""
    unset = Connection(
        slug=system.connection, base_url="https://unset.invalid", options=system.options
    )
    with shape.agreeing(terms_of(system, entity)):
        return catalogue.connect(system.connector, unset).retell(entity, raw)


def read_of(system: System, entity: str, raw: bytes) -> Fields:
    """Which fields of a change our code reads, and as what: its side of the contract. Raises as
    `retell`."""
    with shape.noting() as notes:
        retell(system, entity, raw)
    return notes.fields
