"""What follows from a description for the engine and for people."""

from __future__ import annotations

from datetime import timedelta

from controltower.canonical.verdicts import Effect
from integrations.connector import Auth, ChangeFeed, Descriptor, Operation, Verification
from integrations.described.description import Description, Resource

_AUTH = {
    "nothing": Auth.NONE,
    "header": Auth.BASIC,
    "signature": Auth.BASIC,
    "basic": Auth.BASIC,
    "client_credentials": Auth.CLIENT_CREDENTIALS,
}


def declared(said: Description) -> Descriptor:
    """The connector's descriptor."""
    return Descriptor(
        name="described",
        title=said.title,
        domain=said.domain,
        api_version=said.api_version,
        feeds={one.entity: ChangeFeed.POLL for one in said.resources if one.list},
        operations=tuple(operation for one in said.resources for operation in _operations(one)),
        verification=Verification.DESCRIBED,
        auth=_AUTH[said.signs_in.by],
        concurrency=said.limits.concurrency,
        sunset=said.sunset,
    )


def _operations(one: Resource) -> list[Operation]:
    found = [Operation(one.entity, "get", Effect.READ)] if one.read else []
    for write in one.writes:
        lag = one.find.lag_seconds if one.find else 0
        found.append(
            Operation(
                one.entity,
                write.verb,
                one.effect(write),
                quarantine=timedelta(seconds=max(write.seconds_to_finish, lag)),
                key_for=timedelta(hours=write.key_hours) if write.key_hours else None,
            )
        )
    return found
