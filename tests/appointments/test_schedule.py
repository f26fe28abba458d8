"""The calendar: what is on when, in the clock of whoever looks at it."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client as Browser
from django.urls import reverse

from convene.appointments import actions
from convene.appointments.models import AppointmentRequest
from convene.appointments.sheet import Sheet, View, sheet_of
from convene.meetings.fake import FakeProvider, registered
from convene.tenancy.models import Membership
from convene.tenancy.permissions import Role
from tests.availability.make import make_entry, make_hours, make_rules, make_time_off
from tests.make import make_member, make_request, make_service, make_tenant

pytestmark = pytest.mark.usefixtures("db")

# In 2030 the clocks in Berlin go forward on 31 March and back on 27 October.
TUESDAY = date(2030, 6, 4)


def at(hour: int, minute: int = 0, day: date = TUESDAY) -> datetime:
    """A time of a day in UTC, which in summer is two hours behind Berlin."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


class Desk:
    """Dana in Berlin, and two technicians of whom Tom performs the service."""

    def __init__(self) -> None:
        self.tenant = make_tenant(timezone="Europe/Berlin")
        self.dana = make_member(self.tenant, "Dana")
        self.tom = make_member(self.tenant, "Tom", Role.TECHNICIAN)
        self.aylin = make_member(self.tenant, "Aylin", Role.TECHNICIAN)
        self.service = make_service(self.tenant, "Onboarding call", self.tom)

    def approved(self, start: datetime, *, with_meeting: bool = False) -> AppointmentRequest:
        request = make_request(self.tenant, service=self.service, start=start)
        actions.approve_appointment_request(
            self.tenant,
            request.id,
            by=self.dana,
            technician=self.tom,
            starts_at=start,
            with_meeting=with_meeting,
        )
        return request

    def get(self, name: str, who: Membership | None = None, **query: Any):
        browser = Browser()
        browser.force_login((who or self.dana).user)
        return browser.get(reverse(f"appointments:{name}", args=[self.tenant.slug]), query)

    def page(self, who: Membership | None = None, **query: Any) -> str:
        answer = self.get("schedule", who, **{"day": TUESDAY, "technician": ""} | query)
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    def items(self, who: Membership | None = None, **query: Any) -> list[dict[str, Any]]:
        range_of_days = {"start": TUESDAY, "end": TUESDAY + timedelta(days=1)}
        answer = self.get("schedule_items", who, **range_of_days | query)
        assert answer.status_code == 200
        events: list[dict[str, Any]] = answer.json()["events"]
        return events


# The sheet


def test_a_week_begins_on_monday_and_names_its_days():
    sheet = Sheet(View.WEEK, TUESDAY)

    assert (sheet.days[0], sheet.days[-1]) == (date(2030, 6, 3), date(2030, 6, 9))
    assert sheet.title == "3–9 June 2030"
    assert sheet.later.days[0] == date(2030, 6, 10)
    assert Sheet(View.WEEK, date(2029, 12, 31)).title == "31 December 2029 – 6 January 2030"


def test_the_night_in_which_the_clocks_go_back_makes_a_longer_day():
    berlin = make_tenant(timezone="Europe/Berlin").zone

    span = Sheet(View.DAY, date(2030, 10, 27)).span(berlin)

    assert span.end - span.start == timedelta(hours=25)


@pytest.mark.parametrize(
    "query", [{}, {"view": "year"}, {"day": "soon"}, {"technician": "Tom"}, {"day": "9999-12-31"}]
)
def test_an_address_that_makes_no_sense_shows_this_week_of_everybody(query):
    assert sheet_of(query, TUESDAY) == Sheet(View.WEEK, TUESDAY)


# The page without scripts


def test_the_week_lists_appointments_requests_and_busy_time_with_their_links():
    desk = Desk()
    approved = desk.approved(at(8))
    pending = make_request(desk.tenant, service=desk.service, start=at(9))
    make_entry(desk.tom, at(12), at(13), title="Dentist")

    page = desk.page()

    client = approved.client.name if approved.client else ""
    assert f'/requests/{approved.id}/">Onboarding call, {client}</a>' in page
    assert f'/requests/{pending.id}/">Pending: Onboarding call' in page
    assert "Busy: Dentist" in page
    assert "10:00–10:30" in page
    assert "All times in Europe/Berlin (CEST)" in page
    assert "All times in Europe/Berlin (CET)" in desk.page(day="2030-12-03")


def test_of_the_week_that_goes_on_the_days_that_are_over_are_folded():
    desk = Desk()

    with time_machine.travel(at(12, day=date(2030, 6, 6))):
        this_week, next_week = desk.page(), desk.page(day="2030-06-13")

    folded = this_week.partition("Earlier this week</summary>")[2].partition("</details>")[0]
    assert re.findall(r"<h2[^>]*> (\w+),", folded) == ["Monday", "Tuesday", "Wednesday"]
    assert "Earlier this week" not in next_week


def test_times_are_those_of_the_reader():
    desk = Desk()
    desk.approved(at(23))
    lisbon = make_member(desk.tenant, timezone="Europe/Lisbon")

    assert "01:00–01:30" in desk.page(view="day", day="2030-06-05")
    assert "00:00–00:30" in desk.page(lisbon, view="day", day="2030-06-05")


def test_the_technicians_side_by_side_and_what_needs_one():
    desk = Desk()
    desk.approved(at(8))
    make_request(desk.tenant, service=desk.service, start=at(9))

    page = desk.page(view="team")

    assert page.index("Tom </h2>") < page.index("10:00–10:30")
    assert page.index("Needs a technician </h2>") < page.index("11:00–11:30")


def test_a_holiday_is_named_once_for_everybody():
    desk = Desk()
    make_member(desk.tenant, "Ines", Role.TECHNICIAN, timezone="Europe/Lisbon")
    make_time_off(desk.tenant, TUESDAY, reason="Company holiday")

    assert desk.page().count("Everybody: Company holiday") == 1


def test_hours_off_are_named_with_whom_and_when():
    desk = Desk()
    make_time_off(desk.tenant, TUESDAY, technician=desk.tom, starts_at="09:00", ends_at="12:00")

    assert desk.page().count("Tom: off, 09:00–12:00") == 1
    columns = {item["title"]: item["resourceIds"] for item in desk.items()}
    assert columns == {"Tom: off, 09:00–12:00": [], "off, 09:00–12:00": [str(desk.tom.id)]}


def test_who_chooses_a_technician_sees_only_theirs():
    desk = Desk()
    make_entry(desk.tom, at(8), at(9), title="Dentist")
    make_entry(desk.aylin, at(8), at(9), title="Training")

    page = desk.page(technician=desk.aylin.id)

    assert "Training" in page
    assert "Dentist" not in page


def test_a_technician_starts_with_their_own_calendar_and_can_see_all():
    desk = Desk()
    make_entry(desk.tom, at(8), at(9), title="Dentist")
    make_entry(desk.dana, at(8), at(9), title="Training")

    def page(**query: Any) -> str:
        return str(desk.get("schedule", desk.tom, day=TUESDAY, **query).content)

    assert "Training" not in page()
    assert "Training" in page(technician="")


def test_the_grids_files_are_loaded_on_the_calendar_alone():
    desk = Desk()

    assert "event-calendar" in desk.page()
    assert "event-calendar" not in str(desk.get("list").content)


# What the grid is drawn from


def test_items_carry_the_readers_clock_and_their_kind():
    desk = Desk()
    appointment = desk.approved(at(8))
    make_entry(desk.tom, at(12), at(13), title="Dentist")

    items = {item["classNames"][0]: item for item in desk.items()}

    assert items["is-appointment"] | {"extendedProps": {}} == {
        "id": str(appointment.id),
        "resourceIds": [str(desk.tom.id)],
        "title": f"Onboarding call, {appointment.client}",
        "classNames": ["is-appointment"],
        "allDay": False,
        "startEditable": True,
        "durationEditable": False,
        "extendedProps": {},
        "start": "2030-06-04T10:00:00",
        "end": "2030-06-04T10:30:00",
    }
    assert items["is-busy"]["title"] == "Busy: Dentist"


def test_whole_days_in_the_readers_zone_are_all_day():
    desk = Desk()
    make_entry(desk.tom, at(22, day=date(2030, 6, 3)), at(22), title="Vacation")
    lisbon = make_member(desk.tenant, timezone="Europe/Lisbon")

    [seen_from_berlin], [seen_from_lisbon] = desk.items(), desk.items(lisbon)

    assert seen_from_berlin["allDay"] is True
    assert seen_from_lisbon["allDay"] is False
    assert seen_from_lisbon["start"] == "2030-06-03T23:00:00"


def test_hours_of_work_are_there_for_each_technician_and_for_all():
    desk = Desk()
    ines = make_member(desk.tenant, "Ines", Role.TECHNICIAN, timezone="Europe/Lisbon")
    make_hours(desk.tom, ines)
    make_time_off(desk.tenant, TUESDAY, technician=desk.tom, starts_at="09:00", ends_at="12:00")

    hours = {
        tuple(item["resourceIds"]): (item["start"], item["end"])
        for item in desk.items()
        if item.get("display") == "background"
    }

    assert hours == {
        (str(desk.tom.id),): ("2030-06-04T12:00:00", "2030-06-04T17:00:00"),
        (str(ines.id),): ("2030-06-04T10:00:00", "2030-06-04T18:00:00"),
        (): ("2030-06-04T10:00:00", "2030-06-04T18:00:00"),
    }


def test_what_goes_back_with_the_clocks_is_drawn_as_long_as_it_is():
    desk = Desk()
    night = date(2030, 10, 27)
    make_entry(desk.tom, at(0, 30, night), at(1, 15, night), title="Night shift")

    [item] = desk.items(start=night, end=night + timedelta(days=1))

    # 02:30 summer time until 02:15 winter time is three quarters of an hour
    assert (item["start"], item["end"]) == ("2030-10-27T02:30:00", "2030-10-27T03:15:00")


@pytest.mark.parametrize(
    "query",
    [
        {"start": ""},
        {"end": "later"},
        {"end": TUESDAY},
        {"start": TUESDAY + timedelta(days=2)},
        {"end": TUESDAY + timedelta(days=46)},
    ],
)
def test_a_range_that_is_no_short_one_is_refused_in_words(query):
    range_of_days = {"start": TUESDAY, "end": TUESDAY + timedelta(days=1)}

    answer = Desk().get("schedule_items", **range_of_days | query)

    assert answer.status_code == 400
    assert answer.json() == {"error": "Ask for 45 days at most, from start until before end."}


def test_45_days_are_not_too_many():
    Desk().items(end=TUESDAY + timedelta(days=45))


# What can be moved


def moves(desk: Desk, who: Membership | None = None) -> dict[str, tuple[bool, bool]]:
    """Of each kind: whether it can be dragged, and whether it can be made longer."""
    return {
        item["classNames"][0]: (item["startEditable"], item["durationEditable"])
        for item in desk.items(who)
    }


def test_a_dispatcher_moves_appointments_and_busy_time_but_no_request():
    desk = Desk()
    desk.approved(at(8))
    make_request(desk.tenant, service=desk.service, start=at(9))
    make_entry(desk.aylin, at(12), at(13))

    assert moves(desk) == {
        "is-appointment": (True, False),
        "is-request": (False, False),
        "is-busy": (True, True),
    }


def test_a_technician_moves_only_their_own_busy_time():
    desk = Desk()
    desk.approved(at(8))
    make_entry(desk.tom, at(12), at(13))

    assert moves(desk, desk.tom) == {"is-appointment": (False, False), "is-busy": (True, True)}
    assert moves(desk, desk.aylin)["is-busy"] == (False, False)


def test_what_is_given_to_somebody_else_takes_its_moments_along():
    """In the night in which the clocks go back, the time alone would be that of two moments."""
    desk = Desk()
    appointment = desk.approved(at(8))
    busy = make_entry(desk.tom, at(12), at(13))

    moments = {item["id"]: item["extendedProps"]["moments"] for item in desk.items()}

    assert moments == {
        str(appointment.id): {"final_moment": "2030-06-04T08:00:00Z"},
        str(busy.id): {
            "from_moment": "2030-06-04T12:00:00Z",
            "to_moment": "2030-06-04T13:00:00Z",
        },
    }


def test_what_a_move_means_is_said_in_the_providers_words():
    desk = Desk()
    plain = desk.approved(at(8))
    with registered(FakeProvider()):
        with_meeting = desk.approved(at(9), with_meeting=True)
        told = {item["id"]: item["extendedProps"]["told"] for item in desk.items()}

    assert told == {
        str(plain.id): "The client is told.",
        str(with_meeting.id): "The client is told and the Fake meeting is moved.",
    }


def move(desk: Desk, request: AppointmentRequest, day: str):
    """As the calendar sends it, with an address in it that is not ours."""
    browser = Browser()
    browser.force_login(desk.dana.user)
    return browser.post(
        reverse("appointments:reschedule", args=[desk.tenant.slug, request.id]),
        {
            "technician": desk.tom.id,
            "final_date": day,
            "final_time": "14:00",
            "final_timezone": "Europe/Berlin",
            "calendar": "view=week&day=2030-06-04&technician=&next=https://elsewhere.example",
        },
        follow=True,
    )


def test_whoever_moves_an_appointment_on_the_calendar_stays_there():
    desk = Desk()

    answer = move(desk, desk.approved(at(8)), "2030-06-05")

    [(url, status)] = answer.redirect_chain
    assert status == 303
    assert url.startswith(f"/t/{desk.tenant.slug}/calendar/?view=week&day=2030-06-04&")
    assert "Moved. Everybody concerned is told." in answer.content.decode()


def test_what_became_of_a_move_names_the_appointment_and_leads_to_it():
    desk = Desk()
    provider = FakeProvider()
    with registered(provider):
        appointment = desk.approved(at(8), with_meeting=True)
        provider.fail_next(on="update")
        page = move(desk, appointment, "2030-06-05").content.decode()

    said = page.partition('class="alert alert-warning"')[2].partition("data-bs-dismiss")[0]
    assert "The appointment was moved, but the Fake Meetings meeting was not." in said
    assert f'href="/t/{desk.tenant.slug}/requests/{appointment.id}/"' in said


def test_nothing_is_moved_into_the_past():
    desk = Desk()
    appointment = desk.approved(at(8))

    answer = move(desk, appointment, "2020-06-05")

    assert answer.status_code == 422
    assert "This time is over. Choose a later one." in answer.content.decode()
    assert 'name="calendar"' in answer.content.decode()


# Why not


class Asking(Desk):
    """Somebody asks what speaks against Tom at a time, in the morning of the day before."""

    now = at(6, day=TUESDAY - timedelta(days=1))

    def __init__(self) -> None:
        super().__init__()
        make_hours(self.tom)
        make_rules(self.tenant, notice_hours=4, horizon_days=60, buffer_after=15)

    def ask(self, clock: str, day: date = TUESDAY, **query: Any) -> list[str]:
        """The sentences of the answer."""
        fields: dict[str, Any] = {
            "technician": self.tom.id,
            "service": self.service.id,
            "final_date": day,
            "final_time": clock,
            "final_timezone": "Europe/Berlin",
        }
        with time_machine.travel(self.now, tick=False):
            answer = self.get("why_not", **fields | query)
        assert answer.status_code == 200
        page = " ".join(answer.content.decode().split())
        return re.findall(r"<li>(.*?)</li>", page) or re.findall(r"This time is free\.", page)


def test_a_free_time_is_called_free():
    assert Asking().ask("10:00") == ["This time is free."]


@pytest.mark.parametrize(
    ("clock", "day", "sentence"),
    [
        ("08:00", TUESDAY, "Tom does not work at that time."),
        ("10:00", date(2030, 6, 3), "This is sooner than clients can book."),
        ("10:00", date(2030, 9, 3), "This is further ahead than clients can book."),
        ("10:00", date(2030, 6, 5), "Tom is off then: Company holiday."),
        ("12:00", TUESDAY, "Tom is busy then: Dentist, 12:00–13:00."),
        ("14:15", TUESDAY, "Another request waits for this time: AAAA-2222, 14:00–14:30."),
    ],
)
def test_each_reason_against_a_time_is_said(clock, day, sentence):
    desk = Asking()
    make_time_off(desk.tenant, date(2030, 6, 5), reason="Company holiday")
    make_entry(desk.tom, at(10), at(11), title="Dentist")
    make_request(
        desk.tenant,
        service=desk.service,
        start=at(12),
        preferred_technician=desk.tom,
        reference="AAAA-2222",
    )

    assert desk.ask(clock, day) == [sentence]


def test_an_appointment_and_the_room_it_wants_are_named():
    desk = Asking()
    with time_machine.travel(desk.now, tick=False):
        appointment = desk.approved(at(8))
    what = f"Onboarding call: {appointment.client}, 10:00–10:30"

    assert desk.ask("10:15") == [f"Tom has an appointment then: {what}."]
    assert desk.ask("10:30") == [f"There is too little time between this and {what}."]


def test_who_does_not_perform_the_service_is_not_offered():
    desk = Asking()
    make_hours(desk.dana)

    assert desk.ask("10:00", technician=desk.dana.id) == ["Dana does not perform this service."]


def test_a_time_that_the_clocks_skip_is_refused_where_it_was_typed():
    desk = Asking()

    answer = desk.get(
        "why_not",
        technician=desk.tom.id,
        service=desk.service.id,
        final_date="2030-03-31",
        final_time="02:30",
        final_timezone="Europe/Berlin",
    )

    assert answer.status_code == 422
    assert "02:30 does not exist on" in answer.content.decode()


def test_an_address_without_a_service_fills_the_question_in():
    desk = Desk()

    page = desk.get("why_not", final_date="2030-06-04", final_time="14:00").content.decode()

    assert 'value="2030-06-04"' in page
    assert "This time is free." not in page
