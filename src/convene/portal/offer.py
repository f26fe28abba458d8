"""The free times of a month as a client sees them."""

from calendar import Calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models.query import QuerySet

from convene.availability import free, rows
from convene.availability.hours import DAY, MIDNIGHT, Span, moment
from convene.availability.models import Effective, effective
from convene.availability.slots import Slot
from convene.catalog.models import Service, ServicePerformer
from convene.tenancy.models import Membership, Tenant


def rules_of(services: Iterable[Service]) -> dict[UUID, Effective]:
    """The rules that count for each of them."""
    found = rows.booking_rules()
    return {one.id: effective(found.get(None), found.get(one.id)) for one in services}


def may_be_wished_for(tenant: Tenant, services: Iterable[Service]) -> QuerySet[Membership]:
    """Who performs one of them for which the asker may choose with whom."""
    open_to_wishes = [
        service for service, rules in rules_of(services).items() if rules.allow_preferred
    ]
    named = ServicePerformer.objects.filter(service__in=open_to_wishes).values("technician_id")
    return Membership.objects.of_tenant(tenant).technicians().filter(id__in=named)


@dataclass(frozen=True)
class Question:
    """What free times are asked for: those of a month, in the client's zone."""

    tenant: Tenant
    service: Service
    technician: Membership | None
    zone: ZoneInfo


@dataclass(frozen=True)
class Day:
    date: date
    is_of_month: bool
    is_free: bool
    is_chosen: bool


@dataclass(frozen=True)
class Offer:
    """A month of weeks, and the free times of the chosen day."""

    first: date
    weeks: Sequence[Sequence[Day]]
    chosen: date | None
    times: Sequence[datetime]
    earlier: date | None
    later: date | None
    may_wish_for_somebody: bool


def offer(question: Question, now: datetime, day: date | None = None) -> Offer:
    """The month of ``day``; without one the first that has a free time, this or the next."""
    today = now.astimezone(question.zone).date()
    wanted = max(day or today, today)
    found = _month(question, now, wanted.replace(day=1), day and wanted)
    if day is None and found.later and not found.times:
        return _month(question, now, found.later, None)
    return found


def _month(question: Question, now: datetime, first: date, day: date | None) -> Offer:
    zone, service = question.zone, question.service
    after = (first + 31 * DAY).replace(day=1)
    span = Span(moment(first, MIDNIGHT, zone), moment(after, MIDNIGHT, zone))
    facts = free.read(question.tenant, span)
    rules = facts.effective(service.id)
    by_day = _by_day(facts.offered(service, span, now, question.technician), zone)
    chosen = day if day in by_day or day is None else None
    chosen = chosen or min(by_day, default=None)
    return Offer(
        first=first,
        weeks=[
            [Day(d, d.month == first.month, d in by_day, d == chosen) for d in week]
            for week in Calendar().monthdatescalendar(first.year, first.month)
        ],
        chosen=chosen,
        times=by_day[chosen] if chosen else (),
        earlier=(first - DAY).replace(day=1) if span.start > now else None,
        later=after if span.end <= now + facts.rules_of(service).horizon else None,
        may_wish_for_somebody=rules.allow_preferred,
    )


def _by_day(slots: Sequence[Slot], zone: ZoneInfo) -> dict[date, list[datetime]]:
    starts = [slot.span.start.astimezone(zone) for slot in slots]
    return {day: list(times) for day, times in groupby(starts, key=datetime.date)}
