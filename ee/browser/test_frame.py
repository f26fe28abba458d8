"""What is around every page: whose it is, where one is, and who one is."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from convene.tenancy.permissions import Role
from ee.browser.conftest import Somebody
from ee.running.office import Office
from tests.make import make_member

pytestmark = pytest.mark.timeout(60)


def test_on_a_phone_the_frame_is_two_rows_and_shows_where_one_is(
    office: Office, somebody: Somebody
) -> None:
    admin = make_member(office.tenant, "Greta Holm", Role.ADMIN)
    greta = somebody(admin, viewport={"width": 360, "height": 740})

    greta.goto(reverse("settings", args=[office.tenant.slug]))

    assert greta.get_by_role("banner").evaluate("frame => frame.offsetHeight") < 100
    place = greta.get_by_role("navigation", name="Main").get_by_role("link", name="Settings")
    expect(place).to_be_in_viewport(ratio=1)


def test_the_persons_menu_needs_no_script(office: Office, somebody: Somebody) -> None:
    dana = somebody(office.dana, java_script_enabled=False)
    dana.goto("/")
    out = dana.get_by_role("button", name="Sign out")
    expect(out).to_be_hidden()

    dana.get_by_role("button", name=office.dana.user.name).click()
    expect(dana.get_by_role("link", name="Choose your time zone")).to_be_visible()
    expect(dana.get_by_role("link", name="API keys")).to_be_visible()
    out.click()

    dana.goto("/")
    expect(dana).to_have_url(re.compile("/accounts/login/"))
