"""People at a real browser, in front of the running product."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    sync_playwright,
)

from ee.running.fixtures import office, product
from ee.running.product import Product

if TYPE_CHECKING:
    from convene.tenancy.models import Membership

__all__ = ["office", "product"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
NEEDED = "The browser tests need Chromium. On Debian: sudo apt-get install chromium"
OPTIONS = [
    "--no-sandbox",  # it does not start as root otherwise
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Somebody = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(NEEDED)
    # Playwright leaves an event loop in this thread, beside which Django asks for a word.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def somebody(chromium: Browser, product: Product) -> Iterator[Somebody]:
    """``somebody(member, **options)`` has a browser of their own, and is signed in as a member.

    Whatever a page complained about to its console fails the test in the end: scripts that
    stopped, and all that the content security policy refused.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        # A refused form is an answer like any other, whatever Chromium says of its status.
        if said.type == "error" and "status of 422" not in said.text:
            complaints.append(said.text)

    def sit_down(member: "Membership | None" = None, **options: object) -> Page:
        context = chromium.new_context(base_url=product.url, locale="en-GB", **options)  # type: ignore[arg-type]  # Playwright's own
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.route(lambda url: not url.startswith(product.url), _elsewhere)
        if member:
            from ee.running.office import session_of

            context.add_cookies(
                [{"name": "sessionid", "value": session_of(member), "url": product.url}]
            )
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", hear)
        return context.new_page()

    yield sit_down
    for context in contexts:
        context.close()
    assert complaints == []


def _elsewhere(route: Route) -> None:
    """What is behind the links to Microsoft."""
    route.fulfill(content_type="text/html", body="<title>Elsewhere</title>")
