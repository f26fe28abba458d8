"""What availability must know of appointments: waiting requests hold their time."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from convene.availability.bookings import Booked, Confirmed, Waiting
from convene.availability.hours import DAY, Span
from convene.tenancy.db import tenant_rows

# In one row for each technician and service: there may be thousands in a month.
_WAITING = """
    SELECT service_id, preferred_technician_id, requested_duration,
      array_agg(floor(date_part('epoch', requested_start))::bigint), array_agg(reference)
    FROM "appointment_requests"
    WHERE tenant_id = %(tenant)s AND status = 'pending'
      AND requested_start > %(day_before)s AND requested_start < %(end)s
      AND NOT id = ANY (%(ignoring)s::uuid[])
    GROUP BY service_id, preferred_technician_id, requested_duration
"""
_CONFIRMED = """
    UNION ALL
    SELECT r.service_id, e.technician_id, NULL,
      array_agg(floor(date_part('epoch', e.starts_at))::bigint), NULL
    FROM "appointment_requests" r
    JOIN "schedule_entries" e ON e.tenant_id = r.tenant_id AND e.id = r.schedule_entry_id
    WHERE r.tenant_id = %(tenant)s AND e.tenant_id = %(tenant)s AND r.status = 'approved'
      AND r.service_id = ANY (%(services)s::uuid[])
      AND e.starts_at < %(end)s AND e.ends_at > %(start)s
    GROUP BY r.service_id, e.technician_id
"""


def booked(within: Span, services: Collection[UUID], ignoring: Collection[UUID]) -> Booked:
    """The requests that wait in a span, and the confirmed appointments of these services."""
    rows = tenant_rows(
        _WAITING + _CONFIRMED if services else _WAITING,
        services=list(services),
        ignoring=list(ignoring),
        day_before=within.start - DAY,  # a request is never as long as a day
        start=within.start,
        end=within.end,
    )
    waiting, confirmed = [], []
    for service_id, technician_id, minutes, starts, labels in rows:
        if labels:
            length = timedelta(minutes=minutes)
            waiting.append(Waiting(service_id, technician_id, length, starts, labels))
        else:
            confirmed.append(Confirmed(service_id, technician_id, starts))
    return Booked(waiting, confirmed)
