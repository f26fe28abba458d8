"""Which requests somebody goes through, as the address of the page says it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from .models import LONGEST_SEARCH, AppointmentQuerySet, AppointmentRequest, Status

PAGE_SIZE = 50  # a morning of requests on one page
ALL = "all"


@dataclass(frozen=True)
class Queue:
    """Requests of one status, or of all, that match a search; read when they are shown."""

    status: str
    q: str = ""
    number: str = ""

    @cached_property
    def query(self) -> str:
        """The queue as an address carries it; each of its rows does."""
        found = {"status": self.status, "q": self.q, "page": self.number}
        return urlencode({name: value for name, value in found.items() if value})

    def seen_as(self, status: str) -> "Queue":
        return replace(self, status=status, number="")

    def turned_to(self, number: int) -> "Queue":
        return replace(self, number=str(number))

    @property
    def _found(self) -> AppointmentQuerySet:
        return AppointmentRequest.objects.search(self.q)

    @cached_property
    def page(self) -> "Page[AppointmentRequest]":
        rows = self._found.select_related("service", "client", "schedule_entry__technician__user")
        rows = rows.in_order(newest_first=self.status != Status.PENDING)
        if self.status in Status.values:
            rows = rows.filter(status=self.status)
        return Paginator(rows, PAGE_SIZE).get_page(self.number)

    @property
    def earlier(self) -> "Queue":
        return self.turned_to(self.page.previous_page_number())

    @property
    def later(self) -> "Queue":
        return self.turned_to(self.page.next_page_number())

    @cached_property
    def tabs(self) -> list[dict[str, Any]]:
        """The statuses with their numbers, in one query."""
        by_status = self._found.values("status").annotate(n=Count("id"))
        counted = {row["status"]: row["n"] for row in by_status}
        tabs: list[tuple[str, Any, int]] = [
            (value, label, counted.get(value, 0)) for value, label in Status.choices
        ]
        tabs.append((ALL, _("All"), sum(counted.values())))
        return [
            {"queue": self.seen_as(value), "label": label, "count": count}
            for value, label, count in tabs
        ]

    def next_after(self, appointment: AppointmentRequest) -> UUID | None:
        """Which waits next, in the order of pending ones; after the last one the first."""
        start, asked = appointment.requested_start, appointment.created_at
        later = Q(requested_start__gt=start) | Q(requested_start=start, created_at__gt=asked)
        waiting = self._found.waiting().exclude(id=appointment.id)
        ids = waiting.order_by("requested_start", "created_at").values_list("id", flat=True)
        return ids.filter(later).first() or ids.first()


def queue_of(query: Mapping[str, str], usual: str = Status.PENDING) -> Queue:
    """What an address asks for; ``usual`` where it names no status."""
    status, q, number = (query.get(name, "") for name in ("status", "q", "page"))
    is_known = status in {*Status.values, ALL}
    number = number if number.isdecimal() else ""
    return Queue(status if is_known else usual, q.strip()[:LONGEST_SEARCH], number[:6])
