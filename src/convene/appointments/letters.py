"""What mails about appointments say, and to whom.

Actions call the ``tell_*`` functions in their transaction. The mail itself is written when it is
sent, from the appointment as it is then, in the recipient's own time zone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from convene.clients.models import Contact
from convene.mail import kinds, outbox, texts
from convene.mail.calendar_file import Person, build, content_type
from convene.mail.kinds import MailKind
from convene.mail.models import OutboxMail
from convene.mail.outbox import Letter, NotNeeded, Told
from convene.meetings.words import words_of
from convene.tenancy.models import Membership
from convene.wallclock import day_label, span_label, zone_label

from .calendar import event_of
from .models import AppointmentRequest, ReminderRule, Status, guest_label
from .private_link import token_of
from .variables import MATTER, VARIABLES

RECEIVED = "appointment-request-received"
NEW = "appointment-request-new"
APPROVED_CLIENT = "appointment-request-approved-client"
ASSIGNED = "appointment-assigned"
DECLINED = "appointment-request-declined"
RESCHEDULED = "appointment-rescheduled"
CANCELLED = "appointment-cancelled"
UNASSIGNED = "appointment-unassigned"
REMINDER = "appointment-reminder"

_BOTH, _TO_CLIENT, _TO_TECHNICIAN = _("Client and technician"), _("Client"), _("Technician")

KINDS = {
    name: MailKind(name, title, recipients, Path(__file__).parent / "mail", VARIABLES, MATTER)
    for name, title, recipients in (
        (RECEIVED, _("Request received"), _TO_CLIENT),
        (NEW, _("New request"), _("Your own mailbox")),
        (APPROVED_CLIENT, _("Confirmation"), _TO_CLIENT),
        (ASSIGNED, _("Assignment"), _TO_TECHNICIAN),
        (REMINDER, _("Reminder"), _BOTH),
        (RESCHEDULED, _("Appointment moved"), _BOTH),
        (DECLINED, _("Request declined"), _TO_CLIENT),
        (CANCELLED, _("Appointment cancelled"), _BOTH),
        (UNASSIGNED, _("Appointment taken away"), _TO_TECHNICIAN),
    )
}

CLIENT = "client"
DISPATCH = "dispatch"
TECHNICIAN = "technician:"  # and the membership's id
UNASSIGNED_STATUS = "unassigned"


def technician_key(technician_id: UUID) -> str:
    """How the outbox names a technician."""
    return f"{TECHNICIAN}{technician_id}"


# Who is told of what


def tell_received(appointment: AppointmentRequest) -> None:
    mails = {CLIENT: RECEIVED, DISPATCH: NEW}
    outbox.tell(appointment.id, mails, not_before=timezone.now())


def tell_confirmed(appointment: AppointmentRequest, *, not_before: datetime) -> None:
    outbox.tell(appointment.id, _confirmation(appointment), not_before=not_before)


def tell_of_news(appointment: AppointmentRequest, now: datetime) -> None:
    """Confirm again, because the link came or went, to whoever has no mail waiting that says it."""
    waiting = outbox.waiting(appointment.id)
    mails = {
        recipient: kind
        for recipient, kind in _confirmation(appointment).items()
        if waiting.isdisjoint({(recipient, kind), (recipient, RESCHEDULED)})
    }
    outbox.tell(appointment.id, mails, not_before=now)


def _confirmation(appointment: AppointmentRequest) -> dict[str, str]:
    entry = appointment.schedule_entry
    technician = {technician_key(entry.technician_id): ASSIGNED} if entry else {}
    return {CLIENT: APPROVED_CLIENT} | technician


def tell_declined(appointment: AppointmentRequest) -> None:
    outbox.tell(appointment.id, {CLIENT: DECLINED}, not_before=timezone.now())


def tell_rescheduled(
    appointment: AppointmentRequest, *, previously: UUID, not_before: datetime
) -> None:
    """The client, the technician, and the one who had it before (``previously``)."""
    technician = appointment.technician
    if technician is None:
        return
    is_the_same = technician.id == previously
    kind = RESCHEDULED if is_the_same else ASSIGNED
    mails = {CLIENT: RESCHEDULED, technician_key(technician.id): kind}
    outbox.tell(appointment.id, mails, not_before=not_before)
    if not is_the_same:
        taken_away = {technician_key(previously): UNASSIGNED}
        outbox.tell(appointment.id, taken_away, not_before=timezone.now())


def tell_cancelled(appointment: AppointmentRequest) -> None:
    mails = {CLIENT: CANCELLED}
    if technician := appointment.technician:
        mails[technician_key(technician.id)] = CANCELLED
    outbox.tell(appointment.id, mails, not_before=timezone.now())


def tell_reminder(appointment: AppointmentRequest, *, due_at: datetime) -> None:
    """Client and technician, unless they were told anything of it since the reminder was due."""
    technician = appointment.technician
    recipients = [CLIENT]
    if technician and technician.active:
        recipients.append(technician_key(technician.id))
    tried = OutboxMail.objects.filter(subject_id=appointment.id).tried(due_at)
    told = set(tried.values_list("recipient", flat=True))
    mails = {recipient: REMINDER for recipient in recipients if recipient not in told}
    outbox.tell(appointment.id, mails, not_before=timezone.now())


_AS_IT_STANDS = {
    Status.PENDING: RECEIVED,
    Status.APPROVED: APPROVED_CLIENT,
    Status.DECLINED: DECLINED,
    Status.CANCELLED: CANCELLED,
}


def tell_at_new_address(appointment: AppointmentRequest) -> bool:
    """Tell a client, whose address is another one now, how things stand; unless all is over.

    A mail that waits goes to the new address by itself, and says it.
    """
    if appointment.is_over():
        return False
    kind = _AS_IT_STANDS[Status(appointment.status)]
    waiting = outbox.waiting(appointment.id)
    if waiting.isdisjoint({(CLIENT, kind), (CLIENT, RESCHEDULED)}):
        outbox.tell(appointment.id, {CLIENT: kind}, not_before=timezone.now())
    return True


# What the mails say


@dataclass(frozen=True)
class _Recipient:
    person: Person
    zone: ZoneInfo
    url: str
    membership_id: UUID | None = None


def contact_of(mail: OutboxMail, appointment: AppointmentRequest) -> Contact | None:
    """Whose address a mail goes to, if it is one that Clients keeps and dispatchers correct."""
    contact: Contact | None = appointment.contact
    return contact if mail.recipient == CLIENT else None


def _recipient_of(mail: OutboxMail, appointment: AppointmentRequest) -> _Recipient:
    """Who the outbox's key names today, with their address and zone of today. Raises NotNeeded."""
    tenant = appointment.tenant
    staff_url = _url("appointments:detail", appointment)
    if mail.recipient == DISPATCH:
        return _Recipient(Person(tenant.name, tenant.email), tenant.zone, staff_url)
    if mail.recipient == CLIENT:
        return _Recipient(*client_of(appointment), _client_url(appointment))
    member = Membership.objects.of_tenant(tenant).get(id=mail.recipient.partition(":")[2])
    if not member.active:
        raise NotNeeded("they do not work here any more")
    person = Person(member.user.name, member.user.email)
    return _Recipient(person, member.zone, staff_url, member.id)


def client_of(appointment: AppointmentRequest) -> tuple[Person, ZoneInfo]:
    """The client as they are called today, and the zone that they read times in."""
    contact, email = appointment.contact, appointment.client_email
    if contact:
        return Person(contact.name, email), contact.zone
    return Person(appointment.requester_name, email), appointment.zone


def _client_url(appointment: AppointmentRequest) -> str:
    """Their page in the portal; the private link for whoever cannot sign in."""
    if appointment.contact and appointment.contact.membership_id:
        return _url("portal:detail", appointment)
    path = reverse("book:follow", args=[appointment.tenant.slug, token_of(appointment)])
    return f"{settings.CONVENE_BASE_URL}{path}"


def _url(name: str, appointment: AppointmentRequest) -> str:
    path = reverse(name, kwargs={"tenant": appointment.tenant.slug, "pk": appointment.id})
    return f"{settings.CONVENE_BASE_URL}{path}"


def _write(mail: OutboxMail) -> Letter:
    """One mail, while nobody can change the appointment. Raises NotNeeded."""
    appointment = AppointmentRequest.objects.select_for_update(no_key=True).get(id=mail.subject_id)
    recipient = _recipient_of(mail, appointment)
    before = outbox.last_told(mail, recipient.person.email)
    told = _told(mail, appointment)
    now = timezone.now()
    _check_still_holds(mail, appointment, recipient, before)
    if mail.kind == REMINDER:
        _check_still_due(mail, appointment, now)
    elif told == before:
        raise NotNeeded("it would tell nothing new")
    rendered = texts.render(KINDS[mail.kind], _context(mail, appointment, recipient, before))
    letter = {
        "to_name": recipient.person.name,
        "to": recipient.person.email,
        "from_name": appointment.tenant.name,
        "reply_to": appointment.tenant.email,
        "subject": rendered.subject,
        "html": rendered.html,
        "text": rendered.text,
    }
    has_file = appointment.schedule_entry is not None and mail.kind != REMINDER
    if mail.recipient == DISPATCH or not has_file:
        return Letter(**letter, told=told)
    event = event_of(
        appointment,
        recipient.person,
        stamped_at=now,
        cancelled=mail.kind in {CANCELLED, UNASSIGNED},
    )
    return Letter(**letter, told=told, calendar=build(event), calendar_type=content_type(event))


def _told(mail: OutboxMail, appointment: AppointmentRequest) -> Told:
    """What this mail would tell."""
    entry = appointment.schedule_entry
    return Told(
        status=UNASSIGNED_STATUS if mail.kind == UNASSIGNED else appointment.status,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        link=appointment.join_url(),
        technician=entry.technician_id if entry else None,
        sequence=entry.sequence if entry else None,
    )


_WANTED_STATUS = {
    RECEIVED: Status.PENDING,
    NEW: Status.PENDING,
    APPROVED_CLIENT: Status.APPROVED,
    ASSIGNED: Status.APPROVED,
    RESCHEDULED: Status.APPROVED,
    REMINDER: Status.APPROVED,
    DECLINED: Status.DECLINED,
    CANCELLED: Status.CANCELLED,
}


def _check_still_holds(
    mail: OutboxMail,
    appointment: AppointmentRequest,
    recipient: _Recipient,
    before: Told | None,
) -> None:
    """Raise NotNeeded for a mail that events have overtaken."""
    status = _WANTED_STATUS.get(mail.kind, appointment.status)
    if appointment.status != status:
        raise NotNeeded(f"the appointment is {appointment.status} now")
    if appointment.is_approved and appointment.is_over():
        raise NotNeeded("the appointment is over")
    if recipient.membership_id is None:
        return
    has_it = appointment.technician is not None and (
        appointment.technician.id == recipient.membership_id
    )
    if mail.kind in {ASSIGNED, RESCHEDULED, REMINDER} and not has_it:
        raise NotNeeded("somebody else has the appointment now")
    if mail.kind == UNASSIGNED and has_it:
        raise NotNeeded("the technician has it again")
    knows = before is not None and before.status == Status.APPROVED
    if mail.kind in {CANCELLED, UNASSIGNED} and not (knows or outbox.may_have_arrived(mail)):
        raise NotNeeded("the technician was never told of it")


def _check_still_due(mail: OutboxMail, appointment: AppointmentRequest, now: datetime) -> None:
    """Raise NotNeeded for a reminder that is too early, too late, or has become another mail's."""
    lead = ReminderRule.of_tenant().lead
    if appointment.starts_at <= now:
        raise NotNeeded("the appointment has begun")
    if lead is None or now < appointment.starts_at - lead:
        raise NotNeeded("it is not due any more")
    others = OutboxMail.objects.filter(subject_id=mail.subject_id, recipient=mail.recipient)
    if others.exclude(id=mail.id).telling(appointment.starts_at - lead).exists():
        raise NotNeeded("another mail tells it")


def _context(
    mail: OutboxMail,
    appointment: AppointmentRequest,
    recipient: _Recipient,
    before: Told | None,
) -> dict[str, str | bool]:
    """The template's variables (variables.py says what each means)."""
    zone, tenant = recipient.zone, appointment.tenant
    is_technician = recipient.membership_id is not None
    # Anybody can enter anybody's address: nobody sends mail with words of their own through us.
    is_unproven = mail.recipient == CLIENT and appointment.contact is None
    name, link = appointment.client_name, appointment.join_url()
    technician = appointment.technician or appointment.preferred_technician
    moved = before is not None and before.starts_at != appointment.starts_at
    known = before is not None and before.status == Status.APPROVED
    known_link = before.link if before and known else link
    other = appointment.is_at_another_time
    asked_for = appointment.requested_start, appointment.requested_end
    return {
        "tenantName": tenant.name,
        "tenantEmail": tenant.email,
        "tenantPhone": tenant.phone,
        "recipientName": recipient.person.name,
        "isTechnician": is_technician,
        "isUpdate": known and mail.kind in {APPROVED_CLIENT, ASSIGNED},
        "serviceName": appointment.service.name,
        "clientName": name if appointment.client else guest_label(name),
        "requesterName": appointment.requester_name,
        "requesterEmail": appointment.requester_email,
        "requesterPhone": appointment.requester_phone,
        "technicianName": technician.user.name if technician else "",
        "reference": appointment.reference,
        "appointmentDate": day_label(appointment.starts_at, zone),
        "appointmentTime": span_label(appointment.starts_at, appointment.ends_at, zone),
        "appointmentTimezone": zone_label(appointment.starts_at, zone),
        "appointmentDuration": _minutes(appointment),
        "previousDate": _if(moved, before, lambda told: day_label(told[0], zone)),
        "previousTime": _if(moved, before, lambda told: span_label(told[0], told[1], zone)),
        "requestedDate": day_label(asked_for[0], zone) if other else "",
        "requestedTime": span_label(*asked_for, zone) if other else "",
        "description": "" if is_unproven else appointment.description,
        "internalNotes": appointment.internal_notes if is_technician else "",
        "declineReason": appointment.decline_reason,
        "cancelReason": appointment.cancel_reason,
        "cancelledByClient": appointment.is_cancelled_by_client,
        "onlineMeetingUrl": link,
        "onlineMeetingAdded": bool(link) and link != known_link,
        "onlineMeetingRemoved": bool(known_link) and not link,
        "onlineMeetingJoinLabel": words_of(appointment.online_meeting_provider).join,
        "detailsUrl": recipient.url,
    }


def _minutes(appointment: AppointmentRequest) -> str:
    minutes = round((appointment.ends_at - appointment.starts_at).total_seconds() / 60)
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}


def _if(moved: bool, before: Told | None, words: Callable[[tuple[datetime, datetime]], str]) -> str:
    if not (moved and before and before.starts_at and before.ends_at):
        return ""
    return words((before.starts_at, before.ends_at))


kinds.register(KINDS.values())
for _name in KINDS:
    outbox.register(_name, _write)
