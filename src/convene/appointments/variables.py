"""The variables of the templates: what an MSP may use in its own words for a mail."""

from django.utils.translation import gettext_lazy as _

from convene.mail.kinds import Variable

VARIABLES = (
    Variable("tenantName", _("Your company"), "Northwind IT"),
    Variable("tenantEmail", _("Where recipients can write to"), "service@northwind.example"),
    Variable("tenantPhone", _("Whom recipients can call"), "+49 30 555 0123"),
    Variable("recipientName", _("Who gets this mail"), "Ada Lovelace"),
    Variable("isTechnician", _("The recipient is the technician"), False),
    Variable("isUpdate", _("The recipient was told before, and something is new"), False),
    Variable("serviceName", _("What the appointment is for"), "Onboarding call"),
    Variable(
        "clientName",
        _("The client company; of a guest what they say, marked as such"),
        "Analytical Engines Ltd",
    ),
    Variable("requesterName", _("Who asked for the appointment"), "Ada Lovelace"),
    Variable("requesterEmail", _("The e-mail address of that person"), "ada@engines.example"),
    Variable("requesterPhone", _("The phone number of that person"), "+44 20 7946 0123"),
    Variable("technicianName", _("Who performs the appointment, or is wished for"), "Dana Field"),
    Variable("reference", _("The short name of the appointment"), "K7M2-4Q"),
    Variable(
        "appointmentDate", _("The date, in the recipient's time zone"), "Tuesday, 1 December 2026"
    ),
    Variable(
        "appointmentTime", _("From when to when, in the recipient's time zone"), "14:00–14:30"
    ),
    Variable("appointmentTimezone", _("The recipient's time zone"), "Europe/Berlin (CET)"),
    Variable("appointmentDuration", _("How long it takes"), "30 minutes"),
    Variable(
        "previousDate", _("The date before the appointment was moved"), "Monday, 30 November 2026"
    ),
    Variable("previousTime", _("The time before the appointment was moved"), "09:00–09:30"),
    Variable(
        "requestedDate",
        _("The date that was asked for; empty if that is when it is"),
        "Wednesday, 2 December 2026",
    ),
    Variable(
        "requestedTime",
        _("The time that was asked for; empty if that is when it is"),
        "15:30–16:00",
    ),
    Variable(
        "description",
        _("What the requester wrote"),
        "Two new colleagues start that day.\nWe need their laptops and accounts.",
    ),
    Variable(
        "internalNotes",
        _("Notes of your staff; filled for technicians only"),
        "Bring the spare dock.",
    ),
    Variable("declineReason", _("Why the request was declined"), "That day is a holiday here."),
    Variable("cancelReason", _("Why the appointment was cancelled"), "Dana is ill."),
    Variable("cancelledByClient", _("The client cancelled, not you"), False),
    Variable(
        "onlineMeetingUrl",
        _("The link of the online meeting; empty without one"),
        "https://meet.example.com/join/19%3ameeting_NjM0%40thread.v2/0?context=%7b%22Tid%22%3a%2272f9%22%7d&lang=en",
    ),
    Variable(
        "onlineMeetingAdded",
        _("The recipient was told of the appointment without this link"),
        False,
    ),
    Variable("onlineMeetingRemoved", _("The link that the recipient was told is gone"), False),
    Variable(
        "onlineMeetingJoinLabel",
        _("What the button that opens the meeting says"),
        "Join video meeting",
    ),
    Variable(
        "detailsUrl",
        _("Where the recipient can follow, change or cancel"),
        "https://convene.example.com/p/K7M2-4Q",
    ),
)

# Who reads a mail without one of these cannot do what the mail is for. A text of an MSP that lacks
# one which ours has is marked.
MATTER = frozenset(
    {
        "appointmentDate",
        "appointmentTime",
        "appointmentTimezone",
        "onlineMeetingUrl",
        "declineReason",
        "cancelReason",
        "detailsUrl",
    }
)
