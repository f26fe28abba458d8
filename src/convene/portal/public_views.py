"""Public booking: guests ask without signing in, and follow their request by its private link."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page

from convene.appointments import actions
from convene.appointments.actions import Refused
from convene.appointments.letters import client_of
from convene.appointments.models import AppointmentRequest
from convene.appointments.private_link import LASTS, open_link, token_of
from convene.catalog.models import Service
from convene.pages import SeeOther
from convene.tenancy.db import tenant_atomic
from convene.tenancy.pages import VisitorRequest, public_page

from . import asking, limits
from .following import Addresses, calendar_of, render_cancel, render_detail
from .forms import Asker
from .offer import may_be_wished_for


def _guest(request: VisitorRequest) -> Asker:
    """What a guest can choose from, and how often they may look."""
    tenant, services = request.tenant, Service.objects.public()
    people = may_be_wished_for(tenant, services)
    return Asker(tenant.zone, services, people, look=functools.partial(limits.look, request))


@gzip_page  # the choice of time zones is long
@public_page()
def new(request: VisitorRequest) -> HttpResponse:
    return asking.ask(request, _guest(request))


@public_page(reads=False)
def send(request: VisitorRequest) -> HttpResponse:
    with tenant_atomic(request.tenant):
        asker = _guest(request)
    sent = asking.send(request, asker, functools.partial(limits.limit, request))
    if isinstance(sent, HttpResponse):
        return sent
    asking.say_sent(request, sent)
    with tenant_atomic(request.tenant):
        token = token_of(AppointmentRequest.objects.get(id=sent.appointment_id))
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
    person, _zone = client_of(appointment)
    return calendar_of(appointment, person)


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
    page = reverse("book:new", args=[request.tenant.slug])
    return asking.ask_again(request, _appointment(request, token), page)


def _appointment(request: VisitorRequest, token: str) -> AppointmentRequest:
    """What the private link opens, in the zone that the client reads times in."""
    appointment = open_link(token, timezone.now())
    if appointment is None:
        raise DoesNotOpen
    _person, zone = client_of(appointment)
    timezone.activate(zone)
    return appointment


def _addresses(request: VisitorRequest, token: str) -> Addresses:
    def url(page: str) -> str:
        return reverse(f"book:{page}", args=[request.tenant.slug, token])

    return Addresses(url("follow"), url("calendar"), url("cancel"), url("again"))
