"""Which times can be booked, and why not: pure computation, no database, no settings, no clock.

All times are UTC. A technician's zone matters twice: whole steps are read from the wall clock, and
a limit is counted in the local day.

Where a month of many people is computed, moments are seconds since 1970, and what is free is a row
of bytes, one for each whole step of the wall clock.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache, cached_property
from itertools import compress, islice
from math import ceil, floor
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from .hours import DAY, MINUTE, Span, local_day

_RESOLUTION = timedelta.resolution
_NOTHING = timedelta()
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Rules:
    """What a booking of one service must keep. ``step`` divides an hour; a limit of 0 is none."""

    duration: timedelta
    notice: timedelta = _NOTHING
    horizon: timedelta = timedelta(days=60)
    step: timedelta = timedelta(minutes=30)
    before: timedelta = _NOTHING
    after: timedelta = _NOTHING
    daily_limit: int = 0

    def span(self, start: datetime) -> Span:
        return Span(start, start + self.duration)


class Kind(Enum):
    APPOINTMENT = "appointment"
    BUSY = "busy"
    HOLD = "hold"  # a request that waits for its approval


class Taken(NamedTuple):
    """Time that is not free any more, and how much room it wants around it."""

    span: Span
    kind: Kind
    label: str = ""
    before: timedelta = _NOTHING
    after: timedelta = _NOTHING


class Block(NamedTuple):
    """Taken time of one kind that wants the same room around it, in columns.

    A month has ten thousand entries: an object for each would take longer than all the rest.
    Seconds since 1970; a part of a second belongs to what is taken.
    """

    kind: Kind
    starts: Sequence[int]
    ends: Sequence[int]
    labels: Sequence[str] = ()
    before: timedelta = _NOTHING
    after: timedelta = _NOTHING

    @classmethod
    def of(cls, taken: Taken) -> "Block":
        (start, end), kind, label, *room = taken
        return cls(kind, [floor(start.timestamp())], [ceil(end.timestamp())], [label], *room)

    def each(self) -> Iterator[Taken]:
        labels = self.labels or [""] * len(self.starts)
        for start, end, label in zip(self.starts, self.ends, labels, strict=True):
            span = Span(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
            yield Taken(span, self.kind, label, self.before, self.after)

    def reach(self, rules: Rules) -> tuple[int, int]:
        """How many seconds an appointment must begin before a start, or after an end."""
        ahead = rules.duration + max(rules.after, self.before)
        return ahead // _SECOND, max(rules.before, self.after) // _SECOND


@dataclass(frozen=True)
class Hold:
    """A waiting request that anybody of ``eligible`` could be given."""

    start: datetime
    rules: Rules
    eligible: frozenset[UUID]
    label: str = ""

    @property
    def taken(self) -> Taken:
        rules = self.rules
        return Taken(rules.span(self.start), Kind.HOLD, self.label, rules.before, rules.after)


class Off(NamedTuple):
    """Time off by an exception, for telling people why."""

    span: Span
    reason: str


@dataclass(frozen=True)
class Technician:
    """What is known of one person: when they work (merged), and what has taken of that time."""

    id: UUID
    zone: ZoneInfo
    open: Sequence[Span]
    taken: Sequence[Block] = ()
    off: Sequence[Off] = ()

    def day_of(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def appointments_on(self, day: date) -> int:
        """How many appointments begin on this local day, waiting ones included."""
        first, last = (
            bisect_left(self._begins, at.timestamp()) for at in local_day(day, self.zone)
        )
        return last - first

    def units(self, at: datetime, limit: int) -> int:
        """How many more appointments this local day takes."""
        return max(0, limit - self.appointments_on(self.day_of(at)))

    def works(self, span: Span) -> bool:
        """Whether all of a span is inside of the hours of work."""
        nearby = bisect_right(self.open, span.start, key=lambda hours: hours.start) - 1
        return nearby >= 0 and self.open[nearby].contains(span)

    def is_taken(self, start: datetime, rules: Rules) -> bool:
        """Whether an appointment that begins then would collide with something."""
        at = int(start.timestamp())
        for block, starts, ends in self._in_order:
            ahead, behind = block.reach(rules)
            before = bisect_left(starts, at + ahead)
            if before and max(ends[:before]) > at - behind:
                return True
        return False

    @cached_property
    def _in_order(self) -> list[tuple[Block, Sequence[int], Sequence[int]]]:
        """The blocks, and their starts and ends by the start."""
        pairs = (sorted(zip(block.starts, block.ends, strict=True)) for block in self.taken)
        return [
            (block, [start for start, _end in some], [end for _start, end in some])
            for block, some in zip(self.taken, pairs, strict=True)
        ]

    @cached_property
    def _begins(self) -> list[int]:
        appointments = (block for block in self.taken if block.kind is not Kind.BUSY)
        return sorted(start for block in appointments for start in block.starts)


@dataclass(frozen=True)
class Slot:
    """A time that can be booked, and who is free then."""

    span: Span
    technicians: Sequence[UUID]


class Why(Enum):
    """A reason against a time."""

    NOTICE = "notice"
    HORIZON = "horizon"
    OUTSIDE_HOURS = "outside_hours"
    EXCEPTION = "exception"
    CONFLICT = "conflict"
    HELD = "held"
    BUFFER = "buffer"
    LIMIT = "limit"


@dataclass(frozen=True)
class Reason:
    """Why a time cannot be booked; ``taken`` is what it collides with, if it is that."""

    why: Why
    taken: Taken | None = None
    note: str = ""


def free_slots(
    technicians: Iterable[Technician], rules: Rules, between: Span, now: datetime
) -> list[Slot]:
    """Every time that begins in ``between`` and keeps all rules, in order."""
    asked = Span(
        max(between.start, now + rules.notice),
        min(between.end, now + rules.horizon + _RESOLUTION),
    )
    steps = cache(lambda zone: _steps(asked, rules.step, zone))
    # Many people share their hours.
    at_work = cache(lambda zone, hours: _at_work(hours, rules.duration, steps(zone)))
    people: dict[int, list[UUID]] = defaultdict(list)
    for technician in technicians:
        grid = steps(technician.zone)
        free = bytearray(at_work(technician.zone, tuple(technician.open)))
        _clear_taken(free, technician.taken, rules, grid)
        if rules.daily_limit and grid:
            _clear_full_days(free, technician, rules.daily_limit, grid)
        for start in compress(grid, free):
            people[start].append(technician.id)
    return [
        Slot(rules.span(datetime.fromtimestamp(start, UTC)), people[start])
        for start in sorted(people)
    ]


def why_not(technician: Technician, start: datetime, rules: Rules, now: datetime) -> list[Reason]:
    """The reasons against a time; none if it can be booked."""
    reasons = []
    if start < now + rules.notice:
        reasons.append(Reason(Why.NOTICE))
    if start > now + rules.horizon:
        reasons.append(Reason(Why.HORIZON))
    return reasons + _obstacles(technician, start, rules)


def spread(technicians: Sequence[Technician], holds: Sequence[Hold]) -> list[Technician]:
    """Let requests without a chosen technician take the time of everybody they may need.

    A request can do without a person while the others who are free for it are at least as many as
    the requests that compete for those others: one of them is left for it, however these are
    given out. The same counts for what the others' days still take.
    """
    able = cache(lambda hold: {t.id: t for t in _able(technicians, hold)})
    needed: dict[UUID, list[Block]] = defaultdict(list)
    for hold in holds:
        at_once = [rival for rival in holds if _clash(hold.taken, rival.taken)]
        enough = islice(_able(technicians, hold), len(at_once) + 1)
        if not hold.rules.daily_limit and len(list(enough)) > len(at_once):
            continue  # whoever is taken away, the others are enough
        for who in _needed_for(hold, at_once, holds, able):
            needed[who].append(Block.of(hold.taken))
    return [
        replace(t, taken=[*t.taken, *needed[t.id]]) if t.id in needed else t for t in technicians
    ]


def _able(technicians: Iterable[Technician], hold: Hold) -> Iterator[Technician]:
    """Who can be given a request."""
    return (t for t in technicians if t.id in hold.eligible and _is_free(t, hold))


_People = dict[UUID, Technician]
_Able = Callable[[Hold], _People]
"""Who can be given a request, found out when it is asked first."""


def _needed_for(
    hold: Hold, at_once: Iterable[Hold], holds: Iterable[Hold], able: _Able
) -> Iterator[UUID]:
    """Those without whom nobody may be left for a request."""
    people, limit = able(hold), hold.rules.daily_limit
    near = [rival for rival in holds if abs(rival.start - hold.start) < 2 * DAY]
    units = {who: person.units(hold.start, limit) for who, person in people.items()}
    of_all = sum(units.values())
    for who in people:
        others = {other: person for other, person in people.items() if other != who}
        if len(others) < _competing(others, hold, at_once, able):
            yield who
        elif limit:
            on_the_day = [rival for rival in near if _on_one_day(rival, hold, others)]
            if of_all - units[who] < _competing(others, hold, on_the_day, able):
                yield who


def _competing(others: _People, hold: Hold, rivals: Iterable[Hold], able: _Able) -> int:
    """How many requests, with this one, may be given to one of the others."""
    return sum(rival is hold or not others.keys().isdisjoint(able(rival)) for rival in rivals)


def _on_one_day(one: Hold, other: Hold, people: _People) -> bool:
    """Whether two requests are about the same day for any of these people."""
    zones = {person.zone for person in people.values()}
    return any(
        one.start.astimezone(zone).date() == other.start.astimezone(zone).date() for zone in zones
    )


def _is_free(technician: Technician, hold: Hold) -> bool:
    rules, start = hold.rules, hold.start
    return (
        technician.works(rules.span(start))
        and not technician.is_taken(start, rules)
        and not (rules.daily_limit and not technician.units(start, rules.daily_limit))
    )


def _obstacles(technician: Technician, start: datetime, rules: Rules) -> list[Reason]:
    """The reasons that have nothing to do with the present time."""
    wanted = Taken(rules.span(start), Kind.APPOINTMENT, "", rules.before, rules.after)
    reasons = []
    if not technician.works(wanted.span):
        closed = [off for off in technician.off if off.span.overlaps(wanted.span)]
        reasons += [Reason(Why.EXCEPTION, note=off.reason) for off in closed]
        if not closed:
            reasons.append(Reason(Why.OUTSIDE_HOURS))
    reasons += [
        Reason(_why(taken, wanted), taken)
        for block in technician.taken
        for taken in block.each()
        if _clash(taken, wanted)
    ]
    if rules.daily_limit and not technician.units(start, rules.daily_limit):
        reasons.append(Reason(Why.LIMIT))
    return reasons


def _why(taken: Taken, wanted: Taken) -> Why:
    if not taken.span.overlaps(wanted.span):
        return Why.BUFFER
    return Why.HELD if taken.kind is Kind.HOLD else Why.CONFLICT


def _clash(one: Taken, other: Taken) -> bool:
    """Whether two overlap, or leave less room between them than either wants."""
    (start, end), (other_start, other_end) = one.span, other.span
    return (
        start - other_end < max(one.before, other.after)
        and other_start - end < max(other.before, one.after)
    )  # fmt: skip


def _steps(span: Span, step: timedelta, zone: ZoneInfo) -> list[int]:
    """The moments of a span at which the wall clock shows a whole step."""
    at, end = (ceil(edge.timestamp()) for edge in span)
    day, minute, hop = (length // _SECOND for length in (DAY, MINUTE, step))
    steps: list[int] = []
    while at < end:
        until = min(at + day, end)
        offset = _offset(at, zone)
        if offset == _offset(until, zone):
            steps += range(at + -(at + offset) % hop, until, hop)
        else:  # the clocks change here: look at every minute
            minutes = range(at + -at % minute, until, minute)
            steps += (at for at in minutes if not (at + _offset(at, zone)) % hop)
        at = until
    return steps


def _offset(at: int, zone: ZoneInfo) -> int:
    """How many seconds the wall clock is ahead of UTC."""
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    return offset // _SECOND if offset else 0


def _at_work(hours: Iterable[Span], duration: timedelta, grid: Sequence[int]) -> bytes:
    """Which steps of the grid an appointment can begin at so that it ends when the hours do."""
    flags = bytearray(len(grid))
    for start, end in hours:
        first = bisect_left(grid, start.timestamp())
        last = bisect_right(grid, (end - duration).timestamp(), first)
        flags[first:last] = b"\1" * (last - first)
    return bytes(flags)


def _clear_taken(
    free: bytearray, blocks: Iterable[Block], rules: Rules, grid: Sequence[int]
) -> None:
    """No start is free that would collide with something."""
    for block in blocks:
        ahead, behind = block.reach(rules)
        for start, end in zip(block.starts, block.ends, strict=True):
            first = bisect_right(grid, start - ahead)
            last = bisect_left(grid, end + behind, first)
            free[first:last] = bytes(last - first)


def _clear_full_days(
    free: bytearray, technician: Technician, limit: int, grid: Sequence[int]
) -> None:
    """No start is free on a day that takes no appointment more."""
    first, last = (technician.day_of(datetime.fromtimestamp(at, UTC)) for at in (grid[0], grid[-1]))
    while first <= last:
        if technician.appointments_on(first) >= limit:
            full = local_day(first, technician.zone)
            start, end = (bisect_left(grid, edge.timestamp()) for edge in full)
            free[start:end] = bytes(end - start)
        first += DAY
