"""What upper parts know of booked time and the schedule does not: they register a reader here."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from .hours import Span


class Waiting(NamedTuple):
    """A request that waits for its approval; without a technician, for anybody who performs it."""

    request_id: UUID
    service_id: UUID
    technician_id: UUID | None
    start: datetime
    duration: timedelta
    label: str


class Confirmed(NamedTuple):
    """When a technician's appointments of a service begin, in whole seconds since 1970."""

    service_id: UUID
    technician_id: UUID
    starts: Collection[int]


class Booked(NamedTuple):
    waiting: Sequence[Waiting] = ()
    confirmed: Sequence[Confirmed] = ()


Reader = Callable[[Span, Collection[UUID]], Booked]
"""Of a span: all waiting requests, and the confirmed ones of these services; in one query."""


def _nothing(within: Span, services: Collection[UUID]) -> Booked:
    return Booked()


_reader: Reader = _nothing


def register(reader: Reader) -> None:
    """Make this the reader of bookings."""
    global _reader
    _reader = reader


def read(within: Span, services: Collection[UUID]) -> Booked:
    """What is booked in a span of the block's tenant."""
    return _reader(within, services)
