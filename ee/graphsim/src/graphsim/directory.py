"""What an administrator sets up in Entra and Teams, as immutable values."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

IdStyle = Literal["plain", "padded", "legacy"]
LinkStyle = Literal["long", "short"]
PolicyRefusal = Literal["a", "a'", "a''"]


@dataclass(frozen=True)
class Secret:
    value: str
    expires_at: datetime | None = None

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True)
class App:
    """An app registration as one tenant sees it."""

    client_id: str
    service_principal_id: str
    secrets: tuple[Secret, ...] = ()
    roles: tuple[str, ...] = ()
    consented: bool = True
    # False: a multi-tenant app whose admin consent was never given in this tenant.
    has_service_principal: bool = True

    @property
    def granted_roles(self) -> tuple[str, ...]:
        return tuple(sorted(self.roles)) if self.consented else ()


@dataclass(frozen=True)
class User:
    id: str
    upn: str
    display_name: str
    enabled: bool = True
    licensed: bool = True


@dataclass(frozen=True)
class Policy:
    """A Teams application access policy: this app may act for this user."""

    client_id: str
    user_id: str
    effective_at: datetime | None = None


@dataclass(frozen=True)
class Tenant:
    id: str
    name: str
    domain: str
    # The Graph host of the tenant's cloud; a token for another cloud is refused.
    resource: str = "https://graph.microsoft.com"
    apps: dict[str, App] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    policies: tuple[Policy, ...] = ()

    def user(self, key: str) -> User | None:
        """Find a user by object id or UPN, in any case."""
        wanted = key.lower()
        for user in self.users.values():
            if wanted in (user.id.lower(), user.upn.lower()):
                return user
        return None

    def allows(self, client_id: str, user_id: str) -> bool:
        now = datetime.now(UTC)
        return any(
            policy.effective_at is None or policy.effective_at <= now
            for policy in self.policies
            if (policy.client_id, policy.user_id) == (client_id, user_id)
        )


@dataclass(frozen=True)
class Behaviour:
    """How the simulator answers where the real service varies."""

    delay_ms: int = 0  # before every Graph call, for benchmarks
    token_lifetime: int = 3599
    policy_refusal: PolicyRefusal = "a"
    id_style: IdStyle = "plain"
    link_style: LinkStyle = "long"
