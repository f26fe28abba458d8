"""The client portal: my appointments, asking for one, following it, cancelling it."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from convene.appointments import actions
from convene.appointments.actions import Refused
from convene.appointments.models import AppointmentRequest, Status
from convene.catalog.models import Service
from convene.clients.models import Contact
from convene.mail.calendar_file import Person
from convene.pages import SeeOther
from convene.tenancy.db import tenant_atomic
from convene.tenancy.pages import TenantRequest, tenant_page

from . import asking
from .following import Addresses, calendar_of, render_cancel, render_detail
from .forms import Asker
from .offer import may_be_wished_for


def _contact(request: TenantRequest) -> Contact:
    """Whose portal this is, in their time zone; a sign-in without a contact has none."""
    rows = Contact.objects.select_related("client", "tenant", "membership__user")
    contact = get_object_or_404(rows, membership=request.membership)
    timezone.activate(contact.zone)
    return contact


def _asker(request: TenantRequest) -> Asker:
    """What the contact can choose from."""
    contact = _contact(request)
    services = Service.objects.filter(active=True)
    people = may_be_wished_for(request.tenant, services)
    return Asker(contact.zone, services, people, contact)


def _appointment(request: TenantRequest, pk: UUID) -> AppointmentRequest:
    """One of the contact's own appointments; anybody else's does not exist."""
    mine = AppointmentRequest.objects.with_people().filter(contact=_contact(request))
    return get_object_or_404(mine, id=pk)


def _addresses(request: TenantRequest, pk: UUID) -> Addresses:
    def url(page: str) -> str:
        return reverse(f"portal:{page}", args=[request.tenant.slug, pk])

    return Addresses(url("detail"), url("calendar"), url("cancel"), url("again"))


@tenant_page("portal:use")
def appointment_list(request: TenantRequest) -> HttpResponse:
    """Upcoming first, then what is over or came to nothing."""
    now = timezone.now()
    mine = AppointmentRequest.objects.with_people().filter(contact=_contact(request))
    open_ones = Q(status__in=[Status.PENDING, Status.APPROVED])
    to_come = open_ones & (
        Q(schedule_entry__ends_at__gt=now) | Q(schedule_entry=None, requested_start__gt=now)
    )
    context = {
        "upcoming": mine.filter(to_come).in_order(),
        "past": mine.exclude(to_come).in_order(newest_first=True)[:50],
    }
    return render(request, "portal/list.html", context)


@tenant_page("portal:use")
def new(request: TenantRequest) -> HttpResponse:
    return asking.ask(request, _asker(request))


@tenant_page("portal:use", reads=False)
def send(request: TenantRequest) -> HttpResponse:
    with tenant_atomic(request.tenant):
        asker = _asker(request)
    sent = asking.send(request, asker)
    if isinstance(sent, HttpResponse):
        return sent
    asking.say_sent(request, sent)
    return SeeOther(_addresses(request, sent.appointment_id).detail)


@tenant_page("portal:use")
def detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    return render_detail(request, _appointment(request, pk), _addresses(request, pk))


@tenant_page("portal:use")
def calendar_file(request: TenantRequest, pk: UUID) -> HttpResponse:
    contact = _contact(request)
    return calendar_of(_appointment(request, pk), Person(contact.name, contact.email))


@tenant_page("portal:use")
def confirm_cancel(request: TenantRequest, pk: UUID) -> HttpResponse:
    return render_cancel(request, _appointment(request, pk), _addresses(request, pk))


@tenant_page("portal:use", reads=False)
def cancel(request: TenantRequest, pk: UUID) -> HttpResponse:
    """The client reads nothing of what went wrong with the meeting; the MSP does."""
    with tenant_atomic(request.tenant):
        _appointment(request, pk)
    try:
        actions.cancel_appointment_request(request.tenant, pk, by=request.membership)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Cancelled. We have told everybody concerned."))
    return SeeOther(_addresses(request, pk).detail)


@tenant_page("portal:use")
def ask_again(request: TenantRequest, pk: UUID) -> HttpResponse:
    page = reverse("portal:new", args=[request.tenant.slug])
    return asking.ask_again(request, _appointment(request, pk), page)
