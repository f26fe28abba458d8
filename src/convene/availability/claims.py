"""A client takes one of the free times: it is checked again under the technicians' lock."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from convene.catalog.models import Service
from convene.schedule.models import lock_technicians
from convene.tenancy.models import Membership, Tenant

from . import free, words
from .hours import DAY, Span
from .slots import Slot

NEXT_TIMES = 3
LOOK_AHEAD = 14 * DAY


class NotFree(Exception):
    """The time cannot be taken; the message says why, for the client."""


@dataclass(frozen=True)
class Claim:
    """A time that is free under the lock. ``approve_for`` is who gets it without being asked."""

    approve_for: UUID | None = None


def lock_performers(service: Service) -> None:
    """Wait until nobody else takes or is given times of those who perform a service."""
    lock_technicians(service.performers().values_list("id", flat=True))


def claim(
    tenant: Tenant,
    service: Service,
    start: datetime,
    *,
    now: datetime,
    zone: ZoneInfo,
    technician: Membership | None = None,
) -> Claim:
    """Make sure that a time can be booked; under `lock_performers`. Raises NotFree.

    A tenant without working hours offers no times, so any can be asked for.
    """
    ahead = Span(start, start + LOOK_AHEAD)
    facts = free.read(tenant, ahead)
    if not facts.hours:
        return Claim()
    rules = facts.effective(service.id)
    if technician and not rules.allow_preferred:
        raise NotFree(_("For this service you cannot choose with whom."))
    slots = facts.slots(service, ahead, now, technician)
    if not slots or slots[0].span.start != start:
        raise NotFree(words.not_free(slots[:NEXT_TIMES], zone))
    return Claim(_least_busy(facts, slots[0]) if rules.auto_approve else None)


def _least_busy(facts: free.Facts, slot: Slot) -> UUID:
    """Of those who are free, who has the fewest appointments on that day."""
    start = slot.span.start

    def appointments(who: UUID) -> int:
        person = facts.technicians[who]
        return person.appointments_on(person.day_of(start))

    return min(slot.technicians, key=appointments)
