"""What can be read: one block and the same number of queries, however much there is."""

from collections import defaultdict
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query

from convene.appointments.models import AppointmentRequest
from convene.availability import free
from convene.availability.hours import DAY, MIDNIGHT, Span, moment
from convene.catalog.models import Service, ServicePerformer
from convene.clients.models import Client, Contact
from convene.meetings import registry
from convene.tenancy.models import Membership
from convene.wallclock import parse_day, validate_zone

from . import shapes
from .auth import KeyRequest
from .bodies import AppointmentFilter, FreeTimesFilter, Paging
from .operation import operation
from .pagination import page_of
from .problems import FieldError, invalid

LONGEST_SPAN = 31  # days, as the portal's month


@operation("GET", "/appointments", "user_schedule:read", shapes.Appointments)
def list_appointments(request: KeyRequest, wanted: Query[AppointmentFilter]) -> Any:
    """Requests and appointments, in the order in which they came."""
    begins = Coalesce("schedule_entry__starts_at", "requested_start")
    rows = AppointmentRequest.objects.with_people().search(wanted.q).annotate(begins=begins)
    asked = {
        "status": wanted.status,
        "schedule_entry__technician": wanted.technician_id,
        "client": wanted.client_id,
        "begins__gte": wanted.since,
        "begins__lt": wanted.until,
    }
    rows = rows.filter(**{name: value for name, value in asked.items() if value is not None})
    found, cursor = page_of(rows, "created_at", cursor=wanted.cursor, limit=wanted.limit)
    data = shapes.appointments(found, request.auth.zone)
    return shapes.Appointments(data=data, next_cursor=cursor)


@operation("GET", "/appointments/{uuid:pk}", "user_schedule:read", shapes.Appointment)
def get_appointment(request: KeyRequest, pk: UUID) -> Any:
    """One of them."""
    return shown(request, pk)


def shown(request: KeyRequest, pk: UUID) -> shapes.Appointment:
    """An appointment as it is now; inside the tenant's block."""
    row = AppointmentRequest.objects.with_people().get(id=pk)
    [found] = shapes.appointments([row], request.auth.zone)
    return found


@operation("GET", "/services", "service:read", shapes.Services)
def list_services(request: KeyRequest, wanted: Query[Paging]) -> Any:
    """What clients can ask for, and who performs it."""
    rows, cursor = page_of(Service.objects.all(), "name", cursor=wanted.cursor, limit=wanted.limit)
    performers = defaultdict(list)
    people = Membership.objects.of_tenant(request.auth.tenant).technicians()
    for row in ServicePerformer.objects.filter(service__in=rows, technician__in=people):
        performers[row.service_id].append(row.technician_id)
    data = [
        shapes.Service(
            id=row.id,
            name=row.name,
            description=row.description,
            duration=row.duration,
            active=row.active,
            public=row.public,
            technician_ids=sorted(performers[row.id]),
        )
        for row in rows
    ]
    return shapes.Services(data=data, next_cursor=cursor)


@operation("GET", "/services/{uuid:pk}/free-times", "user_schedule:read", shapes.FreeTimes)
def list_free_times(request: KeyRequest, pk: UUID, wanted: Query[FreeTimesFilter]) -> Any:
    """The times of an active service that clients are offered in the portal."""
    service = get_object_or_404(Service.objects.select_related("tenant"), id=pk, active=True)
    zone, tenant = _zone(request, wanted.timezone), request.auth.tenant
    first, last = _days(wanted)
    span = Span(moment(first, MIDNIGHT, zone), moment(last + DAY, MIDNIGHT, zone))
    technician = _technician(request, wanted.technician_id)
    facts = free.read(tenant, span)
    if not facts.hours:
        return shapes.FreeTimes(any_time=True, data=[])
    if technician and not facts.effective(service.id).allow_preferred:
        sentence = _("For this service you cannot choose with whom.")
        raise invalid([FieldError("technician_id", sentence)])
    slots = facts.offered(service, span, timezone.now(), technician)
    data = [shapes.when(slot.span.start, slot.span.end, zone) for slot in slots]
    return shapes.FreeTimes(any_time=False, data=data)


def _zone(request: KeyRequest, name: str | None) -> ZoneInfo:
    if name is None:
        return request.auth.zone
    try:
        validate_zone(name)
    except ValidationError as error:
        raise invalid([FieldError("timezone", " ".join(error.messages))]) from None
    return ZoneInfo(name)


def _days(wanted: FreeTimesFilter) -> tuple[date, date]:
    first, last = parse_day(wanted.first_day), parse_day(wanted.last_day)
    wrong = [name for name, day in (("from", first), ("to", last)) if day is None]
    if first is None or last is None:
        raise invalid([FieldError(name, _("There is no such day.")) for name in wrong])
    if not first <= last < first + LONGEST_SPAN * DAY:
        sentence = _("Ask for one to %(n)d days.") % {"n": LONGEST_SPAN}
        raise invalid([FieldError("to", sentence)])
    return first, last


def _technician(request: KeyRequest, pk: UUID | None) -> Membership | None:
    if pk is None:
        return None
    people = Membership.objects.of_tenant(request.auth.tenant).technicians()
    found = people.filter(id=pk).first()
    if found is None:
        raise invalid([FieldError("technician_id", _("There is no such technician."))])
    return found


@operation("GET", "/technicians", "user_schedule:read", shapes.Technicians)
def list_technicians(request: KeyRequest, wanted: Query[Paging]) -> Any:
    """Who can be given appointments."""
    people = Membership.objects.of_tenant(request.auth.tenant).technicians()
    rows, cursor = page_of(people, "user__name", cursor=wanted.cursor, limit=wanted.limit)
    data = [
        shapes.Technician(
            id=row.id, name=row.user.name, timezone=row.timezone or request.auth.tenant.timezone
        )
        for row in rows
    ]
    return shapes.Technicians(data=data, next_cursor=cursor)


@operation("GET", "/clients", "client:read", shapes.Clients)
def list_clients(request: KeyRequest, wanted: Query[Paging]) -> Any:
    """Client companies and their people."""
    rows, cursor = page_of(Client.objects.all(), "name", cursor=wanted.cursor, limit=wanted.limit)
    contacts = defaultdict(list)
    known = Contact.objects.filter(client__in=rows).select_related("membership", "tenant")
    for contact in known:
        contacts[contact.client_id].append(
            shapes.Contact(
                id=contact.id,
                name=contact.name,
                email=contact.email,
                phone=contact.phone,
                timezone=contact.zone.key,
            )
        )
    data = [
        shapes.Client(id=row.id, name=row.name, active=row.active, contacts=contacts[row.id])
        for row in rows
    ]
    return shapes.Clients(data=data, next_cursor=cursor)


@operation("GET", "/meeting-capability", "user_schedule:read", shapes.Capability)
def get_meeting_capability(request: KeyRequest) -> Any:
    """Whether online meetings can be made at the moment."""
    found = registry.capability(request.auth.tenant)
    return shapes.Capability(available=found.available, reason=found.reason or None)
