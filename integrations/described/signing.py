"""Who makes a call, as a described system asks to be told: a key, a password, or a signature of the
call itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime

from integrations.described import moments
from integrations.described.description import SignsIn
from integrations.described.messages import signature


def headers(
    signs: SignsIn,
    secrets: Mapping[str, str],
    now: datetime,
    *,
    method: str,
    path: str,
    body: bytes | None,
) -> dict[str, str]:
    """The headers of a call. A token is not among them: it is fetched first."""
    match signs.by:
        case "header":
            return {signs.header: signs.prefix + secrets.get("secret", "")}
        case "basic":
            pair = f"{secrets.get('user', '')}:{secrets.get('password', '')}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        case "signature":
            return _signed(signs, secrets, moments.written(now, signs.timestamp_format),
                           method=method, path=path, body=body or b"")  # fmt: skip
    return {}


def _signed(
    signs: SignsIn, secrets: Mapping[str, str], stamp: str, *, method: str, path: str, body: bytes
) -> dict[str, str]:
    """The signature, and what it is proven with: whose key it is, and the time."""
    parts = {"{method}": method, "{path}": path, "{timestamp}": stamp, "{id}": secrets["id"]}
    before, found, after = signs.signs.partition("{body}")
    for name, value in parts.items():
        before, after = before.replace(name, value), after.replace(name, value)
    signed = before.encode() + (body if found else b"") + after.encode()
    made = signature(secrets["secret"], signed, signs.algorithm, signs.encoding).decode()
    about = {signs.timestamp_header: stamp, signs.id_header: secrets["id"]}
    return {signs.header: signs.prefix + made} | {n: v for n, v in about.items() if n}
