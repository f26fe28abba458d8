"""What upper parts know of booked time and the schedule does not: they register a reader here."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from .hours import Span


class Booked(NamedTuple):
    """A request that waits for its approval, or a confirmed one whose service matters.

    Without a technician it waits for anybody who performs the service.
    """

    request_id: UUID
    is_confirmed: bool
    service_id: UUID
    technician_id: UUID | None
    start: datetime
    duration: timedelta
    label: str


Reader = Callable[[Span, Collection[UUID]], Iterable[Booked]]
"""Of a span: all waiting requests, and the confirmed ones of these services; in one query."""


def _nothing(within: Span, services: Collection[UUID]) -> Iterable[Booked]:
    return ()


_reader: Reader = _nothing


def register(reader: Reader) -> None:
    """Make this the reader of bookings."""
    global _reader
    _reader = reader


def read(within: Span, services: Collection[UUID]) -> list[Booked]:
    """What is booked in a span of the block's tenant."""
    return list(_reader(within, services))
