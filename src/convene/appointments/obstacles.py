"""What speaks against giving an appointment to a technician at a time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from convene.availability import free, words
from convene.availability.hours import Span
from convene.availability.slots import Kind, Why
from convene.tenancy.models import Membership

from .models import AppointmentRequest

# What counts also while nobody has working hours and no rule applies.
_ALWAYS = {Why.CONFLICT, Why.HELD}


@dataclass(frozen=True)
class Obstacles:
    """Sentences for a dispatcher; ``final`` if another appointment is there already."""

    sentences: tuple[str, ...] = ()
    final: bool = False

    def __bool__(self) -> bool:
        return bool(self.sentences)


def against(
    appointment: AppointmentRequest,
    technician: Membership,
    starts_at: datetime,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> Obstacles:
    """Everything against a time of a technician; its own present place is not in the way."""
    length = timedelta(minutes=appointment.requested_duration)
    facts = free.read(
        appointment.tenant,
        Span(starts_at, starts_at + length),
        only=technician,
        ignoring=(appointment.id, appointment.schedule_entry_id),
    )
    rules = replace(facts.rules_of(appointment.service), duration=length)
    reasons = facts.why_not(technician, starts_at, rules, now)
    if not facts.hours and not free.has_working_hours():
        reasons = [reason for reason in reasons if reason.why in _ALWAYS]
    return Obstacles(
        tuple(words.sentence(reason, technician, zone) for reason in reasons),
        final=any(
            reason.why is Why.CONFLICT and reason.taken and reason.taken.kind is Kind.APPOINTMENT
            for reason in reasons
        ),
    )
