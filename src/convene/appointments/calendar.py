"""An appointment as a calendar file: the same for the mail and for the download."""

from datetime import datetime

from django.utils.translation import gettext as _

from convene.mail.calendar_file import CalendarEvent, Person
from convene.meetings.words import words_of

from .models import AppointmentRequest


def event_of(
    appointment: AppointmentRequest,
    attendee: Person,
    *,
    stamped_at: datetime,
    cancelled: bool = False,
) -> CalendarEvent:
    """The confirmed appointment for one of its people. ValueError if it never was confirmed."""
    entry = appointment.schedule_entry
    if entry is None:
        raise ValueError("an appointment that was never approved has no calendar file")
    link = "" if cancelled else appointment.join_url()
    words = words_of(appointment.online_meeting_provider)
    return CalendarEvent(
        uid=f"{appointment.id}@convene",
        sequence=entry.sequence,
        starts_at=entry.starts_at,
        ends_at=entry.ends_at,
        stamped_at=stamped_at,
        summary=f"{appointment.service.name}: {appointment.client_name}",
        description=_("Reference: %(reference)s") % {"reference": appointment.reference},
        organizer=Person(appointment.tenant.name, appointment.tenant.email),
        attendees=(attendee,),
        cancelled=cancelled,
        url=link,
        location=words.location if link else "",
        join_line=f"{words.join}: {link}" if link else "",
    )
