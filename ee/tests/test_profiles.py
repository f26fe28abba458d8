"""Microsoft profiles: what is kept of them, and when they may go."""

from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection

from convene.appointments.models import MeetingSync
from convene.events.models import Event
from convene.meetings.provider import CreatedMeeting, MeetingSpec
from convene.sealed import CannotUnseal
from convene.tenancy.db import tenant_atomic, violated_constraint
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from convene_teams.actions import (
    Refused,
    archive_profile,
    delete_profile,
    save_profile,
    set_integration,
)
from convene_teams.clouds import NOT_IN_CHINA
from convene_teams.models import InstallStatus, MicrosoftProfile, TeamsIntegration
from convene_teams.provider import TeamsProvider
from ee.tests.make_teams import make_integration, make_profile, make_teams_tenant
from graphsim import Simulator
from graphsim.defaults import FABRIKAM, NORTHWIND
from tests.make import make_member, make_request, make_tenant

pytestmark = pytest.mark.usefixtures("db")


@dataclass
class World:
    tenant: Tenant
    admin: Membership
    profile: MicrosoftProfile


@pytest.fixture
def world() -> World:
    tenant = make_tenant()
    return World(tenant, make_member(tenant, role=Role.ADMIN), make_profile(tenant))


def keep_meeting(tenant: Tenant, created: CreatedMeeting) -> None:
    """What sync keeps of a meeting."""
    appointment = make_request(tenant)
    with tenant_atomic(tenant):
        MeetingSync.objects.create(
            tenant=tenant,
            appointment=appointment,
            due=False,
            provider="teams",
            ref=created.ref.handle,
        )


# The secret


def test_a_secret_is_sealed_in_the_database(world: World) -> None:
    with tenant_atomic(world.tenant), connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(p)::text FROM microsoft_profiles p WHERE tenant_id = %s",
            [world.tenant.id],
        )
        [row] = cursor.fetchone()

    assert NORTHWIND.client_secret not in row
    assert world.profile.unseal_secret() == NORTHWIND.client_secret


def test_a_secret_copied_to_another_row_cannot_be_read(world: World) -> None:
    same_tenant = make_profile(world.tenant)
    same_tenant.sealed_secret = world.profile.sealed_secret
    other_tenant = make_profile(make_tenant(), id=world.profile.id)
    other_tenant.sealed_secret = world.profile.sealed_secret

    for profile in (same_tenant, other_tenant):
        with pytest.raises(CannotUnseal):
            profile.unseal_secret()


# Saving


def test_a_saved_profile_is_in_the_history_without_its_secret(world: World) -> None:
    world.profile.display_name = "Renamed"

    save_profile(world.tenant, world.profile, secret="a new secret", by=world.admin)

    with tenant_atomic(world.tenant):
        event = Event.objects.get(kind="TEAMS_PROFILE_SAVED")
        kept = MicrosoftProfile.objects.get()
    assert kept.unseal_secret() == "a new secret"
    assert (event.before["name"], event.after["name"]) == ("Northwind", "Renamed")
    assert event.after["new_secret"] is True
    assert "a new secret" not in str(event.after)


def test_a_new_profile_needs_a_secret(world: World) -> None:
    profile = MicrosoftProfile(
        display_name="New", microsoft_tenant_id="contoso.com", client_id=NORTHWIND.client_id
    )

    with pytest.raises(Refused):
        save_profile(world.tenant, profile, by=world.admin)
    save_profile(world.tenant, profile, secret="s", by=world.admin)

    with tenant_atomic(world.tenant):
        assert MicrosoftProfile.objects.get(id=profile.id).unseal_secret() == "s"


def test_without_a_new_secret_the_old_one_stays(world: World) -> None:
    save_profile(world.tenant, world.profile, by=world.admin)

    with tenant_atomic(world.tenant):
        assert MicrosoftProfile.objects.get().unseal_secret() == NORTHWIND.client_secret


@pytest.mark.parametrize(
    "text",
    [
        "../x",
        "..",
        "x/y",
        "common",
        "a.b/../c",
        "contoso.com?x",
        "contoso.com\n",
        "",
        "ä.de",
        "-a.com",
    ],
)
def test_a_tenant_id_that_is_neither_id_nor_domain_is_refused(world: World, text: str) -> None:
    world.profile.microsoft_tenant_id = text

    with pytest.raises(ValidationError) as caught, tenant_atomic(world.tenant):
        world.profile.full_clean()

    assert "microsoft_tenant_id" in caught.value.message_dict


@pytest.mark.parametrize("text", ["contoso.com", "contoso.onmicrosoft.com", FABRIKAM.tenant_id])
def test_an_id_and_a_domain_are_tenants(world: World, text: str) -> None:
    world.profile.microsoft_tenant_id = text

    with tenant_atomic(world.tenant):
        world.profile.full_clean()


@pytest.mark.parametrize(
    "fields", [{"cloud": "china"}, {"microsoft_tenant_id": "contoso.partner.onmschina.cn"}]
)
def test_china_is_refused_with_a_sentence(world: World, fields: dict[str, str]) -> None:
    for name, value in fields.items():
        setattr(world.profile, name, value)

    with pytest.raises(ValidationError) as caught, tenant_atomic(world.tenant):
        world.profile.full_clean()

    assert [str(NOT_IN_CHINA)] in caught.value.message_dict.values()


def test_the_database_refuses_a_cloud_without_meetings(world: World) -> None:
    with pytest.raises(IntegrityError) as caught, tenant_atomic(world.tenant):
        MicrosoftProfile.objects.update(cloud="china")

    assert violated_constraint(caught.value) == "profile_is_in_a_cloud_with_meetings"


# Going


def test_a_profile_that_nothing_needs_can_be_deleted(world: World) -> None:
    delete_profile(world.tenant, world.profile.id, by=world.admin)

    with tenant_atomic(world.tenant):
        assert not MicrosoftProfile.objects.exists()
        assert Event.objects.get().kind == "TEAMS_PROFILE_DELETED"


def test_a_profile_that_new_meetings_are_made_with_is_not_deleted(world: World) -> None:
    make_integration(world.tenant, world.profile)

    with pytest.raises(Refused, match="deactivate"):
        delete_profile(world.tenant, world.profile.id, by=world.admin)


def test_deleting_the_chosen_profile_of_a_switched_off_integration_is_in_the_history(
    world: World,
) -> None:
    make_integration(world.tenant, world.profile, install_status=InstallStatus.NOT_CONFIGURED)

    delete_profile(world.tenant, world.profile.id, by=world.admin)

    with tenant_atomic(world.tenant):
        changed, deleted = Event.objects.order_by("at", "id")
        assert TeamsIntegration.objects.get().selected_profile is None
    assert (changed.kind, deleted.kind) == ("TEAMS_INTEGRATION_CHANGED", "TEAMS_PROFILE_DELETED")
    assert changed.after == {"status": "not_configured", "profile": None}


def test_a_profile_with_living_meetings_can_only_be_archived(
    sim: Simulator, provider: TeamsProvider, world: World, spec: MeetingSpec
) -> None:
    make_integration(world.tenant, world.profile)
    created = provider.create(world.tenant, spec)
    keep_meeting(world.tenant, created)
    set_integration(
        world.tenant, profile_id=None, status=InstallStatus.NOT_CONFIGURED, by=world.admin
    )

    with pytest.raises(Refused, match="Archive"):
        delete_profile(world.tenant, world.profile.id, by=world.admin)
    archive_profile(world.tenant, world.profile.id, by=world.admin)
    provider.update(world.tenant, created.ref, spec)
    provider.delete(world.tenant, created.ref)

    assert sim.meetings() == []


def test_a_profile_with_living_meetings_stays_in_its_microsoft_tenant(
    sim: Simulator, provider: TeamsProvider, world: World, spec: MeetingSpec
) -> None:
    make_integration(world.tenant, world.profile)
    keep_meeting(world.tenant, provider.create(world.tenant, spec))
    world.profile.microsoft_tenant_id = FABRIKAM.tenant_id

    with pytest.raises(Refused, match="new profile"):
        save_profile(world.tenant, world.profile, by=world.admin)


# The integration


def test_a_profile_is_chosen_and_the_choice_is_in_the_history(world: World) -> None:
    set_integration(
        world.tenant,
        profile_id=world.profile.id,
        status=InstallStatus.ACTIVE,
        by=world.admin,
    )

    with tenant_atomic(world.tenant):
        integration = TeamsIntegration.objects.get()
        event = Event.objects.get()
    assert integration.selected_profile_id == world.profile.id
    assert event.before == {"status": "not_configured", "profile": None}
    assert event.after == {"status": "active", "profile": str(world.profile.id)}


def test_another_tenants_profile_cannot_be_chosen(world: World) -> None:
    stranger = make_profile(make_tenant())

    with pytest.raises(Refused):
        set_integration(
            world.tenant, profile_id=stranger.id, status=InstallStatus.ACTIVE, by=world.admin
        )


def test_the_database_refuses_another_tenants_profile(world: World) -> None:
    stranger = make_profile(make_tenant())

    with pytest.raises(IntegrityError), tenant_atomic(world.tenant):
        TeamsIntegration.objects.create(
            tenant=world.tenant,
            install_status=InstallStatus.ACTIVE,
            selected_profile_id=stranger.id,
        )


def test_a_tenant_has_one_integration() -> None:
    tenant = make_teams_tenant()

    with pytest.raises(IntegrityError) as caught:
        make_integration(tenant, None)

    assert violated_constraint(caught.value) == "one_teams_integration_per_tenant"


def test_no_organizer_is_never_an_empty_text() -> None:
    with pytest.raises(IntegrityError) as caught:
        make_teams_tenant(default_meeting_organizer_upn="")

    assert violated_constraint(caught.value) == "no_organizer_is_null"


def test_an_unknown_profile_is_deleted_without_a_word(world: World) -> None:
    delete_profile(world.tenant, uuid4(), by=world.admin)

    with tenant_atomic(world.tenant):
        assert MicrosoftProfile.objects.count() == 1
