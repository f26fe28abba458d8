"""Teams for the state machine around `sync`: what can go wrong there, and what must never happen.

Everything is the real thing over HTTP, except that each call may meet a trouble that was chosen
before, and that the simulator's log of it is compared with what the tenant's admin set up.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from convene.meetings.provider import CreatedMeeting, MeetingError, MeetingRef, MeetingSpec
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from convene_teams import tokens
from convene_teams.actions import (
    Refused,
    archive_profile,
    delete_profile,
    save_profile,
    set_integration,
)
from convene_teams.clouds import is_guid
from convene_teams.graph import SECONDS
from convene_teams.models import InstallStatus, MicrosoftProfile, TeamsIntegration
from convene_teams.organizer import set_default_meeting_organizer
from convene_teams.provider import TeamsProvider
from convene_teams.references import Reference
from ee.tests.troubles import CREATE, DELETE, REMOVED, TROUBLES, UPDATE, Maker, Trouble
from graphsim import App, Call, Secret, Simulator, User
from graphsim.defaults import ORGANISATIONS, READ_USERS, READ_WRITE_MEETINGS, Organisation
from graphsim.routes import Route, find_route
from graphsim.wire import Request
from tests.appointments.sync_machine import Held
from tests.make import make_member, make_tenant

T = TypeVar("T")

HURRY = 0.15  # seconds until a slow answer is given up; a real one is waited for longer
KINDS = ("own", "second", "elsewhere")
"""The profiles of a tenant: two apps in its organisation, and one in the other organisation."""


@dataclass
class Settings:
    """What a tenant's admin has set up, as the admin remembers it."""

    tenant: Tenant
    admin: Membership
    number: int
    profiles: dict[str, MicrosoftProfile] = field(default_factory=dict)
    selected: str = "own"
    is_on: bool = False
    organizer: str = ""

    @property
    def organisation(self) -> Organisation:
        """The one whose meetings are made now."""
        return self.organisation_of(self.selected)

    def organisation_of(self, kind: str) -> Organisation:
        return ORGANISATIONS[(self.number + (kind == "elsewhere")) % len(ORGANISATIONS)]

    def client_id_of(self, kind: str) -> str:
        """An app of this tenant's alone: its tokens tell who asks."""
        return str(uuid5(NAMESPACE_URL, f"{self.number} {kind}"))


class TeamsService:
    """Microsoft, as its owner sees it, and two tenants of ours that use it."""

    faults = tuple(TROUBLES)

    def __init__(self, sim: Simulator, reached: Counter[str]) -> None:
        sim.reset()
        tokens.forget_all_tokens()
        self.sim, self.reached = sim, reached
        self.provider = Watched(self)
        self.troubles: list[str] = []
        self.settings: dict[UUID, Settings] = {}
        self.makers: dict[str, Maker] = {}
        self.renewals = 0
        self.lost: Counter[str] = Counter()
        """How many creates of a subject ended without anybody knowing how."""
        self.undeleted: set[str] = set()
        """Meetings whose delete failed."""
        self.wrong: list[str] = []
        """Calls that should never have been made. No assertion: `sync` survives any exception."""
        for organisation in ORGANISATIONS:
            sim.world.put_user(organisation.tenant_id, _second_user(organisation))

    # What the machine asks for

    def make_tenant(self) -> Tenant:
        tenant = make_tenant()
        settings = Settings(tenant, make_member(tenant, role=Role.ADMIN), len(self.settings))
        self.settings[tenant.id] = settings
        for kind in KINDS:
            self._register(settings, kind)
        self.set_up(settings)
        return tenant

    def held(self, tenant: Tenant) -> Mapping[str, Held]:
        """What was made for the tenant, wherever it is."""
        return {
            meeting.id: Held(
                meeting.subject or "",
                _utc(meeting.start),
                _utc(meeting.end),
                meeting.join_web_url,
            )
            for meeting in self.sim.meetings()
            if self.makers[meeting.id].tenant_id == tenant.id
        }

    def remove(self, tenant: Tenant, meeting_id: str) -> None:
        self._remove(meeting_id)

    def _remove(self, meeting_id: str) -> None:
        if self.sim.world.find_meeting(meeting_id):
            self.sim.world.delete_meeting(meeting_id)

    def go_wrong(self, tenant: Tenant, fault: str) -> None:
        if TROUBLES[fault].route == "user":
            self.organize_unconfirmed(self.settings[tenant.id])
        self.troubles.append(fault)

    def made_by(self, tenant: Tenant, ref: str) -> str:
        return Reference.of(MeetingRef(ref)).meeting_id

    def recover(self, tenant: Tenant) -> None:
        self.troubles.clear()
        self.set_up(self.settings[tenant.id])

    def administer(self, tenant: Tenant, which: int) -> None:
        name = list(CHANGES)[which % len(CHANGES)]
        CHANGES[name](self, self.settings[tenant.id])
        self.reached[f"admin: {name}"] += 1

    # What an admin does

    def set_up(self, settings: Settings) -> None:
        """Everything in working order."""
        self.select(settings, "own")
        self.organize(settings, settings.organisation.organizer_id)

    def move_elsewhere(self, settings: Settings) -> None:
        self.select(settings, "elsewhere")
        self.organize(settings, settings.organisation.organizer_id)

    def organize(self, settings: Settings, organizer: str) -> None:
        set_default_meeting_organizer(settings.tenant, organizer, by=settings.admin)
        settings.organizer = organizer

    def organize_unconfirmed(self, settings: Settings) -> None:
        """By a name that Microsoft cannot be asked about now, so that the next create asks."""
        self.sim.fault("user", status=503)
        self.organize(settings, _second_user(settings.organisation).upn)
        self.sim.clear_faults()

    def select(self, settings: Settings, kind: str) -> None:
        """Make new meetings with a profile from now on; one that is archived is made anew."""
        if kind not in settings.profiles:
            settings.profiles[kind] = self._new_profile(settings, kind)
        settings.selected = kind
        self.switch(settings, on=True)

    def select_elsewhere(self, settings: Settings) -> None:
        """While the organizer stays somebody whom nobody knows there."""
        self.select(settings, "own")
        self.organize(settings, settings.organisation.organizer_upn)
        self.select(settings, "elsewhere")

    def switch(self, settings: Settings, *, on: bool) -> None:
        if settings.selected not in settings.profiles:  # archived: switched off is all it can be
            on = False
        profile = settings.profiles.get(settings.selected)
        status = InstallStatus.ACTIVE if on else InstallStatus.NOT_CONFIGURED
        set_integration(
            settings.tenant,
            profile_id=profile.id if profile else None,
            status=status,
            by=settings.admin,
        )
        settings.is_on = on

    def _new_profile(self, settings: Settings, kind: str) -> MicrosoftProfile:
        organisation, client_id = settings.organisation_of(kind), settings.client_id_of(kind)
        (secret,) = self.sim.world.app(organisation.tenant_id, client_id).secrets
        profile = MicrosoftProfile(
            display_name=f"{organisation.name}, {kind}",
            microsoft_tenant_id=organisation.tenant_id,
            client_id=client_id,
        )
        profile.tenant_id = settings.tenant.id
        save_profile(settings.tenant, profile, secret=secret.value, by=settings.admin)
        return profile

    def archive(self, settings: Settings) -> None:
        """The selected one; the meetings it made stay with it."""
        if profile := settings.profiles.pop(settings.selected, None):
            archive_profile(settings.tenant, profile.id, by=settings.admin)
            settings.is_on = False

    def delete_profiles(self, settings: Settings) -> None:
        """Those that nothing needs any more, once another one is selected."""
        self.select(settings, "second")
        for kind, profile in list(settings.profiles.items()):
            try:
                delete_profile(settings.tenant, profile.id, by=settings.admin)
            except Refused:
                self.reached["profile is still needed"] += 1
            else:
                self.reached["profile deleted"] += 1
                del settings.profiles[kind]

    def renew_secrets(self, settings: Settings) -> None:
        """At Microsoft, then here; also of profiles that are archived."""
        self.renewals += 1
        for kind in KINDS:
            client_id, secret = settings.client_id_of(kind), f"secret {self.renewals}"
            self.sim.world.set_secret(settings.organisation_of(kind).tenant_id, client_id, secret)
            with tenant_atomic(settings.tenant):
                profiles = list(MicrosoftProfile.objects.filter(client_id=client_id))
            for profile in profiles:
                save_profile(settings.tenant, profile, secret=secret, by=settings.admin)

    def _register(self, settings: Settings, kind: str) -> None:
        """An app with everything done right, for every organizer of the organisation."""
        organisation, client_id = settings.organisation_of(kind), settings.client_id_of(kind)
        app = App(
            client_id=client_id,
            service_principal_id=str(uuid5(NAMESPACE_URL, client_id)),
            secrets=(Secret(f"secret of {client_id}"),),
            roles=(READ_WRITE_MEETINGS, READ_USERS),
        )
        world = self.sim.world
        world.put_app(organisation.tenant_id, app)
        for user_id in world.tenant(organisation.tenant_id).users:
            world.add_policy(organisation.tenant_id, client_id, user_id)

    # What happens at each call

    def today(self, tenant: Tenant) -> Maker | None:
        """With whose rights a meeting would be made now, if it could be."""
        settings = self.settings[tenant.id]
        if not (settings.is_on and settings.organizer):
            return None
        directory, organizer = settings.organisation.tenant_id, settings.organizer
        user = self.sim.world.tenant(directory).user(organizer)
        object_id = user.id if user else organizer if is_guid(organizer) else ""
        return Maker(tenant.id, directory, settings.client_id_of(settings.selected), object_id)

    def carry_out(
        self,
        operation: str,
        tenant: Tenant,
        maker: Maker | None,
        call: Callable[[], T],
        meeting_id: str = "",
    ) -> T:
        """Make a call in its trouble, if one is waiting; then look at what the simulator heard."""
        seen = len(self.sim.calls())
        name = self._next_trouble(operation, maker)
        try:
            if not (name and maker):
                return call()
            with self._troubled(TROUBLES[name], operation, maker, meeting_id):
                try:
                    return call()
                finally:
                    self._note(name, operation, seen)
        finally:
            for meeting in self.sim.meetings():
                nobody = Maker(tenant.id, meeting.tenant_id, "", meeting.organizer_id)
                self.makers.setdefault(meeting.id, maker or nobody)
            for heard in self.sim.calls()[seen:]:
                self._judge(heard, tenant, maker)

    def _next_trouble(self, operation: str, maker: Maker | None) -> str:
        """The first of those waiting that this operation can meet; "" if there is none."""
        if maker is None or not self._exists(maker):
            return ""
        able = [name for name in self.troubles if operation in TROUBLES[name].only]
        if not (operation == CREATE and self._asks_who(maker)):
            able = [name for name in able if TROUBLES[name].route != "user"]
        name = next(iter(able), "")
        if name:
            self.troubles.remove(name)
        return name

    def _asks_who(self, maker: Maker) -> bool:
        """Whether the next create asks Microsoft first who the organizer is."""
        with tenant_atomic(maker.tenant_id):
            integration = TeamsIntegration.objects.get()
        organizer = integration.default_meeting_organizer_upn or ""
        return not is_guid(organizer) and integration.organizer_resolved_in != maker.directory

    def _exists(self, maker: Maker) -> bool:
        return self.sim.world.tenant(maker.directory).user(maker.organizer) is not None

    @contextmanager
    def _troubled(
        self, trouble: Trouble, operation: str, maker: Maker, meeting_id: str
    ) -> Iterator[None]:
        directory = self.sim.world.tenant(maker.directory)
        if trouble.signs_in:
            tokens.forget_all_tokens()
        if trouble.effects:
            self.sim.fault(trouble.route or operation, **trouble.effects)
        if trouble.taken_back:
            self.sim.fault(DELETE, **trouble.taken_back)
        if trouble.change:
            trouble.change(self.sim.world, maker)
        if trouble is REMOVED:
            self._remove(meeting_id)
        self.provider.hurry(trouble.is_slow)
        try:
            yield
        finally:
            self.provider.hurry(False)
            self.sim.clear_faults()
            self.sim.world.put_tenant(directory)

    def _note(self, name: str, operation: str, seen: int) -> None:
        """Count a trouble that was really met."""
        if TROUBLES[name].is_slow:  # whoever went away is answered all the same, and must be
            end = monotonic() + 2
            while monotonic() < end and (self.sim.faults() or self._owes_an_answer(seen)):
                sleep(0.005)
        if len(self.sim.calls()) > seen and not self.sim.faults():
            self.reached[f"trouble: {name}"] += 1
            self.reached[f"{operation} in trouble"] += 1

    def _owes_an_answer(self, seen: int) -> bool:
        return any(call.status is None for call in self.sim.calls()[seen:])

    def _judge(self, call: Call, tenant: Tenant, maker: Maker | None) -> None:
        """Whether a call was made with the right token and for the right organizer."""
        self.reached["calls"] += 1
        if maker is None:
            self.wrong.append(f"{call.route}: nothing may be asked now")
            return
        asked = find_route(Request(call.method, call.path)) or Route("unknown")
        if (call.tenant, call.client_id) != (maker.directory, maker.client_id):
            self.wrong.append(f"{call.route}: asked as {call.client_id} of {call.tenant}")
        if call.route in (CREATE, UPDATE, DELETE) and asked.user != maker.organizer:
            self.wrong.append(f"{call.route}: of the organizer {asked.user}")
        if call.route in (UPDATE, DELETE) and self.makers.get(asked.meeting) not in (None, maker):
            self.wrong.append(f"{call.route}: of somebody else's meeting")
        if maker.tenant_id != tenant.id:
            self.wrong.append(f"{call.route}: for another tenant of ours")


class Watched(TeamsProvider):
    """Teams as it is; whatever is asked of it goes through its service's hands."""

    def __init__(self, service: TeamsService) -> None:
        super().__init__()
        self._service = service

    def hurry(self, hurry: bool) -> None:
        self._seconds = HURRY if hurry else SECONDS

    def create(self, tenant: Tenant, spec: MeetingSpec) -> CreatedMeeting:
        service = self._service
        try:
            return service.carry_out(
                CREATE,
                tenant,
                service.today(tenant),
                lambda: TeamsProvider.create(self, tenant, spec),
            )
        except MeetingError as error:
            service.lost[spec.subject] += error.unknown_outcome
            raise

    def update(self, tenant: Tenant, ref: MeetingRef, spec: MeetingSpec) -> None:
        self._of_a_meeting(
            UPDATE, tenant, ref, lambda: TeamsProvider.update(self, tenant, ref, spec)
        )

    def delete(self, tenant: Tenant, ref: MeetingRef) -> None:
        try:
            self._of_a_meeting(DELETE, tenant, ref, lambda: TeamsProvider.delete(self, tenant, ref))
        except MeetingError:
            self._service.undeleted.add(Reference.of(ref).meeting_id)
            raise

    def _of_a_meeting(
        self, operation: str, tenant: Tenant, ref: MeetingRef, call: Callable[[], None]
    ) -> None:
        meeting_id = Reference.of(ref).meeting_id
        maker = self._service.makers[meeting_id]
        self._service.carry_out(operation, tenant, maker, call, meeting_id)


def _second_user(organisation: Organisation) -> User:
    """Somebody else of the organisation who may organize meetings."""
    upn = f"second@{organisation.domain}"
    return User(str(uuid5(NAMESPACE_URL, upn)), upn, "Second Scheduling")


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


CHANGES: dict[str, Callable[[TeamsService, Settings], None]] = {
    "second organizer": lambda service, of: service.organize(of, _second_user(of.organisation).id),
    "organizer by name": lambda service, of: service.organize(of, of.organisation.organizer_upn),
    "organizer not confirmed": TeamsService.organize_unconfirmed,
    "no organizer": lambda service, of: service.organize(of, ""),
    "second profile": lambda service, of: service.select(of, "second"),
    "profile of elsewhere": TeamsService.select_elsewhere,
    "all of elsewhere": TeamsService.move_elsewhere,
    "as at first": TeamsService.set_up,
    "off": lambda service, of: service.switch(of, on=False),
    "archived": TeamsService.archive,
    "profiles deleted": TeamsService.delete_profiles,
    "new secret": TeamsService.renew_secrets,
}
"""What an admin changes meanwhile."""
