"""The day of a technician, with an appointment at the time that is being chosen for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from convene.availability import free, slots
from convene.availability.hours import Span, local_day, merge, subtract
from convene.tenancy.models import Membership
from convene.wallclock import zone_label

from .agenda import Kind, hours_on, what_of
from .models import AppointmentRequest

HOUR = timedelta(hours=1)
# In pixels. A long day is drawn closer, so that it is not much higher than the form beside it.
WIDEST_HOUR, NARROWEST_HOUR, USUAL_DAY = 60, 48, 660

_KINDS = {
    slots.Kind.APPOINTMENT: Kind.APPOINTMENT,
    slots.Kind.BUSY: Kind.BUSY,
    slots.Kind.HOLD: Kind.REQUEST,
}


@dataclass(frozen=True)
class Item:
    """Something on the day; ``is_this`` is what is being placed."""

    span: Span
    kind: Kind
    title: str
    hours: str
    is_this: bool = False


@dataclass(frozen=True)
class Block:
    """Where an item is drawn, beside others that share its time."""

    item: Item
    y: int
    height: int
    x: str
    width: str


@dataclass(frozen=True)
class Day:
    """All that is on, in order. ``off`` says when and why the technician is off.

    ``work`` is None where nobody uses hours of work: then no time is better than another.
    """

    technician: Membership
    date: date
    zone: ZoneInfo
    items: list[Item]
    off: list[str]
    work: list[Span] | None

    @property
    def zone_label(self) -> str:
        return zone_label(self.this.span.start, self.zone)

    @property
    def this(self) -> Item:
        return next(item for item in self.items if item.is_this)

    @property
    def overlaps(self) -> bool:
        return any(item.span.overlaps(self.this.span) for item in self.items if not item.is_this)

    @property
    def sentences(self) -> Iterator[str]:
        """What nothing in the drawing says."""
        yield from self.off
        if self.work == [] and not self.off:
            yield _("%(who)s does not work on this day.") % {"who": self.technician}
        if self.items == [self.this]:
            yield _("Nothing else on this day.")

    @cached_property
    def shown(self) -> Span:
        """Whole hours around everything that begins or ends on the day, and a little more."""
        whole = local_day(self.date, self.zone)
        spans = [*(item.span for item in self.items), *(self.work or ())]
        edges = [edge for span in spans for edge in span if whole.start < edge < whole.end]
        edges += [max(whole.start, self.this.span.start), min(whole.end, self.this.span.end)]
        first, last = min(edges), max(edges)
        before, after = (first - whole.start) // HOUR - 1, -((whole.start - last) // HOUR) + 1
        return Span(
            max(whole.start, whole.start + before * HOUR),
            min(whole.end, whole.start + after * HOUR),
        )

    @property
    def height(self) -> int:
        return self._y(self.shown.end)

    @property
    def lines(self) -> Iterator[tuple[int, str]]:
        """The hours as the clock on the wall shows them: an hour may be missing, or come twice."""
        at = self.shown.start
        while at < self.shown.end:
            yield self._y(at), f"{at.astimezone(self.zone):%H:%M}"
            at += HOUR

    @property
    def open(self) -> Iterator[tuple[int, int]]:
        """Where the hours of work are drawn, and how high."""
        for span in [self.shown] if self.work is None else self.work:
            yield self._rows(span)

    @property
    def blocks(self) -> Iterator[Block]:
        for item, column, columns in _in_columns(self.items):
            y, height = self._rows(item.span)
            x, width = (f"{100 * part / columns:.2f}%" for part in (column, 1))
            yield Block(item, y, height, x, width)

    def _rows(self, span: Span) -> tuple[int, int]:
        first, last = max(span.start, self.shown.start), min(span.end, self.shown.end)
        return self._y(first), self._y(last) - self._y(first)

    @cached_property
    def _pixels(self) -> float:
        """Of an hour."""
        fitting = USUAL_DAY * HOUR / (self.shown.end - self.shown.start)
        return max(NARROWEST_HOUR, min(WIDEST_HOUR, fitting))

    def _y(self, at: datetime) -> int:
        return round((at - self.shown.start) / HOUR * self._pixels)


def day_of(
    appointment: AppointmentRequest,
    technician: Membership,
    starts_at: datetime,
    facts: free.Facts,
    zone: ZoneInfo,
) -> Day:
    """The local day on which a time begins, from what is known around it.

    In one query more if a request waits for time of the day.
    """
    day = starts_at.astimezone(zone).date()
    whole = local_day(day, zone)
    known = facts.technicians[technician.id]
    taken = [taken for block in known.taken for taken in block.each() if taken.span.overlaps(whole)]
    items = [_this(appointment, starts_at, zone), *_items(taken, day, zone)]
    return Day(
        technician=technician,
        date=day,
        zone=zone,
        items=sorted(items, key=lambda item: (item.span, not item.is_this, item.title)),
        off=[_off(off, day, zone) for off in known.off if _counts(off, known, whole)],
        work=[span for span in known.open if span.overlaps(whole)] if facts.hours else None,
    )


def _this(appointment: AppointmentRequest, starts_at: datetime, zone: ZoneInfo) -> Item:
    span = Span(starts_at, starts_at + timedelta(minutes=appointment.requested_duration))
    hours = hours_on(starts_at.astimezone(zone).date(), span, zone)
    if appointment.is_pending:
        return Item(span, Kind.REQUEST, _("This request"), hours, is_this=True)
    return Item(span, Kind.APPOINTMENT, _("This appointment"), hours, is_this=True)


def _items(taken: Iterable[slots.Taken], day: date, zone: ZoneInfo) -> Iterator[Item]:
    names = _names(one.label for one in taken if one.kind is slots.Kind.HOLD)
    for span, kind, label, *_room in taken:
        title = _KINDS[kind].title(names.get(label, label))
        yield Item(span, _KINDS[kind], title, hours_on(day, span, zone))


def _names(references: Iterable[str]) -> dict[str, str]:
    """What waiting requests are called on the calendar."""
    waiting = AppointmentRequest.objects.waiting().filter(reference__in=list(references))
    return {row.reference: what_of(row) for row in waiting.select_related("service", "client")}


def _counts(off: slots.Off, known: slots.Technician, whole: Span) -> bool:
    """Whether something is left of time off on a day; the technician's extra hours beat others'."""
    left = subtract([off.span], merge(known.open))
    return any(span.overlaps(whole) for span in left)


def _off(off: slots.Off, day: date, zone: ZoneInfo) -> str:
    words = {"hours": hours_on(day, off.span, zone), "why": off.reason}
    return _("%(hours)s: off, %(why)s") % words if off.reason else _("%(hours)s: off") % words


def _in_columns(items: Iterable[Item]) -> Iterator[tuple[Item, int, int]]:
    """Each with its column, and how many columns those beside it need."""
    group: list[tuple[Item, int]] = []
    ends: list[datetime] = []
    for item in items:
        if ends and item.span.start >= max(ends):
            yield from ((one, column, len(ends)) for one, column in group)
            group, ends = [], []
        left = (column for column, end in enumerate(ends) if end <= item.span.start)
        column = next(left, len(ends))
        ends[column : column + 1] = [item.span.end]
        group.append((item, column))
    yield from ((one, column, len(ends)) for one, column in group)
