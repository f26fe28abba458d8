"""Whether a Teams meeting could be made now."""

from convene.meetings.provider import Capability, MeetingError
from convene.tenancy.models import Tenant

from .configuration import current_configuration


def get_teams_meeting_capability(tenant: Tenant) -> Capability:
    """Asked inside the tenant's block; one query, and nothing of Microsoft."""
    try:
        current_configuration()
    except MeetingError as error:
        return Capability(available=False, reason=error.code)
    return Capability(available=True)
