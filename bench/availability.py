"""Free times of many technicians: the product, the plainest way, and what must be read anyway.

The product and the plainest way must find the same times.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import django
import psycopg

from bench.crowd import APART, BUFFER, CLOSES, DAY, OPENS, STEP, VISIT, Crowd, make_crowd
from bench.measure import Spread
from bench.statements import Superuser
from bench.visitor import Surprise, Visitor
from convene.embedded import Server

if TYPE_CHECKING:
    from convene.tenancy.models import Membership

MONTH = 30  # days
QUIET_DAY = 10  # the number of one for which no request waits
PLAIN_SAMPLES = 3
FLOOR = """
    SELECT technician_id, starts_at, ends_at FROM schedule_entries
    WHERE tenant_id = %s AND technician_id = ANY (%s) AND status = 'confirmed'
      AND starts_at < %s AND ends_at > %s
"""
"""One query, from which nobody can compute free times without at least reading these rows."""


@dataclass(frozen=True)
class Found:
    """Seconds and queries of one question."""

    product: Spread
    plain: Spread
    floor: Spread
    queries: int
    plain_queries: int


@dataclass(frozen=True)
class Availability:
    month: Found
    busy_month: Found
    """The same, when nobody has a free minute."""
    day: Found
    """Of one technician."""
    contested_day: Found
    """The same, when requests wait that this one or another might be given."""
    page: Spread
    """The month in the portal, over HTTP."""


class Bench:
    """Two MSPs of the same size: at one there are free times, at the other everybody is busy."""

    def __init__(self, server: Server, superuser: Superuser, samples: int) -> None:
        self._server, self._samples = server, samples
        os.environ |= {
            "CONVENE_MODE": "development",
            "DATABASE_URL": server.app_url,
            "DJANGO_SETTINGS_MODULE": "convene.settings",
        }
        django.setup()
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._crowd = make_crowd("Crowd", today + DAY, length=VISIT)
        self._busy = make_crowd("Busy", today + DAY, length=APART)
        superuser.execute("VACUUM ANALYZE")  # as autovacuum does within a minute

    def page(self, port: int) -> Spread:
        visitor, address = Visitor(port, self._crowd.contact_email), self._crowd.month_page
        return Spread.of([visitor.open(address).seconds for _ in range(self._samples)])

    def measure(self, page: Spread) -> Availability:
        one = self._crowd.technicians[0]
        return Availability(
            month=self._found(Question(self._crowd, MONTH)),
            busy_month=self._found(Question(self._busy, MONTH)),
            day=self._found(Question(self._crowd, 1, one, QUIET_DAY)),
            contested_day=self._found(Question(self._crowd, 1, one)),
            page=page,
        )

    def _found(self, question: "Question") -> Found:
        with _queries() as ours:
            found = question.ask_product()
        with _queries() as plain_ones:
            expected = question.ask_plainly()
        if found != expected or bool(found) != (question.crowd is self._crowd):
            raise Surprise("The product finds other times than the plainest way.")
        with psycopg.connect(self._server.app_url) as connection:
            pairs = [
                (_seconds(question.ask_product), _seconds(lambda: question.read(connection)))
                for _ in range(self._samples)
            ]
        product, floor = (Spread.of(list(one)) for one in zip(*pairs, strict=True))
        plain = Spread.of([_seconds(question.ask_plainly) for _ in range(PLAIN_SAMPLES)])
        return Found(product, plain, floor, next(ours), next(plain_ones))


@dataclass(frozen=True)
class Question:
    """When somebody, or one of them, is free in so many days."""

    crowd: Crowd
    days: int
    only: "Membership | None" = None
    first: int = 0

    @property
    def start(self) -> datetime:
        return self.crowd.first_day + self.first * DAY

    @property
    def end(self) -> datetime:
        return self.start + self.days * DAY

    @property
    def technicians(self) -> list["Membership"]:
        return [self.only] if self.only else self.crowd.technicians

    def ask_product(self) -> list[datetime]:
        from convene.availability import free
        from convene.availability.hours import Span
        from convene.tenancy.db import tenant_atomic

        span = Span(self.start, self.end)
        with tenant_atomic(self.crowd.tenant):
            facts = free.read(self.crowd.tenant, span, only=self.only)
            slots = facts.slots(self.crowd.service, span, datetime.now(UTC), self.only)
        return [slot.span.start for slot in slots]

    def ask_plainly(self) -> list[datetime]:
        """Each technician and each day by itself: what is there, and is there room beside it?"""
        from convene.schedule.models import ScheduleEntry
        from convene.tenancy.db import tenant_atomic

        free: set[datetime] = set()
        with tenant_atomic(self.crowd.tenant):
            for technician in self.technicians:
                for number in range(self.days):
                    day = self.start + number * DAY
                    rows = ScheduleEntry.objects.confirmed().overlapping(day, day + DAY)
                    entries = list(rows.filter(technician=technician))
                    free.update(start for start in _starts(day) if _has_room(start, entries))
        return sorted(free)

    def read(self, connection: psycopg.Connection[Any]) -> list[Any]:
        """The floor, in a transaction of the tenant as the product's."""
        ids = [technician.id for technician in self.technicians]
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL convene.tenant_id = '{self.crowd.tenant.id}'")
            cursor.execute(FLOOR, [self.crowd.tenant.id, ids, self.end, self.start])
            return cursor.fetchall()


def _starts(day: datetime) -> Iterator[datetime]:
    """The steps of a day at which a visit ends before the work does."""
    start = day + timedelta(hours=OPENS.hour)
    while start + VISIT <= day + timedelta(hours=CLOSES.hour):
        yield start
        start += timedelta(minutes=STEP)


def _has_room(start: datetime, entries: list[Any]) -> bool:
    """Appointments want the buffer before them, this one as well as those that are there."""
    buffer = timedelta(minutes=BUFFER)
    return not any(
        start - buffer < entry.ends_at
        and start + VISIT + (buffer if entry.kind == "appointment" else timedelta())
        > entry.starts_at
        for entry in entries
    )


@contextmanager
def _queries() -> Iterator[Iterator[int]]:
    """Counts what is asked; its next value is the number."""
    from django.db import connection

    counter = count()

    def counted(execute: Any, sql: str, *rest: Any) -> Any:
        next(counter)
        return execute(sql, *rest)

    with connection.execute_wrapper(counted):
        yield counter


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
