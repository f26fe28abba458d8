"""Which times can be booked, and why not: pure computation, no database, no settings, no clock.

All times are UTC. A technician's zone matters twice: whole steps are read from the wall clock, and
a limit is counted in the local day.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cached_property
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from .hours import DAY, MINUTE, Span, local_day, merge, subtract

_RESOLUTION = timedelta.resolution
_NOTHING = timedelta()


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
    taken: Sequence[Taken] = ()
    off: Sequence[Off] = ()

    @cached_property
    def per_day(self) -> dict[date, int]:
        """How many appointments begin on each local day, waiting ones included."""
        counted: dict[date, int] = defaultdict(int)
        for taken in self.taken:
            if taken.kind is not Kind.BUSY:
                counted[self.day_of(taken.span.start)] += 1
        return counted

    def day_of(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def units(self, at: datetime, limit: int) -> int:
        """How many more appointments this local day takes."""
        return max(0, limit - self.per_day.get(self.day_of(at), 0))


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
    earliest = max(between.start, now + rules.notice)
    latest = min(between.end, now + rules.horizon + _RESOLUTION)
    people: dict[datetime, list[UUID]] = defaultdict(list)
    for technician in technicians:
        for start in _starts(technician, rules, Span(earliest, latest)):
            people[start].append(technician.id)
    return [Slot(rules.span(start), people[start]) for start in sorted(people)]


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
    able = [
        [t for t in technicians if t.id in hold.eligible and _is_free(t, hold)] for hold in holds
    ]
    needed: dict[UUID, list[Taken]] = defaultdict(list)
    for hold, people in zip(holds, able, strict=True):
        for person in people:
            others = [other for other in people if other is not person]
            ids = {other.id for other in others}
            rivals = [
                rival
                for rival, theirs in zip(holds, able, strict=True)
                if rival is hold or ids & {t.id for t in theirs}
            ]
            if not _can_do_without(others, hold, rivals):
                needed[person.id].append(hold.taken)
    return [replace(t, taken=[*t.taken, *needed[t.id]]) for t in technicians]


def _can_do_without(others: Collection[Technician], hold: Hold, rivals: Iterable[Hold]) -> bool:
    """Whether one of the others is left for a request in any case."""
    at_once = [rival for rival in rivals if _clash(hold.taken, rival.taken)]
    if len(others) < len(at_once):
        return False
    limit = hold.rules.daily_limit
    if not limit:
        return True
    on_the_day = [
        rival
        for rival in rivals
        if any(t.day_of(rival.start) == t.day_of(hold.start) for t in others)
    ]
    return sum(t.units(hold.start, limit) for t in others) >= len(on_the_day)


def _is_free(technician: Technician, hold: Hold) -> bool:
    return not _obstacles(technician, hold.start, hold.rules)


def _obstacles(technician: Technician, start: datetime, rules: Rules) -> list[Reason]:
    """The reasons that have nothing to do with the present time."""
    wanted = Taken(rules.span(start), Kind.APPOINTMENT, "", rules.before, rules.after)
    reasons = []
    if not any(hours.contains(wanted.span) for hours in technician.open):
        closed = [off for off in technician.off if off.span.overlaps(wanted.span)]
        reasons += [Reason(Why.EXCEPTION, note=off.reason) for off in closed]
        if not closed:
            reasons.append(Reason(Why.OUTSIDE_HOURS))
    reasons += [
        Reason(_why(taken, wanted), taken) for taken in technician.taken if _clash(taken, wanted)
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


def _starts(technician: Technician, rules: Rules, between: Span) -> Iterator[datetime]:
    """When an appointment of this technician can begin."""
    # The last possible start is inside: the appointment ends just when the hours do.
    hours = (Span(s, e - rules.duration + _RESOLUTION) for s, e in technician.open)
    possible = merge(
        Span(max(span.start, between.start), min(span.end, between.end)) for span in hours
    )
    for span in subtract(possible, merge(_forbidden(technician, rules))):
        yield from _on_the_clock(span, rules.step, technician.zone)


def _forbidden(technician: Technician, rules: Rules) -> Iterator[Span]:
    """Starts that would collide with something, or be one too many for their day."""
    for span, _kind, _label, before, after in technician.taken:
        ahead = rules.duration + max(rules.after, before) - _RESOLUTION
        yield Span(span.start - ahead, span.end + max(rules.before, after))
    if rules.daily_limit:
        for day, count in technician.per_day.items():
            if count >= rules.daily_limit:
                yield local_day(day, technician.zone)


def _on_the_clock(span: Span, step: timedelta, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments of a span at which the wall clock shows a whole step."""
    start = span.start
    while start < span.end:
        end = min(start + DAY, span.end)
        first, last = start.astimezone(zone), end.astimezone(zone)
        if first.utcoffset() == last.utcoffset():
            at, hop = start - _past_the_hour(first) % step, step
        else:  # the clocks change here: look at every minute
            at, hop = start - _past_the_hour(first) % MINUTE, MINUTE
        while at < end:
            if at >= start and (hop is step or not _past_the_hour(at.astimezone(zone)) % step):
                yield at
            at += hop
        start = end


def _past_the_hour(at: datetime) -> timedelta:
    return timedelta(minutes=at.minute, seconds=at.second, microseconds=at.microsecond)
