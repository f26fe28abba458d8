"""The main job, as the people see it who do it."""

from datetime import datetime, timedelta

from playwright.sync_api import Locator, Page, expect

from ee.browser.conftest import Somebody
from ee.running.office import Office, let_sign_in
from ee.running.product import until
from tests.make import PASSWORD, a_time
from tests.postbox import html_of

JOIN = "Join Teams Meeting"
TOGGLE = "Generate Microsoft Teams meeting link"
WILL_BE_DELETED = "This will also delete the Microsoft Teams meeting."


def sign_in(page: Page, email: str) -> None:
    page.goto("/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def ask_for_an_appointment(page: Page, at: datetime) -> None:
    """At a time on the client's wall, which is Lisbon's."""
    page.get_by_role("link", name="Request an appointment").first.click()
    page.get_by_label("What is it about?").select_option("Remote support")
    page.get_by_label("Date").fill(f"{at:%Y-%m-%d}")
    page.get_by_label("Time", exact=True).fill(f"{at:%H:%M}")
    page.get_by_label("What should we know?").fill("Outlook asks for the password again.")
    page.get_by_role("button", name="Send request").click()


def open_first_request(page: Page) -> None:
    page.get_by_role("link", name="Requests").click()
    queue(page).get_by_role("link").first.click()


def queue(page: Page) -> Locator:
    return page.get_by_role("region", name="Queue")


def open_what_was_done(page: Page) -> None:
    """The appointment that the notice of a decision is about."""
    page.locator("#notices").get_by_role("link", name="Remote support").first.click()


def order_on_page(page: Page, *labels: str) -> list[str]:
    """These fields from top to bottom."""

    def height(label: str) -> float:
        box = page.get_by_label(label).first.bounding_box()
        assert box is not None
        return box["y"]

    return sorted(labels, key=height)


def test_an_appointment_from_the_wish_to_its_end(office: Office, somebody: Somebody) -> None:
    assert office.marta.membership is not None
    let_sign_in(office.marta.membership)
    let_sign_in(office.dana)
    client, dana = somebody(), somebody()

    sign_in(client, office.marta.email)
    ask_for_an_appointment(client, a_time())
    expect(client.get_by_text("Waiting for approval")).to_be_visible()
    expect(client.get_by_role("link", name=JOIN)).to_have_count(0)

    sign_in(dana, office.dana.user.email)
    open_first_request(dana)
    fields = ["Assign technician", TOGGLE, "Internal notes"]
    assert order_on_page(dana, *reversed(fields)) == fields
    expect(dana.get_by_label(TOGGLE)).to_be_checked()
    dana.get_by_label("Assign technician").select_option("Tom Brandt")
    dana.get_by_label("Internal notes").fill("Second time this month.")
    dana.get_by_role("button", name="Approve").click()
    expect(dana.locator(".alert-success").get_by_text("Approved.")).to_be_visible()
    expect(dana.get_by_role("heading", name="Nothing is waiting")).to_be_visible()
    open_what_was_done(dana)

    [meeting] = office.meetings()
    with dana.context.expect_page() as opened:
        dana.get_by_role("link", name=JOIN).click()
    assert opened.value.url == meeting.join_web_url
    assert opened.value.evaluate("window.opener") is None
    opened.value.close()

    client.reload()
    expect(client.get_by_text("Confirmed")).to_be_visible()
    button = client.get_by_role("link", name=JOIN)
    expect(button).to_contain_class("btn-primary")
    expect(button).to_have_attribute("href", meeting.join_web_url)

    read_mail(office, somebody(), "Confirmed", meeting.join_web_url)

    dana.reload()
    later = a_time() + timedelta(days=1, hours=4)
    dana.get_by_label("Date").fill(f"{later:%Y-%m-%d}")
    dana.get_by_label("Time", exact=True).fill(f"{later:%H:%M}")
    dana.get_by_label("Time zone").select_option("UTC")
    dana.get_by_role("button", name="Move").click()
    expect(dana.get_by_text("Moved. Everybody concerned is told.")).to_be_visible()
    [moved] = office.meetings()
    assert moved.id == meeting.id
    assert datetime.fromisoformat(moved.start) == later
    read_mail(office, somebody(), "Moved", meeting.join_web_url)

    dana.get_by_role("link", name="Cancel this appointment").click()
    expect(dana.get_by_text(WILL_BE_DELETED)).to_be_visible()
    assert len(office.meetings()) == 1  # asking is not doing
    dana.get_by_label("Reason").fill("Tom is ill.")
    dana.get_by_role("button", name="Cancel the appointment").click()
    expect(dana.get_by_text("Cancelled. Everybody concerned is told.")).to_be_visible()
    expect(dana.get_by_role("link", name=JOIN)).to_have_count(0)
    assert office.meetings() == []
    client.reload()
    expect(client.get_by_text("Tom is ill.")).to_be_visible()
    expect(client.get_by_role("link", name=JOIN)).to_have_count(0)
    until(lambda: "Cancelled" in office.told(office.marta.membership), "the client is told")


def read_mail(office: Office, page: Page, kind: str, link: str) -> None:
    """The client's newest mail is of this kind, and its button leads to the meeting."""
    until(lambda: office.told(office.marta.membership)[-1] == kind, f"a mail {kind}")
    page.set_content(html_of(office.product.mails.to(office.marta.email)[-1]))
    expect(page.get_by_role("link", name=JOIN)).to_have_attribute("href", link)
