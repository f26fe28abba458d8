"""When people work in a span of time, whatever has taken of it, and who is off."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import gettext as _

from convene.tenancy.models import Membership, Tenant
from convene.wallclock import span_label

from . import rows
from .hours import Change, Span, Window, local_hours, open_hours
from .models import AvailabilityException, ExceptionKind


def work(tenant: Tenant, people: Iterable[Membership], within: Span) -> dict[UUID, list[Span]]:
    """Everybody's hours of work, in two queries; inside the tenant's block."""
    zones = {one.id: ZoneInfo(one.timezone or tenant.timezone) for one in people}
    windows, changes = _windows(zones), _changes(within)
    return {
        who: [
            Span(max(span.start, within.start), min(span.end, within.end))
            for span in open_hours(windows[who], changes[None] + changes[who], within, zone)
            if span.overlaps(within)
        ]
        for who, zone in zones.items()
    }


def _windows(zones: dict[UUID, ZoneInfo]) -> dict[UUID, list[Window]]:
    windows = defaultdict(list)
    for row in rows.hours(zones):
        for who in row.technicians:
            windows[who].append(row.window(zones[who]))
    return windows


def _changes(within: Span) -> dict[UUID | None, list[Change]]:
    changes: dict[UUID | None, list[Change]] = defaultdict(list)
    for who, change in rows.exceptions(within):
        changes[who].append(change)
    return changes


@dataclass(frozen=True)
class Absence:
    """Time off on a day; of everybody without a technician."""

    day: date
    technician: Membership | None
    why: str

    def __str__(self) -> str:
        return f"{self.technician or _('Everybody')}: {self.why}"


def absences(
    tenant: Tenant, days: list[date], zone: ZoneInfo, who: UUID | None = None
) -> Iterator[Absence]:
    """Who is off on which days, and why; hours of it as the clocks in ``zone`` show them."""
    found = AvailabilityException.objects.filter(
        kind=ExceptionKind.OFF, last_day__gte=days[0], first_day__lte=days[-1]
    )
    if who:
        found = found.filter(Q(technician=None) | Q(technician=who))
    for row in found.select_related("technician__user"):
        for day in days:
            if row.first_day <= day <= row.last_day:
                yield Absence(day, row.technician, _why(row, day, tenant, zone))


def _why(row: AvailabilityException, day: date, tenant: Tenant, zone: ZoneInfo) -> str:
    reason = row.reason or _("off")
    if not (row.starts_at and row.ends_at):
        return reason
    there = row.technician.timezone if row.technician else ""
    span = local_hours(day, row.starts_at, row.ends_at, ZoneInfo(there or tenant.timezone))
    return f"{reason}, {span_label(*span, zone)}"
