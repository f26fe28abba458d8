"""What speaks against giving an appointment to a technician at a time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from convene.availability import free, words
from convene.availability.hours import Span
from convene.availability.slots import Kind, Reason, Why
from convene.catalog.models import Service
from convene.tenancy.models import Membership

from .models import AppointmentRequest

# What counts also while nobody has working hours and no rule applies.
_ALWAYS = {Why.CONFLICT, Why.HELD}
# What binds clients alone: the staff read it, and need not overrule it.
_FOR_CLIENTS = {Why.NOTICE, Why.HORIZON}


@dataclass(frozen=True)
class Obstacles:
    """Sentences for a dispatcher. They must be overruled if they are ``binding``.

    What cannot be overruled says in ``final`` what to do instead.
    """

    sentences: tuple[str, ...] = ()
    binding: bool = False
    final: str = ""

    def __bool__(self) -> bool:
        return bool(self.sentences or self.final)


def around(
    appointment: AppointmentRequest, technician: Membership, starts_at: datetime
) -> free.Facts:
    """What is known around a time of a technician, the appointment's own present place aside."""
    return free.read(
        appointment.tenant,
        Span(starts_at, starts_at + timedelta(minutes=appointment.requested_duration)),
        only=technician,
        ignoring=(appointment.id, appointment.schedule_entry_id),
    )


def against(
    appointment: AppointmentRequest,
    technician: Membership,
    starts_at: datetime,
    *,
    now: datetime,
    zone: ZoneInfo,
    facts: free.Facts | None = None,
) -> Obstacles:
    """Everything against a time of a technician; ``facts`` if they are read already."""
    if starts_at <= now:
        return Obstacles(final=_("This time is over. Choose a later one."))
    facts = facts or around(appointment, technician, starts_at)
    length = timedelta(minutes=appointment.requested_duration)
    rules = replace(facts.rules_of(appointment.service), duration=length)
    return _in_words(facts, facts.why_not(technician, starts_at, rules, now), technician, zone)


def against_another(
    service: Service, technician: Membership, starts_at: datetime, *, now: datetime, zone: ZoneInfo
) -> Obstacles:
    """Why clients are not offered a service of a technician at a time."""
    length = timedelta(minutes=service.duration)
    facts = free.read(service.tenant, Span(starts_at, starts_at + length), only=technician)
    reasons = facts.why_not(technician, starts_at, facts.rules_of(service), now)
    found = _in_words(facts, reasons, technician, zone)
    if technician.id in facts.performers.get(service.id, ()):
        return found
    not_theirs = _("%(who)s does not perform this service.") % {"who": technician}
    return replace(found, sentences=(not_theirs, *found.sentences))


def _in_words(
    facts: free.Facts, reasons: list[Reason], technician: Membership, zone: ZoneInfo
) -> Obstacles:
    if not facts.hours:
        reasons = [reason for reason in reasons if reason.why in _ALWAYS]
    return Obstacles(
        tuple(words.sentence(reason, technician, zone) for reason in reasons),
        binding=any(reason.why not in _FOR_CLIENTS for reason in reasons),
        final=_("Nobody can be in two places. Choose another time or person.")
        if any(map(_is_appointment, reasons))
        else "",
    )


def _is_appointment(reason: Reason) -> bool:
    return (
        reason.why is Why.CONFLICT
        and reason.taken is not None
        and reason.taken.kind is Kind.APPOINTMENT
    )
