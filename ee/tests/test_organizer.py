"""The default meeting organizer: saved whatever Microsoft says, verified up to a real meeting."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from convene.events.models import Event
from convene.meetings.provider import MeetingError, MeetingSpec
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant
from convene.tenancy.permissions import Role
from convene_teams.actions import set_integration
from convene_teams.models import InstallStatus, MicrosoftProfile, TeamsIntegration
from convene_teams.organizer import (
    SavedOrganizer,
    Verification,
    set_default_meeting_organizer,
    verify_meeting_organizer,
)
from convene_teams.provider import TeamsProvider
from ee.tests.make_teams import make_profile, make_teams_tenant
from graphsim import Simulator, User
from graphsim.defaults import FABRIKAM, NORTHWIND, READ_USERS
from tests.make import make_member, make_tenant

UPN, OBJECT_ID = NORTHWIND.organizer_upn, NORTHWIND.organizer_id


@pytest.fixture
def tenant(sim: Simulator) -> Tenant:
    return make_teams_tenant(default_meeting_organizer_upn=None)


def save(tenant: Tenant, text: str) -> SavedOrganizer:
    return set_default_meeting_organizer(tenant, text, by=make_member(tenant, role=Role.ADMIN))


def integration_of(tenant: Tenant) -> TeamsIntegration:
    with tenant_atomic(tenant):
        integration: TeamsIntegration = TeamsIntegration.objects.get()
        return integration


def outcomes(verification: Verification) -> list[tuple[str, bool]]:
    return [(step.name, step.ok) for step in verification.steps]


# Saving


def test_a_upn_is_resolved_once_and_both_are_kept(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    saved = save(tenant, f"  {UPN} ")
    provider.create(tenant, spec)
    provider.create(tenant, spec)

    integration = integration_of(tenant)
    assert saved == SavedOrganizer(display_name="Northwind Scheduling")
    assert integration.default_meeting_organizer_upn == UPN
    assert integration.organizer_object_id == OBJECT_ID
    assert integration.organizer_name == "Northwind Scheduling"
    assert len(sim.calls("user")) == 1
    assert {meeting.organizer_id for meeting in sim.meetings()} == {OBJECT_ID}


def test_an_object_id_needs_no_look_up(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    saved = save(tenant, OBJECT_ID.upper())
    provider.create(tenant, spec)

    assert saved == SavedOrganizer()
    assert integration_of(tenant).default_meeting_organizer_upn == OBJECT_ID
    assert sim.calls("user") == []


def test_a_look_up_that_is_not_permitted_is_a_warning_and_never_a_post_to_a_upn(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.world.remove_role(NORTHWIND.tenant_id, NORTHWIND.client_id, READ_USERS)

    saved = save(tenant, UPN)
    with pytest.raises(MeetingError) as caught:
        provider.create(tenant, spec)

    assert "object id" in saved.warning
    assert integration_of(tenant).default_meeting_organizer_upn == UPN
    assert caught.value.code == "organizer_unresolved"
    assert sim.calls("create") == []


def test_an_organizer_not_yet_resolved_is_asked_for_again_at_the_next_use(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.world.remove_role(NORTHWIND.tenant_id, NORTHWIND.client_id, READ_USERS)
    save(tenant, UPN)
    sim.world.add_role(NORTHWIND.tenant_id, NORTHWIND.client_id, READ_USERS)

    provider.create(tenant, spec)

    assert integration_of(tenant).organizer_object_id == OBJECT_ID


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"reset": True}, {"status": 404}, {"body": "html"}], ids=str
)
def test_saving_never_fails_because_of_microsoft(
    sim: Simulator, tenant: Tenant, fault: dict[str, Any]
) -> None:
    sim.fault("user", **fault)

    saved = save(tenant, UPN)

    assert saved.warning
    assert integration_of(tenant).default_meeting_organizer_upn == UPN


def test_saving_works_before_anything_else_is_set_up(sim: Simulator) -> None:
    tenant = make_tenant()

    saved = save(tenant, UPN)

    assert "not set up" in saved.warning
    assert integration_of(tenant).default_meeting_organizer_upn == UPN
    assert sim.calls() == []


def test_an_empty_organizer_hides_the_toggle_at_once_and_meetings_still_move_and_go(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    save(tenant, UPN)
    created = provider.create(tenant, spec)

    saved = save(tenant, " ")

    with tenant_atomic(tenant):
        assert provider.capability(tenant).reason == "no_organizer"
    assert saved == SavedOrganizer()
    assert integration_of(tenant).default_meeting_organizer_upn is None
    assert integration_of(tenant).organizer_object_id == ""
    provider.update(tenant, created.ref, spec)
    provider.delete(tenant, created.ref)


@pytest.mark.parametrize("text", ["Scheduling", "a@b@c", "@b.example", "a b@c.example", "a@b\nc"])
def test_what_cannot_be_a_name_is_refused(tenant: Tenant, text: str) -> None:
    with pytest.raises(ValidationError):
        save(tenant, text)


def test_a_change_of_organizer_is_in_the_history(sim: Simulator, tenant: Tenant) -> None:
    save(tenant, UPN)
    save(tenant, "")

    with tenant_atomic(tenant):
        events = list(Event.objects.filter(kind="TEAMS_MEETING_ORGANIZER_CHANGED"))
    assert [(event.before, event.after) for event in events] == [
        ({"organizer": None}, {"organizer": UPN}),
        ({"organizer": UPN}, {"organizer": None}),
    ]


# Who made a meeting


def test_a_meeting_stays_with_the_organizer_and_the_profile_that_made_it(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    save(tenant, UPN)
    created = provider.create(tenant, spec)
    admin = make_member(tenant, role=Role.ADMIN)
    other = make_profile(tenant, FABRIKAM)
    set_integration(tenant, profile_id=other.id, status=InstallStatus.ACTIVE, by=admin)
    save(tenant, FABRIKAM.organizer_upn)

    provider.update(tenant, created.ref, spec)
    provider.delete(tenant, created.ref)

    [moved], [removed] = sim.calls("update"), sim.calls("delete")
    assert moved.tenant == removed.tenant == NORTHWIND.tenant_id
    assert OBJECT_ID in moved.path
    assert sim.meetings() == []


def test_an_object_id_is_asked_for_again_in_another_microsoft_tenant(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    guest = User("d0000000-0000-4000-8000-000000000001", UPN, "Guest")
    sim.world.put_user(FABRIKAM.tenant_id, guest)
    sim.world.add_policy(FABRIKAM.tenant_id, FABRIKAM.client_id, guest.id)
    save(tenant, UPN)
    other = make_profile(tenant, FABRIKAM)
    admin = make_member(tenant, role=Role.ADMIN)
    set_integration(tenant, profile_id=other.id, status=InstallStatus.ACTIVE, by=admin)

    provider.create(tenant, spec)

    assert [meeting.organizer_id for meeting in sim.meetings()] == [guest.id]


def test_with_the_integration_off_existing_meetings_still_move_and_go(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    save(tenant, UPN)
    created = provider.create(tenant, spec)
    with tenant_atomic(tenant):
        TeamsIntegration.objects.update(install_status=InstallStatus.ERROR)
        MicrosoftProfile.objects.update(archived=True)

    with pytest.raises(MeetingError) as caught:
        provider.create(tenant, spec)
    provider.update(tenant, created.ref, spec)
    provider.delete(tenant, created.ref)

    assert caught.value.code == "not_configured"
    assert sim.meetings() == []


# Verifying


@pytest.mark.parametrize("organizer", [UPN, OBJECT_ID])
def test_a_verification_goes_up_to_a_meeting_and_leaves_nothing_behind(
    sim: Simulator, tenant: Tenant, organizer: str
) -> None:
    verification = verify_meeting_organizer(tenant, organizer)

    [asked] = sim.calls("create")
    assert verification.valid
    assert (verification.display_name, verification.reason) == ("Northwind Scheduling", "")
    assert outcomes(verification) == [
        ("token", True),
        ("permission", True),
        ("organizer", True),
        ("policy", True),
    ]
    assert isinstance(asked.body, dict)
    start = datetime.fromisoformat(asked.body["startDateTime"])
    assert timedelta(minutes=4) < start - datetime.now(UTC) <= timedelta(minutes=5)
    assert sim.meetings() == []


def test_a_verification_of_the_saved_organizer_keeps_what_it_learns(
    sim: Simulator, tenant: Tenant
) -> None:
    sim.fault("user", status=503)
    save(tenant, UPN)

    verify_meeting_organizer(tenant, UPN)

    assert integration_of(tenant).organizer_object_id == OBJECT_ID


def test_a_verification_of_somebody_else_keeps_nothing(sim: Simulator, tenant: Tenant) -> None:
    save(tenant, OBJECT_ID)

    verify_meeting_organizer(tenant, UPN)

    assert integration_of(tenant).default_meeting_organizer_upn == OBJECT_ID
    assert integration_of(tenant).organizer_object_id == ""


def test_an_object_id_is_taken_as_given_where_people_may_not_be_looked_up(
    sim: Simulator, tenant: Tenant
) -> None:
    sim.world.remove_role(NORTHWIND.tenant_id, NORTHWIND.client_id, READ_USERS)

    by_id = verify_meeting_organizer(tenant, OBJECT_ID)
    by_name = verify_meeting_organizer(tenant, UPN)

    assert (by_id.valid, by_id.display_name) == (True, "")
    assert (by_name.valid, by_name.reason) == (False, "lookup_denied")


def test_a_wrong_secret_ends_a_verification_at_its_first_step(
    sim: Simulator, tenant: Tenant
) -> None:
    sim.world.set_secret(NORTHWIND.tenant_id, NORTHWIND.client_id, "changed")

    verification = verify_meeting_organizer(tenant, UPN)

    assert (verification.valid, verification.reason) == (False, "bad_secret")
    assert outcomes(verification) == [("token", False)]
    assert verification.steps[0].next_step


def test_missing_consent_ends_a_verification_without_asking_graph(
    sim: Simulator, tenant: Tenant
) -> None:
    sim.world.withdraw_consent(NORTHWIND.tenant_id, NORTHWIND.client_id)

    verification = verify_meeting_organizer(tenant, UPN)

    assert verification.reason == "permission_missing"
    assert outcomes(verification) == [("token", True), ("permission", False)]
    assert {call.route for call in sim.calls()} == {"token"}


def test_a_verification_sees_consent_given_since_the_last_token(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.world.withdraw_consent(NORTHWIND.tenant_id, NORTHWIND.client_id)
    verify_meeting_organizer(tenant, UPN)
    sim.world.give_consent(NORTHWIND.tenant_id, NORTHWIND.client_id)

    assert verify_meeting_organizer(tenant, UPN).valid


def test_an_unknown_organizer_is_not_found(sim: Simulator, tenant: Tenant) -> None:
    verification = verify_meeting_organizer(tenant, "nobody@northwind.example")

    assert verification.reason == "user_not_found"
    assert outcomes(verification)[-1] == ("organizer", False)


def test_a_disabled_organizer_is_said_to_be_so(sim: Simulator, tenant: Tenant) -> None:
    sim.world.disable_user(NORTHWIND.tenant_id, UPN)

    verification = verify_meeting_organizer(tenant, UPN)

    assert "disabled" in verification.steps[2].sentence


def test_a_missing_policy_is_found_by_the_meeting_that_could_not_be_made(
    sim: Simulator, tenant: Tenant
) -> None:
    sim.world.remove_policy(NORTHWIND.tenant_id, NORTHWIND.client_id, OBJECT_ID)

    verification = verify_meeting_organizer(tenant, UPN)

    assert (verification.valid, verification.reason) == (False, "policy_missing")
    assert outcomes(verification)[-1] == ("policy", False)
    assert verification.display_name == "Northwind Scheduling"


def test_a_test_meeting_that_stays_is_reported_with_its_id(sim: Simulator, tenant: Tenant) -> None:
    sim.fault("delete", status=503)

    verification = verify_meeting_organizer(tenant, UPN)

    [meeting] = sim.meetings()
    assert verification.valid
    assert outcomes(verification)[-1] == ("removal", False)
    assert meeting.id in verification.steps[-1].sentence


def test_a_test_meeting_that_nobody_knows_of_is_reported_too(
    sim: Simulator, tenant: Tenant
) -> None:
    sim.fault("create", when="after", reset=True)

    verification = verify_meeting_organizer(tenant, UPN)

    [meeting] = sim.meetings()
    assert verification.reason == "no_answer"
    assert outcomes(verification)[-2:] == [("policy", False), ("removal", False)]
    assert str(meeting.subject) in verification.steps[-1].sentence


def test_without_a_profile_there_is_nothing_to_verify(sim: Simulator) -> None:
    verification = verify_meeting_organizer(make_tenant(), UPN)

    assert (verification.valid, verification.reason) == (False, "not_configured")
    assert sim.calls() == []


def test_a_guests_name_is_quoted_in_the_address(sim: Simulator, tenant: Tenant) -> None:
    upn = "dana_contoso.com#EXT#@northwind.example"
    guest = replace(sim.world.user(NORTHWIND.tenant_id, UPN), upn=upn)
    sim.world.put_user(NORTHWIND.tenant_id, guest)

    assert verify_meeting_organizer(tenant, upn).valid
