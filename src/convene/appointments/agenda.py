"""What is on in a span of time: appointments, requests that wait, and busy time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from convene.availability.hours import DAY, Span, local_day
from convene.schedule.models import EntryKind, ScheduleEntry
from convene.tenancy.models import Membership

from .models import AppointmentRequest, Status


class Kind(Enum):
    APPOINTMENT = "appointment"
    REQUEST = "request"
    BUSY = "busy"

    def title(self, what: str) -> str:
        """With the kind in words, where that is not the usual one."""
        if self is Kind.APPOINTMENT:
            return what
        words = {Kind.REQUEST: _("Pending: %(what)s"), Kind.BUSY: _("Busy: %(what)s")}[self]
        return words % {"what": what}


@dataclass(frozen=True)
class Item:
    """Something that takes a technician's time, or may: a request names the one it wishes for."""

    id: UUID
    kind: Kind
    span: Span
    what: str
    technician: Membership | None
    appointment: AppointmentRequest | None = None

    @property
    def title(self) -> str:
        return self.kind.title(self.what)


def hours_on(day: date, span: Span, zone: ZoneInfo) -> str:
    """The part of a span that is on a local day, for example "14:00–14:30"."""
    whole = local_day(day, zone)
    start, end = max(span.start, whole.start), min(span.end, whole.end)
    if (start, end) == whole:
        return _("All day")
    last = "24:00" if end == whole.end else f"{end.astimezone(zone):%H:%M}"
    return f"{start.astimezone(zone):%H:%M}–{last}"  # an en dash is right between times


def read(within: Span, who: UUID | None = None) -> list[Item]:
    """Everything in a span, of everybody or of one technician, in order; in three queries."""
    found = [*appointments(within, who), *_requests(within, who), *_busy(within, who)]
    return sorted(found, key=lambda item: (item.span, item.what))


def appointments(within: Span, who: UUID | None = None) -> Iterator[Item]:
    """What is confirmed."""
    rows = AppointmentRequest.objects.with_people().filter(
        status=Status.APPROVED,
        schedule_entry__starts_at__lt=within.end,
        schedule_entry__ends_at__gt=within.start,
    )
    if who:
        rows = rows.filter(schedule_entry__technician=who)
    return (_item(row, Kind.APPOINTMENT, row.technician) for row in rows)


def _requests(within: Span, who: UUID | None) -> Iterator[Item]:
    """A request is never as long as a day."""
    rows = AppointmentRequest.objects.with_people().filter(
        status=Status.PENDING,
        requested_start__gt=within.start - DAY,
        requested_start__lt=within.end,
    )
    if who:
        rows = rows.filter(preferred_technician=who)
    found = (_item(row, Kind.REQUEST, row.preferred_technician) for row in rows)
    return (item for item in found if item.span.overlaps(within))


def _item(row: AppointmentRequest, kind: Kind, technician: Membership | None) -> Item:
    return Item(row.id, kind, Span(row.starts_at, row.ends_at), what_of(row), technician, row)


def what_of(row: AppointmentRequest) -> str:
    return f"{row.service.name}, {row.client_name}"


def _busy(within: Span, who: UUID | None) -> Iterator[Item]:
    rows = ScheduleEntry.objects.confirmed().filter(kind=EntryKind.BUSY).overlapping(*within)
    if who:
        rows = rows.filter(technician=who)
    for row in rows.select_related("technician__user"):
        span = Span(row.starts_at, row.ends_at)
        yield Item(row.id, Kind.BUSY, span, row.title, row.technician)


def on(day: date, items: Iterable[Item], zone: ZoneInfo) -> list[Item]:
    """Those that touch a local day."""
    whole = local_day(day, zone)
    return [item for item in items if item.span.overlaps(whole)]


def clock(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows, without its zone."""
    return at.astimezone(zone).replace(tzinfo=None)


def is_of_whole_days(span: Span, zone: ZoneInfo) -> bool:
    return all(at == local_day(clock(at, zone).date(), zone).start for at in span)
