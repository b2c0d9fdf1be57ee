"""A token request that our private key has signed (OAuth 2.0 for machines, RFC 7523)."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Mapping

from integrations.signed_tokens import Unusable, private_key, signed

KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE = 300
"""Seconds for which an assertion is good."""


def form(secrets: Mapping[str, str], audience: str) -> dict[str, str]:
    """The request, signed by the secret `private_key`; without a signature when there is no usable
    key, which the vendor then refuses."""
    now = int(time.time())
    claims = {
        "iss": secrets.get("client_id", ""),
        "scope": ["rest_webservices"],
        "aud": audience,
        "iat": now,
        "exp": now + LIFE,
        "jti": str(uuid.uuid4()),
    }
    try:
        key = private_key(secrets.get("private_key", ""))
        assertion = signed(claims, key, kid=secrets.get("certificate_id", ""))
    except Unusable:
        assertion = ""
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": KIND,
        "client_assertion": assertion,
    }


def fingerprint(secrets: Mapping[str, str]) -> str:
    """Tells one signer's sessions from another's, and nothing of the key."""
    said = "|".join(secrets.get(name, "") for name in ("client_id", "private_key"))
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
