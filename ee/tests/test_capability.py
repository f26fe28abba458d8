"""The toggle is offered only where a meeting could really be made."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convene.meetings.provider import Capability
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant
from convene_teams.capability import get_teams_meeting_capability
from convene_teams.models import InstallStatus, MicrosoftProfile
from ee.tests.make_teams import make_integration, make_teams_tenant
from tests.make import make_tenant

pytestmark = pytest.mark.usefixtures("db")


def capability_of(tenant: Tenant) -> Capability:
    with tenant_atomic(tenant):
        return get_teams_meeting_capability(tenant)


def test_everything_set_up_is_available() -> None:
    assert capability_of(make_teams_tenant()) == Capability(available=True)


def test_a_tenant_without_an_integration_is_not_configured() -> None:
    make_teams_tenant()  # another one's does not help

    assert capability_of(make_tenant()) == Capability(available=False, reason="not_configured")


@pytest.mark.parametrize("status", sorted(set(InstallStatus) - {InstallStatus.ACTIVE}))
def test_an_integration_that_is_not_active_is_not_configured(status: InstallStatus) -> None:
    tenant = make_teams_tenant(install_status=status)

    assert capability_of(tenant) == Capability(available=False, reason="not_configured")


def test_an_integration_without_a_profile_is_not_configured() -> None:
    tenant = make_tenant()
    make_integration(tenant, None)

    assert capability_of(tenant) == Capability(available=False, reason="not_configured")


@pytest.mark.parametrize(
    "fields",
    [{"archived": True}, {"sealed_secret": "lost"}, {"microsoft_tenant_id": "../common"}],
    ids=str,
)
def test_a_profile_that_could_not_make_meetings_is_not_configured(fields: dict[str, Any]) -> None:
    tenant = make_teams_tenant()
    with tenant_atomic(tenant):
        MicrosoftProfile.objects.update(**fields)

    assert capability_of(tenant) == Capability(available=False, reason="not_configured")


def test_a_secret_sealed_with_a_lost_key_is_not_configured(settings: Any) -> None:
    tenant = make_teams_tenant()
    settings.CONVENE_SECRET_KEYS = ["YW5vdGhlci1rZXktMDAwMDAwMDAwMDAwMDAwMDAwMDA="]

    assert capability_of(tenant) == Capability(available=False, reason="not_configured")


def test_without_an_organizer_there_is_no_organizer() -> None:
    tenant = make_teams_tenant(default_meeting_organizer_upn=None)

    assert capability_of(tenant) == Capability(available=False, reason="no_organizer")


def test_an_organizer_whom_microsoft_has_not_confirmed_is_enough() -> None:
    tenant = make_teams_tenant(default_meeting_organizer_upn="scheduling@northwind.example")

    assert capability_of(tenant) == Capability(available=True)


def test_it_costs_one_query_and_no_call() -> None:
    tenant = make_teams_tenant()

    with tenant_atomic(tenant), CaptureQueriesContext(connection) as queries:
        get_teams_meeting_capability(tenant)

    assert len(queries) == 1
