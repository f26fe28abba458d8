"""An administrator writes a mail anew, and sees beside it what it will say."""

from importlib.resources import files
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, FrameLocator, Page, expect

from convene.appointments import letters
from convene.appointments.variables import VARIABLES
from convene.mail.templates import load
from convene.tenancy.permissions import Role
from ee.browser.conftest import Somebody
from ee.running.office import Office
from tests.make import make_member

pytestmark = pytest.mark.timeout(60)


def open_text(office: Office, somebody: Somebody, **options: object) -> Page:
    greta = somebody(make_member(office.tenant, "Greta Holm", Role.ADMIN), **options)
    greta.goto(reverse("mail:text", args=[office.tenant.slug, letters.REMINDER]))
    return greta


def preview(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[name=preview]")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_draft_is_seen_before_it_is_saved(
    office: Office, somebody: Somebody, scripts: bool
) -> None:
    greta = open_text(office, somebody, java_script_enabled=scripts)
    subject = preview(greta).locator("pre").first
    expect(subject).to_contain_text("Reminder: Onboarding call")

    greta.get_by_label("Subject").fill("See you, {{recipientName}}")
    for _ in range(2):  # the page stays, and so does the button
        greta.get_by_role("button", name="Show the preview").click()
        expect(subject).to_have_text("See you, Ada Lovelace")

    greta.get_by_role("button", name="Save").click()
    expect(greta.get_by_text("Saved.")).to_be_visible()
    expect(greta.get_by_label("Subject")).to_have_value("See you, {{recipientName}}")
    expect(subject).to_have_text("See you, Ada Lovelace")


def test_the_preview_looks_as_the_mail_does(office: Office, somebody: Somebody) -> None:
    mail = preview(open_text(office, somebody)).frame_locator("iframe")

    expect(mail.get_by_role("heading")).to_have_css("font-size", "24px")
    expect(mail.locator("td.button")).to_have_css("background-color", "rgb(29, 95, 191)")


def test_a_phone_shows_what_when_and_join_at_once(chromium: Browser) -> None:
    folder = files("convene.appointments") / "mail"
    url = "https://teams.microsoft.com/l/meetup-join/" + "19%3ameeting_" * 30
    example = {variable.name: variable.example for variable in VARIABLES}
    context = example | {"isTechnician": False, "onlineMeetingUrl": url}
    page = chromium.new_page(viewport={"width": 360, "height": 640})

    page.set_content(load(Path(str(folder)), letters.REMINDER).render(context).html)

    expect(page.locator("td.button")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("link", name=url)).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.close()


def test_a_mistake_is_named_with_its_line_and_the_keyboard_is_where_it_is(
    office: Office, somebody: Somebody
) -> None:
    greta = open_text(office, somebody)
    greta.get_by_label("Plain text").fill("Hello,\n{{recipient}}")

    greta.get_by_role("button", name="Save").click()

    mistake = "Line 2: There is no variable “recipient”."
    expect(greta.get_by_label("Plain text")).to_be_focused()
    expect(greta.get_by_text(mistake)).to_be_visible()
    expect(greta.get_by_label("Plain text")).to_have_value("Hello,\n{{recipient}}")
