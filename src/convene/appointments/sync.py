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
from django.db.models import F
from django.utils import timezone

from convene.events.models import record, record_all
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
from convene.tenancy.db import tenant_atomic, tenant_rows
from convene.tenancy.models import Tenant
from convene.text import one_line

from . import history, letters
from .models import AppointmentRequest, MeetingSync, Operation

LEASE = timedelta(seconds=60)  # renewed before each call; a call ends within 10 s
MAX_CALLS = 4
SUBJECT_LENGTH = 255  # what Outlook shows of a title

# All that a sync writes about a meeting, at once at the end of each of its transactions.
_BOOKKEEPING = (
    "due",
    "provider",
    "ref",
    "known_start",
    "known_end",
    "lease",
    "lease_until",
    "doing",
    "problem",
    "problem_operation",
    "problem_status",
    "problem_request_id",
    "problem_at",
    "problem_wait_until",
)

_LOCK = """
    SELECT id FROM "appointment_requests" WHERE tenant_id = %(tenant)s AND id = %(id)s FOR UPDATE
"""

Clock = Callable[[], datetime]
Steps = Generator[str, None, "Result"]


@dataclass(frozen=True)
class Result:
    """How a sync ended: all right, taken over by somebody else, or stopped by a problem."""

    problem: str = ""
    operation: str = ""
    provider: str = ""
    busy: bool = False


BUSY = Result(busy=True)


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


@dataclass(frozen=True)
class _Answer:
    """What the provider said to a call."""

    call: _Call
    made: CreatedMeeting | None = None
    error: MeetingError | None = None


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
    calls = 0
    call = _begin(tenant, appointment_id, token, clock())
    while isinstance(call, _Call):
        calls += 1
        yield f"announced {call.operation}"
        answer = _ask(tenant, call)
        yield f"heard about {call.operation}"
        may_call = calls < MAX_CALLS
        call = _go_on(tenant, appointment_id, token, answer, clock(), may_call=may_call)
        if answer.made and call == BUSY:
            yield "lost the lease"
            _remove_unwanted(tenant, answer.call.provider, answer.made)
    return call


def _begin(tenant: Tenant, appointment_id: UUID, token: UUID, now: datetime) -> _Call | Result:
    """Take the lease unless somebody has it, and look."""
    with tenant_atomic(tenant):
        meeting = lock_meeting(appointment_id)
        if meeting is None or meeting.is_leased(now):
            return BUSY
        if meeting.doing == Operation.CREATE:
            # Its maker never said how the create ended.
            record(history.MEETING_MAY_REMAIN, appointment_id)
        meeting.lease, meeting.doing = token, ""
        return _look(tenant, meeting, now, may_call=True)


def _ask(tenant: Tenant, call: _Call) -> _Answer:
    """What the provider answered. A defect in a plugin is an answer that nobody knows, too."""
    try:
        return _Answer(call, made=call.make(tenant))
    except MeetingError as error:
        return _Answer(call, error=error)
    except Exception:
        log.exception("meeting.provider_defect", operation=call.operation.value)
        return _Answer(call, error=MeetingError("provider_defect", unknown_outcome=True))


def _go_on(
    tenant: Tenant,
    appointment_id: UUID,
    token: UUID,
    answer: _Answer,
    now: datetime,
    *,
    may_call: bool,
) -> _Call | Result:
    """Record what was heard if the lease is still ours, and look again."""
    with tenant_atomic(tenant):
        meeting = lock_meeting(appointment_id)
        if meeting is None or meeting.lease != token:
            _mark_unsure(meeting, answer.call)
            return BUSY
        call, error = answer.call, answer.error
        if error is None:
            _record_success(meeting, answer, now)
        else:
            _record_failure(meeting, call, error)
            if not _wanted_changed(meeting, call, now):
                return _stop(meeting, call.operation, error, now, provider=call.provider)
        return _look(tenant, meeting, now, may_call=may_call)


def lock_meeting(appointment_id: UUID) -> MeetingSync | None:
    """The meeting's bookkeeping with its appointment, which is locked first.

    In two statements: after waiting for the lock, what is joined to the locked row would be as old
    as the beginning of the wait. Raises DoesNotExist.
    """
    if not tenant_rows(_LOCK, id=appointment_id):
        raise AppointmentRequest.DoesNotExist
    meetings = MeetingSync.objects.select_related("appointment__schedule_entry")
    return meetings.filter(appointment=appointment_id).first()


def _look(tenant: Tenant, meeting: MeetingSync, now: datetime, *, may_call: bool) -> _Call | Result:
    """Compare wanted and known: announce the call that closes the gap, or settle and let go."""
    operation = _gap(meeting, now)
    if operation is None:
        _let_go(meeting, now, due=False)
        return Result()
    has_one = bool(meeting.ref)
    named, default = registry.provider_named, registry.provider_for
    provider = named(meeting.provider) if has_one else default(tenant)
    if provider is None:
        code = "provider_missing" if has_one else registry.capability(tenant).reason
        return _stop(meeting, operation, MeetingError(code), now)
    if not may_call:
        return _stop(meeting, operation, MeetingError("unsettled"), now, provider=provider)
    meeting.doing, meeting.lease_until = operation, now + LEASE
    meeting.known_start = meeting.known_end = None
    meeting.save(update_fields=_BOOKKEEPING)
    appointment, entry = meeting.appointment, meeting.appointment.schedule_entry
    subject = entry.title if entry else ""  # a meeting is made of a placed appointment only
    spec = MeetingSpec(subject, appointment.starts_at, appointment.ends_at)
    return _Call(operation, provider, spec, MeetingRef(meeting.ref))


def _gap(meeting: MeetingSync, now: datetime) -> Operation | None:
    """The call that brings the meeting closer to what the appointment wants."""
    appointment = meeting.appointment
    if not appointment.is_approved:
        return Operation.DELETE if meeting.ref else None
    if appointment.is_over(now):
        return None
    if not meeting.ref:
        return Operation.CREATE
    known = (meeting.known_start, meeting.known_end)
    return None if known == (appointment.starts_at, appointment.ends_at) else Operation.UPDATE


def _record_success(meeting: MeetingSync, answer: _Answer, now: datetime) -> None:
    call, made, appointment = answer.call, answer.made, meeting.appointment
    undisturbed = meeting.doing == call.operation
    meeting.doing = ""
    if call.operation == Operation.DELETE:
        lose(meeting)
        record(history.MEETING_DELETED, appointment.id)
        return
    happened = [history.MEETING_CREATED if made else history.MEETING_UPDATED]
    if made:
        meeting.provider, meeting.ref = call.provider.slug, made.ref.handle
        _show(appointment, made, call.provider.slug)
        if appointment.is_approved:
            happened.append(history.MEETING_ATTACHED)
            letters.tell_of_news(appointment, now)
    if undisturbed:
        meeting.known_start, meeting.known_end = call.spec.starts_at, call.spec.ends_at
    times = {"start": call.spec.starts_at, "end": call.spec.ends_at}
    after = {name: at.isoformat() for name, at in times.items()}
    record_all(happened, appointment.id, after=after)


def _record_failure(meeting: MeetingSync, call: _Call, error: MeetingError) -> None:
    if call.operation == Operation.CREATE and error.unknown_outcome:
        record(history.MEETING_MAY_REMAIN, meeting.appointment_id)
    meeting.doing = ""
    if call.operation == Operation.UPDATE and error.code == "meeting_not_found":
        lose(meeting)
    after = {"operation": call.operation.value, "problem": error.code}
    record(history.MEETING_FAILED, meeting.appointment_id, after=after)


def _wanted_changed(meeting: MeetingSync, call: _Call, now: datetime) -> bool:
    """Whether people changed what is wanted since the call was announced."""
    appointment = meeting.appointment
    wants_one = appointment.is_approved and not appointment.is_over(now)
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
    meeting.problem_at, wait = now, error.retry_after
    meeting.problem_wait_until = now + timedelta(seconds=wait) if wait else None
    log.warning("meeting.problem", operation=operation.value, code=error.code)
    _let_go(meeting, now, due=True)
    return Result(error.code, operation, provider.slug if provider else meeting.provider)


def _let_go(meeting: MeetingSync, now: datetime, *, due: bool) -> None:
    """End of a sync: give the lease back, and mails need not wait any longer."""
    meeting.due, meeting.lease, meeting.lease_until = due, None, None
    if not due:
        meeting.problem = meeting.problem_operation = meeting.problem_request_id = ""
        meeting.problem_status = meeting.problem_at = meeting.problem_wait_until = None
    meeting.save(update_fields=_BOOKKEEPING)
    outbox.release(meeting.appointment_id, now)


def _mark_unsure(meeting: MeetingSync | None, call: _Call) -> None:
    """Our lease is gone, so what we heard is old: nobody may trust the known times any more."""
    if meeting is not None:
        meeting.due = True
        if meeting.doing != Operation.CREATE:  # a create is of a meeting that we never touched
            meeting.doing = ""
        meeting.known_start = meeting.known_end = None
        meeting.save(update_fields=_BOOKKEEPING)
    log.warning("meeting.late", operation=call.operation.value)


def _remove_unwanted(tenant: Tenant, provider: MeetingProvider, made: CreatedMeeting) -> None:
    """A meeting that was made for nobody, because its maker was too slow."""
    # Whoever took the lease over found our create announced and said that a meeting may remain.
    with suppress(MeetingError):
        provider.delete(tenant, made.ref)


def lose(meeting: MeetingSync) -> None:
    """The meeting is gone: forget how to reach it and take it off the appointment.

    Under the appointment's lock; the caller saves the bookkeeping.
    """
    meeting.ref = meeting.provider = ""
    meeting.known_start = meeting.known_end = None
    _show(meeting.appointment, None)


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


def subject_of(appointment: AppointmentRequest) -> str:
    """The meeting's title, in one line; given once and never changed by us."""
    return one_line(f"{appointment.service.name}: {appointment.client_name}", SUBJECT_LENGTH)
