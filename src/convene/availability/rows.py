"""What free times are computed from, read by queries of our own; inside the tenant's block.

Of ten thousand entries a few arrays of numbers are all that is quick to fetch.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, time
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from convene.tenancy.db import tenant_rows

from .hours import DAY, Change, Span, Window
from .models import RULE_DEFAULTS, BookingRules

_RULES = f"""
    SELECT service_id, {", ".join(RULE_DEFAULTS)}
    FROM "booking_rules" WHERE tenant_id = %(tenant)s
"""  # noqa: S608  # our own words


def booking_rules() -> dict[UUID | None, BookingRules]:
    """By the service that they are about; None is General's."""
    return {
        service_id: BookingRules(
            service_id=service_id, **dict(zip(RULE_DEFAULTS, row, strict=True))
        )
        for service_id, *row in tenant_rows(_RULES)
    }


class Performer(NamedTuple):
    """Somebody who performs a service; an empty zone is the tenant's."""

    service_id: UUID
    technician_id: UUID
    timezone: str


class Hours(NamedTuple):
    """Working hours of a day of the week, and all who have just these."""

    weekday: int
    start: time
    end: time
    timezone: str
    first: date | None
    last: date | None
    technicians: Sequence[UUID]

    def window(self, zone: ZoneInfo) -> Window:
        """As slots are computed from them; ``zone`` is the technician's own."""
        return Window(
            self.weekday,
            self.start,
            self.end,
            ZoneInfo(self.timezone) if self.timezone else zone,
            self.first or date.min,
            self.last or date.max,
        )


class Entries(NamedTuple):
    """A technician's entries of one kind, in columns, in seconds since 1970."""

    technician_id: UUID
    kind: str
    starts: Sequence[int]
    ends: Sequence[int]
    titles: Sequence[str] | None


_PERFORMERS = """
    SELECT p.service_id, m.id, m.timezone
    FROM "service_performers" p
    JOIN "memberships" m ON m.tenant_id = p.tenant_id AND m.id = p.technician_id
    WHERE p.tenant_id = %(tenant)s AND m.tenant_id = %(tenant)s
      AND m.active AND m.role <> 'client'
"""
_OF_ONE = "AND (m.id = %(only)s OR p.service_id = ANY (%(services)s::uuid[]))"


def performers() -> list[Performer]:
    """All who perform something."""
    return [Performer(*row) for row in tenant_rows(_PERFORMERS)]


def performers_with(technician_id: UUID, services: Collection[UUID]) -> list[Performer]:
    """What one technician performs, and who performs these services."""
    rows = tenant_rows(_PERFORMERS + _OF_ONE, only=technician_id, services=list(services))
    return [Performer(*row) for row in rows]


# One more row, of nobody, when there are working hours at all.
_HOURS = """
    SELECT weekday, starts_at, ends_at, timezone, effective_from, effective_until,
      array_agg(technician_id)
    FROM "working_hours"
    WHERE tenant_id = %(tenant)s AND technician_id = ANY (%(technicians)s::uuid[])
    GROUP BY weekday, starts_at, ends_at, timezone, effective_from, effective_until
    UNION ALL (
      SELECT weekday, starts_at, ends_at, timezone, effective_from, effective_until, '{}'::uuid[]
      FROM "working_hours" WHERE tenant_id = %(tenant)s LIMIT 1
    )
"""


def hours(technician_ids: Iterable[UUID]) -> list[Hours]:
    """Theirs; not one row while nobody has working hours."""
    return [Hours(*row) for row in tenant_rows(_HOURS, technicians=list(technician_ids))]


_EXCEPTIONS = """
    SELECT technician_id, first_day, last_day, starts_at, ends_at, kind = 'extra', reason
    FROM "availability_exceptions"
    WHERE tenant_id = %(tenant)s AND last_day >= %(first)s AND first_day <= %(last)s
"""


def exceptions(within: Span) -> list[tuple[UUID | None, Change]]:
    """Everybody's, which have no technician, and those of single technicians."""
    first, last = within.start.date() - DAY, within.end.date() + DAY
    return [
        (who, Change(begin, end, (start, stop) if start else None, extra, who is not None, reason))
        for who, begin, end, start, stop, extra, reason in tenant_rows(
            _EXCEPTIONS, first=first, last=last
        )
    ]


_ENTRIES = """
    SELECT technician_id, kind,
      array_agg(floor(date_part('epoch', starts_at))::bigint),
      array_agg(ceil(date_part('epoch', ends_at))::bigint),
      array_agg(title) FILTER (WHERE technician_id = %(only)s::uuid)
    FROM "schedule_entries"
    WHERE tenant_id = %(tenant)s AND technician_id = ANY (%(technicians)s::uuid[])
      AND status = 'confirmed' AND starts_at < %(end)s AND ends_at > %(start)s
      AND NOT id = ANY (%(ignoring)s::uuid[])
      AND (%(only)s::uuid IS NULL OR technician_id = %(only)s
        OR tstzrange(starts_at, ends_at) && %(around)s::tstzmultirange)
    GROUP BY technician_id, kind
"""


def entries(
    technician_ids: Iterable[UUID],
    within: Span,
    ignoring: Iterable[UUID],
    *,
    only: UUID | None = None,
    around: Iterable[Span] = (),
) -> list[Entries]:
    """What is in the schedules. ``only`` one comes with titles; of others what is ``around``."""
    rows = tenant_rows(
        _ENTRIES,
        technicians=list(technician_ids),
        start=within.start,
        end=within.end,
        ignoring=list(ignoring),
        only=only,
        around=Multirange(Range(*span) for span in around),
    )
    return [Entries(*row) for row in rows]
