"""What availability must know of appointments: waiting requests hold their time."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from convene.availability.bookings import Booked, Confirmed, Waiting
from convene.availability.hours import DAY, Span
from convene.tenancy.db import tenant_rows

_WAITING = """
    SELECT id, service_id, preferred_technician_id, requested_start, requested_duration, reference,
      NULL::bigint[]
    FROM "appointment_requests"
    WHERE tenant_id = %(tenant)s AND status = 'pending'
      AND requested_start > %(day_before)s AND requested_start < %(end)s
"""
# In one row for each technician and service: there may be thousands in a month.
_CONFIRMED = """
    UNION ALL
    SELECT NULL, r.service_id, e.technician_id, NULL, NULL, NULL,
      array_agg(floor(date_part('epoch', e.starts_at))::bigint)
    FROM "appointment_requests" r
    JOIN "schedule_entries" e ON e.tenant_id = r.tenant_id AND e.id = r.schedule_entry_id
    WHERE r.tenant_id = %(tenant)s AND e.tenant_id = %(tenant)s AND r.status = 'approved'
      AND r.service_id = ANY (%(services)s::uuid[])
      AND e.starts_at < %(end)s AND e.ends_at > %(start)s
    GROUP BY r.service_id, e.technician_id
"""


def booked(within: Span, services: Collection[UUID]) -> Booked:
    """The requests that wait in a span, and the confirmed appointments of these services."""
    rows = tenant_rows(
        _WAITING + _CONFIRMED if services else _WAITING,
        services=list(services),
        day_before=within.start - DAY,  # a request is never as long as a day
        start=within.start,
        end=within.end,
    )
    waiting, confirmed = [], []
    for request_id, service_id, technician_id, start, minutes, label, starts in rows:
        if request_id:
            length = timedelta(minutes=minutes)
            waiting.append(Waiting(request_id, service_id, technician_id, start, length, label))
        else:
            confirmed.append(Confirmed(service_id, technician_id, starts))
    return Booked(waiting, confirmed)
