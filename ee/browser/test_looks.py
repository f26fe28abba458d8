"""What holds on every page that people reach by following links."""

import re
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from urllib.parse import parse_qs, urldefrag, urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from convene.appointments.models import AppointmentRequest, Status
from convene.catalog.models import Service
from convene.clients.models import Client
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership
from convene.tenancy.permissions import Role
from ee.browser.conftest import Somebody
from ee.running.office import Office
from tests.availability.make import make_entry, make_hours
from tests.make import a_time, make_member

pytestmark = pytest.mark.timeout(240)

LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenbeschaffung"
PHONE = {"width": 360, "height": 740}
REQUEST = re.compile(r"/t/[^/]+/requests/[0-9a-f-]{36}/$")

for_everybody = pytest.mark.parametrize("who", ["nobody", "client", "admin"])


@pytest.fixture
def busy_office(office: Office) -> Office:
    """Appointments in several states, and names that are wider than a phone."""
    with tenant_atomic(office.tenant):
        Service.objects.update(name=LONG, description=LONG * 3)
        Client.objects.update(name=LONG)
        office.service.refresh_from_db()
        office.marta.client.refresh_from_db()
    days = [a_time() + timedelta(days=number) for number in range(4)]
    office.approved(days[0])
    cancelled = office.approved(days[1])
    office.product.simulator.fault("create", status=503)
    office.approved(days[2])
    with office.visit(office.dana) as dana:
        dana.cancel(cancelled)
    office.request(days[3])
    make_entry(office.tom, a_time(), a_time(hour=13), title=LONG)
    make_hours(office.tom, office.aylin)
    return office


def member_of(office: Office, who: str) -> Membership | None:
    if who == "admin":
        return make_member(office.tenant, "Greta Holm", Role.ADMIN)
    return office.marta.membership if who == "client" else None


def every_page(page: Page) -> Iterator[str]:
    """Open each page of ours that links lead to from the first one, once, and name it.

    Of a calendar without an end only the page that is linked to, of a request the page beside the
    first queue that it was found in, and of all times that can be asked for each step once.
    """
    page.goto("/")
    ours = urlsplit(page.url).netloc
    waiting, seen = [page.url], {page.url}
    while waiting:
        page.goto(waiting.pop(0))
        yield page.url.partition(ours)[2]
        for link in page.locator("a[href]:not([rel=prev], [rel=next])").evaluate_all(
            "all => all.map(link => link.href)"
        ):
            url = urldefrag(link).url
            parts = urlsplit(url)
            page_of = parts.path if REQUEST.search(parts.path) else url
            if "draft" in (step := parse_qs(parts.query)):
                page_of = f"{parts.path} {sorted(step)}"
            if parts.netloc == ours and not url.endswith(".ics") and page_of not in seen:
                waiting.append(url)
                seen.add(page_of)


@for_everybody
def test_no_page_is_wider_than_a_phone(busy_office: Office, somebody: Somebody, who: str) -> None:
    page = somebody(member_of(busy_office, who), viewport=PHONE)

    widths = {
        name: page.evaluate("document.documentElement.scrollWidth") for name in every_page(page)
    }

    assert len(widths) > 1
    assert {name: width for name, width in widths.items() if width > PHONE["width"]} == {}


@for_everybody
def test_axe_finds_nothing_serious_on_any_page(
    busy_office: Office, somebody: Somebody, who: str
) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text()
    # without transitions, so that a colour is measured when it has arrived
    page = somebody(member_of(busy_office, who), reduced_motion="reduce")

    found = {name: list(barriers(page, axe)) for name in every_page(page)}

    assert {name: said for name, said in found.items() if said} == {}


# Where people come by an old address, a form that was open for too long, or not at all yet.
APART = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/inactive/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/done/",
    "/accounts/password/reset/key/1-gone/",
    "/nowhere/",
]


def test_axe_finds_nothing_serious_where_no_link_leads(office: Office, chromium: Browser) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text()
    page = chromium.new_page(base_url=office.product.url, reduced_motion="reduce", viewport=PHONE)  # type: ignore[arg-type]  # a size
    found, widths = {}, {}

    for address in [*APART, f"/book/{office.tenant.slug}/r/mistyped/"]:
        page.goto(address)
        found[address] = list(barriers(page, axe))
        widths[address] = page.evaluate("document.documentElement.scrollWidth")
    page.goto("/accounts/login/")
    page.context.clear_cookies()
    page.get_by_label("E-mail address").fill(office.dana.user.email)
    page.get_by_label("Password").fill("anything")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Please try again")).to_be_visible()
    found["without a cookie"] = list(barriers(page, axe))
    page.context.close()

    assert {name: said for name, said in found.items() if said} == {}
    assert max(widths.values()) <= PHONE["width"]


def test_on_paper_is_what_somebody_takes_along(busy_office: Office, somebody: Somebody) -> None:
    page = somebody(busy_office.dana, viewport={"width": 1000, "height": 1400}, color_scheme="dark")
    with tenant_atomic(busy_office.tenant):
        approved = AppointmentRequest.objects.filter(status=Status.APPROVED).latest("created_at")

    page.goto(reverse("appointments:detail", args=[busy_office.tenant.slug, approved.id]))
    page.emulate_media(media="print")
    expect(page.get_by_text(approved.requester_email).first).to_be_visible()
    for name in ("Move", "Search", "Sign out"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    background = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert background == "rgb(255, 255, 255)"

    page.emulate_media(media="screen")
    address = reverse("appointments:schedule", args=[busy_office.tenant.slug])
    page.goto(f"{address}?view=day&day={a_time():%Y-%m-%d}&technician=")
    expect(page.locator(".ec")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".ec")).to_be_hidden()
    expect(page.locator("#schedule_list")).to_contain_text(LONG)


def barriers(page: Page, axe: str) -> Iterator[str]:
    """What keeps people from using a page, in light and dark, as far as a program can tell."""
    page.evaluate(axe)
    for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the words
        for rule in page.evaluate("options => axe.run(options)", options)["violations"]:
            if rule["impact"] in {"serious", "critical"}:
                yield from (f"{rule['id']}, {scheme}: {node['html']}" for node in rule["nodes"])
    page.emulate_media(color_scheme="light")
