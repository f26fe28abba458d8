"""Free times against the slow reference, and on the nights when clocks are moved."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convene.availability.hours import (
    DAY,
    MINUTE,
    Change,
    Span,
    Window,
    local_day,
    merge,
    moment,
    open_hours,
    subtract,
)
from convene.availability.slots import (
    Block,
    Hold,
    Kind,
    Off,
    Reason,
    Rules,
    Taken,
    Technician,
    Why,
    free_slots,
    spread,
    why_not,
)
from tests.availability.reference import Minutes

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE, VANCOUVER = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/Vancouver")
HOUR = timedelta(hours=1)
DANA, ELI, FIA = UUID(int=1), UUID(int=2), UUID(int=3)

# Nights in which clocks are moved, and ordinary days. Lord Howe moves them by half an hour, Troll
# by two hours, and Samoa left a day out.
DAYS = [
    (BERLIN, date(2026, 3, 29)),
    (BERLIN, date(2026, 10, 25)),
    (NEW_YORK, date(2026, 3, 8)),
    (NEW_YORK, date(2026, 11, 1)),
    (LORD_HOWE, date(2026, 10, 4)),
    (LORD_HOWE, date(2026, 4, 5)),
    (ZoneInfo("America/Havana"), date(2026, 3, 8)),  # at midnight
    (ZoneInfo("America/Havana"), date(2026, 11, 1)),
    (VANCOUVER, date(2026, 12, 1)),
    (ZoneInfo("Africa/Cairo"), date(2026, 4, 24)),  # at midnight
    (ZoneInfo("Africa/Cairo"), date(2026, 10, 30)),
    (ZoneInfo("Antarctica/Troll"), date(2026, 3, 29)),
    (ZoneInfo("America/St_Johns"), date(2026, 11, 1)),
    (ZoneInfo("Pacific/Apia"), date(2011, 12, 30)),
    (ZoneInfo("Asia/Kathmandu"), date(2026, 6, 1)),  # 5:45 ahead of UTC
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Span:
    return Span(utc(start), utc(end))


def technician(zone: ZoneInfo = BERLIN, *windows: Window, **facts) -> Technician:
    """Somebody whose hours are known in 2026 (all of them, unless windows are given)."""
    year = span("2026-01-01", "2027-01-01")
    hours = open_hours(windows, (), year, zone) if windows else [year]
    taken = [Block.of(one) for one in facts.pop("taken", [])]
    return Technician(id=facts.pop("id", DANA), zone=zone, open=hours, taken=taken, **facts)


def every_day(start: time, end: time, zone: ZoneInfo) -> list[Window]:
    return [Window(weekday, start, end, zone) for weekday in range(7)]


def starts(person: Technician, rules: Rules, between: Span) -> list[str]:
    """The free times of a person by their own clock."""
    slots = free_slots([person], rules, between, between.start)
    return [f"{slot.span.start.astimezone(person.zone):%H:%M}" for slot in slots]


# Against the reference

quarters = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))
lengths = st.integers(0, 8).map(lambda n: n * 15 * MINUTE)


@st.composite
def situations(draw):
    zone, middle = draw(st.sampled_from(DAYS))
    near = st.integers(-2, 2).map(lambda n: middle + n * DAY)
    ranges = st.tuples(near, near).map(lambda pair: (min(pair), max(pair)))
    zones = st.sampled_from([zone, zone, BERLIN, NEW_YORK])
    windows = [
        Window(weekday, draw(quarters), draw(quarters), draw(zones), *draw(ranges))
        for weekday in draw(st.lists(st.integers(0, 6), max_size=8))
    ]
    hours = st.none() | st.tuples(quarters, quarters)
    changes = [
        Change(first, last, draw(hours), extra=draw(st.booleans()), own=draw(st.booleans()))
        for first, last in draw(st.lists(ranges, max_size=3))
    ]
    start = datetime.combine(middle, time(), UTC)
    minutes = st.integers(-1440, 2880).map(lambda n: start + n * MINUTE)
    taken = [
        Taken(Span(at, at + draw(lengths) + MINUTE), draw(st.sampled_from(Kind)), "",
              draw(lengths), draw(lengths))
        for at in draw(st.lists(minutes, max_size=5))
    ]  # fmt: skip
    rules = Rules(
        duration=draw(lengths) + 15 * MINUTE,
        notice=draw(lengths),
        horizon=draw(st.sampled_from([10 * HOUR, 60 * DAY])),
        step=draw(st.sampled_from([5, 10, 15, 20, 30, 60])) * MINUTE,
        before=draw(lengths),
        after=draw(lengths),
        daily_limit=draw(st.sampled_from([0, 0, 1, 2, 3])),
    )
    now = start + draw(st.integers(-600, 300)) * MINUTE
    return Minutes(middle, zone, windows, changes, taken), rules, now


@settings(deadline=None)
@given(situations())
def test_free_times_are_those_of_the_reference(situation):
    minutes, rules, now = situation
    middle = Span(*(datetime.combine(minutes.middle + n * DAY, time(), UTC) for n in (0, 1)))
    wide = Span(middle.start - DAY, middle.end + DAY)
    person = Technician(
        DANA,
        minutes.zone,
        open_hours(minutes.windows, minutes.changes, wide, minutes.zone),
        [Block.of(one) for one in minutes.taken],
    )

    found = [slot.span.start for slot in free_slots([person], rules, middle, now)]

    assert found == minutes.bookable(rules, now)
    for start in (middle.start + n * 5 * MINUTE for n in range(288)):
        if start.astimezone(minutes.zone).minute * MINUTE % rules.step == timedelta():
            assert (not why_not(person, start, rules, now)) == (start in found)


@settings(deadline=None)
@given(
    st.sampled_from(DAYS),
    st.integers(-3000, 1500),
    st.integers(0, 4500),
    st.sampled_from([5, 10, 15, 20, 30, 60]),
)
def test_over_days_the_steps_are_those_of_the_wall_clock(night, first, length, step):
    zone, middle = night
    start = datetime.combine(middle, time(), UTC) + first * MINUTE
    asked = Span(start, start + length * MINUTE)
    person = Technician(DANA, zone, [Span(start - DAY, asked.end + DAY)])

    slots = free_slots([person], Rules(HOUR, step=step * MINUTE), asked, start)

    minutes = (start + n * MINUTE for n in range(length))
    assert [slot.span.start for slot in slots] == [
        at for at in minutes if at.astimezone(zone).minute % step == 0
    ]


@settings(deadline=None)
@given(situations(), situations())
def test_people_in_two_zones_are_free_together_as_each_of_them_alone(one, other):
    """The rules are those of the first; the second only brings another zone and other hours."""
    minutes, rules, now = one
    theirs, _rules, _now = other
    wide = Span(now - 4 * DAY, now + 4 * DAY)
    around = Span(now - DAY, now + 2 * DAY)
    people = [
        Technician(who, m.zone, open_hours(m.windows, m.changes, wide, m.zone))
        for who, m in ((DANA, minutes), (ELI, theirs))
    ]

    together = free_slots(people, rules, around, now)

    for person in people:
        alone = free_slots([person], rules, around, now)
        assert [s.span for s in together if person.id in s.technicians] == [s.span for s in alone]
    assert [s.span.start for s in together] == sorted({s.span.start for s in together})


# Requests that wait for somebody, whoever it will be


def can_be_kept(people: list[Technician], holds: list[Hold]) -> bool:
    """Whether the requests can be given out so that all rules are kept; tries everything."""
    if not holds:
        return True
    hold, *others = holds
    now = hold.start - hold.rules.notice
    for index, person in enumerate(people):
        if person.id in hold.eligible and not why_not(person, hold.start, hold.rules, now):
            busier = replace(person, taken=[*person.taken, Block.of(hold.taken)])
            if can_be_kept([*people[:index], busier, *people[index + 1 :]], others):
                return True
    return False


@st.composite
def pools(draw):
    """Up to three people, busy here and there in one day, and requests that wait for them."""
    start = utc("2026-06-01T08:00")
    times = st.integers(0, 15).map(lambda n: start + n * 15 * MINUTE)
    ids = [DANA, ELI, FIA][: draw(st.integers(1, 3))]
    people = [
        technician(
            id=who,
            taken=[
                Taken(Span(at, at + 30 * MINUTE), Kind.APPOINTMENT)
                for at in draw(st.lists(times, max_size=2))
            ],
        )
        for who in ids
    ]
    rules = Rules(
        30 * MINUTE,
        step=15 * MINUTE,
        before=draw(st.sampled_from([0, 15])) * MINUTE,
        daily_limit=draw(st.sampled_from([0, 0, 0, 4])),
    )
    eligible = st.frozensets(st.sampled_from(ids), min_size=1)
    holds = [
        Hold(at, replace(rules, duration=draw(st.integers(1, 4)) * 15 * MINUTE), draw(eligible))
        for at in draw(st.lists(times, max_size=4))
    ]
    return people, rules, holds


@settings(deadline=None)
@given(pools())
def test_what_is_offered_can_be_kept_together_with_every_waiting_request(pool):
    people, rules, waiting = pool
    holds: list[Hold] = []
    for hold in waiting:  # of the requests, those that came while they could still be kept
        if can_be_kept(people, [*holds, hold]):
            holds.append(hold)
    morning = span("2026-06-01T08:00", "2026-06-01T12:00")

    slots = free_slots(spread(people, holds), rules, morning, morning.start)

    for slot in slots:
        for who in slot.technicians:
            wanted = Hold(slot.span.start, rules, frozenset({who}))
            assert can_be_kept(people, [*holds, wanted])


@settings(deadline=None)
@given(pools())
def test_without_waiting_requests_nobody_is_held(pool):
    people, _rules, _waiting = pool

    assert spread(people, []) == people


TEN = utc("2026-06-01T10:00")
HALF_HOURLY = Rules(30 * MINUTE)


def free_at_ten(people: list[Technician]) -> list[UUID]:
    slots = free_slots(people, HALF_HOURLY, Span(TEN, TEN + MINUTE), TEN)
    return [who for slot in slots for who in slot.technicians]


def test_one_request_leaves_both_of_two_people_to_choose_from():
    pair = [technician(id=DANA), technician(id=ELI)]

    assert free_at_ten(spread(pair, [Hold(TEN, HALF_HOURLY, frozenset({DANA, ELI}))])) == [
        DANA,
        ELI,
    ]


def test_two_requests_leave_neither_of_two_people():
    pair = [technician(id=DANA), technician(id=ELI)]
    hold = Hold(TEN, HALF_HOURLY, frozenset({DANA, ELI}), "K7F3-9Q2M")

    assert free_at_ten(spread(pair, [hold, replace(hold, label="other")])) == []


def test_a_request_that_only_one_person_can_do_leaves_the_other():
    pair = [technician(id=DANA), technician(id=ELI)]

    assert free_at_ten(spread(pair, [Hold(TEN, HALF_HOURLY, frozenset({DANA}))])) == [ELI]


# The nights in which clocks are moved


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, date(2026, 3, 29), 23),
        (BERLIN, date(2026, 10, 25), 25),
        (NEW_YORK, date(2026, 3, 8), 23),
        (NEW_YORK, date(2026, 11, 1), 25),
        (LORD_HOWE, date(2026, 10, 4), 23.5),
        (LORD_HOWE, date(2026, 4, 5), 24.5),
        (VANCOUVER, date(2026, 12, 1), 24),
    ],
)
def test_a_day_is_as_long_as_its_night(zone, day, hours):
    start, end = local_day(day, zone)

    assert (end - start) / HOUR == hours


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        (BERLIN, date(2026, 3, 29), ["01:00", "03:00", "04:00"]),
        (BERLIN, date(2026, 10, 25), ["01:00", "02:00", "02:00", "03:00", "04:00"]),
        (NEW_YORK, date(2026, 3, 8), ["01:00", "03:00", "04:00"]),
        (NEW_YORK, date(2026, 11, 1), ["01:00", "01:00", "02:00", "03:00", "04:00"]),
        (LORD_HOWE, date(2026, 10, 4), ["01:00", "03:00", "04:00"]),
        (LORD_HOWE, date(2026, 4, 5), ["01:00", "02:00", "03:00", "04:00"]),
    ],
)
def test_a_night_shift_is_as_long_as_its_night(zone, day, expected):
    person = technician(zone, *every_day(time(1), time(5), zone))

    assert starts(person, Rules(HOUR, step=HOUR), local_day(day, zone)) == expected


@pytest.mark.parametrize(
    ("zone", "day", "clock", "expected"),
    [
        (BERLIN, date(2026, 3, 29), time(2, 30), "2026-03-29T01:00"),  # skipped: the jump
        (BERLIN, date(2026, 10, 25), time(2, 30), "2026-10-25T00:30"),  # twice: the first
        (LORD_HOWE, date(2026, 10, 4), time(2, 15), "2026-10-03T15:30"),
        (LORD_HOWE, date(2026, 4, 5), time(1, 45), "2026-04-04T14:45"),
        (VANCOUVER, date(2026, 12, 1), time(9), "2026-12-01T16:00"),  # UTC-7 since 2026
    ],
)
def test_a_wall_clock_time_has_one_moment(zone, day, clock, expected):
    assert moment(day, clock, zone) == utc(expected)


def test_night_work_goes_on_after_midnight():
    person = technician(BERLIN, Window(0, time(22), time(2), BERLIN))  # from Monday to Tuesday
    tuesday = local_day(date(2026, 6, 2), BERLIN)

    assert starts(person, Rules(HOUR, step=HOUR), tuesday) == ["00:00", "01:00"]


def test_an_end_at_midnight_is_the_end_of_the_day():
    person = technician(BERLIN, Window(0, time(22), time(), BERLIN))
    monday = local_day(date(2026, 6, 1), BERLIN)

    assert starts(person, Rules(HOUR, step=HOUR), monday) == ["22:00", "23:00"]


def test_a_limit_counts_the_technicians_own_day():
    evening = Taken(span("2026-12-02T02:00", "2026-12-02T03:00"), Kind.APPOINTMENT)  # 1 December
    person = technician(NEW_YORK, *every_day(time(20), time(22), NEW_YORK), taken=[evening])
    limited = Rules(30 * MINUTE, daily_limit=1)

    assert starts(person, limited, local_day(date(2026, 12, 1), NEW_YORK)) == []
    assert len(starts(person, limited, local_day(date(2026, 12, 2), NEW_YORK))) == 4


# Why not


def reasons(person: Technician, start: str, rules: Rules, now: str = "2026-06-01T06:00"):
    return why_not(person, utc(start), rules, utc(now))


def nine_to_five(**facts) -> Technician:
    return technician(BERLIN, *every_day(time(9), time(17), BERLIN), **facts)


def test_a_time_before_or_after_the_hours_is_outside_of_them():
    person = nine_to_five()

    assert reasons(person, "2026-06-02T07:00", HALF_HOURLY) == []  # 09:00 in Berlin
    assert reasons(person, "2026-06-02T06:45", HALF_HOURLY) == [Reason(Why.OUTSIDE_HOURS)]
    assert reasons(person, "2026-06-02T14:30", HALF_HOURLY) == []
    assert reasons(person, "2026-06-02T14:45", HALF_HOURLY) == [Reason(Why.OUTSIDE_HOURS)]


def test_notice_and_horizon_include_their_last_moment():
    rules = replace(HALF_HOURLY, notice=4 * HOUR, horizon=2 * DAY)
    person = nine_to_five()

    assert reasons(person, "2026-06-01T10:00", rules) == []
    assert reasons(person, "2026-06-01T09:59", rules) == [Reason(Why.NOTICE)]
    assert reasons(person, "2026-06-03T10:00", rules, now="2026-06-01T10:00") == []
    assert reasons(person, "2026-06-03T10:01", rules, now="2026-06-01T10:00") == [
        Reason(Why.HORIZON)
    ]


def test_time_off_is_told_with_its_reason():
    day = date(2026, 6, 2)
    windows = every_day(time(9), time(17), BERLIN)
    changes = [Change(day, day, reason="Company outing")]
    june = span("2026-06-01", "2026-07-01")
    person = Technician(
        DANA,
        BERLIN,
        open_hours(windows, changes, june, BERLIN),
        off=[Off(local_day(day, BERLIN), "Company outing")],
    )

    assert reasons(person, "2026-06-02T10:00", HALF_HOURLY) == [
        Reason(Why.EXCEPTION, note="Company outing")
    ]


@pytest.mark.parametrize(
    ("kind", "start", "why"),
    [
        (Kind.APPOINTMENT, "2026-06-02T10:15", Why.CONFLICT),
        (Kind.BUSY, "2026-06-02T10:15", Why.CONFLICT),
        (Kind.HOLD, "2026-06-02T10:15", Why.HELD),
        (Kind.APPOINTMENT, "2026-06-02T09:30", None),
        (Kind.APPOINTMENT, "2026-06-02T11:00", None),
        (Kind.APPOINTMENT, "2026-06-02T09:16", Why.BUFFER),
        (Kind.APPOINTMENT, "2026-06-02T11:14", Why.BUFFER),
    ],
)
def test_a_collision_names_what_is_there(kind, start, why):
    there = Taken(span("2026-06-02T10:00", "2026-06-02T11:00"), kind, "Printer", after=0 * HOUR)
    buffers = 15 * MINUTE if why is Why.BUFFER else 0 * MINUTE
    rules = replace(HALF_HOURLY, before=buffers, after=buffers)

    expected = [Reason(why, there)] if why else []
    assert reasons(nine_to_five(taken=[there]), start, rules) == expected


def test_the_room_that_the_other_appointment_wants_is_kept_too():
    there = Taken(span("2026-06-02T10:00", "2026-06-02T11:00"), Kind.APPOINTMENT, after=30 * MINUTE)

    assert reasons(nine_to_five(taken=[there]), "2026-06-02T11:00", HALF_HOURLY) == [
        Reason(Why.BUFFER, there)
    ]
    assert reasons(nine_to_five(taken=[there]), "2026-06-02T11:30", HALF_HOURLY) == []


def test_a_full_day_is_full():
    morning = Taken(span("2026-06-02T07:00", "2026-06-02T08:00"), Kind.APPOINTMENT)
    rules = replace(HALF_HOURLY, daily_limit=1)

    assert reasons(nine_to_five(taken=[morning]), "2026-06-02T12:00", rules) == [Reason(Why.LIMIT)]


# Spans


spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(
        lambda pair: Span(*(TEN + n * MINUTE for n in pair))
    )
)


def minutes_of(many: list[Span]) -> set[datetime]:
    return {
        TEN + n * MINUTE
        for n, one in product(range(61), many)
        if one.start <= TEN + n * MINUTE < one.end
    }


@settings(deadline=None)
@given(spans, spans)
def test_merging_and_subtracting_move_no_minute(some, others):
    merged, holes = merge(some), merge(others)
    left = list(subtract(merged, holes))

    assert minutes_of(merged) == minutes_of(some)
    assert minutes_of(left) == minutes_of(some) - minutes_of(others)
    assert left == merge(left)
