"""What the bytes that a system gave us mean, by the code that reads them and by what people have
agreed on beyond it. No call is made here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from controltower import VERSION
from controltower.canonical.contracts import UNSHAPED, Fields, Terms, quoted, told
from controltower.canonical.records import Record
from controltower.canonical.wire import to_json
from controltower.systems import described
from controltower.systems.models import Agreement, Description, System
from integrations import catalogue, shape
from integrations.connector import Connection

_WORTH = ("amount", "value", "total", "contract_value")
"""Where a record's money stands, whichever it is."""


def terms_of(system: System, entity: str) -> Terms:
    """What people have agreed on about an entity of a system, beyond what its connector reads."""
    return Terms.of(system.terms.get(entity, {}))


def retell(system: System, entity: str, raw: bytes) -> Record | None:
    """What the bytes of a change of this system mean; None where they do not say. Raises whatever
    bytes that are not a change cause."""
    return _retold(system, entity, raw, terms_of(system, entity))


def readings(system: System, entity: str, raw: bytes) -> list[Record]:
    """What the bytes of a change of this system may have been taken for: what they mean now, and
    what they meant by each description of it that is no longer in force. Raises as `retell`, where
    none can read them."""
    earlier = [found for one in _retired(system) if (found := _if_readable(one, entity, raw))]
    now = _if_readable(system, entity, raw) if earlier else retell(system, entity, raw)
    return [now, *earlier] if now else earlier


def _retired(system: System) -> list[System]:
    """A described system as it was, by each version that has been in force before."""
    if system.connector != described.CONNECTOR:
        return []
    versions = Description.objects.filter(slug=system.slug, state=Agreement.RETIRED)
    return [
        System(
            connector=system.connector,
            connection=system.connection,
            options={"description": version.document},
            terms=system.terms,
        )
        for version in versions
    ]


def _if_readable(system: System, entity: str, raw: bytes) -> Record | None:
    with suppress(shape.Drift):
        return retell(system, entity, raw)
    return None


def _retold(system: System, entity: str, raw: bytes, terms: Terms) -> Record | None:
    unset = Connection(
        slug=system.connection, base_url="https://unset.invalid", options=system.options
    )
    with shape.agreeing(terms):
        return catalogue.connect(system.connector, unset).retell(entity, raw)


def judged_by(system: System, entity: str) -> str:
    """By what rows of an entity are read now: this release, and what was agreed on."""
    said = json.dumps(system.terms.get(entity, {}), sort_keys=True)
    return f"{VERSION} {hashlib.sha256(said.encode()).hexdigest()[:12]}"


def at_stake(system: System, entity: str, raw: bytes, reason: str) -> Mapping[str, Any]:
    """What a row that cannot be read would say if its one difference were agreed on: its legal
    entity, amount and currency, as far as that tells them. An estimate for people: nothing is ever
    posted by it."""
    difference = told(f"{UNSHAPED}{reason}")
    try:
        known = quoted(f"{UNSHAPED}{reason}")
        terms = terms_of(system, entity).with_(difference, *known[:1]) if difference else Terms()
        found = _retold(system, entity, raw, terms)
    except Exception:  # noqa: BLE001 - bytes that cannot be read may fail in any way
        return {}
    said = to_json(found.as_dict()) if found else {}
    worth = next((said[name] for name in _WORTH if said.get(name)), "")
    return {"entity": said.get("entity", ""), "amount": worth, "currency": said.get("currency", "")}


def read_of(system: System, entity: str, raw: bytes) -> Fields:
    """Which fields of a change our code reads, and as what: its side of the contract. Raises as
    `retell`."""
    with shape.noting() as notes:
        retell(system, entity, raw)
    return notes.fields
