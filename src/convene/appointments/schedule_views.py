"""The staff's calendar: a week or a day at a glance, and what the script draws it from."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from convene.availability.hours import DAY, Span, local_day, merge
from convene.availability.work import Absence, absences, work
from convene.meetings.words import words_of
from convene.pages import render_part
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.pages import TenantRequest, tenant_page
from convene.wallclock import parse_day, to_utc, zone_label

from . import actions, agenda
from .agenda import Item, Kind, clock
from .forms import WhyNotForm
from .models import AppointmentRequest
from .sheet import Sheet, View, days_span, parse_id, sheet_of

MOST_DAYS = 45
NOON = time(12)  # no clock is changed then
NOBODY = "nobody"  # the column of what still needs a technician


@tenant_page("user_schedule:read")
def schedule(request: TenantRequest) -> HttpResponse:
    """The calendar as a list, which the script replaces by a grid where there is room for one."""
    zone, now, today = request.membership.zone, timezone.now(), timezone.localdate()
    sheet = _sheet(request, today)
    people = _people(request.tenant)
    items = agenda.read(sheet.span(zone), sheet.who)
    groups = list(_groups(request, sheet, items, people))
    is_now = today in sheet.days
    past = [group for group in groups if is_now and group.get("day", today) < today]
    context = {
        "sheet": sheet,
        "views": [(view, sheet.seen_as(view)) for view in View],
        "today": sheet.at(today),
        "people": people,
        "past": past,
        "groups": groups[len(past) :],
        "zone_then": zone_label(to_utc(sheet.day, NOON, zone).at, zone),
        "offset": _offset(now, zone),
        "nobody": NOBODY,
        "new_busy": _new_busy(request, sheet),
        "why": WhyNotForm(by=request.membership, initial=_why_initial(sheet)),
    }
    return render_part(request, "appointments/schedule.html", "sheet", context)


def _sheet(request: TenantRequest, today: date) -> Sheet:
    """Whoever only has a calendar of their own starts with that one."""
    me = request.membership
    return sheet_of(request.GET, today, None if me.may("user_schedule:update") else me.id)


def _people(tenant: Tenant) -> list[Membership]:
    return list(Membership.objects.of_tenant(tenant).technicians())


def _groups(
    request: TenantRequest, sheet: Sheet, items: list[Item], people: list[Membership]
) -> Iterator[dict[str, Any]]:
    """What the list shows under each heading: a day, or a technician."""
    zone = request.membership.zone
    off = list(absences(request.tenant, sheet.days, zone, sheet.who))
    if sheet.view is not View.TEAM:
        for day in sheet.days:
            rows = [_row(request, item, day) for item in agenda.on(day, items, zone)]
            yield {"day": day, "rows": rows, "off": [one for one in off if one.day == day]}
        return
    for person in people:
        if sheet.who in {None, person.id}:
            rows = [_row(request, item, sheet.day) for item in items if item.technician == person]
            theirs = [one.why for one in off if one.technician in {None, person}]
            yield {"who": person, "rows": rows, "off": theirs}
    if rest := [item for item in items if item.technician not in people]:
        rows = [_row(request, item, sheet.day) for item in rest]
        yield {"who": _("Needs a technician"), "rows": rows}


def _row(request: TenantRequest, item: Item, day: date) -> tuple[Item, str, str]:
    """A line of the list: what, its hours of the day, and where it leads."""
    return item, agenda.hours_on(day, item.span, request.membership.zone), _address(request, item)


def _new_busy(request: TenantRequest, sheet: Sheet) -> str:
    """The form of a busy time on the day and of the technician that are looked at."""
    page = reverse("appointments:new_busy", args=[request.tenant.slug])
    given = {"first_day": sheet.day, "technician": sheet.who or "", "calendar": sheet.query}
    return f"{page}?{urlencode(given)}"


def _offset(at: datetime, zone: ZoneInfo) -> str:
    """The zone's distance from UTC now, for the line that marks the present; "+01:00"."""
    return at.astimezone(zone).isoformat()[-6:]


@tenant_page("user_schedule:read")
def why_not(request: TenantRequest) -> HttpResponse:
    """What speaks against a technician at a time; an address without a service only fills it in."""
    is_asked = "service" in request.GET
    form = WhyNotForm(
        request.GET if is_asked else None, by=request.membership, initial=request.GET.dict()
    )
    status = 422 if is_asked and not form.is_valid() else 200
    return render_part(request, "appointments/why_not.html", "why", {"why": form}, status=status)


def _why_initial(sheet: Sheet) -> dict[str, Any]:
    return {"final_date": sheet.day} | ({"technician": sheet.who} if sheet.who else {})


# What the grid is drawn from


@tenant_page("user_schedule:read")
def schedule_items(request: TenantRequest) -> HttpResponse:
    """A range of days as JSON. All times are what the clock on the reader's wall shows."""
    first, end = parse_day(request.GET.get("start", "")), parse_day(request.GET.get("end", ""))
    if first is None or end is None or not DAY <= end - first <= MOST_DAYS * DAY:
        sentence = _("Ask for %(most)s days at most, from start until before end.")
        return JsonResponse({"error": sentence % {"most": MOST_DAYS}}, status=400)
    zone = request.membership.zone
    who = parse_id(request.GET.get("technician", ""))
    within = days_span(first, end - DAY, zone)
    people = [one for one in _people(request.tenant) if who in {None, one.id}]
    ids = {one.id for one in people}
    events = [_event(request, item, ids, zone) for item in agenda.read(within, who)]
    hours = work(request.tenant, people, within)
    days = [first + number * DAY for number in range((end - first).days)]
    off = absences(request.tenant, days, zone, who)
    return JsonResponse({"events": [*events, *_off(off, people, zone), *_open(hours, zone)]})


def _event(request: TenantRequest, item: Item, people: set[UUID], zone: ZoneInfo) -> dict[str, Any]:
    technician = item.technician.id if item.technician else None
    times, moving = _times(item.span, zone), _moving(request, item)
    return times | {
        "id": str(item.id),
        "resourceIds": [str(technician) if technician in people else NOBODY],
        "title": item.title,
        "classNames": [f"is-{item.kind.value}"],
        "allDay": item.kind is Kind.BUSY and agenda.is_of_whole_days(item.span, zone),
        "startEditable": bool(moving),
        "durationEditable": bool(moving) and item.kind is Kind.BUSY,
        "extendedProps": {
            "what": item.what,
            "who": str(item.technician or _("Needs a technician")),
            "technician": str(technician or ""),
            "url": _address(request, item),
            **times,
            **moving,
        },
    }


def _moving(request: TenantRequest, item: Item) -> dict[str, Any]:
    """Where a new time is sent, and what follows from it; nothing if it stays where it is."""

    def url(name: str) -> str:
        return reverse(f"appointments:{name}", args=[request.tenant.slug, item.id])

    if item.kind is Kind.BUSY:
        moments = {"from_moment": item.span.start, "to_moment": item.span.end}
        mine = {"move": url("busy"), "busy": item.what, "moments": moments}
        return mine if _address(request, item) else {}
    appointment = item.appointment
    if appointment is None or not appointment.is_approved or appointment.is_over():
        return {}
    if not request.membership.may("user_schedule:update"):
        return {}
    return {
        "move": url("reschedule"),
        "check": url("check"),
        "told": _told(appointment),
        "moments": {"final_moment": item.span.start},
    }


def _told(appointment: AppointmentRequest) -> str:
    if appointment.online_meeting_id:
        return words_of(appointment.online_meeting_provider).will_be_moved
    return _("The client is told.")


def _address(request: TenantRequest, item: Item) -> str:
    """Where it is changed; nowhere for a colleague's busy time."""
    if item.kind is not Kind.BUSY:
        return reverse("appointments:detail", args=[request.tenant.slug, item.id])
    if item.technician and actions.may_manage(request.membership, item.technician.id):
        return reverse("appointments:busy", args=[request.tenant.slug, item.id])
    return ""


def _times(span: Span, zone: ZoneInfo) -> dict[str, str]:
    """Where to draw it. In the night in which the clocks go back, an end may read as an earlier
    time than its start; it is drawn as long as it is."""
    start, end = clock(span.start, zone), clock(span.end, zone)
    if end <= start:
        end = start + (span.end - span.start)
    return {"start": start.isoformat(), "end": end.isoformat()}


def _open(hours: dict[UUID, list[Span]], zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    """Hours of work: each technician's for their column, and when anybody works for the rest."""
    for who, mine in hours.items():
        yield from _background(mine, zone, [str(who)])
    yield from _background(merge(span for mine in hours.values() for span in mine), zone, [])


def _off(
    off: Iterable[Absence], people: list[Membership], zone: ZoneInfo
) -> Iterator[dict[str, Any]]:
    """Who is off: in each technician's column, and once with the name for the rest."""
    for one in off:
        times = _times(local_day(one.day, zone), zone)
        columns = [str(person.id) for person in people if one.technician in {None, person}]
        for title, ids in ((one.why, columns), (str(one), [])):
            yield times | {
                "title": title,
                "allDay": True,
                "classNames": ["is-off"],
                "resourceIds": ids,
                "extendedProps": times,
            }


def _background(
    spans: Iterable[Span], zone: ZoneInfo, columns: list[str]
) -> Iterator[dict[str, Any]]:
    for span in spans:
        event = {"display": "background", "classNames": ["is-open"], "resourceIds": columns}
        yield event | _times(span, zone)
