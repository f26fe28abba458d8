"""The same questions as slots.py answers, asked of every single minute: slow, and plainly right."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from convene.availability.hours import MINUTE, Change, Window
from convene.availability.slots import Kind, Rules, Taken

DAY = timedelta(days=1)
DAYS_AROUND = 3


@cache
def wall_clock(middle: date, zone: ZoneInfo) -> list[datetime]:
    """What the wall clock shows in each minute of the days around ``middle``."""
    first = first_minute(middle)
    minutes = range((2 * DAYS_AROUND + 1) * 1440)
    return [(first + n * MINUTE).astimezone(zone).replace(tzinfo=None) for n in minutes]


def first_minute(middle: date) -> datetime:
    return datetime.combine(middle, time(), UTC) - DAYS_AROUND * DAY


@dataclass(frozen=True)
class Minutes:
    """A technician's days around ``middle``, minute by minute."""

    middle: date
    zone: ZoneInfo
    windows: Sequence[Window]
    changes: Sequence[Change]
    taken: Sequence[Taken]

    def number(self, at: datetime) -> int:
        return (at - first_minute(self.middle)) // MINUTE

    def passing(self, shown: datetime, zone: ZoneInfo) -> int:
        """The number of the first minute in which the clock shows this or something later."""
        for number, clock in enumerate(wall_clock(self.middle, zone)):
            if clock >= shown:
                return number
        return len(wall_clock(self.middle, zone))

    def between(self, day: date, start: time, end: time, zone: ZoneInfo) -> range:
        last = day if start < end else day + DAY
        return range(
            self.passing(datetime.combine(day, start), zone),
            self.passing(datetime.combine(last, end), zone),
        )

    def days(self) -> list[date]:
        return [self.middle + n * DAY for n in range(-DAYS_AROUND, DAYS_AROUND + 1)]

    def covered(self, change: Change) -> set[int]:
        start, end = change.hours or (time(), time())
        return {
            minute
            for day in self.days()
            if change.first <= day <= change.last
            for minute in self.between(day, start, end, self.zone)
        }

    def at_work(self) -> set[int]:
        minutes = {
            minute
            for window in self.windows
            for day in self.days()
            if day.weekday() == window.weekday and window.first <= day <= window.last
            for minute in self.between(day, window.start, window.end, window.zone)
        }
        for own in (False, True):
            for extra in (True, False):  # off comes last: it wins
                for change in self.changes:
                    if (change.own, change.extra) != (own, extra):
                        continue
                    if extra:
                        minutes |= self.covered(change)
                    else:
                        minutes -= self.covered(change)
        return minutes

    def bookable(self, rules: Rules, now: datetime) -> list[datetime]:
        """Every start on the middle day (of UTC) that keeps the rules."""
        at_work = self.at_work()
        noon = self.number(datetime.combine(self.middle, time(), UTC))
        return [
            start
            for start in (first_minute(self.middle) + n * MINUTE for n in range(noon, noon + 1440))
            if start.astimezone(self.zone).minute % (rules.step // MINUTE) == 0
            and now + rules.notice <= start <= now + rules.horizon
            and self._minutes(start, rules.duration) <= at_work
            and not any(self._collides(start, rules, taken) for taken in self.taken)
            and (not rules.daily_limit or self._that_day(start) < rules.daily_limit)
        ]

    def _minutes(self, start: datetime, length: timedelta) -> set[int]:
        first = self.number(start)
        return set(range(first, first + length // MINUTE))

    def _collides(self, start: datetime, rules: Rules, taken: Taken) -> bool:
        ahead = max(rules.before, taken.after)
        behind = max(rules.after, taken.before)
        room = self._minutes(start - ahead, ahead + rules.duration + behind)
        first, last = taken.span
        return not room.isdisjoint(self._minutes(first, last - first))

    def _that_day(self, start: datetime) -> int:
        day = start.astimezone(self.zone).date()
        appointments = [taken for taken in self.taken if taken.kind is not Kind.BUSY]
        return sum(taken.span.start.astimezone(self.zone).date() == day for taken in appointments)
