"""Mutual TLS from text: what a connection presents of itself, and whom it trusts."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from tempfile import NamedTemporaryFile


class Unusable(Exception):
    """There is no certificate to present, or it cannot be read; the text says which."""


def of_client(secrets: Mapping[str, str]) -> ssl.SSLContext:
    """Present the `certificate` with its `private_key`, both PEM; trust the `authority` where one
    is given, else the public ones. Raises Unusable."""
    certificate, key = secrets.get("certificate", ""), secrets.get("private_key", "")
    if not (certificate and key):
        raise Unusable("The connection has no client certificate with its private key.")
    try:
        context = ssl.create_default_context(cadata=secrets.get("authority") or None)
        present(context, certificate, key)
    except (ssl.SSLError, ValueError):
        raise Unusable("The connection's client certificate cannot be read.") from None
    return context


def present(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Let a context prove itself by a certificate. Raises ssl.SSLError.

    Python reads certificates from files alone: this one is ours only, and gone again at once.
    """
    with NamedTemporaryFile("w") as file:
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        context.load_cert_chain(file.name)
