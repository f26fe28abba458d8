"""A guest on a phone, from the booking page to a meeting that is called off."""

from importlib.resources import files

from playwright.sync_api import Page, expect

from convene.catalog.models import Service
from convene.tenancy.db import tenant_atomic
from ee.browser.conftest import Somebody
from ee.browser.test_looks import PHONE, barriers
from ee.browser.test_story import JOIN, WILL_BE_DELETED, open_first_request, open_what_was_done
from ee.running.office import Office
from ee.running.product import until
from tests.availability.make import make_hours
from tests.make import a_time
from tests.postbox import html_of, text_of

EMAIL = "ada@engines.example"
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()


def make_bookable(office: Office) -> None:
    with tenant_atomic(office.tenant):
        Service.objects.filter(id=office.service.id).update(
            public=True, description="We look at your screen with you."
        )
    make_hours(office.tom, office.aylin)


def check_looks(page: Page) -> None:
    """Fits on a phone, and nothing keeps people from using it."""
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert list(barriers(page, AXE)) == []


def mails(office: Office) -> list[str]:
    """The kinds of mails that the guest got."""
    return [
        str(mail["Subject"]).strip().partition(":")[0] for mail in office.product.mails.to(EMAIL)
    ]


def test_a_guest_from_the_wish_to_its_end(office: Office, somebody: Somebody) -> None:
    make_bookable(office)
    guest = somebody(viewport=PHONE, timezone_id="Europe/Lisbon", reduced_motion="reduce")
    dana = somebody(office.dana)

    guest.goto(f"/book/{office.tenant.slug}/")
    expect(guest.get_by_label("Time zone")).to_have_value("Europe/Lisbon")
    check_looks(guest)
    guest.get_by_label("Remote support").check()
    guest.get_by_role("button", name="Show free times").click()
    day = a_time()
    if day.month != a_time(days=0).month:
        guest.get_by_role("link", name="Later").click()
    guest.get_by_role("link", name=f"{day:%A}, {day.day} {day:%B}").click()
    expect(guest.locator("#times")).to_be_focused()
    check_looks(guest)
    guest.get_by_role("link", name="14:00").click()
    check_looks(guest)

    guest.get_by_role("button", name="Send request").click()
    expect(guest.get_by_label("Your name")).to_be_focused()
    check_looks(guest)
    guest.get_by_label("Your name").fill("Ada Lovelace")
    guest.get_by_label("Your e-mail address").fill(EMAIL)
    guest.get_by_label("Company").fill("Analytical Engines")
    guest.get_by_role("button", name="Another time").click()
    guest.get_by_role("link", name="14:30").click()
    expect(guest.get_by_label("Company")).to_have_value("Analytical Engines")
    guest.get_by_role("button", name="Send request").click()
    expect(guest.get_by_text("Waiting for approval")).to_be_visible()
    private_link = guest.url
    check_looks(guest)

    guest.go_back()
    guest.get_by_label("Your name").fill("Ada Lovelace")
    guest.get_by_label("Your e-mail address").fill(EMAIL)
    guest.get_by_role("button", name="Send request").click()
    expect(guest.get_by_text("You have already sent this request.")).to_be_visible()
    assert guest.url == private_link

    dana.goto("/")
    dana.get_by_role("link", name="Requests").click()
    expect(dana.get_by_text("Analytical Engines · Guest")).to_be_visible()
    open_first_request(dana)
    dana.get_by_label("Assign technician").select_option("Tom Brandt")
    dana.get_by_role("button", name="Approve").click()
    expect(dana.locator(".alert-success").get_by_text("Approved.")).to_be_visible()
    [meeting] = meetings(office)

    until(lambda: "Confirmed" in mails(office), "the guest is told")
    mail = somebody()
    mail.set_content(html_of(office.product.mails.to(EMAIL)[-1]))
    expect(mail.get_by_role("link", name=JOIN)).to_have_attribute("href", meeting)
    assert private_link in text_of(office.product.mails.to(EMAIL)[-1])

    guest.goto(private_link)
    expect(guest.get_by_role("link", name=JOIN)).to_have_attribute("href", meeting)
    check_looks(guest)
    guest.get_by_role("link", name="Change or cancel").click()
    expect(guest.get_by_text(WILL_BE_DELETED)).to_be_visible()
    check_looks(guest)
    guest.get_by_role("button", name="Cancel the appointment").click()
    expect(guest.get_by_text("Cancelled. We have told everybody concerned.")).to_be_visible()
    expect(guest.get_by_role("link", name=JOIN)).to_have_count(0)
    check_looks(guest)
    assert meetings(office) == []
    until(lambda: mails(office)[-1] == "Cancelled", "the guest is told again")

    open_what_was_done(dana)
    expect(dana.get_by_text("Ada Lovelace (guest)").first).to_be_visible()


def meetings(office: Office) -> list[str]:
    """The join links of what Graph holds for the guest."""
    return [
        row.join_web_url
        for row in office.product.simulator.meetings()
        if row.subject == "Remote support: Analytical Engines"
    ]


def test_beside_the_month_stand_its_times_with_their_zone(
    office: Office, somebody: Somebody
) -> None:
    make_bookable(office)
    guest = somebody(viewport={"width": 1024, "height": 800}, timezone_id="Europe/Lisbon")

    guest.goto(f"/book/{office.tenant.slug}/")
    guest.get_by_label("Remote support").check()
    guest.get_by_role("button", name="Show free times").click()

    step = guest.get_by_role("list", name="Steps").locator("[aria-current=step]")
    expect(step).to_have_text("When")
    month, times = guest.locator(".month").bounding_box(), guest.locator("#times").bounding_box()
    assert month
    assert times
    assert times["x"] > month["x"] + month["width"]
    guest.locator("#times").get_by_role("link", name="Another time zone").click()
    expect(guest.get_by_label("Time zone")).to_be_in_viewport()
    expect(guest.get_by_label("Remote support")).to_be_checked()
