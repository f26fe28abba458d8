"""Create, move, delete and look at a tenant's Teams meetings.

Each function opens short blocks of its own and talks to Microsoft between them: call it outside of
any. All raise MeetingError, and end within ``seconds``.
"""

from datetime import datetime

from convene.meetings.provider import CreatedMeeting, MeetingError, MeetingRef, MeetingState
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant

from .configuration import (
    Configuration,
    app_of_profile,
    current_configuration,
    remember_organizer,
)
from .graph import SECONDS, Graph, User
from .problems import Problem
from .references import Reference
from .transport import Deadline


def create_teams_meeting(
    tenant: Tenant,
    *,
    subject: str,
    starts_at: datetime,
    ends_at: datetime,
    seconds: float = SECONDS,
) -> CreatedMeeting:
    """A new meeting of today's organizer, made with today's profile."""
    deadline = Deadline(seconds)
    with tenant_atomic(tenant):
        configuration = current_configuration()
    graph = Graph(configuration.app, tenant_id=tenant.id, deadline=deadline)
    organizer = configuration.organizer_id or resolve_organizer(tenant, configuration, graph).id
    meeting_id, link = graph.create_meeting(organizer, subject, starts_at, ends_at)
    reference = Reference(configuration.profile_id, organizer, meeting_id)
    return CreatedMeeting(reference.as_ref(), meeting_id, link)


def update_teams_meeting(
    tenant: Tenant,
    ref: MeetingRef,
    *,
    starts_at: datetime,
    ends_at: datetime,
    seconds: float = SECONDS,
) -> None:
    """Move a meeting; its subject and its link stay."""
    reference, graph = _maker(tenant, ref, seconds)
    graph.move_meeting(reference.organizer, reference.meeting_id, starts_at, ends_at)


def delete_teams_meeting(tenant: Tenant, ref: MeetingRef, *, seconds: float = SECONDS) -> None:
    """Remove a meeting; one that is gone already is a success."""
    reference, graph = _maker(tenant, ref, seconds)
    graph.delete_meeting(reference.organizer, reference.meeting_id)


def look_at_teams_meeting(
    tenant: Tenant, ref: MeetingRef, *, seconds: float = SECONDS
) -> MeetingState | None:
    """The meeting as Microsoft holds it, or None if there is none."""
    reference, graph = _maker(tenant, ref, seconds)
    return graph.get_meeting(reference.organizer, reference.meeting_id)


def _maker(tenant: Tenant, ref: MeetingRef, seconds: float) -> tuple[Reference, Graph]:
    """Who made the meeting, and Graph as seen with the profile that it was made with."""
    deadline = Deadline(seconds)
    reference = Reference.of(ref)
    with tenant_atomic(tenant):
        app = app_of_profile(reference.profile_id)
    return reference, Graph(app, tenant_id=tenant.id, deadline=deadline)


# Causes that only say that Microsoft did not tell us who the organizer is.
_UNTOLD = (Problem.LOOKUP_DENIED, Problem.BAD_REQUEST)


def resolve_organizer(tenant: Tenant, configuration: Configuration, graph: Graph) -> User:
    """Who the organizer is, asked and kept: Graph makes meetings for an object id alone."""
    try:
        user = graph.find_user(configuration.organizer)
    except MeetingError as error:
        if error.code in _UNTOLD:
            error.code = Problem.ORGANIZER_UNRESOLVED
        raise
    with tenant_atomic(tenant):
        remember_organizer(configuration.organizer, configuration.app, user.id, user.name)
    return user
