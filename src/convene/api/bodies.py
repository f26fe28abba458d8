"""What the API is sent. Shapes and sizes are judged here, everything else by the staff's forms."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from convene.appointments.models import LONGEST_SEARCH, Status

from .pagination import LONGEST_PAGE

# PostgreSQL keeps no NUL.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=4000)]
Reason = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=500)]
Day = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    Field(examples=["2026-12-01"]),
]
Clock = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}:[0-9]{2}$"), Field(examples=["14:00"])]
Zone = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_+/-]+$", max_length=64),
    Field(examples=["Europe/Berlin"]),
]
Flag = Annotated[bool, Field(strict=True)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewRequest(Body):
    """A request for a contact. ``submission`` is a number of the caller's own: sent again, it finds
    the first one. The time is the clock on the wall of ``requester_timezone``; ``starts_at``, of an
    offered time, says which moment is meant in the night in which that clock shows it twice.
    """

    submission: UUID
    contact_id: UUID
    service_id: UUID
    requested_date: Day
    requested_time: Clock
    requester_timezone: Zone
    starts_at: AwareDatetime | None = None
    preferred_technician_id: UUID | None = None
    description: Text = ""


class Placing(Body):
    """Who and when. Without the three of the time it stays as it was asked for, or as it is."""

    final_date: Day | None = None
    final_time: Clock | None = None
    final_timezone: Zone | None = None
    overrule: Flag = Field(False, description="do it although something speaks against the time")


class Approval(Placing):
    technician_id: UUID
    generate_teams_meeting: Flag = False
    internal_notes: Text = ""


class Move(Placing):
    technician_id: UUID | None = None


class Decline(Body):
    reason: Reason = Field(description="the client reads it")


class Cancel(Body):
    reason: Reason = Field("", description="client and technician read it")


class Nothing(Body):
    """Nothing more has to be said."""


class Paging(BaseModel):
    cursor: str | None = Field(None, max_length=1000, pattern=r"^[A-Za-z0-9_:.-]*$")
    limit: int = Field(50, ge=1, le=LONGEST_PAGE)


class AppointmentFilter(Paging):
    status: Status | None = None
    technician_id: UUID | None = None
    client_id: UUID | None = None
    since: AwareDatetime | None = Field(None, alias="from", description="begins then or later")
    until: AwareDatetime | None = Field(None, alias="to", description="begins before")
    q: str = Field("", max_length=LONGEST_SEARCH, pattern=r"^[^\x00]*$")


class FreeTimesFilter(BaseModel):
    """Days of ``timezone``, both included, a month at most."""

    first_day: Day = Field(alias="from")
    last_day: Day = Field(alias="to")
    timezone: Zone | None = None
    technician_id: UUID | None = None
