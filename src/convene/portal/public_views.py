"""Public booking: guests ask without signing in, and follow their request by its private link."""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page

from convene.appointments import actions
from convene.appointments.actions import Refused
from convene.appointments.models import AppointmentRequest
from convene.appointments.private_link import LASTS, open_link, token_of
from convene.catalog.models import Service, ServicePerformer
from convene.mail.calendar_file import Person
from convene.pages import SeeOther
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.pages import VisitorRequest, public_page

from . import asking, drafts, limits
from .following import Addresses, calendar_of, render_cancel, render_detail
from .forms import Asker
from .offer import rules_of


def _guest(tenant: Tenant) -> Asker:
    """What a guest can choose from: of the staff only those who may be wished for."""
    services = Service.objects.public()
    rules = rules_of(services)
    open_to_wishes = [service for service, found in rules.items() if found.allow_preferred]
    named = ServicePerformer.objects.filter(service__in=open_to_wishes).values("technician_id")
    people = Membership.objects.of_tenant(tenant).technicians().filter(id__in=named)
    return Asker(tenant.zone, services, people)


@gzip_page  # the choice of time zones is long
@public_page()
def new(request: VisitorRequest) -> HttpResponse:
    return asking.ask(request, _guest(request.tenant))


@public_page(reads=False)
def send(request: VisitorRequest) -> HttpResponse:
    with tenant_atomic(request.tenant):
        asker = _guest(request.tenant)
    sent = asking.send(request, asker, lambda form: limits.count(request, form))
    if isinstance(sent, HttpResponse):
        return sent
    asking.say_sent(request, sent)
    token = token_of(request.tenant.id, sent.appointment_id)
    return SeeOther(_addresses(request, token).detail)


# By the private link


class DoesNotOpen(Exception):
    """The link is forged, of another tenant, or too old."""


def _private(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Pages that nobody keeps or lists on the way, and that tell nobody where they are.

    A link that opens nothing: 404, with what to do.
    """

    @functools.wraps(view)
    def guarded(request: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, **kwargs)
        except DoesNotOpen:
            response = render(request, "portal/no_link.html", {"days": LASTS.days}, status=404)
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response

    return guarded


@_private
@public_page()
def follow(request: VisitorRequest, token: str) -> HttpResponse:
    return render_detail(request, _appointment(request, token), _addresses(request, token))


@_private
@public_page()
def calendar_file(request: VisitorRequest, token: str) -> HttpResponse:
    appointment = _appointment(request, token)
    guest = Person(appointment.requester_name, appointment.requester_email)
    return calendar_of(appointment, guest)


@_private
@public_page()
def confirm_cancel(request: VisitorRequest, token: str) -> HttpResponse:
    response = render_cancel(request, _appointment(request, token), _addresses(request, token))
    # With no-referrer browsers would send the form without its origin, which is then refused.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@_private
@public_page(reads=False)
def cancel(request: VisitorRequest, token: str) -> HttpResponse:
    """The guest reads nothing of who decided first, nor of what went wrong with the meeting."""
    with tenant_atomic(request.tenant):
        appointment = _appointment(request, token)
    try:
        actions.cancel_appointment_request(request.tenant, appointment.id, by=None)
    except Refused:
        messages.error(request, _("This could not be cancelled any more. Here is how it stands."))
    else:
        messages.success(request, _("Cancelled. We have told everybody concerned."))
    return SeeOther(_addresses(request, token).detail)


@_private
@public_page()
def ask_again(request: VisitorRequest, token: str) -> HttpResponse:
    """To the times of the same service, with all that was entered."""
    appointment = _appointment(request, token)
    choice = asking.query_of(
        appointment.service, appointment.preferred_technician, appointment.requester_timezone
    )
    draft = drafts.begin(
        request,
        name=appointment.requester_name,
        email=appointment.requester_email,
        phone=appointment.requester_phone,
        company=appointment.requester_company,
        description=appointment.description,
    )
    page = reverse("book:new", args=[request.tenant.slug])
    return SeeOther(f"{page}?{urlencode(choice | draft)}")


def _appointment(request: VisitorRequest, token: str) -> AppointmentRequest:
    """What the private link opens, in the zone that the guest reads times in."""
    appointment = open_link(request.tenant, token, timezone.now())
    if appointment is None:
        raise DoesNotOpen
    timezone.activate(appointment.zone)
    return appointment


def _addresses(request: VisitorRequest, token: str) -> Addresses:
    def url(page: str) -> str:
        return reverse(f"book:{page}", args=[request.tenant.slug, token])

    return Addresses(url("follow"), url("calendar"), url("cancel"), url("again"))
