"""Working hours, exceptions and rules for tests."""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from convene.availability.models import (
    AvailabilityException,
    BookingRules,
    ExceptionKind,
    WorkingHours,
)
from convene.schedule.models import EntryKind, ScheduleEntry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant

BERLIN = ZoneInfo("Europe/Berlin")


def make_hours(
    *technicians: Membership,
    start: time = time(9),
    end: time = time(17),
    weekdays: range = range(7),
    **fields: Any,
) -> None:
    """The same hours each day."""
    with tenant_atomic(technicians[0].tenant):
        WorkingHours.objects.bulk_create(
            WorkingHours(
                technician=technician, weekday=weekday, starts_at=start, ends_at=end, **fields
            )
            for technician in technicians
            for weekday in weekdays
        )


def make_rules(tenant: Tenant, service: Any = None, **values: Any) -> BookingRules:
    with tenant_atomic(tenant):
        return BookingRules.objects.create(tenant=tenant, service=service, **values)


def make_time_off(
    tenant: Tenant, first: date, last: date | None = None, **fields: Any
) -> AvailabilityException:
    with tenant_atomic(tenant):
        return AvailabilityException.objects.create(
            tenant=tenant,
            first_day=first,
            last_day=last or first,
            **{"kind": ExceptionKind.OFF} | fields,
        )


def make_entry(
    technician: Membership, start: datetime, end: datetime, **fields: Any
) -> ScheduleEntry:
    with tenant_atomic(technician.tenant):
        return ScheduleEntry.objects.create(
            technician=technician,
            starts_at=start,
            ends_at=end,
            **{"kind": EntryKind.BUSY, "title": "Dentist"} | fields,
        )
