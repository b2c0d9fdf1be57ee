"""Ports for servers that are about to start."""

from __future__ import annotations

import random
import socket

_OURS = range(20_000, 32_768)
"""Below those a kernel gives to outgoing connections (Linux: from 32768, elsewhere from 49152)."""
_BLOCKS = range(18_400, 20_000, 50)
"""Each for a tower with all the doors of its sandbox."""

_claims: list[socket.socket] = []


def free_port() -> int:
    """A port of the loopback interface that is still free when a server gets round to listening.

    A port that the kernel names is not: seconds later it may have given it to an outgoing
    connection. Ours lies outside its range and is claimed against other processes of our own, under
    a name in Linux's abstract namespace, for as long as this process lives.
    Raises OSError when there is none.
    """
    for port in random.sample(_OURS, len(_OURS)):
        if _claimed(port) and _nobody_listens(port):
            return port
    raise OSError("no port of the loopback interface is free")


def free_block() -> int:
    """The first of fifty ports in a row that no other process of our own has claimed as a block.

    Raises OSError when all are claimed.
    """
    for first in _BLOCKS:
        if _claimed(first):
            return first
    raise OSError("every block of ports is claimed")


def _claimed(port: int) -> bool:
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0controltower-sandbox-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def _nobody_listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
