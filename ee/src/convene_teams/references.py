"""The handle of a meeting: who made it. Settings change; a meeting stays with its maker."""

import json
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from convene.appointments.models import MeetingSync, Operation
from convene.meetings.provider import MeetingError, MeetingRef

from .clouds import is_guid
from .problems import Problem

SLUG = "teams"


@dataclass(frozen=True)
class Reference:
    profile_id: UUID
    organizer: str
    """The organizer's object id."""
    meeting_id: str

    def as_ref(self) -> MeetingRef:
        parts = {"p": str(self.profile_id), "o": self.organizer, "m": self.meeting_id}
        return MeetingRef(json.dumps(parts, separators=(",", ":")))

    @classmethod
    def of(cls, ref: MeetingRef) -> "Reference":
        """Raises MeetingError for a handle that is not one of ours."""
        try:
            parts = json.loads(ref.handle)
            profile_id, organizer, meeting_id = UUID(parts["p"]), parts["o"], parts["m"]
            if is_guid(organizer) and isinstance(meeting_id, str):
                return cls(profile_id, organizer, meeting_id)
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        raise MeetingError(Problem.REFERENCE_UNREADABLE)


def has_meetings(profile_id: UUID) -> bool:
    """Whether meetings made with a profile still live, or one is just being made.

    Asked inside the tenant's block.
    """
    made = Q(provider=SLUG, ref__contains=f'"p":"{profile_id}"')
    return MeetingSync.objects.filter(made | Q(doing=Operation.CREATE)).exists()
