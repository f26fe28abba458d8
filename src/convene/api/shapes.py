"""What the API answers. Times are in UTC, and on the wall of whoever owns the key."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field

from convene.appointments.models import AppointmentRequest, MeetingSync, Status
from convene.appointments.problems import Problem, problem_of
from convene.wallclock import zone_label


class Named(BaseModel):
    id: UUID
    name: str


class When(BaseModel):
    """A time twice: in UTC, and as the clock on the wall of ``timezone`` shows its start."""

    starts_at: datetime
    ends_at: datetime
    date: date
    time: str = Field(examples=["14:00"])
    timezone: str = Field(examples=["Europe/Berlin"])
    timezone_label: str = Field(examples=["Europe/Berlin (CET)"])


class Requester(BaseModel):
    """Who asked, as they were when they asked. What a guest says is not proven."""

    name: str
    email: str
    phone: str
    company: str
    is_guest: bool


class MeetingProblem(BaseModel):
    """Why the meeting is not what it should be, and what can be done, until it is solved."""

    code: str
    sentence: str
    next_step: str
    wait_until: datetime | None


class Meeting(BaseModel):
    """The online meeting of an appointment. It can be joined while there is a ``join_url``."""

    provider: str | None
    join_url: str | None
    is_being_updated: bool
    problem: MeetingProblem | None


class Appointment(BaseModel):
    """A request and what became of it. ``when`` is confirmed if it is approved, else asked for."""

    id: UUID
    reference: str
    status: Status
    is_over: bool
    created_at: datetime
    when: When
    requested: When
    duration: int = Field(description="in minutes, as it was asked for")
    service: Named
    technician: Named | None
    preferred_technician: Named | None
    client: Named | None
    contact: Named | None
    requester: Requester
    description: str
    internal_notes: str
    decline_reason: str
    cancel_reason: str
    schedule_entry_id: UUID | None
    meeting: Meeting | None


class Appointments(BaseModel):
    data: list[Appointment]
    next_cursor: str | None


class Service(BaseModel):
    id: UUID
    name: str
    description: str
    duration: int = Field(description="in minutes")
    active: bool
    public: bool
    technician_ids: list[UUID]


class Services(BaseModel):
    data: list[Service]
    next_cursor: str | None


class Technician(BaseModel):
    id: UUID
    name: str
    timezone: str


class Technicians(BaseModel):
    data: list[Technician]
    next_cursor: str | None


class Contact(BaseModel):
    id: UUID
    name: str
    email: str
    phone: str
    timezone: str


class Client(BaseModel):
    id: UUID
    name: str
    active: bool
    contacts: list[Contact]


class Clients(BaseModel):
    data: list[Client]
    next_cursor: str | None


class FreeTimes(BaseModel):
    """The times that a client is offered. With ``any_time`` there are no working hours yet."""

    any_time: bool
    data: list[When]


class Capability(BaseModel):
    """Whether an online meeting could be made now; if not, why not."""

    available: bool
    reason: str | None = Field(examples=["not_configured", "no_organizer", "ee_disabled"])


class Done(BaseModel):
    """An action was done. A warning is about the meeting; it never means that the action failed."""

    model_config = ConfigDict(populate_by_name=True)

    success: bool
    data: Appointment
    note: str = ""
    warning: str = Field("", alias="teamsMeetingWarning")


class ProblemShape(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = Field([], description="of 422: which field, and what is wrong")
    obstacles: list[str] = Field([], description="of 409: what speaks against the time")
    can_be_overruled: bool = Field(False, description="of 409: whether overrule would do it")


def when(start: datetime, end: datetime, zone: ZoneInfo) -> When:
    here = start.astimezone(zone)
    return When(
        starts_at=start,
        ends_at=end,
        date=here.date(),
        time=f"{here:%H:%M}",
        timezone=zone.key,
        timezone_label=zone_label(start, zone),
    )


def appointments(rows: Iterable[AppointmentRequest], zone: ZoneInfo) -> list[Appointment]:
    """What is told of appointments, of many as of one; inside the tenant's block."""
    rows, now = list(rows), timezone.now()
    syncs = {sync.appointment_id: sync for sync in MeetingSync.objects.filter(appointment__in=rows)}
    return [_appointment(row, syncs.get(row.id), zone, now) for row in rows]


def _appointment(
    row: AppointmentRequest, sync: MeetingSync | None, zone: ZoneInfo, now: datetime
) -> Appointment:
    technician = row.technician
    wished = row.preferred_technician
    return Appointment(
        id=row.id,
        reference=row.reference,
        status=Status(row.status),
        is_over=row.is_over(now),
        created_at=row.created_at,
        when=when(row.starts_at, row.ends_at, zone),
        requested=when(row.requested_start, row.requested_end, row.zone),
        duration=row.requested_duration,
        service=Named(id=row.service.id, name=row.service.name),
        technician=Named(id=technician.id, name=str(technician)) if technician else None,
        preferred_technician=Named(id=wished.id, name=str(wished)) if wished else None,
        client=Named(id=row.client.id, name=row.client.name) if row.client else None,
        contact=Named(id=row.contact.id, name=row.contact.name) if row.contact else None,
        requester=Requester(
            name=row.requester_name,
            email=row.requester_email,
            phone=row.requester_phone,
            company=row.requester_company,
            is_guest=row.client_id is None,
        ),
        description=row.description,
        internal_notes=row.internal_notes,
        decline_reason=row.decline_reason,
        cancel_reason=row.cancel_reason,
        schedule_entry_id=row.schedule_entry_id,
        meeting=_meeting(row, sync, now),
    )


def _meeting(row: AppointmentRequest, sync: MeetingSync | None, now: datetime) -> Meeting | None:
    found = problem_of(row, sync, now)
    is_known = row.online_meeting_url or (sync and sync.ref)
    is_being_updated = sync is not None and sync.is_leased(now)
    if not (is_known or is_being_updated or found):
        return None
    return Meeting(
        provider=(sync and sync.provider) or row.online_meeting_provider or None,
        join_url=row.join_url() or None,
        is_being_updated=is_being_updated,
        problem=_problem(found) if found else None,
    )


def _problem(found: Problem) -> MeetingProblem:
    return MeetingProblem(
        code=found.code,
        sentence=found.explanation.sentence,
        next_step=found.explanation.next_step,
        wait_until=found.wait_until,
    )
