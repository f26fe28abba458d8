"""How the story asks for an appointment, on the pages of MSPs with and without working hours."""

from datetime import timedelta
from urllib.parse import urljoin

import pytest
from django.test import Client
from django.utils import timezone

from convene.availability.models import WorkingHours
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from demo import story
from demo.browser import Browser, Page, Surprise, read_page
from demo.seed import seed
from demo.world import PASSWORD


class Inside(Browser):
    """At Convene's pages without a server in between."""

    def __init__(self) -> None:
        super().__init__("http://testserver")
        self._client = Client()

    def _load(self, url: str, data: bytes | None = None) -> Page:
        if data is None:
            answer = self._client.get(url, follow=True)
        else:
            form = "application/x-www-form-urlencoded"
            answer = self._client.post(url, data, content_type=form, follow=True)
        for address, _status in answer.redirect_chain:
            url = urljoin(url, address)
        assert answer.status_code == 200, url
        self.page = read_page(url, answer.content.decode())
        return self.page


@pytest.fixture
def northwind(db: None) -> Tenant:
    seed()
    return Tenant.objects.get(slug="northwind")


@pytest.fixture
def marta(northwind: Tenant) -> Inside:
    browser = Inside()
    browser.open("/accounts/login/")
    browser.press("Sign in", login=story.CLIENT.email, password=PASSWORD)
    return browser


def test_with_working_hours_the_story_takes_a_free_time(marta: Inside) -> None:
    told = story.fill_in_a_request(marta)

    page = marta.press("Send request")

    assert "Waiting for approval" in page.text
    assert told.technician.name == "Aylin Kaya"
    assert timezone.now() + timedelta(days=2) < told.starts_at < told.moves_to


def test_each_story_takes_another_day(marta: Inside) -> None:
    first = story.fill_in_a_request(marta)
    page = marta.press("Send request")
    assert "Waiting for approval" in page.text

    second = story.fill_in_a_request(marta)

    assert second.starts_at.date() > first.starts_at.date()


def test_without_working_hours_the_story_names_a_time(northwind: Tenant, marta: Inside) -> None:
    with tenant_atomic(northwind):
        WorkingHours.objects.all().delete()

    told = story.fill_in_a_request(marta)

    assert marta.page.form("Send request").fields["requested_time"] == "10:00"
    assert "Waiting for approval" in marta.press("Send request").text
    assert told.moves_to - told.starts_at == timedelta(days=1, hours=3, minutes=30)


def test_the_story_turns_to_somebody_who_has_hours(northwind: Tenant, marta: Inside) -> None:
    tom = Membership.objects.of_tenant(northwind).get(user__name="Tom Brandt")
    with tenant_atomic(northwind):
        WorkingHours.objects.exclude(technician=tom).delete()

    assert story.fill_in_a_request(marta).technician.name == "Tom Brandt"


def test_the_story_says_so_when_nobody_is_free(northwind: Tenant, marta: Inside) -> None:
    with tenant_atomic(northwind):
        WorkingHours.objects.update(effective_until=timezone.now().date())

    with pytest.raises(Surprise, match="Nobody has free times"):
        story.fill_in_a_request(marta)
