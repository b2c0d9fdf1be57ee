"""Tokens that a private key of ours has signed (JWT, RFC 7519)."""

from __future__ import annotations

import base64
import binascii
import functools
import json
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
)

Key = RSAPrivateKey | EllipticCurvePrivateKey
_HALF = 32
"""Bytes of each half of a signature on P-256."""


class Unusable(Exception):
    """A private key cannot be read, or is neither RSA nor on the curve P-256."""


@functools.lru_cache(maxsize=8)
def private_key(text: str) -> Key:
    """A private key as PEM, or as the base64 of its PKCS #8. Raises Unusable."""
    try:
        if text.startswith("-----BEGIN"):
            key = load_pem_private_key(text.encode(), password=None)
        else:
            key = load_der_private_key(base64.b64decode(text, validate=True), password=None)
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
        raise Unusable from None
    if isinstance(key, RSAPrivateKey):
        return key
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return key
    raise Unusable


def signed(claims: Mapping[str, object], key: Key, **head: str) -> str:
    """A token of these claims: RS256 by a key of RSA, ES256 by one of P-256."""
    algorithm = "RS256" if isinstance(key, RSAPrivateKey) else "ES256"
    content = f"{_part({'alg': algorithm, 'typ': 'JWT', **head})}.{_part(claims)}"
    return f"{content}.{_text(_signature(content.encode(), key))}"


def _signature(content: bytes, key: Key) -> bytes:
    if isinstance(key, RSAPrivateKey):
        return key.sign(content, PKCS1v15(), SHA256())
    halves = decode_dss_signature(key.sign(content, ECDSA(SHA256())))
    return b"".join(half.to_bytes(_HALF, "big") for half in halves)


def _part(content: Mapping[str, object]) -> str:
    return _text(json.dumps(content, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
