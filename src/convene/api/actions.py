"""Making and revoking keys."""

from datetime import datetime
from uuid import UUID

from convene.events.models import record
from convene.tenancy.db import tenant_atomic
from convene.tenancy.keys import new_key
from convene.tenancy.models import ApiKey, Membership

KEY_MADE = "API_KEY_MADE"
KEY_REVOKED = "API_KEY_REVOKED"


def make_key(by: Membership, *, name: str, ends_at: datetime | None) -> str:
    """Let a program act as somebody: the text of a new key, which nobody can read again."""
    with tenant_atomic(by.tenant):
        key, text = new_key(by, name=name, ends_at=ends_at)
        record(KEY_MADE, key.id, by=by, after=_facts(key))
    return text


def revoke_key(key_id: UUID, *, by: Membership) -> None:
    """Let a key open nothing from now on. One that is gone already is a success."""
    with tenant_atomic(by.tenant):
        keys = ApiKey.objects.select_for_update(of=("self",)).filter(id=key_id)
        for key in keys.select_related("member__user"):
            record(KEY_REVOKED, key.id, by=by, before=_facts(key))
            key.delete()


def _facts(key: ApiKey) -> dict[str, str]:
    return {"name": key.name, "start": key.start, "of": str(key.member)}
