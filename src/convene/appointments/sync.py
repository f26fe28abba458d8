"""The one idea: an appointment decides what its meeting must be, and `sync` makes it so.

Actions change the appointment in one short transaction, mark its meeting due, commit, and call
`sync`; nothing else talks to a provider. `sync` closes the gap between what is wanted and what the
provider confirmed last, one call at a time, and stops at the first failure, which stays on the
appointment.

The rules that make this hold when processes die, answers are lost and people act meanwhile:

- No transaction is open and no lock is held while a provider is called.
- An appointment's own row is locked first by whoever looks or acts, so nothing falls in between.
- A lease keeps it to one sync at a time. Whoever finds it taken leaves; the holder looks again
  before it lets go, in the same transaction.
- Each call is announced (`doing`) and the known times are forgotten before it is made. Only an
  answer of success, to a holder that still has its lease, writes anything as known.
- Only the last look clears `due`: a process that dies anywhere leaves it, and people see that.
"""

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.db.models import F, Q
from django.utils import timezone

from convene.events.models import record
from convene.logs import log
from convene.mail import outbox
from convene.meetings import registry
from convene.meetings.provider import (
    CreatedMeeting,
    MeetingError,
    MeetingProvider,
    MeetingRef,
    MeetingSpec,
)
from convene.schedule.models import ScheduleEntry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant
from convene.text import one_line

from . import history, letters
from .models import AppointmentRequest, MeetingSync, Operation

LEASE = timedelta(seconds=60)  # renewed before each call; a call ends within 10 s
MAX_CALLS = 4
SUBJECT_LENGTH = 255  # what Outlook shows of a title

Clock = Callable[[], datetime]
Steps = Generator[str, None, "Result"]


@dataclass(frozen=True)
class Result:
    """How a sync ended: all right, taken over by somebody else, or stopped by a problem."""

    problem: str = ""
    operation: str = ""
    provider: str = ""
    busy: bool = False


@dataclass(frozen=True)
class _Call:
    """One announced call to a provider."""

    operation: Operation
    provider: MeetingProvider
    spec: MeetingSpec
    ref: MeetingRef

    def make(self, tenant: Tenant) -> CreatedMeeting | None:
        """Talk to the provider. Raises MeetingError."""
        if self.operation == Operation.CREATE:
            return self.provider.create(tenant, self.spec)
        if self.operation == Operation.UPDATE:
            self.provider.update(tenant, self.ref, self.spec)
        else:
            self.provider.delete(tenant, self.ref)
        return None


def sync(tenant: Tenant, appointment_id: UUID, *, clock: Clock = timezone.now) -> Result:
    """Make the appointment's meeting what the appointment wants. Never raises for a provider."""
    with structlog.contextvars.bound_contextvars(
        tenant=str(tenant.id), appointment_request_id=str(appointment_id)
    ):
        running = steps(tenant, appointment_id, clock=clock)
        while True:
            try:
                next(running)
            except StopIteration as end:
                result: Result = end.value
                return result


def steps(tenant: Tenant, appointment_id: UUID, *, clock: Clock) -> Steps:
    """The steps of a sync. Between two of them anything may happen, also that nobody goes on."""
    token = uuid4()
    if not _take_lease(tenant, appointment_id, token, clock()):
        return Result(busy=True)
    yield "took the lease"
    for calls_left in range(MAX_CALLS, -1, -1):
        call = _look(tenant, appointment_id, token, clock(), may_call=calls_left > 0)
        if isinstance(call, Result):
            return call
        yield f"announced {call.operation}"
        made, error = _ask(tenant, call)
        yield f"heard about {call.operation}"
        if error:
            ended = _record_failure(tenant, appointment_id, token, call, error, clock())
        else:
            ended = _record_success(tenant, appointment_id, token, call, made, clock())
        if ended and made and ended.busy:
            yield "lost the lease"
            _remove_unwanted(tenant, call.provider, made)
        if ended:
            return ended
        yield f"recorded {call.operation}"
    raise AssertionError("the last look always ends a sync")


def _ask(tenant: Tenant, call: _Call) -> tuple[CreatedMeeting | None, MeetingError | None]:
    """What the provider answered. A defect in a plugin is an answer that nobody knows, too."""
    try:
        return call.make(tenant), None
    except MeetingError as error:
        return None, error
    except Exception:
        log.exception("meeting.provider_defect", operation=call.operation.value)
        return None, MeetingError("provider_defect", unknown_outcome=True)


def _lock(appointment_id: UUID) -> tuple[AppointmentRequest, MeetingSync | None]:
    """The appointment, locked first, and its meeting's bookkeeping.

    Nothing is joined to the locked row: after waiting for the lock, a joined row would be as old as
    the beginning of the wait.
    """
    appointment = AppointmentRequest.objects.select_for_update().get(id=appointment_id)
    return appointment, MeetingSync.objects.filter(appointment=appointment).first()


def _take_lease(tenant: Tenant, appointment_id: UUID, token: UUID, now: datetime) -> bool:
    with tenant_atomic(tenant):
        appointment, meeting = _lock(appointment_id)
        free = Q(lease=None) | Q(lease_until__lt=now)
        taken = MeetingSync.objects.filter(free, appointment=appointment).update(
            lease=token, lease_until=now + LEASE, doing=""
        )
        if taken and meeting and meeting.doing == Operation.CREATE:
            # Its maker never said how the create ended.
            record(history.MEETING_MAY_REMAIN, appointment.id)
        return bool(taken)


def _look(
    tenant: Tenant, appointment_id: UUID, token: UUID, now: datetime, *, may_call: bool
) -> _Call | Result:
    """Compare wanted and known: announce the call that closes the gap, or settle and let go."""
    with tenant_atomic(tenant):
        appointment, meeting = _lock(appointment_id)
        if meeting is None or meeting.lease != token:
            return Result(busy=True)
        operation = _gap(appointment, meeting, now)
        if operation is None:
            _let_go(meeting, now, due=False)
            return Result()
        provider = (
            registry.provider_named(meeting.provider)
            if meeting.ref
            else registry.provider_for(tenant)
        )
        if provider is None:
            code = "provider_missing" if meeting.ref else registry.capability(tenant).reason
            return _stop(meeting, operation, MeetingError(code), now)
        if not may_call:
            return _stop(meeting, operation, MeetingError("unsettled"), now, provider=provider)
        meeting.doing = operation
        meeting.lease_until = now + LEASE
        meeting.known_start = meeting.known_end = None
        meeting.save(update_fields=["doing", "lease_until", "known_start", "known_end"])
        entry = appointment.schedule_entry
        subject = entry.title if entry else ""  # a meeting is made of a placed appointment only
        spec = MeetingSpec(subject, appointment.starts_at, appointment.ends_at)
        return _Call(operation, provider, spec, MeetingRef(meeting.ref))


def _gap(appointment: AppointmentRequest, meeting: MeetingSync, now: datetime) -> Operation | None:
    """The call that brings the meeting closer to what the appointment wants."""
    if not (appointment.is_approved and meeting.wanted):
        return Operation.DELETE if meeting.ref else None
    if appointment.is_over(now):
        return None
    if not meeting.ref:
        return Operation.CREATE
    known = (meeting.known_start, meeting.known_end)
    return None if known == (appointment.starts_at, appointment.ends_at) else Operation.UPDATE


def _record_success(
    tenant: Tenant,
    appointment_id: UUID,
    token: UUID,
    call: _Call,
    made: CreatedMeeting | None,
    now: datetime,
) -> Result | None:
    with tenant_atomic(tenant):
        appointment, meeting = _lock(appointment_id)
        if meeting is None or meeting.lease != token:
            _mark_unsure(meeting, call)
            return Result(busy=True)
        undisturbed = meeting.doing == call.operation
        meeting.doing = ""
        if call.operation == Operation.DELETE:
            lose(appointment, meeting)
            record(history.MEETING_DELETED, appointment.id)
        else:
            if made:
                meeting.provider, meeting.ref = call.provider.slug, made.ref.handle
                _show(appointment, made, call.provider.slug)
                _tell_of_the_link(appointment, now)
            if undisturbed:
                meeting.known_start, meeting.known_end = call.spec.starts_at, call.spec.ends_at
            kind = history.MEETING_CREATED if made else history.MEETING_UPDATED
            times = {"start": call.spec.starts_at, "end": call.spec.ends_at}
            record(kind, appointment.id, after={k: at.isoformat() for k, at in times.items()})
        meeting.save(update_fields=["doing", "provider", "ref", "known_start", "known_end"])
        return None


def _record_failure(
    tenant: Tenant,
    appointment_id: UUID,
    token: UUID,
    call: _Call,
    error: MeetingError,
    now: datetime,
) -> Result | None:
    with tenant_atomic(tenant):
        appointment, meeting = _lock(appointment_id)
        if meeting is None or meeting.lease != token:
            _mark_unsure(meeting, call)
            return Result(busy=True)
        if call.operation == Operation.CREATE and error.unknown_outcome:
            record(history.MEETING_MAY_REMAIN, appointment.id)
        meeting.doing = ""
        if call.operation == Operation.UPDATE and error.code == "meeting_not_found":
            lose(appointment, meeting)
        meeting.save(update_fields=["doing", "provider", "ref"])
        record(
            history.MEETING_FAILED,
            appointment.id,
            after={"operation": call.operation.value, "problem": error.code},
        )
        if _wanted_changed(appointment, meeting, call, now):
            return None
        return _stop(meeting, call.operation, error, now, provider=call.provider)


def _wanted_changed(
    appointment: AppointmentRequest, meeting: MeetingSync, call: _Call, now: datetime
) -> bool:
    """Whether people changed what is wanted since the call was announced."""
    wants_one = appointment.is_approved and meeting.wanted and not appointment.is_over(now)
    if call.operation == Operation.DELETE or not wants_one:
        return wants_one != (call.operation != Operation.DELETE)
    return (appointment.starts_at, appointment.ends_at) != (call.spec.starts_at, call.spec.ends_at)


def _stop(
    meeting: MeetingSync,
    operation: Operation,
    error: MeetingError,
    now: datetime,
    provider: MeetingProvider | None = None,
) -> Result:
    """Keep the problem on the appointment, stay due, and let go."""
    meeting.problem, meeting.problem_operation = error.code, operation
    meeting.problem_status, meeting.problem_request_id = error.status, error.request_id
    meeting.problem_at = now
    log.warning("meeting.problem", operation=operation.value, code=error.code)
    _let_go(meeting, now, due=True)
    return Result(error.code, operation, provider.slug if provider else meeting.provider)


def _let_go(meeting: MeetingSync, now: datetime, *, due: bool) -> None:
    """End of a sync: give the lease back, and mails need not wait any longer."""
    meeting.due, meeting.lease, meeting.lease_until = due, None, None
    if not due:
        meeting.problem = meeting.problem_operation = meeting.problem_request_id = ""
        meeting.problem_status = meeting.problem_at = None
    meeting.save(
        update_fields=[
            "due",
            "lease",
            "lease_until",
            "problem",
            "problem_operation",
            "problem_status",
            "problem_request_id",
            "problem_at",
        ]
    )
    outbox.release(meeting.appointment_id, now)


def _mark_unsure(meeting: MeetingSync | None, call: _Call) -> None:
    """Our lease is gone, so what we heard is old: nobody may trust the known times any more."""
    if meeting is not None:
        meeting.due = True
        if meeting.doing != Operation.CREATE:  # a create is of a meeting that we never touched
            meeting.doing = ""
        meeting.known_start = meeting.known_end = None
        meeting.save(update_fields=["due", "doing", "known_start", "known_end"])
    log.warning("meeting.late", operation=call.operation.value)


def _remove_unwanted(tenant: Tenant, provider: MeetingProvider, made: CreatedMeeting) -> None:
    """A meeting that was made for nobody, because its maker was too slow."""
    # Whoever took the lease over found our create announced and said that a meeting may remain.
    with suppress(MeetingError):
        provider.delete(tenant, made.ref)


def lose(appointment: AppointmentRequest, meeting: MeetingSync) -> None:
    """The meeting is gone: forget how to reach it and take it off the appointment.

    Under the appointment's lock; the caller saves the bookkeeping.
    """
    meeting.ref = meeting.provider = ""
    meeting.known_start = meeting.known_end = None
    _show(appointment, None)


def _show(appointment: AppointmentRequest, made: CreatedMeeting | None, provider: str = "") -> None:
    """Fill or empty the columns that people see; the calendar file says something new then."""
    appointment.online_meeting_provider = provider or None
    appointment.online_meeting_id = made.meeting_id if made else None
    appointment.online_meeting_url = made.join_url if made and appointment.is_approved else None
    appointment.save(
        update_fields=["online_meeting_provider", "online_meeting_id", "online_meeting_url"]
    )
    if appointment.schedule_entry_id:
        entry = ScheduleEntry.objects.filter(id=appointment.schedule_entry_id)
        entry.update(sequence=F("sequence") + 1)
    if appointment.online_meeting_url:
        record(history.MEETING_ATTACHED, appointment.id)


def _tell_of_the_link(appointment: AppointmentRequest, now: datetime) -> None:
    """Whoever was told of the appointment before there was a link is told again."""
    if appointment.is_approved:
        letters.tell_confirmed(appointment, not_before=now, only_if_told=True)


def subject_of(appointment: AppointmentRequest) -> str:
    """The meeting's title, in one line; given once and never changed by us."""
    return one_line(f"{appointment.service.name}: {appointment.client_name}", SUBJECT_LENGTH)
