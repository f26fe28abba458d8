"""Free times from rows: which rows count, and how many queries they take."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convene.appointments import actions
from convene.availability import free
from convene.availability.hours import DAY, Span, local_day
from convene.availability.models import Origin, effective
from convene.availability.rows import booking_rules
from convene.availability.slots import Why
from convene.catalog.models import Service
from convene.schedule.models import EntryKind, EntryStatus, ScheduleEntry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership
from convene.tenancy.permissions import Role
from tests.availability.make import BERLIN, make_entry, make_hours, make_rules, make_time_off
from tests.make import make_member, make_request, make_service, make_tenant

pytestmark = pytest.mark.usefixtures("db")

# A Tuesday well ahead, so that neither notice nor horizon is in the way.
NOW = datetime(2027, 5, 20, 6, tzinfo=UTC)
TUESDAY = date(2027, 6, 1)
HOUR = timedelta(hours=1)


def at(hour: int, minute: int = 0) -> datetime:
    """That time of the Tuesday, on clocks in Berlin."""
    return datetime.combine(TUESDAY, time(hour, minute), BERLIN).astimezone(UTC)


def free_times(service: Service, technician: Membership | None = None) -> list[str]:
    """Those of the Tuesday on clocks in Berlin."""
    day = local_day(TUESDAY, BERLIN)
    with tenant_atomic(service.tenant):
        facts = free.read(service.tenant, day)
        slots = facts.slots(service, day, NOW, technician)
    return [f"{slot.span.start.astimezone(BERLIN):%H:%M}" for slot in slots]


def why_not(technician: Membership, service: Service, start: datetime, **options: Any) -> list[Why]:
    with tenant_atomic(service.tenant):
        facts = free.read(service.tenant, Span(start, start), only=technician, **options)
        reasons = facts.why_not(technician, start, facts.rules_of(service), NOW)
    return [reason.why for reason in reasons]


@pytest.fixture
def dana():
    return make_member(make_tenant(), "Dana", Role.TECHNICIAN)


@pytest.fixture
def service(dana):
    """An hour with Dana, who works from 9 to 12."""
    make_hours(dana, end=time(12))
    return make_service(dana.tenant, "Visit", dana, duration=60)


def test_an_empty_morning_is_free_each_half_hour(service):
    assert free_times(service) == ["09:00", "09:30", "10:00", "10:30", "11:00"]


def test_hours_may_have_a_zone_of_their_own(dana):
    make_hours(dana, end=time(10), timezone="America/New_York")
    service = make_service(dana.tenant, "", dana, duration=60)

    assert free_times(service) == ["15:00"]


def test_hours_count_from_and_until_their_days(dana):
    make_hours(dana, end=time(10), effective_until=TUESDAY - DAY)
    make_hours(dana, start=time(14), end=time(15), effective_from=TUESDAY)
    make_hours(dana, start=time(20), end=time(21), effective_from=TUESDAY + DAY)
    service = make_service(dana.tenant, "", dana, duration=60)

    assert free_times(service) == ["14:00"]


@pytest.mark.parametrize("kind", EntryKind.values)
def test_an_entry_takes_its_time(dana, service, kind):
    make_entry(dana, at(9, 30), at(10), kind=kind)

    assert free_times(service) == ["10:00", "10:30", "11:00"]


def test_a_cancelled_entry_takes_none(dana, service):
    make_entry(dana, at(9, 30), at(10), status=EntryStatus.CANCELLED)

    assert free_times(service) == ["09:00", "09:30", "10:00", "10:30", "11:00"]


def test_a_company_holiday_closes_everybody_and_ones_own_extra_hours_open_again(dana, service):
    make_time_off(dana.tenant, TUESDAY, reason="Holiday")
    make_time_off(
        dana.tenant, TUESDAY, kind="extra", technician=dana, starts_at=time(10), ends_at=time(11)
    )

    assert free_times(service) == ["10:00"]
    assert why_not(dana, service, at(9)) == [Why.EXCEPTION]


def test_somebody_elses_time_off_changes_nothing(dana, service):
    make_time_off(dana.tenant, TUESDAY, technician=make_member(dana.tenant))

    assert "09:00" in free_times(service)


def test_a_person_who_left_is_not_offered(dana, service):
    Membership.objects.filter(id=dana.id).update(active=False)

    assert free_times(service) == []


# Rules


def test_a_rule_is_the_services_else_generals_else_the_default(service):
    make_rules(service.tenant, notice_hours=8, step_minutes=60)
    make_rules(service.tenant, service=service, step_minutes=15)

    with tenant_atomic(service.tenant):
        rows = booking_rules()
        found = effective(rows[None], rows[service.id])

    assert (found.values["step_minutes"], found.origins["step_minutes"]) == (15, Origin.SERVICE)
    assert (found.values["notice_hours"], found.origins["notice_hours"]) == (8, Origin.GENERAL)
    assert (found.values["horizon_days"], found.origins["horizon_days"]) == (60, Origin.DEFAULT)


def test_the_step_of_a_service_is_kept(service):
    make_rules(service.tenant, step_minutes=60)

    assert free_times(service) == ["09:00", "10:00", "11:00"]


def test_the_buffer_of_another_service_is_kept_beside_its_appointments(dana, service):
    drive = make_service(dana.tenant, "On site", dana, duration=60)
    make_rules(dana.tenant, service=drive, buffer_after=45)
    request = make_request(dana.tenant, service=drive, start=at(9))
    actions.approve_appointment_request(
        dana.tenant, request.id, by=dana, technician=dana, starts_at=at(9), with_meeting=False
    )

    assert free_times(service) == ["11:00"]


def test_a_limit_of_the_day_is_kept(dana, service):
    make_rules(dana.tenant, daily_limit=1)
    make_entry(dana, at(18), at(19), kind=EntryKind.APPOINTMENT)

    assert free_times(service) == []


# Waiting requests


def test_a_waiting_request_holds_the_technician_it_wishes_for(dana, service):
    eli = make_member(dana.tenant, role=Role.TECHNICIAN)
    make_hours(eli, end=time(12))
    both = make_service(dana.tenant, "", dana, eli, duration=60)
    make_request(dana.tenant, service=both, start=at(9), preferred_technician=dana)

    assert free_times(both, dana) == ["10:00", "10:30", "11:00"]
    assert free_times(both, eli) == ["09:00", "09:30", "10:00", "10:30", "11:00"]
    assert why_not(dana, both, at(9)) == [Why.HELD]


def test_waiting_requests_for_anybody_hold_one_of_the_pool_each(dana, service):
    eli = make_member(dana.tenant, role=Role.TECHNICIAN)
    make_hours(eli, end=time(12))
    both = make_service(dana.tenant, "", dana, eli, duration=60)
    make_request(dana.tenant, service=both, start=at(9))

    assert "09:00" in free_times(both)
    make_request(dana.tenant, service=both, start=at(9))
    assert free_times(both) == ["10:00", "10:30", "11:00"]


def test_a_request_is_not_in_its_own_way(dana, service):
    request = make_request(dana.tenant, service=service, start=at(9))

    assert why_not(dana, service, at(9)) == [Why.HELD]
    assert why_not(dana, service, at(9), ignoring=[request.id]) == []


@pytest.mark.parametrize("limit", [0, 1, 2])
@pytest.mark.parametrize("requests", range(4))
def test_what_is_read_for_one_person_says_the_same_as_what_is_read_for_all(dana, limit, requests):
    make_hours(dana)
    eli, fia = (make_member(dana.tenant, role=Role.TECHNICIAN) for _ in range(2))
    make_hours(eli, fia, end=time(14))
    service = make_service(dana.tenant, "", dana, eli, fia, duration=60)
    other = make_service(dana.tenant, "", eli, fia, duration=90)
    make_rules(dana.tenant, buffer_before=15, daily_limit=limit)
    make_rules(dana.tenant, service=other, buffer_after=240)
    make_entry(eli, at(9), at(10, 30))
    make_entry(fia, at(18), at(19), kind=EntryKind.APPOINTMENT)
    for n in range(requests):
        make_request(dana.tenant, service=[service, other][n % 2], start=at(10 + n // 2))
    day = local_day(TUESDAY, BERLIN)

    for person in (dana, eli, fia):
        with tenant_atomic(dana.tenant):
            alone = free.read(dana.tenant, day, only=person)
            of_one = alone.slots(service, day, NOW, person)
        with tenant_atomic(dana.tenant):
            of_all = free.read(dana.tenant, day).slots(service, day, NOW, person)

        assert of_one == of_all


def test_a_part_of_a_second_is_taken_too(dana, service):
    second = timedelta(seconds=1)
    make_entry(dana, at(9, 30) - second / 2, at(10) + second / 2)

    assert free_times(service) == ["10:30", "11:00"]


# Queries


def crowd(count: int, entries: int) -> Service:
    """Technicians who all perform one service, and 60 days full of entries of theirs."""
    tenant = make_tenant()
    people = [make_member(tenant, role=Role.TECHNICIAN) for _ in range(count)]
    make_hours(*people)
    service = make_service(tenant, "", *people)
    make_rules(tenant, service=service, buffer_before=5)
    each = entries // count
    apart = 60 * DAY / each
    with tenant_atomic(tenant):
        ScheduleEntry.objects.bulk_create(
            [
                ScheduleEntry(
                    technician=person,
                    starts_at=at(0) + n * apart,
                    ends_at=at(0) + n * apart + timedelta(minutes=30),
                    title="Visit",
                    kind=EntryKind.APPOINTMENT if n % 3 else EntryKind.BUSY,
                )
                for person in people
                for n in range(each)
            ],
            batch_size=5000,
        )
    for _ in range(3):
        make_request(tenant, service=service, start=at(10))
    return service


def with_everybody_busy(service: Service) -> Service:
    """Nobody has a free minute in these days."""
    with tenant_atomic(service.tenant):
        ScheduleEntry.objects.bulk_create(
            ScheduleEntry(
                technician=person,
                starts_at=at(0) + n * DAY,
                ends_at=at(0) + (n + 1) * DAY,
                title="Conference",
                kind=EntryKind.BUSY,
            )
            for person in service.performers()
            for n in range(60)
        )
    return service


def queries_of(service: Service, days: int, only: Membership | None = None) -> tuple[int, bool]:
    """How many there are for so many days, and whether there is a free time."""
    span = Span(at(0), at(0) + days * DAY)
    with tenant_atomic(service.tenant), CaptureQueriesContext(connection) as queries:
        slots = free.read(service.tenant, span, only=only).slots(service, span, NOW, only)
    return len(queries), bool(slots)


@pytest.mark.parametrize(("people", "entries"), [(1, 40), (50, 20_000)])
def test_a_month_and_a_day_take_six_queries_each_whoever_waits_or_is_busy(people, entries):
    service = crowd(people, entries)  # for which requests wait
    with tenant_atomic(service.tenant):
        one = service.performers().select_related("tenant").first()
        assert one

    assert queries_of(service, 30) == (6, True)
    assert queries_of(service, 1, one) == (6, True)
    with_everybody_busy(service)
    assert queries_of(service, 30) == (6, False)
    assert queries_of(service, 1, one) == (6, False)


def test_of_one_person_the_others_are_read_only_where_they_share_a_waiting_request():
    service = crowd(10, 4_000)
    with tenant_atomic(service.tenant):
        one, *_others = service.performers().select_related("tenant")
        on_the_day = free.read(service.tenant, Span(at(0), at(0) + DAY), only=one)
        in_a_week = free.read(service.tenant, Span(at(0) + 7 * DAY, at(0) + 8 * DAY), only=one)

    read = {row.technician_id: row for row in on_the_day.entries if row.kind == EntryKind.BUSY}
    assert len(read) == 10
    assert all(len(row.starts) <= 3 for who, row in read.items() if who != one.id)
    assert {row.technician_id for row in in_a_week.entries} == {one.id}
