"""Access tokens: HS256 JWTs with the claims Entra puts into app-only ones."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

from graphsim.directory import App, Tenant

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"

# Public on purpose: these tokens open nothing but this simulator, and stay good over its restarts.
_SIGNING_KEY = b"graphsim signs with a key that everybody may read"


class BadToken(Exception):
    """The token is refused; the text is Graph's own message."""


def issue(tenant: Tenant, app: App, *, audience: str, lifetime: int) -> str:
    now = int(time.time())
    claims: dict[str, object] = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{tenant.id}/",
        "iat": now,
        "nbf": now,
        "exp": now + lifetime,
        "appid": app.client_id,
        "idtyp": "app",
        "oid": app.service_principal_id,
        "sub": app.service_principal_id,
        "tid": tenant.id,
        "uti": uuid.uuid4().hex,
        "ver": "1.0",
    }
    # Without consent Entra leaves the claim out; the token itself is issued all the same.
    if app.granted_roles:
        claims["roles"] = list(app.granted_roles)
    signed = f"{_pack({'alg': 'HS256', 'typ': 'JWT'})}.{_pack(claims)}"
    return f"{signed}.{_sign(signed)}"


def read(token: str) -> dict[str, Any]:
    """The claims of a token that is ours and alive."""
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_sign(signed).encode(), signature.encode()):
        raise BadToken("CompactToken parsing failed with error code: 80049217")
    claims = _unpack(signed.partition(".")[2])
    if claims["exp"] <= time.time():
        raise BadToken("Lifetime validation failed, the token is expired.")
    return claims


def peek(token: str) -> dict[str, Any]:
    """The claims as written, for the call log; empty when there are none to read."""
    try:
        return _unpack(token.split(".")[1])
    except (IndexError, ValueError):
        return {}


def _sign(text: str) -> str:
    return _encode(hmac.new(_SIGNING_KEY, text.encode(), hashlib.sha256).digest())


def _pack(part: dict[str, object]) -> str:
    return _encode(json.dumps(part, separators=(",", ":")).encode())


def _unpack(text: str) -> dict[str, Any]:
    part = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(part, dict):
        raise ValueError("claims are an object")
    return part


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
