"""The client portal: my appointments, asking for one, following it, cancelling it."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from convene.appointments import actions
from convene.appointments.actions import Refused
from convene.appointments.models import AppointmentRequest, MeetingSync, Status
from convene.appointments.problems import words_for
from convene.appointments.views import calendar_response
from convene.availability.free import has_working_hours
from convene.clients.models import Contact
from convene.mail.calendar_file import Person
from convene.pages import SeeOther
from convene.tenancy.db import tenant_atomic
from convene.tenancy.pages import TenantRequest, tenant_page
from convene.wallclock import TimeDoesNotExist, parse_day

from . import drafts
from .forms import ChoiceForm, OfferForm, RequestForm, WishForm
from .offer import Question, offer

NEW, CHOOSE, TIMES = "portal/new.html", "portal/choose.html", "portal/times.html"


def _contact(request: TenantRequest) -> Contact:
    """Whose portal this is, in their time zone; a sign-in without a contact has none."""
    rows = Contact.objects.select_related("client", "tenant", "membership__user")
    contact = get_object_or_404(rows, membership=request.membership)
    timezone.activate(contact.zone)
    return contact


def _appointment(request: TenantRequest, pk: UUID) -> AppointmentRequest:
    """One of the contact's own appointments; anybody else's does not exist."""
    mine = AppointmentRequest.objects.with_people().filter(contact=_contact(request))
    return get_object_or_404(mine, id=pk)


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
    """Free times to choose from; any time while the MSP keeps no working hours."""
    contact, draft = _contact(request), drafts.of(request)
    if not has_working_hours():
        return render(request, NEW, {"form": RequestForm(contact=contact, initial=draft)})
    if "service" not in request.GET or "change" in request.GET:
        chosen = {name: request.GET[name] for name in ChoiceForm.base_fields if name in request.GET}
        form = ChoiceForm(contact=contact, initial=chosen)
        return render(request, CHOOSE, {"form": form, "draft": draft})
    choice = ChoiceForm(request.GET, contact=contact)
    if not choice.is_valid():
        return render(request, CHOOSE, {"form": choice, "draft": draft}, status=422)
    return _render_times(request, OfferForm(contact=contact, initial=draft), choice.cleaned_data)


@tenant_page("portal:use", reads=False)
def send(request: TenantRequest) -> HttpResponse:
    if "show" in request.POST:
        return _show(request)
    with tenant_atomic(request.tenant):
        contact = _contact(request)
        form_class = OfferForm if has_working_hours() else RequestForm
        form = form_class(request.POST, contact=contact)
        if not form.is_valid():
            return _render_refused(request, form)
    try:
        outcome = actions.create_appointment_request(request.tenant, form.wish(), contact=contact)
    except (TimeDoesNotExist, Refused) as refusal:
        form.add_error(
            form.time_field if isinstance(refusal, TimeDoesNotExist) else None, str(refusal)
        )
        with tenant_atomic(request.tenant):
            return _render_refused(request, form)
    drafts.forget(request)
    if outcome.is_approved:
        messages.success(request, _("Your appointment is confirmed. We have written to you."))
    else:
        messages.success(
            request,
            _("Request sent. We will look at it and write to you; nothing is fixed until then."),
        )
    return _to(request, "detail", outcome.appointment_id)


def _show(request: TenantRequest) -> SeeOther:
    """Another day, or the choice once more; what was typed goes along."""
    query = {name: request.POST.get(name, "") for name in ChoiceForm.base_fields}
    show = request.POST["show"]
    query |= {"change": "yes"} if show == "choice" else {"day": show}
    query |= {"draft": drafts.keep(request)}
    return SeeOther(f"{reverse('portal:new', args=[request.tenant.slug])}?{urlencode(query)}")


def _render_refused(request: TenantRequest, form: WishForm) -> HttpResponse:
    """The page that the form is on, with what was typed."""
    if not isinstance(form, OfferForm):
        return render(request, NEW, {"form": form}, status=422)
    if any(name in form.errors for name in ChoiceForm.base_fields):
        drafts.keep(request)
        draft = {"submission": request.POST.get("submission", "")}
        return render(request, CHOOSE, {"form": form, "draft": draft}, status=422)
    return _render_times(request, form, form.cleaned_data, status=422)


def _render_times(
    request: TenantRequest, form: OfferForm, choice: dict[str, Any], status: int = 200
) -> HttpResponse:
    zone = ZoneInfo(choice["requester_timezone"])
    technician = choice["preferred_technician"]
    question = Question(request.tenant, choice["service"], technician, zone)
    chosen = choice.get("starts_at")
    shown = request.POST.get("day") or request.GET.get("day", "")
    day = chosen.astimezone(zone).date() if chosen else parse_day(shown)
    kept = {
        "service": choice["service"].id,
        "preferred_technician": technician.id if technician else "",
        "requester_timezone": zone.key,
    }
    context = {
        "form": form,
        "choice": choice,
        "kept": kept,
        "offer": offer(question, timezone.now(), day),
    }
    with timezone.override(zone):
        return render(request, TIMES, context, status=status)


@tenant_page("portal:use")
def detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    appointment = _appointment(request, pk)
    context = {
        "appointment": appointment,
        "join_url": appointment.join_url(),
        "words": words_for(_meeting(appointment)),
        "is_over": appointment.is_over(),
    }
    return render(request, "portal/detail.html", context)


@tenant_page("portal:use")
def calendar_file(request: TenantRequest, pk: UUID) -> HttpResponse:
    """The appointment as a file, the same as in the mail."""
    appointment = _appointment(request, pk)
    if not appointment.is_approved:
        raise Http404
    contact = _contact(request)
    return calendar_response(appointment, Person(contact.name, contact.email))


@tenant_page("portal:use")
def confirm_cancel(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Asks, and says what will happen to the meeting."""
    appointment = _appointment(request, pk)
    meeting = _meeting(appointment)
    has_meeting = meeting is not None and meeting.ref
    context = {
        "appointment": appointment,
        "warning": words_for(meeting).will_be_deleted if has_meeting else "",
    }
    return render(request, "portal/cancel.html", context)


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
    return _to(request, "detail", pk)


def _meeting(appointment: AppointmentRequest) -> MeetingSync | None:
    return MeetingSync.objects.filter(appointment=appointment).first()


def _to(request: TenantRequest, page: str, pk: UUID) -> SeeOther:
    return SeeOther(reverse(f"portal:{page}", args=[request.tenant.slug, pk]))
