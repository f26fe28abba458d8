"""Every text that people read can be translated: in the pseudo locale none of them is plain."""

import calendar
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import polib
import pytest
from django.conf import settings
from django.utils import translation

from convene.tenancy.permissions import Role
from tests.make import make_request
from tests.test_pages import READ, World, browser_of
from tools.messages import disguise

READ_ALOUD = {"placeholder", "title", "aria-label", "alt", "data-busy"}
NOT_READ = {"script", "style", "pre", "code", "kbd", "textarea"}
# What people typed, and what Django, allauth and the tz database call things.
NAMES = [
    r"(MSP|Person|Client|Contact|Service) \d+|Dentist|PSA",
    r"\S+@\S+\.example",
    r"\w+/[\w/+-]+",
    "[A-Z0-9]{4}-[A-Z0-9]{4}",
    "UTC|CES?T|Convene|Email address|Email|Password|0.minutes",
    "|".join([*calendar.month_name, *calendar.month_abbr][1:]),
    "|".join([*calendar.day_name, *calendar.day_abbr]),
]


class Texts(HTMLParser):
    """All that a page says."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[str] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.found += [text or "" for name, text in attrs if name in READ_ALOUD]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in NOT_READ:
            self.found.append(" ".join(data.split()))


def plain_texts(page: str, *names: str) -> Iterator[str]:
    """Texts with a vowel without an accent in them, apart from names."""
    known = re.compile(rf"\b({'|'.join(filter(None, [*NAMES, *names]))})\b")
    for text in Texts(page).found:
        if re.search("[aeiou]", known.sub("", text), re.IGNORECASE):
            yield text


@pytest.fixture
def pseudo(settings) -> Iterator[None]:
    settings.LANGUAGE_CODE = "en-XA"
    with translation.override("en-XA"):
        yield


@pytest.mark.usefixtures("db", "pseudo")
def test_no_page_has_a_text_that_cannot_be_translated():
    world = World()
    pending = make_request(world.tenant, contact=world.contact, service=world.service)
    found = {}
    for name, roles in READ.items():
        role = Role.ADMIN if roles[Role.ADMIN] == 200 else Role.CLIENT
        for request in (world.request, pending) if roles[role] == 200 else ():
            url = world.url(name).replace(str(world.request.id), str(request.id))
            answer = browser_of(world.members[role]).get(url)
            if answer.headers["Content-Type"].startswith("text/html"):
                found[name] = list(plain_texts(answer.content.decode()))

    assert len(found) > 15
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.usefixtures("db", "pseudo")
def test_no_page_of_signing_in_has_a_text_that_cannot_be_translated(client):
    for page in ("login/", "password/reset/", "password/reset/done/", "inactive/"):
        answer = client.get(f"/accounts/{page}")

        assert list(plain_texts(answer.content.decode())) == []
        assert '<html lang="en-xa">' in answer.content.decode()


def test_a_disguised_text_keeps_what_the_code_needs_of_it():
    assert disguise("Save %(name)s <b>now</b> &amp; 100%%") == (
        "[Šàvé %(name)s <b>ñõw</b> &amp; 100%%~~~~~~~~~~]"
    )


@pytest.mark.parametrize("locale", ["en", "en_XA"])
def test_the_catalogue_of_messages_is_there(locale):
    catalogue = polib.pofile(settings.LOCALE_PATHS[0] / locale / "LC_MESSAGES" / "django.po")

    assert len(catalogue) > 300
    assert "This appointment is over." in {entry.msgid for entry in catalogue}
