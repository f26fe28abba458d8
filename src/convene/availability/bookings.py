"""What upper parts know of booked time and the schedule does not: they register a reader here."""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from .hours import Span


class Waiting(NamedTuple):
    """Requests of one service and length that wait for their approval, in columns.

    Without a technician they are for anybody who performs it. Seconds since 1970.
    """

    service_id: UUID
    technician_id: UUID | None
    duration: timedelta
    starts: Sequence[int]
    labels: Sequence[str]


class Confirmed(NamedTuple):
    """When a technician's appointments of a service begin, in whole seconds since 1970."""

    service_id: UUID
    technician_id: UUID
    starts: Collection[int]


class Booked(NamedTuple):
    waiting: Sequence[Waiting] = ()
    confirmed: Sequence[Confirmed] = ()


Reader = Callable[[Span, Collection[UUID], Collection[UUID]], Booked]
"""Of a span: all waiting requests, and the confirmed ones of these services; in one query.

Without the requests that the last argument names.
"""


def _nothing(within: Span, services: Collection[UUID], ignoring: Collection[UUID]) -> Booked:
    return Booked()


_reader: Reader = _nothing


def register(reader: Reader) -> None:
    """Make this the reader of bookings."""
    global _reader
    _reader = reader


def read(within: Span, services: Collection[UUID], ignoring: Collection[UUID]) -> Booked:
    """What is booked in a span of the block's tenant."""
    return _reader(within, services, ignoring)
