"""Drawing what the pretend vendors accept: random words, and the keys of those that want one."""

from __future__ import annotations

import base64
import secrets
import tomllib
from collections.abc import Container
from pathlib import Path

_RSA_BITS = 2048


def draw(system: Path, known: Container[str] = ()) -> dict[str, str]:
    """Credentials that a vendor's ``system.toml`` declares, by their variable, without those that
    are known; a private key is PKCS #8 in base64."""
    declared = tomllib.loads(system.read_text(encoding="utf-8"))
    keys = declared.get("rsa", [])
    prefix = f"SANDBOX_{system.parent.name.upper()}_"
    return {
        prefix + name: _rsa_key() if name in keys else secrets.token_urlsafe(24)
        for name in declared["credentials"]
        if prefix + name not in known
    }


def _rsa_key() -> str:
    # read only where a key is drawn: it is slow to load
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    form = rsa.generate_private_key(65537, _RSA_BITS).private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return base64.b64encode(form).decode()
