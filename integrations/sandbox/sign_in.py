"""How callers prove who they are to a pretend vendor: a key with every call, or a token first."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from integrations.sandbox.store import Store

_SKEW = 60
_LONGEST = 3600
"""Seconds: how far a caller's clock may be off, and the longest life of an assertion."""


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are the same; an empty one is nobody's."""
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())


def basic(request: web.Request) -> tuple[str, str]:
    """User and password of a Basic header; empty when there is none."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def client_credentials(identity: str, secret: str) -> Callable[[Mapping[str, str]], bool]:
    """Accept a token request of this client, its secret in the form."""

    def accepts(form: Mapping[str, str]) -> bool:
        known = same(form.get("client_id", ""), identity)
        return known and same(form.get("client_secret", ""), secret)

    return accepts


def signed_assertion(
    issuer: str, certificate: str, private_key: str
) -> Callable[[Mapping[str, str]], bool]:
    """Accept a token request that this client has signed by the key of this certificate (RFC 7523,
    ES256). The vendor would keep the certificate; here its key is drawn with the others (base64 of
    PKCS #8)."""
    drawn = load_der_private_key(base64.b64decode(private_key), password=None)
    assert isinstance(drawn, ec.EllipticCurvePrivateKey)
    public = drawn.public_key()

    def accepts(form: Mapping[str, str]) -> bool:
        signed, _, given = form.get("client_assertion", "").rpartition(".")
        try:
            raw = _decoded(given)
            halves = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
            public.verify(encode_dss_signature(*halves), signed.encode(), ec.ECDSA(SHA256()))
            head, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        except (InvalidSignature, ValueError):
            return False
        now = datetime.now(UTC).timestamp()
        in_time = claims["iat"] - _SKEW <= now < claims["exp"] <= now + _LONGEST
        known = same(claims["iss"], issuer) and same(head["kid"], certificate)
        return in_time and known and head["alg"] == "ES256"

    return accepts


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """Tokens given for a token request that `accepts` finds good (OAuth 2.0, RFC 6749): client
    credentials, or a signed assertion that the vendor's module verifies."""

    def __init__(
        self,
        store: Store,
        accepts: Callable[[Mapping[str, str]], bool],
        life: timedelta = timedelta(hours=1),
    ) -> None:
        self._store = store
        self._accepts = accepts
        self._life = life

    async def give(self, request: web.Request) -> web.Response:
        """Answer a token request."""
        form = {name: values[-1] for name, values in parse_qs(await request.text()).items()}
        user, password = basic(request)
        known = {"client_id": user, "client_secret": password} if user else {}
        if not self._accepts({**form, **known}):
            return self.refused()
        if missing := self.missing(form):
            return missing
        token = secrets.token_urlsafe(32)
        expires = (datetime.now(UTC) + self._life).isoformat()
        self._store.set("tokens", json.dumps({**self._open(), token: expires}))
        seconds = round(self._life.total_seconds())
        body = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    def refused(self) -> web.Response:
        """The answer to a client that is not known."""
        error = {"error": "invalid_client", "error_description": "unknown client or secret"}
        return web.json_response(error, status=401)

    def missing(self, form: Mapping[str, str]) -> web.Response | None:
        """The answer to a request of a known client that lacks something; None when it does not."""
        return None

    def holds(self, request: web.Request) -> bool:
        """Whether a request carries a token that is still good."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and token in self._open()

    def forget(self) -> None:
        """End every session."""
        self._store.set("tokens", "{}")

    def _open(self) -> dict[str, str]:
        now = datetime.now(UTC).isoformat()
        known: dict[str, str] = json.loads(self._store.setting("tokens", "{}"))
        return {token: expires for token, expires in known.items() if expires > now}
