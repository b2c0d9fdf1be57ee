"""Signing in to Snowflake: every call carries a token that our private key has just signed.

The token names account, user and the fingerprint of the public key that the user was given
(`ALTER USER … SET RSA_PUBLIC_KEY`), and is good for a few minutes; there is no session to end.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

LIFE = timedelta(minutes=5)
"""Snowflake takes an hour at most; a call takes seconds."""


class Unusable(Exception):
    """The private key cannot be read, or is none of RSA."""


def token(account: str, user: str, key: str) -> str:
    """A token for one call (RFC 7519, RS256). `key` is PEM, or PKCS #8 in base64. Raises
    Unusable."""
    private = _private_key(key)
    who = f"{account}.{user}".upper()
    now = datetime.now(UTC)
    claims = {
        "iss": f"{who}.{fingerprint(private.public_key())}",
        "sub": who,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
    }
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = private.sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{_text(signature)}"


def fingerprint(public: RSAPublicKey) -> str:
    """How Snowflake names a public key (`DESCRIBE USER`, RSA_PUBLIC_KEY_FP)."""
    form = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"SHA256:{base64.b64encode(hashlib.sha256(form).digest()).decode()}"


@functools.lru_cache(maxsize=8)
def _private_key(text: str) -> RSAPrivateKey:
    try:
        if text.startswith("-----BEGIN"):
            key = load_pem_private_key(text.encode(), password=None)
        else:
            key = load_der_private_key(base64.b64decode(text, validate=True), password=None)
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
        raise Unusable from None
    if not isinstance(key, RSAPrivateKey):
        raise Unusable
    return key


def _part(content: object) -> str:
    return _text(json.dumps(content, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
