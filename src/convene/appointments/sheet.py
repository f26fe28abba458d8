"""Which part of the calendar somebody looks at, as the address of the page says it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from convene.availability.hours import DAY, Span, local_day
from convene.tenancy.models import Tenant
from convene.wallclock import FIRST_DAY, LAST_DAY, parse_day

NAMES = ("view", "day", "technician")
LONGEST = 36  # an id


class View(Enum):
    WEEK = "week"
    DAY = "day"
    TEAM = "team"

    @property
    def label(self) -> str:
        labels = {View.WEEK: _("Week"), View.DAY: _("Day"), View.TEAM: _("Technicians")}
        return str(labels[self])


@dataclass(frozen=True)
class Sheet:
    """A week from Monday or a day, of everybody or of one technician."""

    view: View
    day: date
    who: UUID | None = None

    @property
    def first(self) -> date:
        return self.day - self.day.weekday() * DAY if self.view is View.WEEK else self.day

    @property
    def days(self) -> list[date]:
        return [self.first + number * DAY for number in range(self._step.days)]

    @property
    def _step(self) -> timedelta:
        return 7 * DAY if self.view is View.WEEK else DAY

    @property
    def title(self) -> str:
        first, last = self.days[0], self.days[-1]
        if first == last:
            return date_format(first, "l, j F Y")
        if first.month == last.month:
            return f"{first.day}–{date_format(last, 'j F Y')}"  # an en dash is right between days
        start = "j F" if first.year == last.year else "j F Y"
        return f"{date_format(first, start)} – {date_format(last, 'j F Y')}"  # as above

    @property
    def query(self) -> str:
        """The sheet as an address carries it; the technician also where it is nobody."""
        return urlencode({"view": self.view.value, "day": self.day, "technician": self.who or ""})

    @property
    def earlier(self) -> "Sheet":
        return replace(self, day=max(self.day - self._step, FIRST_DAY))

    @property
    def later(self) -> "Sheet":
        return replace(self, day=min(self.day + self._step, LAST_DAY))

    def at(self, day: date) -> "Sheet":
        return replace(self, day=day)

    def seen_as(self, view: View) -> "Sheet":
        return replace(self, view=view)

    def span(self, zone: ZoneInfo) -> Span:
        return days_span(self.days[0], self.days[-1], zone)


def days_span(first: date, last: date, zone: ZoneInfo) -> Span:
    """From the first midnight of a day until the last one of another."""
    return Span(local_day(first, zone).start, local_day(last, zone).end)


def sheet_of(query: Mapping[str, str], today: date, usual: UUID | None = None) -> Sheet:
    """What an address asks for; this week of ``usual`` where it asks for nothing we know."""
    view = query.get("view")
    return Sheet(
        View(view) if view in {one.value for one in View} else View.WEEK,
        parse_day(query.get("day", "")) or today,
        parse_id(query["technician"]) if "technician" in query else usual,
    )


def parse_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def calendar_url(tenant: Tenant, query: str) -> str:
    """The calendar as somebody left it; ``query`` may be anything that a form has sent."""
    page = reverse("appointments:schedule", args=[tenant.slug])
    asked = QueryDict(query)
    known = {name: asked[name][:LONGEST] for name in NAMES if name in asked}
    return f"{page}?{urlencode(known)}"
