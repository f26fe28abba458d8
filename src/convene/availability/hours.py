"""From the clocks on people's walls to spans of UTC: hours of work, and exceptions from them."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MIDNIGHT = time()


class Span(NamedTuple):
    """From ``start`` until just before ``end``, both in UTC."""

    start: datetime
    end: datetime

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, other: "Span") -> bool:
        return self.start <= other.start and other.end <= self.end


def merge(spans: Iterable[Span]) -> list[Span]:
    """The same time in order, in as few spans as possible; empty spans are left out."""
    merged: list[Span] = []
    for span in sorted(spans):
        if span.start >= span.end:
            continue
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def subtract(spans: Sequence[Span], holes: Sequence[Span]) -> Iterator[Span]:
    """What is left of merged spans without merged holes, in order."""
    ends = [hole.end for hole in holes]
    for start, end in spans:
        nearby = bisect_left(ends, start)
        while nearby < len(holes) and holes[nearby].start < end:
            hole = holes[nearby]
            if start < hole.start:
                yield Span(start, hole.start)
            start = max(start, hole.end)
            nearby += 1
        if start < end:
            yield Span(start, end)


@lru_cache(maxsize=20_000)
def moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The first moment (UTC) at which the wall clock shows this time or a later one.

    So of a time that happens twice it is the first, and of one that the clocks skip the jump: work
    from 02:30 begins at 03:00 in the night in which there is no 02:30.
    """
    local = datetime.combine(day, clock, tzinfo=zone)
    at = local.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return at
    # Read with the offset from after the jump, a skipped time lies before it.
    before = local.replace(fold=1).astimezone(UTC)
    offset = at.astimezone(zone).utcoffset()
    minutes = bisect_left(
        range((at - before) // MINUTE),
        True,
        key=lambda n: (before + n * MINUTE).astimezone(zone).utcoffset() == offset,
    )
    return before + minutes * MINUTE


def local_day(day: date, zone: ZoneInfo) -> Span:
    """A day from midnight to midnight; 23 or 25 hours where the clocks change."""
    return Span(moment(day, MIDNIGHT, zone), moment(day + DAY, MIDNIGHT, zone))


def local_hours(day: date, start: time, end: time, zone: ZoneInfo) -> Span:
    """Hours that begin on a day. An end at or before the start is on the next day."""
    last = day if start < end else day + DAY
    return Span(moment(day, start, zone), moment(last, end, zone))


@dataclass(frozen=True)
class Window:
    """Hours of work on one day of the week (Monday is 0), by the clock of ``zone``."""

    weekday: int
    start: time
    end: time
    zone: ZoneInfo
    first: date = date.min
    last: date = date.max

    def spans(self, within: Span) -> Iterator[Span]:
        first, last = _days(within, self.zone)
        to_the_weekday = (self.weekday - first.weekday()) % 7
        for day in _each(first + to_the_weekday * DAY, last, step=7 * DAY):
            if self.first <= day <= self.last:
                yield local_hours(day, self.start, self.end, self.zone)


@dataclass(frozen=True)
class Change:
    """An exception from ``first`` to ``last``: time off, or extra hours of work.

    With ``hours`` it is about these hours of each day, else about whole days. The technician's
    ``own`` exceptions beat the company's; of the same kind, off beats extra.
    """

    first: date
    last: date
    hours: tuple[time, time] | None = None
    extra: bool = False
    own: bool = False
    reason: str = ""

    def spans(self, within: Span, zone: ZoneInfo) -> Iterator[Span]:
        first, last = _days(within, zone)
        for day in _each(max(first, self.first), min(last, self.last)):
            yield local_hours(day, *self.hours, zone) if self.hours else local_day(day, zone)


def _days(within: Span, zone: ZoneInfo) -> tuple[date, date]:
    """The first and last local day with hours in a span; night work began on the day before."""
    return within.start.astimezone(zone).date() - DAY, within.end.astimezone(zone).date()


def _each(first: date, last: date, step: timedelta = DAY) -> Iterator[date]:
    while first <= last:
        yield first
        first += step


def open_hours(
    windows: Iterable[Window], changes: Iterable[Change], within: Span, zone: ZoneInfo
) -> list[Span]:
    """When somebody works, for certain inside ``within`` (and a little around it)."""
    spans = merge(span for window in windows for span in window.spans(within))
    for own in (False, True):
        here = [change for change in changes if change.own is own]
        extra = [span for c in here if c.extra for span in c.spans(within, zone)]
        off = [span for c in here if not c.extra for span in c.spans(within, zone)]
        spans = list(subtract(merge([*spans, *extra]), merge(off)))
    return spans
