"""What is wrong with an appointment's meeting, in words, and what can be done about it."""

from dataclasses import dataclass
from datetime import datetime

from convene.meetings.provider import Explanation
from convene.meetings.registry import explain
from convene.meetings.words import Words, words_of

from .models import AppointmentRequest, MeetingSync


@dataclass(frozen=True)
class Problem:
    """A meeting that is not what it should be."""

    meeting: MeetingSync
    code: str
    explanation: Explanation
    words: Words
    creates: bool
    wait_until: datetime | None
    """When the provider wants to be asked again, if that is still to come."""

    @property
    def headline(self) -> str:
        """What did not happen."""
        return {
            "create": self.words.not_created,
            "update": self.words.not_moved,
            "delete": self.words.not_deleted,
        }.get(self.meeting.problem_operation, "")

    @property
    def is_hopeless(self) -> bool:
        """Whether trying again may never help, so that forgetting the meeting is offered, too."""
        return bool(self.meeting.problem) and not self.explanation.passes


def problem_of(
    appointment: AppointmentRequest, meeting: MeetingSync | None, now: datetime
) -> Problem | None:
    """The problem that stays on the appointment until it is solved."""
    if meeting is None or not meeting.needs_attention(appointment, now):
        return None
    code, until = meeting.problem or "interrupted", meeting.problem_wait_until
    return Problem(
        meeting=meeting,
        code=code,
        explanation=explain(code, meeting.provider),
        words=words_for(meeting),
        creates=appointment.is_approved and not meeting.ref,
        wait_until=until if until and until > now else None,
    )


def words_for(meeting: MeetingSync | None) -> Words:
    """The words of the provider that made the meeting, or would make it."""
    return words_of(meeting.provider if meeting else "")
