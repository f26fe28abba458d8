"""The kinds of events in an appointment's life, and how people read them."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from convene.events.models import Event

REQUEST_CREATED = "APPOINTMENT_REQUEST_CREATED"
REQUEST_APPROVED = "APPOINTMENT_REQUEST_APPROVED"
REQUEST_DECLINED = "APPOINTMENT_REQUEST_DECLINED"
REQUEST_CANCELLED = "APPOINTMENT_REQUEST_CANCELLED"
ENTRY_CREATED = "SCHEDULE_ENTRY_CREATED"
ENTRY_UPDATED = "SCHEDULE_ENTRY_UPDATED"
ENTRY_DELETED = "SCHEDULE_ENTRY_DELETED"
MEETING_ASKED_FOR = "ONLINE_MEETING_REQUESTED"
MEETING_CREATED = "ONLINE_MEETING_CREATED"
MEETING_UPDATED = "ONLINE_MEETING_UPDATED"
MEETING_DELETED = "ONLINE_MEETING_DELETED"
MEETING_FAILED = "ONLINE_MEETING_FAILED"
MEETING_FORGOTTEN = "ONLINE_MEETING_FORGOTTEN"
MEETING_MAY_REMAIN = "ONLINE_MEETING_MAY_REMAIN"
MEETING_ATTACHED = "APPOINTMENT_ONLINE_MEETING_ATTACHED"
MAIL_SENT_AGAIN = "MAIL_SENT_AGAIN"
REMINDERS_CHANGED = "REMINDERS_CHANGED"  # of the MSP, not of an appointment
GUEST_CORRECTED = "GUEST_CORRECTED"

SENTENCES = {
    REQUEST_CREATED: _("Request sent"),
    REQUEST_APPROVED: _("Request approved"),
    REQUEST_DECLINED: _("Request declined"),
    REQUEST_CANCELLED: _("Appointment cancelled"),
    ENTRY_CREATED: _("Entered into the schedule"),
    ENTRY_UPDATED: _("Schedule changed"),
    ENTRY_DELETED: _("Taken out of the schedule"),
    MEETING_ASKED_FOR: _("Online meeting asked for"),
    MEETING_CREATED: _("Online meeting created"),
    MEETING_UPDATED: _("Online meeting moved"),
    MEETING_DELETED: _("Online meeting removed"),
    MEETING_FORGOTTEN: _("Online meeting forgotten"),
    MEETING_MAY_REMAIN: _(
        "Nobody knows whether an online meeting was created: one may be left over"
    ),
    MEETING_ATTACHED: _("Join link added to the appointment"),
    MAIL_SENT_AGAIN: _("Refused mail tried again"),
    GUEST_CORRECTED: _("Details of the guest corrected"),
}

# By what was tried, which the event names.
_FAILED = {
    "create": _("The online meeting could not be created"),
    "update": _("The online meeting could not be moved"),
    "delete": _("The online meeting could not be removed"),
}


def sentence(event: Event) -> Any:
    """How people read an event."""
    if event.kind == MEETING_FAILED:
        return _FAILED[event.after["operation"]]
    return SENTENCES.get(event.kind, event.kind)
