"""When people work in a span of time, whatever has taken of it, and who is off."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from convene.tenancy.models import Membership, Tenant
from convene.wallclock import span_label

from .hours import DAY, Change, Span, Window, local_hours, open_hours
from .models import AvailabilityException, ExceptionKind, WorkingHours


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
    for row in WorkingHours.objects.filter(technician_id__in=zones):
        windows[row.technician_id].append(row.window(zones[row.technician_id]))
    return windows


def _changes(within: Span) -> dict[UUID | None, list[Change]]:
    changes: dict[UUID | None, list[Change]] = defaultdict(list)
    for row in _exceptions(within.start.date() - DAY, within.end.date() + DAY):
        changes[row.technician_id].append(row.change)
    return changes


def _exceptions(first: date, last: date) -> Iterable[AvailabilityException]:
    rows = AvailabilityException.objects.filter(last_day__gte=first, first_day__lte=last)
    return rows.select_related("technician__user")


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
    for row in _exceptions(days[0], days[-1]):
        if row.kind != ExceptionKind.OFF or (who and row.technician_id not in {None, who}):
            continue
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
