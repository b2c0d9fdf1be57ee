"""Drawing what the pretend vendors accept: random words, and the keys of those that want one."""

from __future__ import annotations

import base64
import secrets
import tomllib
from collections.abc import Collection, Container, Mapping
from pathlib import Path

_RSA_BITS = 2048


def draw(system: Path, known: Container[str] = ()) -> dict[str, str]:
    """Credentials that a vendor's ``system.toml`` declares, by their variable, without those that
    are known. One that is listed as `rsa` or `p256` is a private key of that kind, PKCS #8 in
    base64."""
    declared = tomllib.loads(system.read_text(encoding="utf-8"))
    prefix = f"SANDBOX_{system.parent.name.upper()}_"
    return {
        prefix + name: _drawn(name, declared)
        for name in declared["credentials"]
        if prefix + name not in known
    }


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
