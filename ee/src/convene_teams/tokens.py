"""Access tokens, in memory only: one for each app and secret, until shortly before they expire."""

import base64
import binascii
import hashlib
import json
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from .clouds import Hosts

_EARLY = 300.0  # seconds before its end a token counts as expired
_LONGEST = 86_400.0  # whatever its issuer says


@dataclass(frozen=True)
class App:
    """What we sign in as: an app registration and its secret, in one Microsoft tenant."""

    hosts: Hosts
    tenant_id: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Token:
    text: str = field(repr=False)
    roles: Collection[str] | None
    """The permissions in it; None if it is not a token that we can read."""

    @classmethod
    def of(cls, text: str) -> "Token":
        return cls(text, _roles(text))


_Key = tuple[Hosts, str, str, bytes]
_kept: dict[_Key, tuple[Token, float]] = {}
_lock = threading.Lock()


def kept_token(app: App) -> Token | None:
    """The token we have for the app, if it is good for some time yet."""
    with _lock:
        token, until = _kept.get(_key(app), (None, 0.0))
    return token if time.monotonic() < until else None


def keep_token(app: App, token: Token, seconds: float) -> None:
    """Keep a token that its issuer said to be good for that long."""
    now = time.monotonic()
    with _lock:
        for key in [key for key, (_token, until) in _kept.items() if until <= now]:
            del _kept[key]
        _kept[_key(app)] = (token, now + min(seconds, _LONGEST) - _EARLY)


def forget_token(app: App) -> None:
    """Ask for a new one next time: a permission granted now is only in a new token."""
    with _lock:
        _kept.pop(_key(app), None)


def forget_all_tokens() -> None:
    """As after a start of the process."""
    with _lock:
        _kept.clear()


def _key(app: App) -> _Key:
    secret = hashlib.sha256(app.secret.encode()).digest()
    return app.hosts, app.tenant_id.lower(), app.client_id.lower(), secret


def _roles(text: str) -> Collection[str] | None:
    """The permissions that a token carries. For diagnosis only: nothing is verified."""
    try:
        part = text.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return None
    if not isinstance(claims, dict):
        return None
    roles = claims.get("roles", [])
    return frozenset(map(str, roles)) if isinstance(roles, list) else frozenset()
