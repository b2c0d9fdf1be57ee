"""Signing in to Snowflake: every call carries a token that our private key has just signed.

The token names account, user and the fingerprint of the public key that the user was given
(`ALTER USER … SET RSA_PUBLIC_KEY`), and is good for a few minutes; there is no session to end.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from integrations.signed_tokens import Unusable, private_key, signed

LIFE = timedelta(minutes=5)
"""Snowflake takes an hour at most; a call takes seconds."""


def token(account: str, user: str, key: str) -> str:
    """A token for one call (RFC 7519, RS256). `key` is PEM, or PKCS #8 in base64. Raises
    Unusable."""
    private = private_key(key)
    if not isinstance(private, RSAPrivateKey):
        raise Unusable
    who = f"{account}.{user}".upper()
    now = datetime.now(UTC)
    claims = {
        "iss": f"{who}.{fingerprint(private.public_key())}",
        "sub": who,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
    }
    return signed(claims, private)


def fingerprint(public: RSAPublicKey) -> str:
    """How Snowflake names a public key (`DESCRIBE USER`, RSA_PUBLIC_KEY_FP)."""
    form = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"SHA256:{base64.b64encode(hashlib.sha256(form).digest()).decode()}"
