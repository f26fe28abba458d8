"""What availability must know of appointments: waiting requests hold their time."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from convene.availability.bookings import Booked
from convene.availability.hours import DAY, Span

from .models import AppointmentRequest, Status


def booked(within: Span, services: Collection[UUID]) -> Iterator[Booked]:
    """The requests that wait in a span, and the confirmed appointments of these services."""
    rows = _waiting(within)
    if services:
        rows = rows.union(_confirmed(within, services), all=True)
    for request_id, status, service_id, technician_id, start, minutes, label in rows:
        is_confirmed, length = status == Status.APPROVED, timedelta(minutes=minutes)
        yield Booked(request_id, is_confirmed, service_id, technician_id, start, length, label)


def _waiting(within: Span) -> Any:
    """A request is never as long as a day, so those that began a day before are enough."""
    return AppointmentRequest.objects.filter(
        status=Status.PENDING,
        requested_start__gt=within.start - DAY,
        requested_start__lt=within.end,
    ).values_list(
        "id",
        "status",
        "service_id",
        "preferred_technician_id",
        "requested_start",
        "requested_duration",
        "reference",
    )


def _confirmed(within: Span, services: Collection[UUID]) -> Any:
    return AppointmentRequest.objects.filter(
        status=Status.APPROVED,
        service_id__in=services,
        schedule_entry__starts_at__lt=within.end,
        schedule_entry__ends_at__gt=within.start,
    ).values_list(
        "id",
        "status",
        "service_id",
        "schedule_entry__technician_id",
        "schedule_entry__starts_at",
        "requested_duration",
        "reference",
    )
