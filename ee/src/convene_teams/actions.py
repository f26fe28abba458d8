"""What an administrator does to the Microsoft profiles and to the integration."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from convene.events.models import record
from convene.meetings.provider import MeetingError
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant

from . import history, tokens
from .configuration import app_of
from .models import InstallStatus, MicrosoftProfile, TeamsIntegration
from .references import has_meetings

_EDITED = ("display_name", "microsoft_tenant_id", "client_id", "cloud")


class Refused(Exception):
    """The action cannot be done; the message says why, for the person who tried."""


def save_profile(
    tenant: Tenant, profile: MicrosoftProfile, *, secret: str = "", by: Membership
) -> None:
    """Keep a new or changed profile; without a new secret the old one stays."""
    with tenant_atomic(tenant):
        profile.tenant_id = tenant.id
        before = MicrosoftProfile.objects.select_for_update().filter(id=profile.id).first()
        if before and _place(before) != _place(profile) and has_meetings(profile.id):
            raise Refused(
                _(
                    "Meetings were made with this profile in its Microsoft tenant. Make a new"
                    " profile for another one."
                )
            )
        if secret:
            profile.seal_secret(secret)
        elif not profile.sealed_secret:
            raise Refused(_("A profile needs a client secret."))
        if before is None:
            profile.save(force_insert=True)
        else:  # what somebody else changed meanwhile stays: the archive mark, a resealed secret
            profile.save(update_fields=[*_EDITED, *(["sealed_secret"] if secret else [])])
        record(
            history.PROFILE_SAVED,
            profile.id,
            by=by,
            before=_facts(before) if before else {},
            after=_facts(profile) | {"new_secret": bool(secret)},
        )
    forget_token(profile)


def archive_profile(tenant: Tenant, profile_id: UUID, *, by: Membership) -> None:
    """No new meetings with it; those it made still move and go."""
    with tenant_atomic(tenant):
        if MicrosoftProfile.objects.filter(id=profile_id, archived=False).update(archived=True):
            record(history.PROFILE_ARCHIVED, profile_id, by=by)


def delete_profile(tenant: Tenant, profile_id: UUID, *, by: Membership) -> None:
    """Remove a profile that nothing needs any more; if it was chosen, none is chosen then."""
    with tenant_atomic(tenant):
        choices = TeamsIntegration.objects.select_for_update().filter(selected_profile=profile_id)
        integration = choices.first()
        profile = MicrosoftProfile.objects.select_for_update().filter(id=profile_id).first()
        if profile is None:
            return
        if integration and integration.install_status == InstallStatus.ACTIVE:
            raise Refused(
                _(
                    "New meetings are made with this profile. Choose another one or deactivate the"
                    " integration first."
                )
            )
        if has_meetings(profile_id):
            raise Refused(_("Meetings made with this profile still need it. Archive it instead."))
        if integration:
            _change(integration, None, integration.install_status, by=by)
        record(history.PROFILE_DELETED, profile_id, by=by, before=_facts(profile))
        profile.delete()


def set_integration(
    tenant: Tenant, *, profile_id: UUID | None, status: InstallStatus, by: Membership
) -> None:
    """Choose the profile of new meetings, and whether there are any."""
    with tenant_atomic(tenant):
        profile = profile_id and MicrosoftProfile.objects.filter(id=profile_id).first()
        if profile_id and profile is None:
            raise Refused(_("There is no such profile."))
        if status == InstallStatus.ACTIVE and (not profile or profile.archived):
            raise Refused(_("Choose a profile that is not archived."))
        integration, _created = TeamsIntegration.objects.select_for_update().get_or_create()
        _change(integration, profile_id, status, by=by)


def _change(
    integration: TeamsIntegration, profile_id: UUID | None, status: str, *, by: Membership
) -> None:
    before = _state(integration)
    integration.selected_profile_id, integration.install_status = profile_id, status
    integration.last_error = ""  # of the state that ends here
    integration.save(update_fields=["selected_profile", "install_status", "last_error"])
    record(
        history.INTEGRATION_CHANGED,
        integration.id,
        by=by,
        before=before,
        after=_state(integration),
    )


def forget_token(profile: MicrosoftProfile) -> None:
    """Ask Microsoft for a new token at the profile's next call."""
    try:
        tokens.forget_token(app_of(profile))
    except MeetingError:
        return  # a profile that cannot sign in has no token


def _place(profile: MicrosoftProfile) -> tuple[str, str]:
    return profile.microsoft_tenant_id.lower(), profile.cloud


def _facts(profile: MicrosoftProfile) -> dict[str, Any]:
    return {
        "name": profile.display_name,
        "microsoft_tenant": profile.microsoft_tenant_id,
        "client": profile.client_id,
        "cloud": profile.cloud,
    }


def _state(integration: TeamsIntegration) -> dict[str, Any]:
    profile_id = integration.selected_profile_id
    return {
        "status": integration.install_status,
        "profile": str(profile_id) if profile_id else None,
    }
