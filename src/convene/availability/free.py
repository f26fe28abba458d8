"""Reads what slots.py computes with: a constant number of queries, whatever the month holds."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

from convene.catalog.models import Service
from convene.schedule.models import EntryKind
from convene.tenancy.models import Membership, Tenant

from . import bookings, rows, slots
from .bookings import Booked, Waiting
from .hours import DAY, Change, Span, merge, open_hours
from .models import WIDEST_BUFFER, BookingRules, Effective, WorkingHours, effective
from .rows import Entries, Hours
from .slots import Block, Hold, Kind, Off, Reason, Rules, Slot, Technician

# Around what is asked for: whole local days for their limits, long appointments, buffers.
MARGIN = 2 * DAY

Room = tuple[timedelta, timedelta]
"""What is wanted before and after an appointment."""


@dataclass(frozen=True)
class Facts:
    """Everything that decides about times in a span, read at one moment.

    There are no ``hours`` at all while nobody of the tenant has working hours.
    """

    within: Span
    rules: dict[UUID | None, BookingRules]
    zones: dict[UUID, ZoneInfo]
    performers: dict[UUID, set[UUID]]
    hours: list[Hours]
    exceptions: list[tuple[UUID | None, Change]]
    entries: list[Entries]
    booked: Booked

    def effective(self, service_id: UUID | None) -> Effective:
        return effective(self.rules.get(None), self.rules.get(service_id))

    def rules_of(self, service: Service) -> Rules:
        return self.effective(service.id).rules(timedelta(minutes=service.duration))

    def slots(
        self, service: Service, between: Span, now: datetime, technician: Membership | None = None
    ) -> list[Slot]:
        """The free times of a service: of all who perform it, or of one of them."""
        ids = self.performers.get(service.id, set())
        if technician:
            ids = ids & {technician.id}
        people = [self.technicians[who] for who in sorted(ids) if who in self.technicians]
        return slots.free_slots(people, self.rules_of(service), between, now)

    def offered(
        self, service: Service, between: Span, now: datetime, wished: Membership | None
    ) -> list[Slot]:
        """What a client is offered: with somebody of their choice where they may choose."""
        may_wish = self.effective(service.id).allow_preferred
        return self.slots(service, between, now, wished if may_wish else None)

    def why_not(
        self, technician: Membership, start: datetime, rules: Rules, now: datetime
    ) -> list[Reason]:
        """The reasons against a time of a technician, who need not perform the service."""
        return slots.why_not(self.technicians[technician.id], start, rules, now)

    @cached_property
    def technicians(self) -> dict[UUID, Technician]:
        """Everybody, with what has taken of their time; waiting requests included."""
        taken, hours, changes = self._taken(), self._hours(), self._changes()
        open_and_off = cache(self._open_and_off)  # many people share their hours
        people = []
        for who, zone in self.zones.items():
            mine = (*changes[None], *changes[who])
            spans, off = open_and_off(tuple(hours[who]), mine, zone)
            people.append(Technician(who, zone, spans, taken[who], off))
        return {person.id: person for person in slots.spread(people, list(self._holds()))}

    def _open_and_off(
        self, hours: Iterable[int], changes: Iterable[Change], zone: ZoneInfo
    ) -> tuple[list[Span], list[Off]]:
        windows = [self.hours[number].window(zone) for number in hours]
        off = [
            Off(span, change.reason)
            for change in changes
            if not change.extra
            for span in change.spans(self.within, zone)
        ]
        return open_hours(windows, changes, self.within, zone), off

    def _hours(self) -> dict[UUID, list[int]]:
        """By technician, the numbers of the rows that say when they work."""
        numbers = defaultdict(list)
        for number, row in enumerate(self.hours):
            for who in row.technicians:
                numbers[who].append(number)
        return numbers

    def _changes(self) -> dict[UUID | None, list[Change]]:
        changes = defaultdict(list)
        for technician_id, change in self.exceptions:
            changes[technician_id].append(change)
        return changes

    def _taken(self) -> dict[UUID, list[Block]]:
        general, own = self._room(None), self._own_rooms()
        taken: dict[UUID, list[Block]] = defaultdict(list)
        for entries in self.entries:
            who, kind, starts, ends, titles = entries
            if kind == EntryKind.BUSY:
                taken[who].append(Block(Kind.BUSY, starts, ends, titles or ()))
            elif who in own:
                taken[who] += _by_room(entries, own[who], general)
            else:
                taken[who].append(Block(Kind.APPOINTMENT, starts, ends, titles or (), *general))
        for service_id, wished, duration, starts, labels in self.booked.waiting:
            if wished:
                seconds, room = int(duration.total_seconds()), self._room(service_id)
                ends = [start + seconds for start in starts]
                taken[wished].append(Block(Kind.HOLD, starts, ends, labels, *room))
        return taken

    def _own_rooms(self) -> dict[UUID, dict[int, Room]]:
        """By technician and start, of appointments whose service wants other room around them."""
        rooms: dict[UUID, dict[int, Room]] = defaultdict(dict)
        for service_id, technician_id, starts in self.booked.confirmed:
            rooms[technician_id] |= dict.fromkeys(starts, self._room(service_id))
        return rooms

    def _room(self, service_id: UUID | None) -> Room:
        rules = self.effective(service_id).rules(timedelta())
        return rules.before, rules.after

    def _holds(self) -> Iterator[Hold]:
        """The requests that anybody can be given who performs their service."""
        for service_id, wished, duration, starts, labels in self.booked.waiting:
            if not wished:
                rules = self.effective(service_id).rules(duration)
                eligible = frozenset(self.performers.get(service_id, ()))
                for start, label in zip(starts, labels, strict=True):
                    yield Hold(datetime.fromtimestamp(start, UTC), rules, eligible, label)


def _by_room(entries: Entries, own: dict[int, Room], general: Room) -> Iterator[Block]:
    """One technician's appointments, apart by the room that is wanted around them."""
    by_room: dict[Room, list[tuple[int, int, str]]] = defaultdict(list)
    titles = entries.titles or [""] * len(entries.starts)
    for start, end, title in zip(entries.starts, entries.ends, titles, strict=True):
        by_room[own.get(start, general)].append((start, end, title))
    for (before, after), some in by_room.items():
        starts, ends, labels = zip(*some, strict=True)
        yield Block(Kind.APPOINTMENT, starts, ends, labels, before, after)


def has_working_hours() -> bool:
    """Whether the tenant uses availability; until then any time can be asked for."""
    return WorkingHours.objects.exists()


def read(
    tenant: Tenant,
    between: Span,
    *,
    only: Membership | None = None,
    ignoring: Collection[UUID | None] = (),
) -> Facts:
    """All facts about times in ``between``, in six queries; inside the tenant's block.

    Of one technician alone less is read, but the titles of their entries are. A request and an
    entry in ``ignoring`` take no time: those of the appointment that is being placed.
    """
    rules, known = rows.booking_rules(), [one for one in ignoring if one]
    within = Span(between.start - MARGIN, between.end + MARGIN)
    booked = bookings.read(within, _with_own_buffers(rules), known)
    pool = [row for row in booked.waiting if not row.technician_id]
    zones, performers = _people(tenant, only, pool)
    return Facts(
        within=within,
        rules=rules,
        zones=zones,
        performers=performers,
        hours=rows.hours(zones),
        exceptions=rows.exceptions(within),
        entries=rows.entries(
            zones,
            within,
            known,
            only=only.id if only else None,
            around=_around(pool, rules),
        ),
        booked=booked,
    )


def _with_own_buffers(rules: dict[UUID | None, BookingRules]) -> set[UUID]:
    """The services whose appointments want other room around them than General says."""
    return {
        service_id
        for service_id, row in rules.items()
        if service_id and (row.buffer_before is not None or row.buffer_after is not None)
    }


def _people(
    tenant: Tenant, only: Membership | None, pool: Sequence[Waiting]
) -> tuple[dict[UUID, ZoneInfo], dict[UUID, set[UUID]]]:
    """The zones of technicians and who performs what; of one alone, with whom they share a pool."""
    if only:
        zones = {only.id: ZoneInfo(only.timezone or tenant.timezone)}
        found = rows.performers_with(only.id, {row.service_id for row in pool})
    else:
        zones, found = {}, rows.performers()
    performers: dict[UUID, set[UUID]] = defaultdict(set)
    for service_id, technician_id, zone in found:
        zones[technician_id] = ZoneInfo(zone or tenant.timezone)
        performers[service_id].add(technician_id)
    return zones, performers


def _around(pool: Iterable[Waiting], rules: dict[UUID | None, BookingRules]) -> list[Span]:
    """Within these is all that decides who can be given a request that waits for somebody."""
    is_limited = any(row.daily_limit for row in rules.values())
    room = DAY if is_limited else WIDEST_BUFFER
    starts = ((datetime.fromtimestamp(start, UTC), row) for row in pool for start in row.starts)
    return merge(Span(start - room, start + row.duration + room) for start, row in starts)
