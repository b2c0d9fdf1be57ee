"""Drawing what the pretend vendors accept: random words, and the keys of those that want one."""

from __future__ import annotations

import base64
import secrets
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

_RSA_BITS = 2048


def draw(system: Path, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Credentials that a vendor's ``system.toml`` declares, by their variable, without those that
    are known.

    One that is listed as `rsa` or `p256` is a private key of that kind, PKCS #8 in base64; `public`
    says which are the public half of another, as OpenSSH writes it. With `mutual_tls`, what both
    sides prove themselves by is PEM.
    """
    declared = _declared(system)
    prefix = f"SANDBOX_{system.parent.name.upper()}_"
    kept = known or {}
    wanted = [name for name in declared["credentials"] if prefix + name not in kept]
    proofs = _proofs() if declared.get("mutual_tls") and wanted else {}
    halves: Mapping[str, str] = declared.get("public", {})
    drawn = {
        prefix + name: proofs.get(name) or _drawn(name, declared)
        for name in wanted
        if name not in halves
    }
    for name in halves.keys() & set(wanted):
        drawn[prefix + name] = _public_half({**kept, **drawn}[prefix + halves[name]])
    return drawn


def scheme(system: Path) -> str:
    """How a vendor is spoken to: https where both sides prove themselves by certificates."""
    return "https" if _declared(system).get("mutual_tls") else "http"


def _declared(system: Path) -> dict[str, Any]:
    return tomllib.loads(system.read_text(encoding="utf-8"))


def _drawn(name: str, declared: Mapping[str, Collection[str]]) -> str:
    of_rsa, of_p256 = declared.get("rsa", ()), declared.get("p256", ())
    if name not in {*of_rsa, *of_p256}:
        return secrets.token_urlsafe(24)
    # read only where a key is drawn: it is slow to load
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if name in of_rsa:
        key = rsa.generate_private_key(65537, _RSA_BITS)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    form = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return base64.b64encode(form).decode()


def _public_half(private: str) -> str:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_der_private_key,
    )

    public = load_der_private_key(base64.b64decode(private), password=None).public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _proofs() -> dict[str, str]:
    """An authority, and what the vendor and its caller prove themselves by to each other."""
    # read only where certificates are drawn, as above
    from controltower.supervisor.certificates import Authority

    authority = Authority("Sandbox authority")
    server, server_key = authority.certify("127.0.0.1")
    client, client_key = authority.certify("control-tower")
    return {
        "AUTHORITY": authority.certificate,
        "SERVER_CERTIFICATE": server,
        "SERVER_KEY": server_key,
        "CERTIFICATE": client,
        "PRIVATE_KEY": client_key,
    }
