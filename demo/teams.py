"""Microsoft for the demo's MSPs: each has its own organisation in the simulator."""

from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene_teams import actions
from convene_teams.models import InstallStatus, MicrosoftProfile, TeamsIntegration
from convene_teams.organizer import set_default_meeting_organizer
from graphsim.defaults import FABRIKAM, NORTHWIND

_ORGANISATIONS = {"northwind": NORTHWIND, "fabrikam": FABRIKAM}


def connect(tenant: Tenant, *, by: Membership) -> None:
    """What an administrator would enter, unless there is something already."""
    with tenant_atomic(tenant):
        if TeamsIntegration.objects.exists():
            return
    organisation = _ORGANISATIONS[tenant.slug]
    profile = MicrosoftProfile(
        tenant=tenant,
        display_name=organisation.name,
        microsoft_tenant_id=organisation.tenant_id,
        client_id=organisation.client_id,
    )
    actions.save_profile(tenant, profile, secret=organisation.client_secret, by=by)
    actions.set_integration(tenant, profile_id=profile.id, status=InstallStatus.ACTIVE, by=by)
    saved = set_default_meeting_organizer(tenant, organisation.organizer_upn, by=by)
    if saved.warning:
        raise RuntimeError(saved.warning)
