"""The pages of one appointment, for a client in the portal and a guest with a private link."""

from dataclasses import asdict, dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import render

from convene.appointments.models import AppointmentRequest, MeetingSync
from convene.appointments.problems import words_for
from convene.appointments.views import calendar_response
from convene.mail.calendar_file import Person
from convene.tenancy.pages import VisitorRequest


@dataclass(frozen=True)
class Addresses:
    """Where the pages are. ``again``: to ask once more for what is over or came to nothing."""

    detail: str
    calendar: str
    cancel: str
    again: str


def render_detail(
    request: VisitorRequest, appointment: AppointmentRequest, addresses: Addresses
) -> HttpResponse:
    context = {
        "appointment": appointment,
        "addresses": asdict(addresses),
        "join_url": appointment.join_url(),
        "words": words_for(_meeting(appointment)),
        "is_over": appointment.is_over(),
    }
    return render(request, "portal/detail.html", context)


def render_cancel(
    request: VisitorRequest, appointment: AppointmentRequest, addresses: Addresses
) -> HttpResponse:
    """Asks, and says what will happen to the meeting."""
    meeting = _meeting(appointment)
    has_meeting = meeting is not None and meeting.ref
    context = {
        "appointment": appointment,
        "addresses": asdict(addresses),
        "warning": words_for(meeting).will_be_deleted if has_meeting else "",
    }
    return render(request, "portal/cancel.html", context)


def calendar_of(appointment: AppointmentRequest, attendee: Person) -> HttpResponse:
    """The appointment as a file, the same as in the mail."""
    if not appointment.is_approved:
        raise Http404
    return calendar_response(appointment, attendee)


def _meeting(appointment: AppointmentRequest) -> MeetingSync | None:
    return MeetingSync.objects.filter(appointment=appointment).first()
