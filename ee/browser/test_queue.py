"""Many requests before lunch: the queue beside the request, with keys, and on a phone."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, Route, expect

from ee.browser.conftest import Somebody
from ee.browser.test_story import TOGGLE, queue
from ee.browser.test_trouble import APPROVED, NOT_CREATED, notice
from ee.running.office import Office
from tests.availability.make import make_entry, make_hours
from tests.make import a_time, make_member

pytestmark = pytest.mark.timeout(60)

DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 740}}


def open_queue(page: Page, office: Office) -> None:
    """And wait until htmx has taken over its rows."""
    page.goto(reverse("appointments:list", args=[office.tenant.slug]))
    expect(row(page, 0)).to_have_attribute("data-htmx-powered", "true")


def row(page: Page, number: int) -> Locator:
    return queue(page).get_by_role("link").nth(number)


def test_three_requests_are_approved_with_keys_alone(office: Office, somebody: Somebody) -> None:
    requests = [office.request(a_time(days=days)) for days in (3, 4, 5)]
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)

    dana.keyboard.press("j")
    for request in requests:
        expect(dana).to_have_url(re.compile(str(request.id)))
        expect(row(dana, 0)).to_have_attribute("aria-current", "true")
        expect(dana.get_by_role("article").get_by_text(request.reference)).to_be_visible()
        dana.keyboard.press("a")
        expect(dana.get_by_role("button", name="Approve")).to_be_focused()
        assert office.now(request).is_pending  # one key decides nothing
        dana.keyboard.press("Enter")
        expect(notice(dana, "success", APPROVED)).to_be_visible()

    expect(dana.get_by_role("heading", name="Nothing is waiting")).to_be_visible()
    assert all(office.now(request).is_approved for request in requests)


def test_a_conflict_is_overruled_with_keys_alone(office: Office, somebody: Somebody) -> None:
    make_hours(office.tom, office.aylin)
    late = office.request(a_time(days=3, hour=21))
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)

    dana.keyboard.press("j")
    expect(dana.get_by_role("article").get_by_text(late.reference)).to_be_visible()
    dana.keyboard.press("a")
    dana.keyboard.press("Enter")
    anyway = dana.get_by_role("checkbox", name="Do it all the same")
    expect(anyway).to_be_focused()
    dana.keyboard.press("Space")
    dana.keyboard.press("a")  # the keys go on where the switch has the focus
    expect(dana.get_by_role("button", name="Approve")).to_be_focused()
    dana.keyboard.press("Enter")

    expect(notice(dana, "success", APPROVED)).to_be_visible()


def test_keys_go_through_the_queue_and_back_goes_back(office: Office, somebody: Somebody) -> None:
    first, second = (office.request(a_time(days=days)) for days in (3, 4))
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)
    article = dana.get_by_role("article")

    dana.keyboard.press("j")
    expect(article.get_by_role("heading", name="Remote support")).to_be_focused()
    dana.keyboard.press("j")
    expect(article).to_contain_text(second.reference)
    expect(dana).to_have_title(re.compile(second.reference))
    expect(row(dana, 1)).to_have_attribute("aria-current", "true")
    expect(row(dana, 0)).to_have_attribute("aria-keyshortcuts", "k")
    dana.keyboard.press("k")
    expect(article).to_contain_text(first.reference)

    dana.go_back()
    expect(article).to_contain_text(second.reference)
    expect(row(dana, 1)).to_have_attribute("aria-current", "true")
    dana.go_back()
    expect(article).to_contain_text(first.reference)
    dana.go_back()
    expect(dana.get_by_text("Choose a request")).to_be_visible()


def test_letters_are_letters_where_somebody_types(office: Office, somebody: Somebody) -> None:
    request = office.request()
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)
    row(dana, 0).click()
    expect(dana.get_by_role("article").get_by_role("heading").first).to_be_focused()

    dana.keyboard.press("d")
    dana.keyboard.type("a dark day, jack? /")
    reason = dana.get_by_label("Reason")
    expect(reason).to_have_value("a dark day, jack? /")
    dana.keyboard.press("Enter")

    expect(notice(dana, "success", "Declined.")).to_be_visible()
    assert office.now(request).decline_reason == "a dark day, jack? /"


def test_the_keys_are_listed_and_lead_to_the_search(office: Office, somebody: Somebody) -> None:
    office.request()
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)

    dana.keyboard.press("?")
    help_ = dana.get_by_role("dialog", name="Keys")
    expect(help_).to_contain_text("The next request")
    dana.keyboard.press("j")
    dana.keyboard.press("Escape")
    expect(help_).to_be_hidden()
    expect(dana.get_by_text("Choose a request")).to_be_visible()

    dana.keyboard.press("/")
    dana.keyboard.type("nobody")
    dana.keyboard.press("Enter")
    expect(queue(dana)).to_contain_text("Nothing found")
    expect(dana).to_have_url(re.compile("q=nobody"))


def test_who_does_not_want_the_keys_switches_them_off(office: Office, somebody: Somebody) -> None:
    office.request()
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)

    dana.get_by_role("button", name="Keys").click()
    dana.get_by_role("switch", name="Use these keys").uncheck()
    dana.get_by_role("button", name="Close").click()
    dana.reload()
    dana.keyboard.press("j")
    dana.keyboard.press("?")

    expect(dana.get_by_text("Choose a request")).to_be_visible()
    expect(dana.get_by_role("dialog")).to_be_hidden()


def test_of_quick_changes_the_last_one_is_judged(office: Office, somebody: Somebody) -> None:
    office.request(a_time(days=3))
    make_entry(office.aylin, a_time(days=5, hour=12), a_time(days=5, hour=14), title="Training")
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)
    row(dana, 0).click()

    held: list[Route] = []
    dana.route("**/check/?*", lambda route: held.append(route))
    dana.get_by_label("Time zone").select_option("UTC")
    dana.get_by_label("Assign technician").select_option("Aylin Kaya")
    dana.get_by_label("Date").fill(f"{a_time(days=5):%Y-%m-%d}")
    dana.get_by_label("Time", exact=True).fill("13:00")
    dana.wait_for_timeout(200)  # what is asked, is asked by now
    held[-1].continue_()

    expect(dana.get_by_text("Aylin Kaya is busy then: Training")).to_be_visible()


def test_the_day_follows_what_is_chosen(office: Office, somebody: Somebody) -> None:
    office.request(a_time(days=3))
    make_entry(office.aylin, a_time(days=5, hour=12), a_time(days=5, hour=14), title="Training")
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)
    row(dana, 0).click()
    day = dana.get_by_role("region").filter(has=dana.locator(".day-drawing"))
    drawn = day.locator("foreignObject")
    expect(drawn).to_have_count(1)

    dana.get_by_label("Time zone").select_option("UTC")
    dana.get_by_label("Assign technician").select_option("Aylin Kaya")
    dana.get_by_label("Date").fill(f"{a_time(days=5):%Y-%m-%d}")
    dana.get_by_label("Time", exact=True).fill("13:00")

    expect(dana.get_by_text("Aylin Kaya is busy then: Training")).to_be_visible()
    expect(day).to_contain_text("Aylin Kaya · UTC")
    expect(day.get_by_role("listitem")).to_have_text(
        ["12:00–14:00 Busy: Training", "13:00–13:30 This request, overlaps"]
    )
    busy, this = (block.bounding_box() for block in drawn.all())
    assert busy is not None
    assert this is not None
    assert busy["x"] + busy["width"] <= this["x"]
    assert busy["y"] < this["y"] < busy["y"] + busy["height"]

    dana.get_by_label("Time", exact=True).fill("15:00")
    expect(day.get_by_text("overlaps")).to_have_count(0)
    expect(dana.get_by_text("Aylin Kaya is busy then: Training")).to_be_hidden()

    dana.set_viewport_size({"width": 360, "height": 740})
    expect(drawn.first).to_be_hidden()
    expect(day.get_by_text("Busy: Training").first).to_be_visible()


def test_a_warning_is_read_on_the_next_request_and_leads_back(
    office: Office, somebody: Somebody
) -> None:
    failing, following = (office.request(a_time(days=days)) for days in (3, 4))
    office.product.simulator.fault("create", status=503)
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)
    row(dana, 0).click()
    expect(dana.get_by_label(TOGGLE)).to_be_checked()
    dana.get_by_role("button", name="Approve").click()

    expect(dana.get_by_role("article")).to_contain_text(following.reference)
    warning = notice(dana, "warning", NOT_CREATED)
    expect(warning).to_be_visible()
    warning.get_by_role("link").click()
    expect(dana.get_by_role("article")).to_contain_text(failing.reference)
    expect(dana.get_by_role("button", name="Create Teams meeting")).to_be_visible()


def test_on_a_phone_the_queue_and_the_request_are_two_pages(
    office: Office, somebody: Somebody
) -> None:
    office.request()
    dana = somebody(office.dana, **PHONE)
    open_queue(dana, office)
    expect(dana.get_by_text("Choose a request")).to_be_hidden()

    row(dana, 0).click()
    approve = dana.get_by_role("button", name="Approve")
    expect(queue(dana)).to_be_hidden()
    dana.get_by_label("Assign technician").scroll_into_view_if_needed()
    dana.mouse.wheel(0, 60)
    expect(approve).to_be_in_viewport()
    dana.get_by_role("link", name="Decline…").click()
    expect(dana.get_by_label("Reason")).to_be_focused()

    dana.get_by_role("article").get_by_role("link", name="Requests").click()
    expect(row(dana, 0)).to_be_visible()


def test_on_a_phone_the_decision_is_in_reach_from_the_first_line_on(
    office: Office, somebody: Somebody
) -> None:
    request = office.request()
    make_entry(office.tom, request.requested_start, request.requested_end, title="Training")
    dana = somebody(office.dana, **PHONE)

    dana.goto(reverse("appointments:detail", args=[office.tenant.slug, request.id]))

    for name in ("Approve", "Decline…"):
        expect(dana.get_by_text(name, exact=True).last).to_be_in_viewport(ratio=1)
    dana.get_by_label("Date").scroll_into_view_if_needed()
    expect(dana.get_by_role("button", name="Approve")).to_be_in_viewport(ratio=1)


def test_forty_requests_are_one_list_that_the_keys_go_through(
    office: Office, somebody: Somebody
) -> None:
    for hour in range(40):
        office.request(a_time(days=3 + hour // 8, hour=8 + hour % 8))
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)
    expect(queue(dana).get_by_role("link")).to_have_count(40)

    row(dana, 38).click()
    expect(row(dana, 38)).to_have_attribute("aria-current", "true")
    dana.keyboard.press("j")

    expect(row(dana, 39)).to_have_attribute("aria-current", "true")
    expect(row(dana, 39)).to_be_in_viewport(ratio=1)
    expect(dana.get_by_role("button", name="Approve")).to_be_in_viewport(ratio=1)


def test_what_was_typed_is_still_there_after_a_look_at_another_request(
    office: Office, somebody: Somebody
) -> None:
    for days in (3, 4):
        office.request(a_time(days=days))
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)
    notes, reason = dana.get_by_label("Internal notes"), dana.get_by_label("Reason")
    heading = dana.get_by_role("article").get_by_role("heading").first

    row(dana, 0).click()
    notes.fill("Bring a dock")
    reason.fill("We are closed")
    heading.focus()
    dana.keyboard.press("j")
    expect(row(dana, 1)).to_have_attribute("aria-current", "true")
    expect(notes).to_have_value("")
    dana.keyboard.press("k")

    expect(row(dana, 0)).to_have_attribute("aria-current", "true")
    expect(notes).to_have_value("Bring a dock")
    expect(reason).to_have_value("We are closed")
    dana.reload()
    expect(notes).to_have_value("Bring a dock")


DRAFTS = "() => Object.keys(sessionStorage).filter((key) => key.startsWith('convene.draft.'))"


def test_signing_out_takes_along_what_was_typed_in_all_tabs(
    office: Office, somebody: Somebody
) -> None:
    request = office.request(a_time(days=3))
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)
    dana.get_by_role("button", name="Keys").click()
    dana.get_by_label("Use these keys on this device").uncheck()
    dana.get_by_role("button", name="Close").click()
    row(dana, 0).click()
    dana.get_by_label("Internal notes").fill("The boss is difficult")
    another = dana.context.new_page()
    another.goto(reverse("appointments:detail", args=[office.tenant.slug, request.id]))
    another.get_by_label("Reason").fill("We do not like them")
    assert [len(tab.evaluate(DRAFTS)) for tab in (dana, another)] == [1, 1]

    dana.get_by_role("button", name=office.dana.user.name).click()
    dana.get_by_role("button", name="Sign out").click()

    expect(dana.get_by_role("heading", name="Sign in")).to_be_visible()
    assert [tab.evaluate(DRAFTS) for tab in (dana, another)] == [[], []]
    assert dana.evaluate("localStorage.getItem('convene.keys.off')") == "1"


def test_whoever_signs_in_next_does_not_find_what_was_typed(
    office: Office, somebody: Somebody
) -> None:
    office.request(a_time(days=3))
    dana = somebody(office.dana, **DESK)
    open_queue(dana, office)
    row(dana, 0).click()
    dana.get_by_label("Internal notes").fill("The boss is difficult")
    otto = somebody(make_member(office.tenant, "Otto"), **DESK)
    cookies = otto.context.cookies()

    dana.context.clear_cookies()  # her session has ended
    dana.reload()
    still_there = dana.evaluate(DRAFTS)
    dana.context.add_cookies(cookies)  # type: ignore[arg-type]  # as they came
    open_queue(dana, office)
    row(dana, 0).click()

    assert len(still_there) == 1  # she may sign in again and go on
    expect(dana.get_by_label("Internal notes")).to_have_value("")
    assert dana.evaluate(DRAFTS) == []


def test_back_shows_the_technician_and_the_time_that_were_judged(
    office: Office, somebody: Somebody
) -> None:
    request = office.request(a_time(days=3))
    make_entry(office.tom, a_time(days=3, hour=9), a_time(days=3, hour=12), title="Training")
    dana = somebody(office.dana, **DESK)
    dana.goto(reverse("appointments:detail", args=[office.tenant.slug, request.id]))
    technician = dana.get_by_label("Assign technician")
    before = technician.input_value()

    technician.select_option("Tom Brandt")
    expect(dana.get_by_text("Tom Brandt is busy then: Training")).to_be_visible()
    dana.get_by_role("link", name="Today").click()
    dana.go_back()

    expect(technician).to_have_value(before)
    expect(dana.get_by_text("Tom Brandt is busy then: Training")).to_be_hidden()
