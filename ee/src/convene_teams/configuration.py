"""With what a tenant talks to Microsoft. Everything here is called inside the tenant's block."""

from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ValidationError

from convene.meetings.provider import MeetingError
from convene.sealed import CannotUnseal

from .clouds import hosts_of, is_guid, validate_microsoft_tenant
from .models import InstallStatus, MicrosoftProfile, TeamsIntegration
from .problems import Problem
from .tokens import App


@dataclass(frozen=True)
class Configuration:
    """What a new meeting is made with."""

    profile_id: UUID
    app: App
    organizer: str
    """As the admin typed it: a user principal name or an object id."""
    organizer_id: str
    """The object id; empty while Microsoft has not told it."""


def current_configuration() -> Configuration:
    """What the tenant's next meeting is made with.

    Raises MeetingError, code not_configured or no_organizer.
    """
    integration = _integration()
    if integration is None or integration.install_status != InstallStatus.ACTIVE:
        raise MeetingError(Problem.NOT_CONFIGURED)
    profile = _selected_profile(integration)
    try:
        app = app_of(profile)
    except MeetingError as error:
        raise MeetingError(Problem.NOT_CONFIGURED, detail=error.code) from error
    organizer = integration.default_meeting_organizer_upn
    if not organizer:
        raise MeetingError(Problem.NO_ORGANIZER)
    return Configuration(profile.id, app, organizer, _known_id(integration, organizer, profile))


def selected_app() -> App:
    """What the tenant's next meeting would sign in as, switched on or not. Raises MeetingError."""
    return app_of(_selected_profile(_integration()))


def app_of_profile(profile_id: UUID) -> App:
    """What meetings made with a profile are kept with, archived or not. Raises MeetingError."""
    profile = MicrosoftProfile.objects.filter(id=profile_id).first()
    if profile is None:
        raise MeetingError(Problem.PROFILE_MISSING)
    return app_of(profile)


def app_of(profile: MicrosoftProfile) -> App:
    """What we sign in as. Raises MeetingError for a profile that cannot work."""
    try:
        validate_microsoft_tenant(profile.microsoft_tenant_id)
    except ValidationError:
        raise MeetingError(Problem.UNKNOWN_TENANT) from None
    try:
        hosts = hosts_of(profile.cloud)
    except ValidationError:
        raise MeetingError(Problem.CLOUD_WITHOUT_MEETINGS) from None
    try:
        secret = profile.unseal_secret()
    except CannotUnseal:
        raise MeetingError(Problem.SECRET_UNREADABLE) from None
    return App(hosts, profile.microsoft_tenant_id, profile.client_id, secret)


def remember_organizer(organizer: str, app: App, object_id: str, name: str) -> None:
    """Keep what Microsoft answered, unless another organizer was entered meanwhile."""
    TeamsIntegration.objects.filter(default_meeting_organizer_upn=organizer).update(
        organizer_object_id=object_id,
        organizer_name=name[:256],
        organizer_resolved_in=app.tenant_id,
    )


def _integration() -> TeamsIntegration | None:
    return TeamsIntegration.objects.select_related("selected_profile").first()


def _selected_profile(integration: TeamsIntegration | None) -> MicrosoftProfile:
    profile: MicrosoftProfile | None = integration.selected_profile if integration else None
    if profile is None or profile.archived:
        raise MeetingError(Problem.NOT_CONFIGURED)
    return profile


def _known_id(integration: TeamsIntegration, organizer: str, profile: MicrosoftProfile) -> str:
    if is_guid(organizer):
        return organizer.lower()
    if integration.organizer_resolved_in == profile.microsoft_tenant_id:
        return integration.organizer_object_id
    return ""
