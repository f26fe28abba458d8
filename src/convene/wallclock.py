"""Between the clock on a person's wall and UTC.

People give a date, a time and an IANA zone; tables hold UTC. All zone arithmetic of the product
happens here, in Python, with the pinned tzdata package (settings.py makes it the only source).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.utils import formats
from django.utils.translation import gettext as _

# Days that appointments can be on; far from the ends of what datetime can add a zone to.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)


class TimeDoesNotExist(ValueError):
    """There is no such time that an appointment could be at; the message is for people."""


@dataclass(frozen=True)
class Instant:
    """A moment in UTC; ``twice`` if the clock shows that time again, and nobody said which."""

    at: datetime
    twice: bool = False


@cache
def zone_names() -> tuple[str, ...]:
    """Every zone of the installed tzdata that names a place, and UTC."""
    return (
        "UTC",
        *sorted(name for name in available_timezones() if "/" in name and "Etc" not in name),
    )


def validate_zone(name: str) -> None:
    """Raise ValidationError for a zone that the installed tzdata does not know."""
    if name not in zone_names():
        raise ValidationError(_("Unknown time zone: %(zone)s"), params={"zone": name})


def to_utc(day: date, clock: time, zone: ZoneInfo, *, meant: datetime | None = None) -> Instant:
    """The moment of a wall clock time in a zone.

    A time that the clocks skip raises TimeDoesNotExist. Of a time that happens twice the one that
    was ``meant`` is taken, otherwise the first, and the answer says so. A day that is absurdly far
    away is refused as well.
    """
    if not FIRST_DAY <= day <= LAST_DAY:
        raise TimeDoesNotExist(_("This date is too far away. Choose another one."))
    local = datetime.combine(day, clock.replace(second=0, microsecond=0, fold=0), tzinfo=zone)
    at = local.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise TimeDoesNotExist(
            _(
                "%(time)s does not exist on %(date)s in %(zone)s: the clocks go forward over it."
                " Choose another time."
            )
            % {"time": f"{clock:%H:%M}", "date": formats.date_format(day), "zone": zone.key}
        )
    again = local.replace(fold=1).astimezone(UTC)
    return Instant(again) if meant == again else Instant(at, twice=at not in (again, meant))


def parse_day(text: str) -> date | None:
    """A day as addresses carry it (2026-12-01); None for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


def twice_note(instant: Instant, zone: ZoneInfo) -> str:
    """What to say about a time that happens twice, or ""."""
    if not instant.twice:
        return ""
    return _("This time happens twice that night; the first one, %(zone)s, was taken.") % {
        "zone": zone_label(instant.at, zone)
    }


def zone_label(at: datetime, zone: ZoneInfo) -> str:
    """A zone as people read it beside a time, for example "Europe/Berlin (CET)"."""
    short = at.astimezone(zone).strftime("%Z")
    return zone.key if short == zone.key else f"{zone.key} ({short})"


def day_label(at: datetime, zone: ZoneInfo) -> str:
    """The local day, for example "Tuesday, 1 December 2026"."""
    return formats.date_format(at.astimezone(zone), "l, j F Y")


def span_label(start: datetime, end: datetime, zone: tzinfo) -> str:
    """The local hours, for example "14:00–14:30"; a later day at the end is named."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if first.date() == last.date():
        return f"{first:%H:%M}–{last:%H:%M}"  # an en dash is right between times
    return f"{first:%H:%M}–{last:%H:%M} ({formats.date_format(last, 'j F')})"  # as above


def when_label(start: datetime, end: datetime, zone: tzinfo) -> str:
    """Local day and hours in short, for example "Tue, 1 Dec 2026, 14:00–14:30"."""
    return (
        f"{formats.date_format(start.astimezone(zone), 'D, j M Y')}, {span_label(start, end, zone)}"
    )
