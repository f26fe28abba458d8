"""Reads what slots.py computes with: a constant number of queries, whatever the month holds."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Field, Func, TextField
from django.db.models.functions import Cast

from convene.catalog.models import Service, ServicePerformer
from convene.schedule.models import EntryKind, ScheduleEntry
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role

from . import bookings, slots
from .bookings import Booked
from .hours import DAY, Change, Span, Window, open_hours
from .models import (
    AvailabilityException,
    BookingRules,
    Effective,
    WorkingHours,
    all_rules,
    effective,
)
from .slots import Hold, Kind, Off, Reason, Rules, Slot, Taken, Technician

# Around what is asked for: whole local days for their limits, long appointments, buffers.
MARGIN = 2 * DAY

EntryRow = tuple[str, float, float, str, str]
"""Technician, start and end in seconds since 1970, kind, title: what is cheap to read by the
ten thousand. A UUID and a timestamp of each row would take longer than all the computation."""


class Seconds(Func):
    """A moment as seconds since 1970: many times cheaper to fetch than a timestamp."""

    template = "EXTRACT(EPOCH FROM %(expressions)s)::float8"
    output_field = Field()  # what comes is a float already: no field's converter is needed


@dataclass(frozen=True)
class Facts:
    """Everything that decides about times in a span, read at one moment."""

    within: Span
    rules: dict[UUID | None, BookingRules]
    zones: dict[UUID, ZoneInfo]
    performers: dict[UUID, set[UUID]]
    hours: list[WorkingHours]
    exceptions: list[AvailabilityException]
    entries: list[EntryRow]
    booked: list[Booked]

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

    def why_not(
        self, technician: Membership, start: datetime, rules: Rules, now: datetime
    ) -> list[Reason]:
        """The reasons against a time of a technician, who need not perform the service."""
        return slots.why_not(self.technicians[technician.id], start, rules, now)

    @cached_property
    def technicians(self) -> dict[UUID, Technician]:
        """Everybody, with what has taken of their time; waiting requests included."""
        taken = self._taken()
        windows, changes = self._windows(), self._changes()
        people = []
        for who, zone in self.zones.items():
            mine = changes[None] + changes[who]
            people.append(
                Technician(
                    id=who,
                    zone=zone,
                    open=open_hours(windows[who], mine, self.within, zone),
                    taken=taken[who],
                    off=[
                        Off(span, change.reason)
                        for change in mine
                        if not change.extra
                        for span in change.spans(self.within, zone)
                    ],
                )
            )
        return {person.id: person for person in slots.spread(people, list(self._holds()))}

    def _windows(self) -> dict[UUID, list[Window]]:
        windows = defaultdict(list)
        for row in self.hours:
            if row.technician_id in self.zones:
                windows[row.technician_id].append(row.window(self.zones[row.technician_id]))
        return windows

    def _changes(self) -> dict[UUID | None, list[Change]]:
        changes = defaultdict(list)
        for row in self.exceptions:
            changes[row.technician_id].append(row.change)
        return changes

    def _taken(self) -> dict[UUID, list[Taken]]:
        general, own = self._buffers(None), self._own_buffers()
        none = (timedelta(), timedelta())
        taken_by: dict[str, list[Taken]] = defaultdict(list)
        for technician, start, end, kind, title in self.entries:
            span = Span(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
            if kind == EntryKind.BUSY:
                entry = Taken(span, Kind.BUSY, title, *none)
            else:
                room = own.get((technician, span.start), general) if own else general
                entry = Taken(span, Kind.APPOINTMENT, title, *room)
            taken_by[technician].append(entry)
        taken = defaultdict(list, {UUID(who): entries for who, entries in taken_by.items()})
        for hold, wished in self._waiting():
            if wished:
                taken[wished].append(hold.taken)
        return taken

    def _own_buffers(self) -> dict[tuple[str, datetime], tuple[timedelta, timedelta]]:
        """By technician and start, of appointments whose service wants other room around them."""
        return {
            (str(row.technician_id), row.start): self._buffers(row.service_id)
            for row in self.booked
            if row.is_confirmed
        }

    def _buffers(self, service_id: UUID | None) -> tuple[timedelta, timedelta]:
        rules = self.effective(service_id).rules(timedelta())
        return rules.before, rules.after

    def _waiting(self) -> Iterator[tuple[Hold, UUID | None]]:
        for row in self.booked:
            if not row.is_confirmed:
                rules = self.effective(row.service_id).rules(row.duration)
                eligible = frozenset(self.performers.get(row.service_id, ()))
                yield Hold(row.start, rules, eligible, row.label), row.technician_id

    def _holds(self) -> Iterator[Hold]:
        return (hold for hold, technician_id in self._waiting() if technician_id is None)


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

    Of one technician alone less is read. A request and an entry in ``ignoring`` take no time: those
    of the appointment that is being placed.
    """
    rules = all_rules()
    within = Span(between.start - MARGIN, between.end + MARGIN)
    found = bookings.read(within, _with_own_buffers(rules))
    booked = [row for row in found if row.request_id not in ignoring]
    zones, performers = _people(tenant, only)
    if only and all(row.technician_id for row in booked):
        zones = {only.id: zones[only.id]}  # no request may need anybody else
    return Facts(
        within=within,
        rules=rules,
        zones=zones,
        performers=performers,
        hours=list(WorkingHours.objects.filter(technician_id__in=zones)),
        exceptions=_exceptions(within),
        entries=_entries(within, zones, ignoring),
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
    tenant: Tenant, also: Membership | None
) -> tuple[dict[UUID, ZoneInfo], dict[UUID, set[UUID]]]:
    """The zones of all technicians who perform something, and who performs what."""
    rows = (
        ServicePerformer.objects.filter(technician__active=True)
        .exclude(technician__role=Role.CLIENT)
        .values_list("service_id", "technician_id", "technician__timezone")
    )
    zones = {also.id: ZoneInfo(also.timezone or tenant.timezone)} if also else {}
    performers: dict[UUID, set[UUID]] = defaultdict(set)
    for service_id, technician_id, zone in rows:
        zones[technician_id] = ZoneInfo(zone or tenant.timezone)
        performers[service_id].add(technician_id)
    return zones, performers


def _exceptions(within: Span) -> list[AvailabilityException]:
    first, last = within.start.date() - DAY, within.end.date() + DAY
    return list(AvailabilityException.objects.filter(last_day__gte=first, first_day__lte=last))


def _entries(
    within: Span, technician_ids: Iterable[UUID], ignoring: Collection[UUID | None]
) -> list[EntryRow]:
    rows = ScheduleEntry.objects.confirmed().overlapping(*within)
    rows = rows.filter(technician_id__in=list(technician_ids))
    rows = rows.exclude(id__in=[one for one in ignoring if one])
    technician = Cast("technician_id", TextField())
    seconds = Seconds("starts_at"), Seconds("ends_at")
    return list(rows.values_list(technician, *seconds, "kind", "title"))
