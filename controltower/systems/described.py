"""Systems that a person has described: what may be said of one here, and its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from controltower.systems.credentials import reference
from controltower.systems.models import System
from controltower.systems.said import Listed, Said
from integrations.described import faults
from integrations.described.description import Description
from integrations.described.faults import BadDescription

__all__ = ["CONNECTOR", "SAID", "BadDescription", "address_faults", "is_own", "read", "said"]
CONNECTOR = "described"
SAID = (
    "title", "domain", "role", "connector", "connection", "base_url", "secrets", "options",
    "region", "deadline_seconds", "concurrency", "calls_per_second",
)  # fmt: skip
"""What a system's row has from what is said of it; pauses and circuits are its own."""


def read(document: Any, *more: faults.Faults) -> Description:
    """What a document says of a system. Raises BadDescription with the faults of its shape; else
    with all that is wrong with it on this machine, and `more`."""
    return faults.read(document, _address_faults, _reference_faults, *more)


def _address_faults(found: Description) -> list[str]:
    if found.base_url.startswith("env:") and not reference(found.base_url):
        return [f"base_url: the variable {found.base_url[4:]} is not set on this machine."]
    return [f"base_url: {fault}" for fault in address_faults(found.base_url)]


def address_faults(address: str) -> list[str]:
    """Why an address may not be called. Only hosts that the machine's owner allows are: not every
    address is for everybody who may fill in a form."""
    if address.startswith("env:"):
        return []
    host = urlsplit(address).netloc
    if host in settings.SYSTEM_HOSTS:
        return []
    allowed = "CONTROLTOWER_SYSTEM_HOSTS, the hosts that may be called"
    return [f"{host} is not in {allowed}. Whoever runs the tower's machine sets it."]


def _reference_faults(found: Description) -> list[str]:
    """A system is told its own secrets only, never what else the environment holds."""
    own = found.slug.upper().replace("-", "_")
    wrong = []
    for name, value in (found.secrets | _address(found)).items():
        if not value:
            continue
        if not is_own(value, found.slug):
            wrong.append(f"{name}: the variable's name must begin with SYSTEM_{own}_.")
        elif not reference(value):
            variable = value.removeprefix("env:")
            wrong.append(f"{name}: the variable {variable} is not set on this machine.")
    return wrong


def is_own(value: str, slug: str) -> bool:
    """Whether a reference names a variable that is meant for the system of this name."""
    own = slug.upper().replace("-", "_")
    return value.removeprefix("env:").startswith((f"SYSTEM_{own}_", f"SANDBOX_{own}_"))


def _address(found: Description) -> dict[str, str]:
    return {"base_url": found.base_url} if found.base_url.startswith("env:") else {}


def said(found: Description, document: Mapping[str, Any]) -> Said:
    """The system as it would be called, with the lists that are read of it."""
    listed = ((one.entity, one.list) for one in found.resources if one.list)
    feeds = tuple(Listed(entity, how.every_seconds) for entity, how in listed)
    return Said(_row(found, document), feeds, is_retired=found.retired, described=found)


def _row(found: Description, document: Mapping[str, Any]) -> System:
    return System(
        slug=found.slug,
        title=found.title,
        domain=found.domain,
        role=found.role,
        connector=CONNECTOR,
        connection=found.slug,
        base_url=found.base_url,
        secrets=found.secrets,
        options={"description": dict(document)},
        region=found.region,
        deadline_seconds=found.limits.deadline_seconds,
        concurrency=found.limits.concurrency,
        calls_per_second=found.limits.calls_per_second,
    )
