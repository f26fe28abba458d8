"""Microsoft Teams behind the seam to online meetings."""

from convene.meetings.provider import (
    Capability,
    CreatedMeeting,
    Explanation,
    MeetingRef,
    MeetingSpec,
    MeetingState,
)
from convene.tenancy.models import Tenant

from . import problems
from .capability import get_teams_meeting_capability
from .graph import SECONDS
from .meetings import (
    create_teams_meeting,
    delete_teams_meeting,
    look_at_teams_meeting,
    update_teams_meeting,
)
from .references import SLUG


class TeamsProvider:
    """``seconds`` is what each operation may take."""

    slug = SLUG
    label = "Microsoft Teams"
    short_label = "Teams"

    def __init__(self, *, seconds: float = SECONDS):
        self._seconds = seconds

    def capability(self, tenant: Tenant) -> Capability:
        return get_teams_meeting_capability(tenant)

    def create(self, tenant: Tenant, spec: MeetingSpec) -> CreatedMeeting:
        return create_teams_meeting(
            tenant,
            subject=spec.subject,
            starts_at=spec.starts_at,
            ends_at=spec.ends_at,
            seconds=self._seconds,
        )

    def update(self, tenant: Tenant, ref: MeetingRef, spec: MeetingSpec) -> None:
        update_teams_meeting(
            tenant, ref, starts_at=spec.starts_at, ends_at=spec.ends_at, seconds=self._seconds
        )

    def delete(self, tenant: Tenant, ref: MeetingRef) -> None:
        delete_teams_meeting(tenant, ref, seconds=self._seconds)

    def look(self, tenant: Tenant, ref: MeetingRef) -> MeetingState | None:
        return look_at_teams_meeting(tenant, ref, seconds=self._seconds)

    def explain(self, code: str) -> Explanation:
        return problems.explain(code)
