"""The technician's day beside the form that places an appointment."""

import re
from datetime import UTC, date, datetime, time, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convene.schedule.models import EntryKind
from convene.tenancy.permissions import Role
from tests.appointments.test_views import Desk
from tests.availability.make import make_entry, make_hours, make_rules, make_time_off
from tests.make import a_time, make_client, make_contact, make_member, make_request, make_service

pytestmark = pytest.mark.usefixtures("db")

THIS = "10:00–10:30 This request"  # an en dash is right between times
CONFLICT = f"{THIS}, overlaps"


def items(page: str) -> list[str]:
    """What is listed of the day, as it is read out."""
    listed = page.partition('<ol class="day-list"')[2].partition("</ol>")[0]
    return [words(item) for item in re.findall(r"<li.*?</li>", listed, re.S)]


def sentences(page: str) -> list[str]:
    """What is said of the day above the list."""
    day = page.partition('<section id="day"')[2].partition("</section>")[0]
    return [words(one) for one in re.findall(r"<p .*?</p>", day, re.S)]


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


def hours(page: str) -> list[str]:
    """Beside the drawing."""
    return re.findall(r"<text [^>]*>(.*?)</text>", page)


def choosing(desk: Desk, **fields: str) -> str:
    """What htmx is answered while somebody fills in the form."""
    start = desk.request.requested_start
    form = {
        "technician": str(desk.dana.id),
        "final_date": start.date().isoformat(),
        "final_time": f"{start:%H:%M}",
        "final_timezone": "UTC",
    }
    answer = desk.browser.get(desk.url("check/"), form | fields, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_request_stands_among_what_the_technician_has_on_that_day():
    desk = Desk()
    make_entry(desk.dana, a_time(hour=14), a_time(hour=15))
    make_entry(
        desk.dana, a_time(hour=8), a_time(hour=9), kind=EntryKind.APPOINTMENT, title="Printer: Acme"
    )
    make_entry(desk.dana, a_time(days=8), a_time(days=8, hour=11), title="Another day")
    make_entry(make_member(desk.tenant), a_time(hour=8), a_time(hour=9), title="Somebody else")

    page = desk.read()

    assert items(page) == ["08:00–09:00 Printer: Acme", THIS, "14:00–15:00 Busy: Dentist"]
    assert sentences(page) == []
    assert "Dana · UTC" in page


def test_what_it_overlaps_is_said_in_words():
    desk = Desk()
    make_entry(desk.dana, a_time(hour=9), a_time() + timedelta(minutes=15))
    make_entry(desk.dana, a_time() + timedelta(minutes=30), a_time(hour=12), title="Right after")

    page = desk.read()

    assert items(page) == [
        "09:00–10:15 Busy: Dentist",
        CONFLICT,
        "10:30–12:00 Busy: Right after",
    ]
    assert page.count("⚠") == 1
    drawn = re.findall(r'<foreignObject x="(\S+)" y="\d+" width="(\S+)"', page)
    assert drawn == [("0.00%", "50.00%"), ("50.00%", "50.00%"), ("0.00%", "100.00%")]


def test_other_requests_are_called_as_on_the_calendar():
    desk = Desk()
    acme = make_contact(make_client(desk.tenant, "Acme"))
    printer = make_service(desk.tenant, "Printer")
    start = a_time(hour=12)
    make_request(
        desk.tenant, contact=acme, service=printer, start=start, preferred_technician=desk.dana
    )

    assert items(desk.read()) == [THIS, "12:00–12:30 Pending: Printer, Acme"]


def test_a_day_with_nothing_else_says_so():
    assert sentences(Desk().read()) == ["Nothing else on this day."]


def test_hours_of_work_are_drawn_and_a_day_without_them_is_said():
    desk = Desk()
    weekday = a_time().weekday()
    make_hours(desk.dana, start=time(9), end=time(12), weekdays=range(weekday, weekday + 1))
    make_entry(desk.dana, a_time(days=8), a_time(days=8, hour=11))

    working = desk.read()
    free = choosing(desk, final_date=a_time(days=8).date().isoformat())

    assert hours(working) == ["08:00", "09:00", "10:00", "11:00", "12:00"]
    assert '<rect class="day-open" y="60" width="100%" height="180"' in working
    assert "day-open" not in free
    assert sentences(free) == ["Dana does not work on this day."]


def test_where_nobody_has_hours_no_time_is_shaded():
    page = Desk().read()

    assert re.findall(r'class="day-open" y="0" width="100%" height="(\d+)"', page) == re.findall(
        r'class="day-drawing" height="(\d+)"', page
    )


def test_time_off_is_said_with_its_reason():
    desk = Desk()
    make_hours(desk.dana)
    make_time_off(desk.tenant, a_time().date(), reason="Public holiday")

    assert sentences(desk.read()) == [
        "All day: off, Public holiday",
        "Nothing else on this day.",
    ]


def test_of_what_lasts_longer_the_day_has_its_part():
    desk = Desk()
    midnight = a_time(hour=0)
    make_entry(
        desk.dana, midnight - timedelta(hours=2), midnight + timedelta(hours=6), title="Late"
    )
    make_entry(desk.dana, midnight - timedelta(days=1), midnight + timedelta(days=2), title="Away")
    make_entry(desk.dana, a_time(hour=22), midnight + timedelta(hours=30), title="Night")

    page = desk.read()

    assert items(page) == [
        "All day Busy: Away",
        "00:00–06:00 Busy: Late",
        CONFLICT,
        "22:00–24:00 Busy: Night",
    ]
    assert hours(page)[0] == "05:00"
    assert hours(page)[-1] == "22:00"


def test_the_day_is_the_one_of_the_forms_zone():
    desk = Desk()
    make_entry(desk.dana, a_time(hour=20), a_time(hour=21))

    page = choosing(desk, final_time="00:30", final_timezone="Asia/Tokyo")

    assert items(page)[0] == "00:30–01:00 This request"
    assert "Asia/Tokyo (JST)" in page
    assert "Dentist" not in page  # 05:00 there, on the day after


def test_words_and_day_are_read_on_the_same_clock():
    desk = Desk()
    make_entry(desk.dana, a_time(hour=20), a_time(hour=21))
    there = a_time(days=8).date().isoformat()

    page = choosing(desk, final_date=there, final_time="05:15", final_timezone="Asia/Tokyo")

    assert items(page)[0] == "05:00–06:00 Busy: Dentist"
    assert "Dana is busy then: Dentist, 05:00–06:00." in page


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        (date(2027, 3, 28), ["00:00", "01:00", "03:00", "04:00"]),
        (date(2027, 10, 31), ["00:00", "01:00", "02:00", "02:00", "03:00"]),
    ],
)
def test_on_the_days_on_which_the_clocks_change_an_hour_is_missing_or_comes_twice(day, shown):
    desk = Desk()
    make_entry(desk.dana, *(datetime.combine(day, time(hour), UTC) for hour in (1, 2)))

    page = choosing(
        desk, final_date=day.isoformat(), final_time="01:30", final_timezone="Europe/Berlin"
    )

    assert hours(page) == shown


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"technician": ""}, "Choose a technician, a date and a time."),
        ({"final_time": ""}, "Choose a technician, a date and a time."),
        ({"final_time": "27:00"}, "Enter a valid time."),
        (
            {"final_date": "2027-03-28", "final_time": "02:30", "final_timezone": "Europe/Berlin"},
            "02:30 does not exist on March 28, 2027 in Europe/Berlin:"
            " the clocks go forward over it. Choose another time.",
        ),
    ],
)
def test_without_a_technician_and_a_time_there_is_a_sentence_instead(fields, sentence):
    page = choosing(Desk(), **fields)

    assert sentences(page) == [sentence]
    assert items(page) == []


def test_nobody_from_elsewhere_is_looked_at():
    stranger = make_member(Desk().tenant)

    page = choosing(Desk(), technician=str(stranger.id))

    assert items(page) == []
    assert "is not one of the available choices" in page


def test_a_day_that_is_over_is_shown_as_well():
    desk = Desk()

    page = choosing(desk, final_date=a_time(days=-3).date().isoformat())

    assert items(page) == [THIS]


def test_words_and_day_come_in_one_answer_and_a_script_gets_the_words_alone():
    desk = Desk()
    make_entry(desk.dana, a_time(), a_time(hour=11))
    form = {
        "technician": str(desk.dana.id),
        "final_date": a_time().date().isoformat(),
        "final_time": "10:00",
        "final_timezone": "UTC",
    }

    both, alone = choosing(desk), desk.browser.get(desk.url("check/"), form).content.decode()

    sentence = "Dana is busy then: Dentist, 10:00–11:00."
    assert sentence in both.partition('<div id="obstacles" hx-swap-oob="innerHTML">')[2]
    assert CONFLICT in items(both)
    assert sentence in alone
    assert 'id="day"' not in alone


def test_a_refused_form_shows_the_day_that_was_chosen():
    desk = Desk()
    make_entry(desk.dana, a_time(days=8), a_time(days=8, hour=11))

    page = desk.approve(final_date=a_time(days=8).date().isoformat()).content.decode()

    assert CONFLICT in items(page)


def test_an_approved_appointment_starts_on_its_own_day_without_itself_in_the_way():
    desk = Desk()
    desk.approve()
    later = a_time(days=8)
    make_entry(desk.dana, later, later + timedelta(hours=1))

    page = desk.read()
    moved = choosing(desk, final_date=later.date().isoformat())

    assert items(page) == ["10:00–10:30 This appointment"]
    assert "10:00–10:30 This appointment, overlaps" in items(moved)


def test_who_does_not_decide_is_shown_no_day():
    desk = Desk()
    desk.browser.force_login(make_member(desk.tenant, role=Role.TECHNICIAN).user)

    assert 'id="day"' not in desk.read()


def test_a_full_day_costs_as_many_queries_as_one_with_a_single_request():
    desk = Desk()

    def add(hour: int) -> None:
        make_entry(desk.dana, a_time(hour=hour), a_time(hour=hour + 1))
        start = a_time(hour=hour) + timedelta(minutes=30)
        make_request(desk.tenant, service=desk.service, start=start, preferred_technician=desk.dana)

    add(12)
    with CaptureQueriesContext(connection) as queries:
        desk.read()
        few = len(queries)
    for hour in range(13, 20):
        add(hour)
    with CaptureQueriesContext(connection) as queries:
        page = desk.read()
        many = len(queries)

    assert len(items(page)) == 17
    assert few == many > 0


def test_an_approval_that_succeeds_looks_at_no_day():
    desk = Desk()
    make_request(
        desk.tenant, service=desk.service, start=a_time(hour=12), preferred_technician=desk.dana
    )

    with CaptureQueriesContext(connection) as queries:
        desk.post(
            "approve/",
            follow=False,
            technician=str(desk.dana.id),
            final_date=a_time().date().isoformat(),
            final_time="10:00",
            final_timezone="UTC",
        )

    assert desk.now().is_approved
    assert not any('"reference" IN' in query["sql"] for query in queries)


def test_a_time_that_is_over_is_said_before_anybody_presses():
    desk = Desk()

    page = choosing(desk, final_date="2020-06-05")

    assert "data-final" in page
    assert "This time is over. Choose a later one." in page
    assert "Do it all the same" not in page


def test_what_binds_clients_alone_is_said_and_asks_for_no_tick():
    desk = Desk()
    make_hours(desk.dana)
    make_rules(desk.tenant, notice_hours=24 * 14)

    page = choosing(desk)
    desk.approve()

    assert "This is sooner than clients can book." in page
    assert "Do it all the same" not in page
    assert desk.now().is_approved


def test_while_somebody_chooses_the_tick_is_offered_and_its_absence_is_no_error_yet():
    desk = Desk()
    make_entry(desk.dana, a_time(), a_time(hour=11))

    page = choosing(desk)

    assert "Do it all the same" in page
    assert "aria-invalid" not in page


def test_a_refusal_for_a_missing_tick_points_at_the_tick():
    desk = Desk()
    make_entry(desk.dana, a_time(), a_time(hour=11))

    page = desk.approve().content.decode()

    [wrong] = re.findall(r"<[^>]*aria-invalid[^>]*>", page)
    assert 'name="anyway"' in wrong
    assert "Something speaks against this time. Tick this to go on." in page
    assert desk.now().is_pending
