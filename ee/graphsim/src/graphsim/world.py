"""Everything the simulated Microsoft knows, and the only place that changes it."""

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from graphsim import codec
from graphsim.defaults import ORGANISATIONS
from graphsim.directory import App, Behaviour, Policy, Secret, Tenant, User
from graphsim.meetings import Draft, Meeting, schedule
from graphsim.times import Instant


class NotInWorld(LookupError):
    """A tenant, app, user or meeting that was named does not exist."""


@dataclass
class State:
    tenants: dict[str, Tenant] = field(default_factory=dict)
    meetings: dict[str, Meeting] = field(default_factory=dict)
    behaviour: Behaviour = field(default_factory=Behaviour)


def default_state() -> State:
    return State(tenants={each.tenant_id: each.tenant() for each in ORGANISATIONS})


class World:
    """Tenants, meetings and behaviour, kept in a file if one is given.

    What the reading methods return is immutable; a change puts a new value in its place. Every
    change holds the lock and is in the file when its method returns.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.RLock()
        self._state = _load(file) if file is not None and file.exists() else default_state()

    @property
    def behaviour(self) -> Behaviour:
        return self._state.behaviour

    def tenants(self) -> list[Tenant]:
        with self._lock:
            return list(self._state.tenants.values())

    def find_tenant(self, key: str) -> Tenant | None:
        """Find a tenant by id or domain, in any case."""
        wanted = key.lower()
        for tenant in self.tenants():
            if wanted in (tenant.id.lower(), tenant.domain.lower()):
                return tenant
        return None

    def tenant(self, key: str) -> Tenant:
        tenant = self.find_tenant(key)
        if tenant is None:
            raise NotInWorld(f"no tenant {key}")
        return tenant

    def app(self, tenant_id: str, client_id: str) -> App:
        try:
            return self.tenant(tenant_id).apps[client_id]
        except KeyError:
            raise NotInWorld(f"no app {client_id} in tenant {tenant_id}") from None

    def user(self, tenant_id: str, key: str) -> User:
        user = self.tenant(tenant_id).user(key)
        if user is None:
            raise NotInWorld(f"no user {key} in tenant {tenant_id}")
        return user

    def meetings(self) -> list[Meeting]:
        with self._lock:
            return list(self._state.meetings.values())

    def find_meeting(self, meeting_id: str) -> Meeting | None:
        return self._state.meetings.get(meeting_id)

    def meeting(self, meeting_id: str) -> Meeting:
        meeting = self.find_meeting(meeting_id)
        if meeting is None:
            raise NotInWorld(f"no meeting {meeting_id}")
        return meeting

    # What administrators do

    def put_tenant(self, tenant: Tenant) -> None:
        with self._changing() as state:
            state.tenants[tenant.id] = tenant

    def remove_tenant(self, tenant_id: str) -> None:
        """Its subscription ended: nobody signs in any more, and tokens issued before are void."""
        with self._changing() as state:
            self.tenant(tenant_id)
            del state.tenants[tenant_id]

    def put_app(self, tenant_id: str, app: App) -> None:
        with self._locked_tenant(tenant_id) as tenant:
            self.put_tenant(replace(tenant, apps={**tenant.apps, app.client_id: app}))

    def add_role(self, tenant_id: str, client_id: str, role: str) -> None:
        """Grant and consent to an application permission; tokens issued before lack it."""
        with self._lock:
            app = self.app(tenant_id, client_id)
            self.put_app(tenant_id, replace(app, roles=tuple(sorted({*app.roles, role}))))

    def remove_role(self, tenant_id: str, client_id: str, role: str) -> None:
        with self._lock:
            app = self.app(tenant_id, client_id)
            self.put_app(tenant_id, replace(app, roles=tuple(sorted({*app.roles} - {role}))))

    def withdraw_consent(self, tenant_id: str, client_id: str) -> None:
        """The permissions stay requested, but new tokens carry none of them."""
        with self._lock:
            self.put_app(tenant_id, replace(self.app(tenant_id, client_id), consented=False))

    def give_consent(self, tenant_id: str, client_id: str) -> None:
        with self._lock:
            self.put_app(tenant_id, replace(self.app(tenant_id, client_id), consented=True))

    def set_secret(
        self, tenant_id: str, client_id: str, value: str, expires_at: datetime | None = None
    ) -> None:
        """Replace all secrets of an app by one."""
        with self._lock:
            secret = Secret(value, expires_at)
            self.put_app(tenant_id, replace(self.app(tenant_id, client_id), secrets=(secret,)))

    def expire_secrets(self, tenant_id: str, client_id: str) -> None:
        now = datetime.now(UTC)
        with self._lock:
            app = self.app(tenant_id, client_id)
            expired = tuple(replace(secret, expires_at=now) for secret in app.secrets)
            self.put_app(tenant_id, replace(app, secrets=expired))

    def put_user(self, tenant_id: str, user: User) -> None:
        with self._locked_tenant(tenant_id) as tenant:
            self.put_tenant(replace(tenant, users={**tenant.users, user.id: user}))

    def disable_user(self, tenant_id: str, key: str) -> None:
        with self._lock:
            self.put_user(tenant_id, replace(self.user(tenant_id, key), enabled=False))

    def remove_user(self, tenant_id: str, key: str) -> None:
        with self._locked_tenant(tenant_id) as tenant:
            gone = self.user(tenant_id, key).id
            kept = {id_: user for id_, user in tenant.users.items() if id_ != gone}
            self.put_tenant(replace(tenant, users=kept))

    def add_policy(
        self, tenant_id: str, client_id: str, user_id: str, effective_at: datetime | None = None
    ) -> None:
        """Grant an application access policy; a future `effective_at` is the propagation delay."""
        with self._locked_tenant(tenant_id) as tenant:
            others = _policies_but(tenant, client_id, user_id)
            policy = Policy(client_id, user_id, effective_at)
            self.put_tenant(replace(tenant, policies=(*others, policy)))

    def remove_policy(self, tenant_id: str, client_id: str, user_id: str) -> None:
        with self._locked_tenant(tenant_id) as tenant:
            others = _policies_but(tenant, client_id, user_id)
            self.put_tenant(replace(tenant, policies=others))

    # What happens to meetings, through Graph or by somebody in Teams

    def create_meeting(self, draft: Draft, tenant: Tenant, organizer: User) -> Meeting:
        with self._changing() as state:
            style = state.behaviour
            meeting = schedule(draft, tenant, organizer, ids=style.id_style, links=style.link_style)
            state.meetings[meeting.id] = meeting
            return meeting

    def create_or_get_meeting(
        self, draft: Draft, tenant: Tenant, organizer: User
    ) -> tuple[Meeting, bool]:
        """The organizer's meeting with that external id, and whether it is new."""
        key = (tenant.id, organizer.id, draft.external_id)
        with self._lock:
            for meeting in self._state.meetings.values():
                if (meeting.tenant_id, meeting.organizer_id, meeting.external_id) == key:
                    return meeting, False
            return self.create_meeting(draft, tenant, organizer), True

    def change_meeting(self, meeting_id: str, change: Callable[[Meeting], Meeting]) -> Meeting:
        with self._changing() as state:
            state.meetings[meeting_id] = change(self.meeting(meeting_id))
            return state.meetings[meeting_id]

    def move_meeting(self, meeting_id: str, start: str, end: str) -> Meeting:
        begins, ends = Instant.parse(start), Instant.parse(end)
        if ends < begins:
            raise ValueError("a meeting cannot end before it starts")
        return self.change_meeting(
            meeting_id, lambda meeting: replace(meeting, start=str(begins), end=str(ends))
        )

    def delete_meeting(self, meeting_id: str) -> None:
        with self._changing() as state:
            self.meeting(meeting_id)
            del state.meetings[meeting_id]

    # The simulator itself

    def behave(self, behaviour: Behaviour) -> None:
        with self._changing() as state:
            state.behaviour = behaviour

    def reset(self) -> None:
        with self._changing():
            self._state = default_state()

    def snapshot(self) -> object:
        """Everything, as it would stand in the state file."""
        with self._lock:
            return codec.encode(self._state)

    @contextmanager
    def _changing(self) -> Iterator[State]:
        with self._lock:
            yield self._state
            if self._file is not None:
                _save(self._file, self._state)

    @contextmanager
    def _locked_tenant(self, tenant_id: str) -> Iterator[Tenant]:
        with self._lock:
            yield self.tenant(tenant_id)


def _policies_but(tenant: Tenant, client_id: str, user_id: str) -> tuple[Policy, ...]:
    return tuple(
        policy
        for policy in tenant.policies
        if (policy.client_id, policy.user_id) != (client_id, user_id)
    )


def _load(file: Path) -> State:
    try:
        return codec.decode(State, json.loads(file.read_text("utf-8")))
    except ValueError as error:
        raise ValueError(f"{file} is not a state of this simulator: {error}") from error


def _save(file: Path, state: State) -> None:
    """Write next to the file, then rename: a reader or a crash sees the old state or the new.

    No fsync: this outlives the process, and a power cut may cost a demo its last meeting.
    """
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as draft:
            json.dump(codec.encode(state), draft)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise
