"""The verbs: everything that people do to an appointment.

Each action changes rows in one short transaction under the appointment's lock, commits, and then
lets the meeting follow. What it returns is what the person must be told; `Refused` is what stops
them. A provider's failure never undoes an action.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from convene.availability.claims import NotFree, claim, lock_performers
from convene.catalog.models import Service
from convene.clients.models import Contact
from convene.events.models import record, record_all
from convene.mail import outbox
from convene.meetings.registry import capability, explain
from convene.meetings.words import words_of
from convene.schedule.models import (
    OVERLAP_CONSTRAINT,
    EntryKind,
    EntryStatus,
    ScheduleEntry,
    lock_technicians,
)
from convene.tenancy.db import tenant_atomic, violated_constraint
from convene.tenancy.models import Membership, Tenant
from convene.wallclock import to_utc, zone_label

from . import history, letters, obstacles
from .models import (
    AppointmentRequest,
    MeetingSync,
    Operation,
    ReminderRule,
    Status,
    guest_label,
)
from .sync import Result, lock_meeting, lose, subject_of, sync

# How long a mail waits for the meeting's link before it leaves without.
HOLD_FOR_MEETING = timedelta(seconds=60)
# So many requests of one contact may wait at a time: each holds time that nobody else is offered.
MOST_WAITING = 10
_DEADLOCK = "40P01"


class Refused(Exception):
    """The action cannot be done; the message says why, for the person who tried."""


class SentByAnother(Refused):
    """Somebody else has sent a submission of this number."""


@dataclass(frozen=True)
class Outcome:
    """What an action did. A warning is about the meeting; it never means that the action failed."""

    appointment_id: UUID
    warning: str = ""
    note: str = ""
    is_approved: bool = False  # of a request that was approved without anybody being asked
    was_sent_before: bool = False  # of a submission that was there already


# Asking


@dataclass(frozen=True)
class Guest:
    """Somebody who asks without signing in. Nothing of it is proven, so it is nobody's contact."""

    name: str
    email: str
    phone: str = ""
    company: str = ""


@dataclass(frozen=True)
class Wish:
    """What somebody asks for. The time is the clock on their wall, in ``zone``.

    Who chose an offered time sends its moment (UTC) along: the clock alone may show it twice.
    """

    submission: UUID
    service: Service
    day: date
    clock: time
    zone: str
    description: str = ""
    preferred_technician: Membership | None = None
    starts_at: datetime | None = None


def create_appointment_request(
    tenant: Tenant, wish: Wish, *, requester: Contact | Guest, by: Membership | None = None
) -> Outcome:
    """Send a request, and approve that of a contact at once where the rules of booking say so.

    ``by`` is a colleague who sends it for them; without one they do so themselves. Sending the same
    submission again finds the first one. Raises TimeDoesNotExist and Refused.
    """
    try:
        with tenant_atomic(tenant):
            lock_performers(wish.service)
            if sent := sent_before(wish, requester):
                return sent
            appointment, approve_for = _new_request(tenant, wish, requester, by)
    except IntegrityError as error:
        if violated_constraint(error) != "one_request_of_a_submission":
            raise
        with tenant_atomic(tenant):
            if sent := sent_before(wish, requester):  # the other click won
                return sent
        raise
    if approve_for:
        return _approve_by_itself(tenant, appointment, approve_for)
    return Outcome(appointment.id)


def sent_before(wish: Wish, requester: Contact | Guest) -> Outcome | None:
    """The request of this submission, if there is one; inside the tenant's block.

    Raises SentByAnother: what somebody else has sent is none of theirs.
    """
    sent = AppointmentRequest.objects.filter(submission=wish.submission).first()
    if sent is None:
        return None
    if isinstance(requester, Guest):
        is_theirs = sent.contact_id is None and sent.requester_email == requester.email
    else:
        is_theirs = sent.contact_id == requester.id
    if not is_theirs:
        raise SentByAnother(_("This form was sent before. To ask once more, send it again."))
    return Outcome(sent.id, was_sent_before=True)


def _who(requester: Contact | Guest) -> dict[str, Any]:
    """How a request names who asks. An address proves nothing: a guest is never a contact."""
    known: dict[str, Any] = {}
    if isinstance(requester, Guest):
        company = requester.company
    else:
        company = requester.client.name
        known = {"client": requester.client, "contact": requester}
    return known | {
        "requester_name": requester.name,
        "requester_email": requester.email,
        "requester_phone": requester.phone,
        "requester_company": company,
    }


def _new_request(
    tenant: Tenant, wish: Wish, requester: Contact | Guest, by: Membership | None
) -> tuple[AppointmentRequest, UUID | None]:
    """The request, and the technician who is given it without anybody being asked."""
    _check_may_ask(requester, wish.service)
    now = timezone.now()
    zone = ZoneInfo(wish.zone)
    start = wish.starts_at or to_utc(wish.day, wish.clock, zone).at
    if start <= now:
        raise Refused(_("This time is over. Choose a later one."))
    try:
        claimed = claim(
            tenant, wish.service, start, now=now, zone=zone, technician=wish.preferred_technician
        )
    except NotFree as error:
        raise Refused(str(error)) from error
    appointment = AppointmentRequest.objects.create(
        submission=wish.submission,
        created_at=now,
        **_who(requester),
        service=wish.service,
        description=wish.description,
        requested_date=wish.day,
        requested_time=wish.clock,
        requested_duration=wish.service.duration,
        requester_timezone=wish.zone,
        requested_start=start,
        preferred_technician=wish.preferred_technician,
    )
    record(
        history.REQUEST_CREATED,
        appointment.id,
        by=by or _themselves(requester),
        after={"service": wish.service.name, "start": start.isoformat()},
    )
    letters.tell_received(appointment)
    return appointment, None if isinstance(requester, Guest) else claimed.approve_for


def _themselves(requester: Contact | Guest) -> Membership | str | None:
    if isinstance(requester, Guest):
        return guest_label(requester.name)
    membership: Membership | None = requester.membership
    return membership


def _check_may_ask(requester: Contact | Guest, service: Service) -> None:
    if isinstance(requester, Guest):
        if not (service.active and service.public):
            raise Refused(_("This cannot be asked for here. Choose something else."))
        return
    if not requester.client.active:
        raise Refused(_("Your company cannot ask for appointments here at the moment."))
    if AppointmentRequest.objects.waiting().filter(contact=requester).count() >= MOST_WAITING:
        raise Refused(
            _(
                "%(n)d of your requests wait already. Please wait until we have answered one of"
                " them."
            )
            % {"n": MOST_WAITING}
        )


def _approve_by_itself(
    tenant: Tenant, appointment: AppointmentRequest, technician_id: UUID
) -> Outcome:
    """The approval that a dispatcher would give; what is refused waits for one."""
    with tenant_atomic(tenant):
        technician = Membership.objects.of_tenant(tenant).get(id=technician_id)
        with_meeting = capability(tenant).available
    try:
        outcome = approve_appointment_request(
            tenant,
            appointment.id,
            by=None,
            technician=technician,
            starts_at=appointment.requested_start,
            with_meeting=with_meeting,
        )
    except Refused:
        return Outcome(appointment.id)
    return replace(outcome, is_approved=True)


# Deciding


def approve_appointment_request(
    tenant: Tenant,
    appointment_id: UUID,
    *,
    by: Membership | None,
    technician: Membership,
    starts_at: datetime,
    with_meeting: bool,
    internal_notes: str = "",
) -> Outcome:
    """Confirm a pending request at ``starts_at`` (UTC), with an online meeting if asked for.

    A person may place it outside of the rules of booking. The system (``by`` is None) may not.
    Raises Refused when somebody else decided first, or the technician is busy.
    """
    with _nobody_in_two_places(technician), tenant_atomic(tenant):
        appointment = _locked(appointment_id, "service", "client")
        must_be(appointment, {Status.PENDING}, by)
        _check_place(technician, starts_at)
        if by is None:
            _must_keep_the_rules(appointment, technician, starts_at)
        entry = _place(appointment, technician, starts_at)
        now = timezone.now()
        _set(
            appointment,
            status=Status.APPROVED,
            schedule_entry=entry,
            approved_by=by,
            approved_at=now,
            internal_notes=internal_notes,
        )
        happened = [history.REQUEST_APPROVED, history.ENTRY_CREATED]
        if with_meeting:
            _want_meeting(appointment)
            happened.append(history.MEETING_ASKED_FOR)
        record_all(happened, appointment.id, by=by, after=_facts(entry))
        hold = HOLD_FOR_MEETING if with_meeting else timedelta()
        letters.tell_confirmed(appointment, not_before=now + hold)
    return _follow(tenant, appointment_id, with_meeting)


def decline_appointment_request(
    tenant: Tenant, appointment_id: UUID, *, by: Membership, reason: str
) -> Outcome:
    """Say no to a pending request; the client is told why. Raises Refused."""
    with tenant_atomic(tenant):
        appointment = _locked(appointment_id)
        must_be(appointment, {Status.PENDING}, by)
        _set(
            appointment,
            status=Status.DECLINED,
            declined_by=by,
            declined_at=timezone.now(),
            decline_reason=reason,
        )
        record(history.REQUEST_DECLINED, appointment.id, by=by, after={"reason": reason})
        letters.tell_declined(appointment)
        due = _mark_due(appointment)
    return _follow(tenant, appointment_id, due)


# Changing


def update_appointment_request_date_time(
    tenant: Tenant,
    appointment_id: UUID,
    *,
    by: Membership,
    starts_at: datetime,
    technician: Membership | None = None,
) -> Outcome:
    """Move an approved appointment to ``starts_at`` (UTC), and to another technician if given.

    The same time and technician again changes nothing and tells nobody. Raises Refused.
    """
    with _nobody_in_two_places(technician), tenant_atomic(tenant):
        appointment = _locked(appointment_id)
        must_be(appointment, {Status.APPROVED}, by)
        entry = _entry_of(appointment)
        before, previously = _facts(entry), entry.technician_id
        technician = technician or entry.technician
        if (entry.starts_at, previously) == (starts_at, technician.id):
            return Outcome(appointment_id)
        _check_place(technician, starts_at, also_lock=previously)
        length = entry.ends_at - entry.starts_at
        entry.technician, entry.starts_at, entry.ends_at = technician, starts_at, starts_at + length
        entry.sequence += 1
        entry.save(update_fields=["technician", "starts_at", "ends_at", "sequence"])
        record(history.ENTRY_UPDATED, appointment.id, by=by, before=before, after=_facts(entry))
        due = _mark_due(appointment)
        hold = HOLD_FOR_MEETING if due else timedelta()
        appointment.schedule_entry = entry
        letters.tell_rescheduled(
            appointment, previously=previously, not_before=timezone.now() + hold
        )
    return _follow(tenant, appointment_id, due)


def cancel_appointment_request(
    tenant: Tenant, appointment_id: UUID, *, by: Membership | None, reason: str = ""
) -> Outcome:
    """Call off a pending or approved appointment, by the client or the MSP. Raises Refused.

    Without ``by`` it is the guest, who has no membership.
    """
    with tenant_atomic(tenant):
        appointment = _locked(appointment_id)
        must_be(appointment, {Status.PENDING, Status.APPROVED}, by)
        is_client = by is None or by.is_client
        if is_client and appointment.is_approved and appointment.is_over():
            raise Refused(_("This appointment is over."))
        due = _cancel(appointment, by=by, reason=reason)
    return _follow(tenant, appointment_id, due)


def delete_schedule_entry(
    tenant: Tenant, entry_id: UUID, *, by: Membership, reason: str = ""
) -> Outcome | None:
    """Take an entry out of the schedule. An appointment's entry keeps its row and cancels it.

    None for a busy entry, which belongs to no appointment. Raises Refused and PermissionDenied.
    """
    with tenant_atomic(tenant):
        appointment_id = (
            AppointmentRequest.objects.filter(schedule_entry=entry_id)
            .values_list("id", flat=True)
            .first()
        )
        if appointment_id is None:
            for entry in ScheduleEntry.objects.filter(id=entry_id, kind=EntryKind.BUSY):
                _must_manage(by, entry.technician_id)
                entry.delete()
                record(history.ENTRY_DELETED, entry_id, by=by, before=_facts(entry))
            return None
    return cancel_appointment_request(tenant, appointment_id, by=by, reason=reason)


# Busy time


@dataclass(frozen=True)
class Entered:
    """A busy entry, and the appointments of its technician that it overlaps."""

    entry: ScheduleEntry
    overlaps: tuple[ScheduleEntry, ...]


def may_manage(member: Membership, technician_id: UUID) -> bool:
    """Whether somebody may enter and change the busy time of a technician."""
    is_own = technician_id == member.id and member.may("user_schedule:update_own")
    return is_own or member.may("user_schedule:update")


def add_busy_entry(
    tenant: Tenant,
    *,
    by: Membership,
    technician: Membership,
    starts_at: datetime,
    ends_at: datetime,
    title: str,
) -> Entered:
    """Keep a technician's time (UTC) for something else, also where appointments are already.

    Raises Refused and PermissionDenied.
    """
    with tenant_atomic(tenant):
        _lock_for_busy_time(by, technician)
        entry = ScheduleEntry.objects.create(
            technician=technician,
            starts_at=starts_at,
            ends_at=ends_at,
            title=title,
            kind=EntryKind.BUSY,
        )
        record(history.ENTRY_CREATED, entry.id, by=by, after=_busy_facts(entry))
        return Entered(entry, _overlapped(entry))


def change_busy_entry(
    tenant: Tenant,
    entry_id: UUID,
    *,
    by: Membership,
    technician: Membership,
    starts_at: datetime,
    ends_at: datetime,
    title: str,
) -> Entered:
    """Make a busy entry another one. Raises Refused and PermissionDenied."""
    with tenant_atomic(tenant):
        rows = ScheduleEntry.objects.filter(kind=EntryKind.BUSY)
        entry = rows.select_for_update().get(id=entry_id)
        before = _busy_facts(entry)
        _lock_for_busy_time(by, technician, previously=entry.technician_id)
        entry.technician, entry.title = technician, title
        entry.starts_at, entry.ends_at = starts_at, ends_at
        entry.save(update_fields=["technician", "title", "starts_at", "ends_at"])
        record(history.ENTRY_UPDATED, entry.id, by=by, before=before, after=_busy_facts(entry))
        return Entered(entry, _overlapped(entry))


def _lock_for_busy_time(
    by: Membership, technician: Membership, previously: UUID | None = None
) -> None:
    """Lock the technicians concerned, and refuse who may not do it and whom it cannot be for."""
    _must_manage(by, technician.id)
    _must_manage(by, previously or technician.id)
    if not _lock_as_technician(technician, previously):
        raise Refused(_("This person has no calendar. Choose somebody else."))


def _must_manage(by: Membership, technician_id: UUID) -> None:
    if not may_manage(by, technician_id):
        raise PermissionDenied


def _overlapped(entry: ScheduleEntry) -> tuple[ScheduleEntry, ...]:
    rows = ScheduleEntry.objects.confirmed().overlapping(entry.starts_at, entry.ends_at)
    rows = rows.filter(technician=entry.technician, kind=EntryKind.APPOINTMENT)
    return tuple(rows.order_by("starts_at"))


def _busy_facts(entry: ScheduleEntry) -> dict[str, str]:
    return _facts(entry) | {"title": entry.title}


# The meeting


def create_meeting(tenant: Tenant, appointment_id: UUID, *, by: Membership) -> Outcome:
    """Ask for a meeting of an approved appointment now. Raises Refused."""
    with tenant_atomic(tenant):
        appointment = _locked(appointment_id)
        must_be(appointment, {Status.APPROVED}, by)
        if appointment.is_over():
            raise Refused(_("This appointment is over."))
        _want_meeting(appointment)
        record(history.MEETING_ASKED_FOR, appointment.id, by=by)
    return _follow(tenant, appointment_id, True)


def retry_meeting(tenant: Tenant, appointment_id: UUID) -> Outcome:
    """Try again to bring the meeting and the appointment together. Raises Refused."""
    with tenant_atomic(tenant):
        if not _mark_due(_locked(appointment_id)):
            raise Refused(_("This appointment has no online meeting."))
    return _follow(tenant, appointment_id, due=True)


def forget_meeting(tenant: Tenant, appointment_id: UUID, *, by: Membership) -> Outcome:
    """Stop following a meeting that nobody can change any more; it is left where it is.

    Raises Refused for one that is as it should be, or while somebody is at work on it.
    """
    with tenant_atomic(tenant):
        meeting = lock_meeting(appointment_id)
        if meeting is None:
            return Outcome(appointment_id)
        appointment = meeting.appointment
        if meeting.is_leased(timezone.now()):
            raise Refused(words_of(meeting.provider).being_updated)
        if not meeting.due:
            raise Refused(_("Nothing is wrong with this meeting, so it is not forgotten."))
        record(
            history.MEETING_FORGOTTEN,
            appointment.id,
            by=by,
            before={"meeting": appointment.online_meeting_id, "problem": meeting.problem},
        )
        if meeting.doing == Operation.CREATE:
            # Nobody will ask any more how this create ended.
            record(history.MEETING_MAY_REMAIN, appointment.id)
        lose(meeting)
        meeting.delete()
        if appointment.is_approved:
            letters.tell_of_news(appointment, timezone.now())
    return Outcome(appointment_id)


# Telling


def send_mail_again(
    tenant: Tenant, appointment_id: UUID, mail_id: UUID, *, by: Membership
) -> Outcome:
    """Let a mail that was refused leave after all, as if it were new.

    It is written and addressed when it leaves, and dropped if it does not hold any more. Raises
    Refused for any other mail.
    """
    with tenant_atomic(tenant):
        appointment = _locked(appointment_id)
        refused = outbox.send_again(appointment.id, mail_id)
        if refused is None:
            raise Refused(_("This mail was not refused, or it is being sent again already."))
        before = {"mail": refused.kind, "to": refused.to, "reason": refused.reason}
        record(history.MAIL_SENT_AGAIN, appointment.id, by=by, before=before)
    return Outcome(appointment_id)


def set_reminders(tenant: Tenant, *, by: Membership, hours_before: int) -> None:
    """Remind client and technician so many hours before an appointment; 0 is never."""
    with tenant_atomic(tenant):
        rule, _created = ReminderRule.objects.select_for_update().get_or_create()
        before, rule.hours_before = rule.hours_before, hours_before
        rule.save(update_fields=["hours_before"])
        record(
            history.REMINDERS_CHANGED,
            rule.id,
            by=by,
            before={"hours_before": before},
            after={"hours_before": hours_before},
        )


def correct_guest(
    tenant: Tenant, appointment_id: UUID, *, by: Membership, name: str, email: str, phone: str
) -> Outcome:
    """Put right how a guest is called and reached.

    A new address is told how things stand: whatever was sent to the old one may have reached
    nobody, or a stranger. The history names what was corrected and not what it was, which may be
    somebody else's. Raises Refused for a contact, who is corrected under Clients.
    """
    given = {"requester_name": name, "requester_email": email, "requester_phone": phone}
    with tenant_atomic(tenant):
        appointment = _locked(appointment_id)
        if appointment.contact_id:
            raise Refused(_("This is no guest. Correct the contact under Clients."))
        new = {
            field: value for field, value in given.items() if getattr(appointment, field) != value
        }
        if not new:
            return Outcome(appointment_id)
        _set(appointment, **new)
        record(history.GUEST_CORRECTED, appointment.id, by=by, after={"corrected": list(new)})
        _retitle(appointment)
        if "requester_email" in new and letters.tell_at_new_address(appointment):
            return Outcome(appointment_id, note=_("The new address is told how things stand."))
    return Outcome(appointment_id)


def _retitle(appointment: AppointmentRequest) -> None:
    """The entry is called as the guest is, also in the calendar file."""
    entry, title = appointment.schedule_entry, subject_of(appointment)
    if entry and entry.title != title:
        entry.title = title
        entry.sequence += 1
        entry.save(update_fields=["title", "sequence"])


# What the actions share


def _locked(appointment_id: UUID, *joined: str) -> AppointmentRequest:
    """The appointment under the one lock that actions, syncs and mails share.

    ``joined`` rows are as old as the beginning of the wait for it: only what never becomes another.
    """
    rows = AppointmentRequest.objects.select_for_update(of=("self",))
    return rows.select_related(*joined or (None,)).get(id=appointment_id)


def _set(appointment: AppointmentRequest, **values: Any) -> None:
    for name, value in values.items():
        setattr(appointment, name, value)
    appointment.save(update_fields=list(values))


def must_be(appointment: AppointmentRequest, wanted: set[Status], by: Membership | None) -> None:
    """Raise Refused with who was first, and when, in the reader's zone."""
    if appointment.status in wanted:
        return
    who, at = {
        Status.APPROVED: (appointment.approved_by, appointment.approved_at),
        Status.DECLINED: (appointment.declined_by, appointment.declined_at),
        Status.CANCELLED: (
            appointment.cancelled_by or appointment.requester_label,
            appointment.cancelled_at,
        ),
    }.get(Status(appointment.status), (None, None))
    if at is None:
        raise Refused(_("This request has not been approved yet."))
    sentence = {
        Status.APPROVED: _("This request was already approved by %(who)s on %(day)s at %(time)s."),
        Status.DECLINED: _("This request was already declined by %(who)s on %(day)s at %(time)s."),
        Status.CANCELLED: _(
            "This appointment was already cancelled by %(who)s on %(day)s at %(time)s."
        ),
    }[Status(appointment.status)]
    zone = by.zone if by else appointment.tenant.zone
    here = at.astimezone(zone)
    words = {
        "who": who or _("the system"),
        "day": date_format(here, "j F"),
        "time": f"{here:%H:%M} {zone_label(at, zone)}",
    }
    raise Refused(sentence % words)


def _check_place(
    technician: Membership, starts_at: datetime, also_lock: UUID | None = None
) -> None:
    """Lock the technicians concerned, and refuse who or when cannot be."""
    if not _lock_as_technician(technician, also_lock):
        raise Refused(_("This person cannot be given appointments. Choose another technician."))
    if starts_at <= timezone.now():
        raise Refused(_("This time is over. Choose a later one."))


def _lock_as_technician(technician: Membership, also: UUID | None) -> bool:
    """Lock the technicians concerned; whether the first one still is one."""
    locked = lock_technicians([technician.id, also])
    return any(one == technician and one.is_technician for one in locked)


def _must_keep_the_rules(
    appointment: AppointmentRequest, technician: Membership, starts_at: datetime
) -> None:
    """For the system; the notice was kept when the request came."""
    came_at, zone = appointment.created_at, appointment.tenant.zone
    found = obstacles.against(appointment, technician, starts_at, now=came_at, zone=zone)
    if found:
        raise Refused(" ".join(found.sentences))


def _place(
    appointment: AppointmentRequest, technician: Membership, starts_at: datetime
) -> ScheduleEntry:
    return ScheduleEntry.objects.create(
        technician=technician,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=appointment.requested_duration),
        title=subject_of(appointment),
        kind=EntryKind.APPOINTMENT,
    )


def _entry_of(appointment: AppointmentRequest) -> ScheduleEntry:
    entry = appointment.schedule_entry
    if not isinstance(entry, ScheduleEntry):  # the constraint approved_request_has_an_entry
        raise TypeError("an approved appointment without its entry")
    return entry


@contextmanager
def _nobody_in_two_places(technician: Membership | None) -> Iterator[None]:
    """The last word on double booking is the database's; this is how people read it."""
    try:
        yield
    except (IntegrityError, OperationalError) as error:
        deadlock = getattr(error.__cause__, "sqlstate", "") == _DEADLOCK
        if not deadlock and violated_constraint(error) != OVERLAP_CONSTRAINT:
            raise
        raise Refused(
            _(
                "%(technician)s already has an appointment at that time. Choose another time or"
                " technician."
            )
            % {"technician": technician or _("The technician")}
        ) from error


def _facts(entry: ScheduleEntry) -> dict[str, str]:
    """What an event keeps of an entry; times in UTC."""
    return {
        "technician": str(entry.technician),
        "start": entry.starts_at.isoformat(),
        "end": entry.ends_at.isoformat(),
    }


def _cancel(appointment: AppointmentRequest, *, by: Membership | None, reason: str) -> bool:
    """Cancel under the lock; whether a meeting must follow."""
    actor = by or appointment.requester_label
    _set(
        appointment,
        status=Status.CANCELLED,
        cancelled_by=by,
        cancelled_at=timezone.now(),
        cancel_reason=reason,
        online_meeting_url=None,  # the link stops here; the id stays until the meeting is gone
    )
    record(history.REQUEST_CANCELLED, appointment.id, by=actor, after={"reason": reason})
    if appointment.schedule_entry:
        entry = appointment.schedule_entry
        entry.status = EntryStatus.CANCELLED
        entry.sequence += 1
        entry.save(update_fields=["status", "sequence"])
        record(history.ENTRY_DELETED, appointment.id, by=actor, before=_facts(entry))
    letters.tell_cancelled(appointment)
    return _mark_due(appointment)


def _want_meeting(appointment: AppointmentRequest) -> None:
    MeetingSync.objects.bulk_create(
        [MeetingSync(appointment=appointment, due=True)],
        update_conflicts=True,
        unique_fields=["tenant", "appointment"],
        update_fields=["due"],
    )


def _mark_due(appointment: AppointmentRequest) -> bool:
    """Whether the appointment has a meeting to follow it."""
    return bool(MeetingSync.objects.filter(appointment=appointment).update(due=True))


def _follow(tenant: Tenant, appointment_id: UUID, due: bool) -> Outcome:
    """After the commit: let the meeting follow, and put what went wrong into words."""
    result = sync(tenant, appointment_id) if due else Result()
    words = words_of(result.provider)
    if result.busy:
        return Outcome(appointment_id, note=words.being_updated)
    if not result.problem:
        return Outcome(appointment_id)
    headline = {
        Operation.CREATE: words.not_created,
        Operation.UPDATE: words.not_moved,
        Operation.DELETE: words.not_deleted,
    }[Operation(result.operation)]
    sentence = explain(result.problem, result.provider).sentence
    return Outcome(appointment_id, warning=f"{headline} {sentence}")
