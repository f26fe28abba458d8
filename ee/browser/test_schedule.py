"""The calendar in a real browser, whose own zone is another one on purpose."""

import re
from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import FloatRect, Locator, Page, Route, expect

from convene.appointments.models import AppointmentRequest
from ee.browser.conftest import Somebody
from ee.running.office import Office
from tests.availability.make import make_entry, make_time_off
from tests.make import a_time

pytestmark = pytest.mark.timeout(60)

FAR_AWAY = {"timezone_id": "America/New_York", "viewport": {"width": 1280, "height": 1000}}
PHONE = {"viewport": {"width": 360, "height": 740}}


def open_calendar(page: Page, office: Office, view: str = "day") -> None:
    address = reverse("appointments:schedule", args=[office.tenant.slug])
    page.goto(f"{address}?view={view}&day={a_time():%Y-%m-%d}&technician=")


def local(office: Office, at: datetime) -> datetime:
    return at.astimezone(office.tenant.zone)


def event(page: Page, kind: str) -> Locator:
    return page.locator(f".ec-event.is-{kind}:not(.ec-preview)")


def box_of(place: Locator) -> FloatRect:
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    return box


def drag(page: Page, what: Locator, hours: float, from_edge: bool = False) -> None:
    """Down by some hours, at the middle of it or at its lower edge."""
    box = box_of(what)
    x, y = box["x"] + box["width"] / 2, box["y"] + (box["height"] - 2 if from_edge else 8)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 20, steps=3)
    page.mouse.move(x, y + hours * 2 * slot_height(page), steps=5)
    page.mouse.up()


def slot_height(page: Page) -> float:
    return float(
        page.evaluate(
            "parseFloat(getComputedStyle(document.querySelector('.ec-slot')).blockSize) / 2"
        )
    )


def meeting_start(office: Office) -> datetime:
    [meeting] = office.meetings()
    return datetime.fromisoformat(meeting.start)


def starts_at(office: Office, request: AppointmentRequest) -> datetime:
    return office.now(request).starts_at


def test_dragging_asks_escape_undoes_and_yes_moves_the_meeting(
    office: Office, somebody: Somebody
) -> None:
    request = office.approved(a_time())
    page = somebody(office.dana, **FAR_AWAY)
    open_calendar(page, office)
    appointment, later = event(page, "appointment"), a_time() + timedelta(hours=2)
    expect(appointment).to_contain_text(f"{local(office, a_time()):%H:%M}")

    drag(page, appointment, hours=2)
    question = page.get_by_role("dialog")
    expect(question).to_contain_text(f"{local(office, later):%H:%M}?")
    expect(question).to_contain_text("The client is told and the Teams meeting is moved.")
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    expect(appointment).to_contain_text(f"{local(office, a_time()):%H:%M}")
    assert starts_at(office, request) == a_time()

    drag(page, appointment, hours=2)
    question.get_by_role("button", name="No").click()
    expect(appointment).to_contain_text(f"{local(office, a_time()):%H:%M}")

    drag(page, appointment, hours=2)
    question.get_by_role("button", name="Move").click()

    expect(page.get_by_text("Moved. Everybody concerned is told.")).to_be_visible()
    expect(appointment).to_contain_text(f"{local(office, later):%H:%M}")
    assert starts_at(office, request) == meeting_start(office) == later
    office.check_in_step(request)


def test_what_speaks_against_a_move_is_said_before_it_is_made(
    office: Office, somebody: Somebody
) -> None:
    request = office.approved(a_time(), with_meeting=False)
    later = a_time() + timedelta(hours=2)
    make_entry(office.tom, later, later + timedelta(minutes=30), title="Dentist")
    page = somebody(office.dana, **FAR_AWAY)
    open_calendar(page, office)

    drag(page, event(page, "appointment"), hours=2)
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("Tom Brandt is busy then: Dentist")
    question.get_by_role("button", name="Move").click()
    expect(question).to_be_visible()  # the browser asks for the tick
    expect(page).to_have_url(re.compile("/calendar/"))
    question.get_by_label("Do it all the same").check()
    question.get_by_role("button", name="Move").click()

    expect(page.get_by_text("Moved. Everybody concerned is told.")).to_be_visible()
    assert starts_at(office, request) == later


def test_what_is_dragged_into_the_past_is_not_moved(office: Office, somebody: Somebody) -> None:
    page = somebody(office.dana, **FAR_AWAY)
    request = office.approved(a_time(), with_meeting=False)
    open_calendar(page, office)
    over = (a_time(days=-30)).date().isoformat()
    page.route(
        "**/check/*",
        lambda route: route.continue_(
            url=re.sub(r"final_date=[\d-]+", f"final_date={over}", route.request.url)
        ),
    )

    drag(page, event(page, "appointment"), hours=2)
    question = page.get_by_role("dialog")

    expect(question).to_contain_text("This time is over. Choose a later one.")
    expect(question.get_by_role("button", name="Move")).to_be_hidden()
    question.get_by_role("button", name="No").click()
    assert starts_at(office, request) == a_time()


def test_nobody_can_be_dragged_into_two_places(office: Office, somebody: Somebody) -> None:
    first = office.approved(a_time(), with_meeting=False)
    office.approved(a_time() + timedelta(hours=2), with_meeting=False)
    page = somebody(office.dana, **FAR_AWAY)
    open_calendar(page, office)

    drag(page, event(page, "appointment").first, hours=2)
    question = page.get_by_role("dialog")

    expect(question).to_contain_text("Choose another time or person.")
    expect(question.get_by_role("button", name="Move")).to_be_hidden()
    question.get_by_role("button", name="No").click()
    assert starts_at(office, first) == a_time()


def test_a_late_answer_says_nothing_of_another_move(office: Office, somebody: Somebody) -> None:
    office.approved(a_time(), with_meeting=False)
    later = a_time() + timedelta(hours=2)
    make_entry(office.tom, later, later + timedelta(minutes=30), title="Dentist")
    page = somebody(office.dana, **FAR_AWAY)
    open_calendar(page, office)
    late: list[Route] = []
    page.route("**/check/*", lambda route: late.append(route))
    question = page.get_by_role("dialog")

    for hours in (2, 3):
        drag(page, event(page, "appointment"), hours=hours)
        expect(question).to_be_visible()
        if hours == 2:
            page.keyboard.press("Escape")
            expect(question).to_be_hidden()
    for route in reversed(late):
        with page.expect_response("**/check/*") as answer:
            route.continue_()
        answer.value.finished()

    expect(question).to_contain_text(f"{local(office, later + timedelta(hours=1)):%H:%M}?")
    expect(question).not_to_contain_text("Dentist")


def test_time_off_is_no_button_and_cannot_be_dragged(office: Office, somebody: Somebody) -> None:
    day = local(office, a_time()).date()
    make_time_off(office.tenant, day, reason="Company outing")
    page = somebody(office.dana, **FAR_AWAY)
    open_calendar(page, office, view="week")
    off = event(page, "off")
    expect(off).to_contain_text("Company outing")

    expect(off).not_to_have_attribute("role", "button")
    beside = {"x": (day.weekday() + 1) % 7 * 140 + 130, "y": 10}
    off.drag_to(page.locator(".ec-all-day"), target_position=beside)  # type: ignore[arg-type]  # a position
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_technicians_column_takes_an_appointment_over(office: Office, somebody: Somebody) -> None:
    request = office.approved(a_time(), with_meeting=False)
    make_entry(office.aylin, a_time(hour=14), a_time(hour=15), title="Training")
    page = somebody(office.dana, **FAR_AWAY)
    open_calendar(page, office, view="team")

    event(page, "appointment").drag_to(event(page, "busy"))
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("and give it to Aylin Kaya?")
    question.get_by_label("Do it all the same").check()
    question.get_by_role("button", name="Move").click()

    expect(page.get_by_text("Moved. Everybody concerned is told.")).to_be_visible()
    assert office.now(request).technician == office.aylin


def test_busy_time_is_pointed_at_made_longer_and_opened(office: Office, somebody: Somebody) -> None:
    page = somebody(office.dana, **FAR_AWAY)
    open_calendar(page, office)
    day = box_of(page.locator(".ec-body .ec-day").first)

    page.mouse.click(day["x"] + 100, day["y"] + 2 * slot_height(page) + 5)
    expect(page.get_by_label("From")).to_have_value("08:00")
    expect(page.get_by_label("To", exact=True)).to_have_value("09:00")
    page.get_by_label("Who").select_option("Tom Brandt")
    page.get_by_label("What for").fill("Dentist")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The busy time is entered.")).to_be_visible()

    drag(page, event(page, "busy"), hours=1, from_edge=True)
    expect(page.get_by_role("dialog")).to_contain_text("08:00–10:00?")
    page.get_by_role("dialog").get_by_role("button", name="Move").click()
    expect(page.get_by_text("The busy time is changed.")).to_be_visible()

    event(page, "busy").click()
    expect(page.get_by_label("To", exact=True)).to_have_value("10:00")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The busy time is removed.")).to_be_visible()
    expect(event(page, "busy")).to_have_count(0)


def test_a_technician_points_at_nobody_elses_column(office: Office, somebody: Somebody) -> None:
    for one in (office.tom, office.aylin):
        make_entry(one, a_time(hour=14), a_time(hour=15), title=f"Training {one}")
    page = somebody(office.tom, **FAR_AWAY)
    open_calendar(page, office, view="team")

    def point_above(one: object) -> None:
        box = box_of(event(page, "busy").filter(has_text=f"Training {one}"))
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] - slot_height(page))

    point_above(office.aylin)
    page.wait_for_timeout(300)
    expect(page.locator("#grid")).to_be_visible()
    point_above(office.tom)
    expect(page.get_by_label("Who")).to_have_value(str(office.tom.id))


def test_a_click_opens_the_page_of_an_appointment(office: Office, somebody: Somebody) -> None:
    request = office.approved(a_time(), with_meeting=False)
    page = somebody(office.dana, **FAR_AWAY)
    open_calendar(page, office, view="week")

    event(page, "appointment").press("Enter")

    expect(page.get_by_text(request.reference)).to_be_visible()


def test_why_not_is_answered_beside_the_calendar(office: Office, somebody: Somebody) -> None:
    office.approved(a_time(), with_meeting=False)
    page = somebody(office.dana, **FAR_AWAY)
    open_calendar(page, office)

    page.locator("#why").get_by_label("Technician").select_option("Tom Brandt")
    page.get_by_label("Time", exact=True).fill(f"{local(office, a_time()):%H:%M}")
    page.get_by_role("button", name="Find out").click()

    expect(page.get_by_text("Tom Brandt has an appointment then")).to_be_visible()
    expect(page.locator(".ec-event")).to_have_count(1)  # the calendar is still there


def test_another_week_comes_without_another_page(office: Office, somebody: Somebody) -> None:
    now, later = (office.approved(a_time(days=days), with_meeting=False) for days in (7, 14))
    page = somebody(office.dana, **FAR_AWAY)
    open_calendar(page, office, view="week")
    expect(event(page, "appointment")).to_have_count(1)
    page.evaluate("document.body.dataset.same = 'page'")
    heading = page.get_by_role("heading", level=1)
    first, week = page.url, heading.inner_text().split("\n")[-1]

    page.get_by_role("link", name="Later").press("Enter")

    day = local(office, later.requested_start)
    expect(event(page, "appointment")).to_have_accessible_name(re.compile(f"{day:%-d %b}"))
    expect(page.get_by_role("link", name="Later")).to_be_focused()
    expect(page.locator("body")).to_have_attribute("data-same", "page")
    assert f"day={a_time(days=14):%Y-%m-%d}" in page.url
    expect(heading).not_to_contain_text(week)
    assert page.title().startswith(page.locator("#schedule_said").inner_text().split(" · ")[0])

    page.locator("#whose").select_option("Aylin Kaya")
    expect(event(page, "appointment")).to_have_count(0)
    page.get_by_role("link", name="Technicians").click()
    expect(page.locator(".ec-col-head")).to_have_count(1)

    page.go_back()
    expect(page.locator(".ec-col-head")).to_have_count(7)
    page.go_back()
    expect(page.locator("#whose")).to_have_value("")
    page.go_back()
    expect(page).to_have_url(first)
    expect(heading).to_contain_text(week)
    expect(event(page, "appointment")).to_have_count(1)
    event(page, "appointment").press("Enter")
    expect(page.get_by_text(now.reference)).to_be_visible()


def test_a_week_on_a_tablet_has_today_in_sight_and_words_to_read(
    office: Office, somebody: Somebody
) -> None:
    office.approved(a_time(), with_meeting=False)
    page = somebody(office.dana, viewport={"width": 768, "height": 1024})

    page.goto(reverse("appointments:schedule", args=[office.tenant.slug]) + "?technician=")

    today = page.locator(".ec-col-head.ec-today")
    expect(today).to_be_in_viewport(ratio=1)
    assert box_of(today)["width"] > 125


@pytest.mark.parametrize("options", [PHONE, FAR_AWAY | {"java_script_enabled": False}])
def test_on_a_phone_and_without_scripts_it_is_a_list(
    office: Office, somebody: Somebody, options: dict[str, object]
) -> None:
    request = office.approved(a_time(), with_meeting=False)
    page = somebody(office.dana, **options)

    open_calendar(page, office)
    expect(page.locator(".ec")).to_have_count(0)
    page.get_by_role("link", name="Remote support").click()

    expect(page.get_by_text(request.reference)).to_be_visible()


@pytest.mark.parametrize("broken", ["items.json*", "schedule.js", "event-calendar.min.js"])
def test_when_the_grid_cannot_be_drawn_the_list_is_there(
    office: Office, somebody: Somebody, broken: str
) -> None:
    office.approved(a_time(), with_meeting=False)
    page = somebody(office.dana, **FAR_AWAY)
    page.route(f"**/{broken}", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.add_init_script("console.error = console.debug")  # it says so there, too

    open_calendar(page, office)

    expect(page.get_by_role("link", name="Remote support")).to_be_visible()
