"""Fills a database with the demo's people and appointments.

What people do to an appointment is done through Convene's own actions. A run after one that was
interrupted adds what is missing; an MSP that is complete is left as people have changed it.
"""

from dataclasses import dataclass
from datetime import date, time, timedelta
from uuid import NAMESPACE_DNS, UUID, uuid5
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from convene.accounts.models import User
from convene.appointments import actions
from convene.appointments.models import AppointmentRequest
from convene.availability.models import (
    AvailabilityException,
    BookingRules,
    ExceptionKind,
    WorkingHours,
)
from convene.catalog.models import Service, ServicePerformer
from convene.clients.models import Client, Contact
from convene.mail.models import MailState, OutboxMail
from convene.meetings.registry import the_provider
from convene.schedule.models import ScheduleEntry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from convene.wallclock import to_utc
from demo import world
from demo.world import MSPS, PASSWORD, Ending, Msp

# What took place in the past is made this many days in the future first, then moved.
AHEAD = 30
SATURDAY = 5


@dataclass(frozen=True)
class _People:
    """An MSP's rows by first name (people) or name (services)."""

    tenant: Tenant
    members: dict[str, Membership]
    contacts: dict[str, Contact]
    services: dict[str, Service]

    @property
    def dispatcher(self) -> Membership:
        return self._first(Role.DISPATCHER)

    @property
    def admin(self) -> Membership:
        return self._first(Role.ADMIN)

    def _first(self, role: Role) -> Membership:
        return next(member for member in self.members.values() if member.role == role)


def seed() -> None:
    """Add what is missing. With a meeting provider installed, its service must be running."""
    password = make_password(PASSWORD)  # slow on purpose, so once for all
    for msp in MSPS:
        tenant, _created = Tenant.objects.get_or_create(
            slug=msp.slug,
            defaults={
                "name": msp.name,
                "timezone": msp.zone,
                "email": msp.email,
                "phone": msp.phone,
            },
        )
        if not _is_complete(tenant, msp):
            _fill(tenant, msp, password)


def _is_complete(tenant: Tenant, msp: Msp) -> bool:
    """To make the last request as old as it should be is the last thing that is done."""
    row = msp.requests[-1]
    asked_at = timezone.now() - timedelta(hours=row.hours_ago)
    with tenant_atomic(tenant):
        last = AppointmentRequest.objects.filter(submission=_submission(msp, row))
        return last.filter(created_at__lte=asked_at).exists()


def _fill(tenant: Tenant, msp: Msp, password: str) -> None:
    members = {_first_name(row): _member(tenant, row, password) for row in msp.staff}
    with tenant_atomic(tenant):
        contacts = {_first_name(row): _contact(tenant, row, password) for row in msp.contacts}
        services = {row.name: _service(row, members) for row in msp.services}
    people = _People(tenant, members, contacts, services)
    if the_provider() is not None:
        from demo.teams import connect  # installed then

        connect(tenant, by=people.admin)
    for row in msp.requests:
        _request(msp, row, people)
    if msp.availability:  # after the requests: from now on only free times can be asked for
        _limit_times(msp.availability, people)
    for busy in msp.busy:
        _busy(busy, people)
    for row in msp.requests:
        _make_older(msp, row, people)


def _first_name(row: world.Member | world.Contact) -> str:
    return row.name.split()[0]


def _member(tenant: Tenant, row: world.Member, password: str) -> Membership:
    member, _created = Membership.objects.get_or_create(
        tenant=tenant,
        user=_user(row.email, row.name, password),
        defaults={"role": row.role, "timezone": row.zone},
    )
    return member


def _user(email: str, name: str, password: str) -> User:
    user, _created = User.objects.get_or_create(
        email=email, defaults={"name": name, "password": password}
    )
    return user


def _contact(tenant: Tenant, row: world.Contact, password: str) -> Contact:
    client, _created = Client.objects.get_or_create(name=row.client)
    sign_in = world.Member(row.name, row.email, Role.CLIENT, row.zone)
    contact, _created = Contact.objects.get_or_create(
        client=client,
        email=row.email,
        defaults={
            "name": row.name,
            "phone": row.phone,
            "timezone": row.zone,
            "membership": _member(tenant, sign_in, password),
        },
    )
    return contact


def _service(row: world.Service, members: dict[str, Membership]) -> Service:
    service, _created = Service.objects.get_or_create(
        name=row.name,
        defaults={
            "duration": row.minutes,
            "description": row.description,
            "public": row.public,
        },
    )
    for name in row.performers:
        ServicePerformer.objects.get_or_create(service=service, technician=members[name])
    return service


# Requests


def _request(msp: Msp, row: world.Request, people: _People) -> None:
    """Send it, and let it come to its end."""
    contact = people.contacts[row.contact]
    day, clock = _when(row, contact.zone)
    wish = actions.Wish(
        submission=_submission(msp, row),
        service=people.services[row.service],
        day=day,
        clock=clock,
        zone=contact.zone.key,
        description=row.about,
        preferred_technician=people.members.get(row.technician),
    )
    sent = actions.create_appointment_request(people.tenant, wish, requester=contact)
    with tenant_atomic(people.tenant):
        request = AppointmentRequest.objects.get(id=sent.appointment_id)
    if request.is_pending:
        _end(row, request, people)


def _when(row: world.Request, zone: ZoneInfo) -> tuple[date, time]:
    """What is asked for, by the clock on the wall."""
    now = timezone.now()
    if not row.clock:
        soon = (now + timedelta(minutes=70)).astimezone(zone)
        return soon.date(), time(soon.hour)
    days = row.days if row.days > 0 else row.days + AHEAD
    return now.astimezone(zone).date() + timedelta(days=days), time.fromisoformat(row.clock)


def _make_older(msp: Msp, row: world.Request, people: _People) -> None:
    asked_at = timezone.now() - timedelta(hours=row.hours_ago)
    with tenant_atomic(people.tenant):
        rows = AppointmentRequest.objects.filter(submission=_submission(msp, row))
        rows.update(created_at=asked_at)
        if row.days < 0:
            _move_into_the_past(rows.get())
        elif not row.clock:
            _told_long_ago(rows.get())


def _submission(msp: Msp, row: world.Request) -> UUID:
    """The same for a row in each run: Convene makes one request of one submission."""
    return uuid5(NAMESPACE_DNS, f"{msp.slug} {row.contact} {row.about}")


def _end(row: world.Request, request: AppointmentRequest, people: _People) -> None:
    tenant, id, dispatcher = people.tenant, request.id, people.dispatcher
    if row.ending == Ending.DECLINED:
        actions.decline_appointment_request(tenant, id, by=dispatcher, reason=row.reason)
    if row.ending == Ending.WITHDRAWN:
        contact = people.contacts[row.contact]
        actions.cancel_appointment_request(tenant, id, by=contact.membership)
    if row.ending in {Ending.APPROVED, Ending.MEETING, Ending.CALLED_OFF}:
        outcome = actions.approve_appointment_request(
            tenant,
            id,
            by=dispatcher,
            technician=people.members[row.technician],
            starts_at=request.requested_start,
            with_meeting=row.ending != Ending.APPROVED and the_provider() is not None,
        )
        if outcome.warning:
            raise RuntimeError(f"{row.about} {outcome.warning}")
    if row.ending == Ending.CALLED_OFF:
        actions.cancel_appointment_request(tenant, id, by=dispatcher, reason=row.reason)


def _move_into_the_past(appointment: AppointmentRequest) -> None:
    """No action does this. Its mails went out long ago."""
    if appointment.requested_start <= timezone.now():
        return
    day = appointment.requested_date - timedelta(days=AHEAD)
    start = to_utc(day, appointment.requested_time, appointment.zone).at
    rows = AppointmentRequest.objects.filter(id=appointment.id)
    rows.update(requested_date=day, requested_start=start, approved_at=appointment.created_at)
    if entry := appointment.schedule_entry:
        entry.starts_at, entry.ends_at = start, start + (entry.ends_at - entry.starts_at)
        entry.save(update_fields=["starts_at", "ends_at"])
    OutboxMail.objects.filter(subject_id=appointment.id).delete()


def _told_long_ago(appointment: AppointmentRequest) -> None:
    """As if its mails had left when it was asked for: its people are reminded of it now."""
    entry = appointment.schedule_entry
    if entry is None:
        return
    waiting = OutboxMail.objects.filter(subject_id=appointment.id, state=MailState.DUE)
    waiting.update(
        state=MailState.SENT,
        created_at=appointment.created_at,
        sent_at=appointment.created_at,
        attempts=1,
        told_status=appointment.status,
        told_start=entry.starts_at,
        told_end=entry.ends_at,
        told_link=appointment.join_url(),
        told_technician=entry.technician_id,
        told_sequence=entry.sequence,
    )


# Availability


def _limit_times(availability: world.Availability, people: _People) -> None:
    with tenant_atomic(people.tenant):
        for row in availability.hours:
            _hours(row, people)
        today = timezone.now().astimezone(people.tenant.zone).date()
        holiday = _weekday_from(today + timedelta(days=availability.holiday_in_days))
        AvailabilityException.objects.get_or_create(
            technician=None,
            reason=availability.holiday,
            defaults={"kind": ExceptionKind.OFF, "first_day": holiday, "last_day": holiday},
        )
        BookingRules.objects.get_or_create(service=None, defaults=availability.rules)


def _hours(row: world.Hours, people: _People) -> None:
    for name in row.people:
        for weekday in row.weekdays:
            WorkingHours.objects.get_or_create(
                technician=people.members[name],
                weekday=weekday,
                starts_at=time.fromisoformat(row.starts_at),
                ends_at=time.fromisoformat(row.ends_at),
            )


def _busy(row: world.Busy, people: _People) -> None:
    technician, tenant = people.members[row.technician], people.tenant
    with tenant_atomic(tenant):
        if ScheduleEntry.objects.filter(technician=technician, title=row.title).exists():
            return
    day = timezone.now().astimezone(technician.zone).date() + timedelta(days=row.days)
    start, end = (
        to_utc(day, time.fromisoformat(clock), technician.zone).at
        for clock in (row.starts_at, row.ends_at)
    )
    actions.add_busy_entry(
        tenant,
        by=people.dispatcher,
        technician=technician,
        starts_at=start,
        ends_at=end,
        title=row.title,
    )


def _weekday_from(day: date) -> date:
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return day
