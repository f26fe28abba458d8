"""When people work in a span of time, whatever has taken of it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from convene.tenancy.models import Membership, Tenant

from .hours import DAY, Change, Span, Window, open_hours
from .models import AvailabilityException, WorkingHours
from .slots import Off


@dataclass(frozen=True)
class Work:
    """One person's hours in a span, and the exceptions that take some of them away."""

    open: list[Span]
    off: list[Off]


def work(tenant: Tenant, people: Iterable[Membership], within: Span) -> dict[UUID, Work]:
    """Everybody's hours, in two queries; inside the tenant's block."""
    zones = {one.id: ZoneInfo(one.timezone or tenant.timezone) for one in people}
    windows, changes = _windows(zones), _changes(within)
    return {
        who: _work(windows[who], changes[None] + changes[who], within, zone)
        for who, zone in zones.items()
    }


def _work(windows: list[Window], changes: list[Change], within: Span, zone: ZoneInfo) -> Work:
    return Work(
        open=[
            Span(max(span.start, within.start), min(span.end, within.end))
            for span in open_hours(windows, changes, within, zone)
            if span.overlaps(within)
        ],
        off=[
            Off(span, change.reason)
            for change in changes
            if not change.extra
            for span in change.spans(within, zone)
            if span.overlaps(within)
        ],
    )


def _windows(zones: dict[UUID, ZoneInfo]) -> dict[UUID, list[Window]]:
    windows = defaultdict(list)
    for row in WorkingHours.objects.filter(technician_id__in=zones):
        windows[row.technician_id].append(row.window(zones[row.technician_id]))
    return windows


def _changes(within: Span) -> dict[UUID | None, list[Change]]:
    first, last = within.start.date() - DAY, within.end.date() + DAY
    rows = AvailabilityException.objects.filter(last_day__gte=first, first_day__lte=last)
    changes: dict[UUID | None, list[Change]] = defaultdict(list)
    for row in rows:
        changes[row.technician_id].append(row.change)
    return changes
