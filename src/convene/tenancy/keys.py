"""Keys of the API: making one, and finding out whose it is.

Kept is the SHA-256 of a key's text. A slow hash protects what people choose; nobody guesses 32
random bytes, and the plain digest can be looked up.
"""

import secrets
from datetime import datetime
from hashlib import sha256

from django.db.models import Case, F, When
from django.utils import timezone

from .db import tenant_atomic
from .models import ApiKey, Membership, Tenant

BEGINS_WITH = "cvn_"  # by which programs that look for leaked secrets know them
SHOWN = 10  # characters, by which people know theirs
CALLS_A_MINUTE = 300


class UnknownKey(Exception):
    """No key, or one that does not open this tenant any more: nobody is told which."""


class TooManyCalls(Exception):
    """The key has been used as often as it may be in this minute."""

    def __init__(self, seconds: int):
        super().__init__(seconds)
        self.seconds = seconds


def new_key(member: Membership, *, name: str, ends_at: datetime | None) -> tuple[ApiKey, str]:
    """A key of a member and its text, which cannot be had again; inside the tenant's block."""
    text = BEGINS_WITH + secrets.token_hex(32)
    key = ApiKey.objects.create(
        member=member,
        name=name,
        start=text[:SHOWN],
        digest=_digest(text),
        created_at=timezone.now(),
        ends_at=ends_at,
    )
    return key, text


def holder_of(tenant: Tenant, text: str, now: datetime) -> Membership:
    """Who calls with this key; the call is counted. Raises UnknownKey and TooManyCalls.

    A key of another tenant is as unknown as one that never was.
    """
    with tenant_atomic(tenant):
        known = ApiKey.objects.in_force(now).filter(digest=_digest(text))
        key = known.select_related("member__user").first()
        if key is None or not key.member.may("api_key:update_own"):
            raise UnknownKey
        if not _count(key, now):
            raise TooManyCalls(60 - now.second)
        member: Membership = key.member
    member.tenant = tenant
    return member


def _count(key: ApiKey, now: datetime) -> bool:
    """One more call in this minute, if the key has one left; exact, however many come at once."""
    minute = now.replace(second=0, microsecond=0)
    again = When(used_at=minute, then=F("calls") + 1)
    left = ApiKey.objects.filter(id=key.id).exclude(used_at=minute, calls__gte=CALLS_A_MINUTE)
    return bool(left.update(calls=Case(again, default=1), used_at=minute))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
