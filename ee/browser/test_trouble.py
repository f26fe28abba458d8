"""What people see when something is refused, slow, impossible, or done twice."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from convene.appointments.models import AppointmentRequest
from convene.tenancy.db import tenant_atomic
from convene_teams.organizer import set_default_meeting_organizer
from ee.browser.conftest import Somebody
from ee.browser.test_story import (
    JOIN,
    TOGGLE,
    ask_for_an_appointment,
    open_what_was_done,
    queue,
)
from ee.running.office import Office, let_sign_in, slow_graph
from ee.running.product import until
from tests.make import PASSWORD, a_time

pytestmark = pytest.mark.timeout(60)

APPROVED = "Approved. The client and the technician are told."
CREATING = "Creating the Teams meeting…"
NOT_CREATED = "The appointment is approved, but the Microsoft Teams meeting was not created."
CREATED = "The meeting was created. Everybody concerned is told."


def open_request(page: Page, request: AppointmentRequest) -> None:
    page.goto(reverse("appointments:detail", args=[request.tenant.slug, request.id]))


def notice(page: Page, kind: str, words: str) -> Locator:
    """A notice above the page: success is green, warning is yellow."""
    return page.locator(f"#notices .alert-{kind}").filter(has_text=words)


# When Graph or its settings are not as they should be


def test_without_an_organizer_there_is_no_toggle_and_no_meeting(
    office: Office, somebody: Somebody
) -> None:
    request = office.request()
    set_default_meeting_organizer(office.tenant, "", by=office.dana)
    dana = somebody(office.dana)

    open_request(dana, request)
    expect(dana.get_by_label("Assign technician")).to_be_visible()
    expect(dana.get_by_label(TOGGLE)).to_have_count(0)
    dana.get_by_role("button", name="Approve").click()

    expect(notice(dana, "success", APPROVED)).to_be_visible()
    open_what_was_done(dana)
    expect(dana.get_by_role("link", name=JOIN)).to_have_count(0)
    assert office.product.simulator.calls("create") == []


def test_a_meeting_that_graph_refused_stays_a_notice_until_a_click_makes_it(
    office: Office, somebody: Somebody
) -> None:
    office.product.simulator.fault("create", status=503, times=2)
    request = office.request()
    dana = somebody(office.dana)

    open_request(dana, request)
    dana.get_by_role("button", name="Approve").click()
    expect(notice(dana, "success", APPROVED)).to_be_visible()
    expect(notice(dana, "warning", NOT_CREATED)).to_be_visible()
    open_what_was_done(dana)
    expect(dana.locator("#notices .alert")).to_have_count(0)
    kept = dana.locator(".alert-warning").filter(has_text=NOT_CREATED)
    expect(kept).to_be_visible()

    dana.get_by_role("link", name="Needs attention 1").click()
    expect(kept).to_be_visible()
    dana.get_by_role("button", name="Create Teams meeting").click()
    expect(notice(dana, "warning", NOT_CREATED)).to_be_focused()
    expect(dana.get_by_role("main").get_by_text("Tried last on")).to_be_visible()
    expect(notice(dana, "success", CREATED)).to_have_count(0)

    dana.get_by_role("button", name="Create Teams meeting").click()
    expect(notice(dana, "success", CREATED)).to_be_visible()
    expect(kept).to_have_count(0)
    expect(dana.get_by_text("Everything is as it should be")).to_be_visible()
    open_what_was_done(dana)
    [meeting] = office.meetings()
    expect(dana.get_by_role("link", name=JOIN)).to_have_attribute("href", meeting.join_web_url)


def test_while_graph_takes_its_time_the_button_says_so_and_cannot_be_pressed_again(
    office: Office, somebody: Somebody
) -> None:
    slow_graph(office, 1500)
    request = office.request()
    dana = somebody(office.dana)

    open_request(dana, request)
    looks = dana.get_by_role("button", name="Approve").evaluate(
        """async button => {
          button.click();
          await new Promise(after => setTimeout(after, 300));
          return [button.textContent.trim(), button.disabled];
        }"""
    )

    assert looks == [CREATING, True]
    expect(notice(dana, "success", APPROVED)).to_be_visible()


def press_soon(button: Locator) -> None:
    """A click in a moment, for which nobody waits."""
    button.evaluate("button => { setTimeout(() => button.click(), 200); }")


def test_of_two_browsers_that_approve_one_is_told_who_was_first(
    office: Office, somebody: Somebody
) -> None:
    slow_graph(office, 400)
    request = office.request()
    people = [somebody(office.dana), somebody(office.drew)]
    for page in people:
        open_request(page, request)

    for page in people:
        press_soon(page.get_by_role("button", name="Approve"))

    for page in people:
        expect(page.locator("#notices .alert").first).to_be_visible()
    said = [page.locator("#notices").inner_text() for page in people]
    assert sum(APPROVED in words for words in said) == 1
    who_and_when = r"already approved by (Dana Weber|Drew Castillo) on \d+ \w+ at \d\d:\d\d"
    assert sum(bool(re.search(who_and_when, words)) for words in said) == 1
    office.wait_for_mails(request)
    office.check_in_step(request)
    assert len(office.meetings()) == 1
    assert office.told(office.marta.membership) == ["Confirmed"]
    assert office.told(office.aylin) == ["Assigned to you"]  # first of those who perform it


# Forms


def test_a_request_that_is_refused_keeps_what_was_typed(office: Office, somebody: Somebody) -> None:
    marta = somebody(office.marta.membership)
    marta.goto("/")
    with marta.expect_response(lambda answer: answer.request.method == "POST") as answered:
        ask_for_an_appointment(marta, a_time(days=-2))

    assert answered.value.status == 422
    expect(marta.get_by_text("This time is over. Choose a later one.")).to_be_visible()
    expect(marta.get_by_label("Date")).to_have_value(f"{a_time(days=-2):%Y-%m-%d}")
    expect(marta.get_by_label("What should we know?")).to_have_value(
        "Outlook asks for the password again."
    )

    marta.get_by_label("Date").fill(f"{a_time():%Y-%m-%d}")
    marta.get_by_role("button", name="Send request").click()
    expect(marta.get_by_text("Waiting for approval")).to_be_visible()


def test_an_approval_that_is_refused_keeps_what_was_typed(
    office: Office, somebody: Somebody
) -> None:
    request = office.request()
    dana = somebody(office.dana)
    open_request(dana, request)
    dana.get_by_label("Assign technician").select_option("Aylin Kaya")
    dana.get_by_label(TOGGLE).uncheck()
    dana.get_by_label("Internal notes").fill("Bring the long cable.")
    dana.get_by_label("Date").fill("")
    with dana.expect_response(lambda answer: answer.request.method == "POST") as answered:
        dana.get_by_role("button", name="Approve").click()

    assert answered.value.status == 422
    expect(dana.get_by_text("What you typed is still there.")).to_be_visible()
    expect(dana.get_by_label("Assign technician")).to_have_value(str(office.aylin.id))
    expect(dana.get_by_label(TOGGLE)).not_to_be_checked()
    expect(dana.get_by_label("Internal notes")).to_have_value("Bring the long cable.")
    assert office.now(request).is_pending


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_double_click_sends_one_request(
    office: Office, somebody: Somebody, scripts: bool
) -> None:
    marta = somebody(office.marta.membership, java_script_enabled=scripts)
    marta.goto("/")
    marta.get_by_role("link", name="Request an appointment").first.click()
    marta.get_by_label("What is it about?").select_option("Remote support")
    marta.get_by_label("Date").fill(f"{a_time():%Y-%m-%d}")
    marta.get_by_label("Time", exact=True).fill("10:00")
    marta.get_by_role("button", name="Send request").dblclick()

    expect(marta.get_by_text("Waiting for approval")).to_be_visible()
    until(lambda: office.told(office.marta.membership), "the client is told")
    with tenant_atomic(office.tenant):
        assert AppointmentRequest.objects.count() == 1
    assert office.told(office.marta.membership) == ["We received your request"]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_who_goes_back_and_sends_again_finds_the_first_request(
    office: Office, somebody: Somebody, scripts: bool
) -> None:
    marta = somebody(office.marta.membership, java_script_enabled=scripts)
    marta.goto("/")
    ask_for_an_appointment(marta, a_time())
    expect(marta.get_by_text("Request sent.")).to_be_visible()
    request_page = marta.url

    marta.go_back()
    marta.get_by_label("What is it about?").select_option("Remote support")
    marta.get_by_label("Date").fill(f"{a_time(days=9):%Y-%m-%d}")
    marta.get_by_label("Time", exact=True).fill("11:00")
    marta.get_by_role("button", name="Send request").click()

    expect(marta.get_by_text("You have already sent this request.")).to_be_visible()
    assert marta.url == request_page
    with tenant_atomic(office.tenant):
        assert AppointmentRequest.objects.count() == 1


# Without


def test_everything_works_without_scripts(office: Office, somebody: Somebody) -> None:
    marta = somebody(office.marta.membership, java_script_enabled=False)
    dana = somebody(office.dana, java_script_enabled=False)

    marta.goto("/")
    ask_for_an_appointment(marta, a_time())
    expect(marta.get_by_text("Waiting for approval")).to_be_visible()

    dana.goto("/")
    dana.get_by_role("link", name="Requests").click()
    dana.get_by_role("searchbox").fill(office.marta.client.name)
    dana.get_by_role("button", name="Search").click()
    queue(dana).get_by_role("link", name="Remote support").click()
    dana.get_by_role("button", name="Approve").click()
    expect(notice(dana, "success", APPROVED)).to_be_visible()
    open_what_was_done(dana)
    expect(dana.get_by_role("link", name=JOIN)).to_be_visible()
    dana.get_by_label("Date").fill(f"{a_time(days=9):%Y-%m-%d}")
    dana.get_by_role("button", name="Move").click()
    expect(notice(dana, "success", "Moved.")).to_be_visible()

    marta.reload()
    expect(marta.get_by_role("link", name=JOIN)).to_be_visible()
    marta.get_by_role("link", name="Cancel…").click()
    marta.get_by_role("button", name="Cancel the appointment").click()
    expect(marta.get_by_text("Cancelled", exact=True)).to_be_visible()
    assert office.meetings() == []


def test_somebody_without_a_mouse_signs_in_and_approves(office: Office, somebody: Somebody) -> None:
    let_sign_in(office.dana)
    office.request()
    dana = somebody()

    dana.goto("/")
    tab_to(dana, dana.get_by_label("E-mail address"))
    dana.keyboard.type(office.dana.user.email)
    tab_to(dana, dana.get_by_label("Password"))
    dana.keyboard.type(PASSWORD)
    dana.keyboard.press("Enter")
    tab_to(dana, dana.get_by_role("link", name="Open the first"))
    dana.keyboard.press("Enter")
    expect(dana.get_by_label("Assign technician")).to_be_visible()
    tab_to(dana, dana.get_by_label(TOGGLE))
    dana.keyboard.press("Space")
    expect(dana.get_by_label(TOGGLE)).not_to_be_checked()
    dana.keyboard.press("Space")
    tab_to(dana, dana.get_by_role("button", name="Approve"))
    dana.keyboard.press("Enter")
    expect(notice(dana, "success", APPROVED)).to_be_visible()
    assert len(office.meetings()) == 1


def tab_to(page: Page, place: Locator) -> None:
    """Press Tab until it has the focus, which must be seen."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if place.evaluate("place => place === document.activeElement"):
            assert place.evaluate("place => place.matches(':focus-visible')")
            return
    raise AssertionError(f"Tab does not lead to {place}.")
