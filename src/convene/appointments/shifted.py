"""Looking for appointments that a new tzdata puts at another moment.

Governments change their zones at short notice. A request keeps the clock on the client's wall and
the moment that this was under the rules of its day; after an upgrade the two may disagree.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q
from django.db.models.query import QuerySet
from django.utils import timezone

from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant
from convene.wallclock import TimeDoesNotExist, to_utc

from .models import AppointmentRequest, Status


@dataclass(frozen=True)
class Shift:
    """A request whose wall clock time is no longer at its stored moment.

    ``now`` is the moment under the installed tzdata (UTC), or None if that time is skipped.
    """

    reference: str
    wall_clock: str
    stored: datetime
    now: datetime | None


def find(tenant: Tenant) -> list[Shift]:
    """Compare each request to come with the installed tzdata. The soonest is first."""
    with tenant_atomic(tenant):
        requests = list(_at_the_time_asked_for(timezone.now()).order_by("requested_start"))
    return [shift for request in requests if (shift := _compare(request))]


def _at_the_time_asked_for(now: datetime) -> QuerySet[AppointmentRequest]:
    """Requests to come, without those that somebody placed at a time of their own choice."""
    waiting = Q(status=Status.PENDING)
    unmoved = Q(status=Status.APPROVED, schedule_entry__starts_at=F("requested_start"))
    return AppointmentRequest.objects.filter(waiting | unmoved, requested_start__gt=now)


def _compare(request: AppointmentRequest) -> Shift | None:
    """Of a time that happens twice the client may have chosen either moment: both are right."""
    asked = f"{request.requested_date:%Y-%m-%d} {request.requested_time:%H:%M}"
    shown = f"{request.requested_start.astimezone(request.zone):%Y-%m-%d %H:%M}"
    if shown == asked:
        return None
    return Shift(
        reference=request.reference,
        wall_clock=f"{asked} {request.requester_timezone}",
        stored=request.requested_start,
        now=_moment_now(request),
    )


def _moment_now(request: AppointmentRequest) -> datetime | None:
    try:
        return to_utc(request.requested_date, request.requested_time, request.zone).at
    except TimeDoesNotExist:
        return None
