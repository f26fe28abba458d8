"""Microsoft profiles and integrations for tests, each with as little said as the test needs."""

from typing import Any

from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant
from convene_teams.models import InstallStatus, MicrosoftProfile, TeamsIntegration
from graphsim.defaults import NORTHWIND, Organisation
from tests.make import make_tenant


def make_profile(
    tenant: Tenant, organisation: Organisation = NORTHWIND, *, secret: str = "", **fields: Any
) -> MicrosoftProfile:
    profile = MicrosoftProfile(
        **{
            "tenant": tenant,
            "display_name": organisation.name,
            "microsoft_tenant_id": organisation.tenant_id,
            "client_id": organisation.client_id,
        }
        | fields
    )
    profile.seal_secret(secret or organisation.client_secret)
    with tenant_atomic(tenant):
        profile.save(force_insert=True)
    return profile


def make_integration(
    tenant: Tenant, profile: MicrosoftProfile | None, **fields: Any
) -> TeamsIntegration:
    with tenant_atomic(tenant):
        integration: TeamsIntegration = TeamsIntegration.objects.create(
            **{
                "tenant": tenant,
                "install_status": InstallStatus.ACTIVE,
                "selected_profile": profile,
                "default_meeting_organizer_upn": NORTHWIND.organizer_id,
            }
            | fields
        )
    return integration


def make_teams_tenant(organisation: Organisation = NORTHWIND, **fields: Any) -> Tenant:
    """A tenant whose meetings are made in that organisation, by the object id of its organizer."""
    tenant = make_tenant()
    fields = {"default_meeting_organizer_upn": organisation.organizer_id} | fields
    make_integration(tenant, make_profile(tenant, organisation), **fields)
    return tenant
