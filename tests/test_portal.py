"""The client portal, page by page."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Browser

from convene.appointments import actions
from convene.appointments.models import AppointmentRequest
from convene.clients.models import Client, Contact
from convene.meetings.fake import FakeProvider, registered
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership
from tests.make import (
    a_time,
    make_member,
    make_portal_contact,
    make_request,
    make_service,
    make_tenant,
)

pytestmark = pytest.mark.usefixtures("db")


class Portal:
    """The portal as one contact sees it."""

    def __init__(self, **fields: str) -> None:
        self.contact: Contact = make_portal_contact(make_tenant(), **fields)
        self.tenant = self.contact.tenant
        self.browser = Browser()
        assert self.contact.membership is not None
        self.membership: Membership = self.contact.membership
        self.browser.force_login(self.membership.user)
        self.dana = make_member(self.tenant, "Dana")
        self.service = make_service(self.tenant, "Onboarding call", self.dana)

    def url(self, path: str = "") -> str:
        return f"/portal/{self.tenant.slug}/{path}"

    def read(self, path: str = "") -> str:
        answer = self.browser.get(self.url(path), follow=True)
        assert answer.status_code == 200
        return answer.content.decode()

    def send(self, **fields: str):
        form = {
            "service": str(self.service.id),
            "requested_date": a_time().date().isoformat(),
            "requested_time": "14:00",
            "requester_timezone": "America/New_York",
            "description": "Two new colleagues",
            "submission": str(uuid4()),
        }
        return self.browser.post(self.url("new/"), form | fields)

    def approved(
        self, *, start: datetime | None = None, later: timedelta = timedelta()
    ) -> AppointmentRequest:
        """Approved, perhaps ``later`` than asked for."""
        request = make_request(
            self.tenant, contact=self.contact, service=self.service, start=start or a_time()
        )
        actions.approve_appointment_request(
            self.tenant,
            request.id,
            by=self.dana,
            technician=self.dana,
            starts_at=request.requested_start + later,
            with_meeting=True,
        )
        return request


def number_on(page: Any) -> str:
    """The number of the request that a page sends."""
    return str(page.context["form"]["submission"].value())


def test_a_request_is_sent_and_waits():
    portal = Portal()

    answer = portal.send()

    assert answer.status_code == 303
    page = portal.browser.get(answer.headers["Location"]).content.decode()
    assert "Request sent" in page
    assert "Waiting for approval" in page
    assert "Onboarding call" in portal.read()


def test_the_form_that_is_sent_again_after_going_back_is_the_same_request():
    portal = Portal()
    opened = portal.browser.get(portal.url("new/")).headers["Location"]
    sent = portal.send(submission=number_on(portal.browser.get(opened)))
    gone_back = portal.browser.get(opened)

    again = portal.send(submission=number_on(gone_back), requested_time="15:00")

    assert again.headers["Location"] == sent.headers["Location"]
    page = portal.browser.get(again.headers["Location"]).content.decode()
    assert "You have already sent this request." in page
    with tenant_atomic(portal.tenant):
        assert AppointmentRequest.objects.count() == 1


def test_who_asks_anew_sends_another_request():
    portal = Portal()
    for _ in range(2):
        form = portal.browser.get(portal.url("new/"), follow=True)
        assert portal.send(submission=number_on(form)).status_code == 303

    with tenant_atomic(portal.tenant):
        assert AppointmentRequest.objects.count() == 2


def test_an_address_that_was_kept_since_it_was_sent_begins_anew(time_machine):
    portal = Portal()
    kept = portal.browser.get(portal.url("new/")).headers["Location"]
    portal.send(submission=number_on(portal.browser.get(kept)))

    time_machine.move_to(datetime.now(UTC) + timedelta(hours=2))
    portal.browser.force_login(portal.membership.user)

    assert portal.browser.get(kept).headers["Location"] != kept


def test_what_was_typed_survives_a_refusal():
    portal = Portal()

    answer = portal.send(requested_date="", description="Do not lose this")

    assert answer.status_code == 422
    assert "Do not lose this" in answer.content.decode()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"requested_date": "2020-01-01"}, "This time is over"),
        (
            {"requested_date": "2027-03-14", "requested_time": "02:30"},
            "02:30 does not exist on",
        ),
        ({"requester_timezone": "Mars/Olympus"}, "Unknown time zone"),
        ({"service": str(uuid4())}, "Select a valid choice"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_in_words(fields, sentence):
    answer = Portal().send(**fields)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_only_a_technician_who_does_it_can_be_wished_for():
    portal = Portal()
    other = make_member(portal.tenant, "Max")
    make_service(portal.tenant, "Something else", other)

    answer = portal.send(preferred_technician=str(other.id))

    assert answer.status_code == 422
    assert "Max does not do this" in answer.content.decode()


def test_only_those_are_named_who_perform_the_chosen_service():
    portal = Portal()
    make_member(portal.tenant, "Otto")
    make_service(portal.tenant, "Retired", make_member(portal.tenant, "Rita"), active=False)
    both = make_service(
        portal.tenant, "Something else", make_member(portal.tenant, "Max"), portal.dana
    )

    page = portal.read(f"new/?service={both.id}")

    assert ">Dana<" in page
    assert ">Max<" in page
    assert "Otto" not in page
    assert "Rita" not in page


def test_a_service_that_is_not_offered_cannot_be_asked_for():
    portal = Portal()
    hidden = make_service(portal.tenant, "Old service", active=False)

    assert "Old service" not in portal.read("new/")
    assert portal.send(service=str(hidden.id)).status_code == 422


def test_an_inactive_client_cannot_ask():
    portal = Portal()
    with tenant_atomic(portal.tenant):
        Client.objects.update(active=False)

    answer = portal.send()

    assert answer.status_code == 422
    assert "cannot ask for appointments" in answer.content.decode()


def test_times_are_in_the_contacts_own_zone():
    portal = Portal(timezone="America/New_York")
    request = make_request(
        portal.tenant, contact=portal.contact, start=datetime(2030, 1, 15, 12, tzinfo=UTC)
    )

    page = portal.read(f"requests/{request.id}/")

    assert "07:00–07:30" in page
    assert "Times in America/New_York" in " ".join(page.split())


def test_a_contact_chooses_their_own_zone():
    portal = Portal(timezone="America/New_York")

    portal.browser.post(portal.url("me/"), {"timezone": "Asia/Tokyo"})

    assert "Times in Asia/Tokyo" in " ".join(portal.read().split())


def test_the_join_button_is_there_while_it_can_be_used():
    portal = Portal()
    provider = FakeProvider()
    with registered(provider):
        request = portal.approved()
        page = portal.read(f"requests/{request.id}/")

    [meeting] = provider.meetings.values()
    link = re.search(rf'<a[^>]*href="{re.escape(meeting.join_url)}"[^>]*>([^<]+)</a>', page)
    assert link is not None
    assert link.group(1).strip() == "Join Fake Meeting"
    assert 'target="_blank"' in link.group(0)
    assert 'rel="noopener noreferrer"' in link.group(0)


def test_the_join_button_goes_when_the_appointment_is_over_or_cancelled(time_machine):
    portal = Portal()
    with registered(FakeProvider()):
        over, cancelled = portal.approved(), portal.approved(start=a_time(days=30))
        portal.browser.post(portal.url(f"requests/{cancelled.id}/cancel/"))
        assert "Join" not in portal.read(f"requests/{cancelled.id}/")

        time_machine.move_to(over.requested_end + timedelta(seconds=1))
        portal.browser.force_login(portal.membership.user)
        assert "Join" not in portal.read(f"requests/{over.id}/")


def test_who_is_confirmed_at_another_time_reads_which_one_they_asked_for():
    portal = Portal(timezone="America/New_York")
    noon = datetime(2030, 1, 15, 12, tzinfo=UTC)
    moved = portal.approved(start=noon, later=timedelta(hours=2))
    kept = portal.approved(start=noon)

    page = " ".join(portal.read(f"requests/{moved.id}/").split())

    assert "09:00–09:30" in page
    assert "You asked for Tue, 15 Jan 2030, 07:00; this is the time we can offer." in page
    assert "You asked for" not in portal.read(f"requests/{kept.id}/")


def test_what_is_over_or_came_to_nothing_is_listed_as_such():
    portal = Portal()
    request = make_request(portal.tenant, contact=portal.contact, service=portal.service)
    assert "Past, declined and cancelled" not in portal.read()

    portal.browser.post(portal.url(f"requests/{request.id}/cancel/"))

    assert "Past, declined and cancelled" in portal.read()


def test_what_nobody_has_confirmed_is_cancelled_as_a_request():
    portal = Portal()
    request = make_request(portal.tenant, contact=portal.contact, service=portal.service)

    of_a_request = portal.read(f"requests/{request.id}/cancel/")
    of_an_appointment = portal.read(f"requests/{portal.approved().id}/cancel/")

    assert "Cancel this request?" in of_a_request
    assert "Cancel the request" in of_a_request
    assert "Cancel this appointment?" in of_an_appointment
    assert "Cancel the appointment" in of_an_appointment


def test_who_wants_another_time_cancels_and_asks_again_with_all_that_was_entered():
    portal = Portal()
    sent = portal.send(preferred_technician=str(portal.dana.id))
    request_page = sent.headers["Location"]
    page = portal.browser.get(request_page).content.decode()
    question = portal.browser.get(f"{request_page}cancel/").content.decode()

    cancelled = portal.browser.post(f"{request_page}cancel/", follow=True).content.decode()
    again = portal.browser.get(f"{request_page}again/", follow=True)
    form = again.context["form"]

    assert "Change or cancel…" in page
    assert "cancel it and ask again" in question
    assert f'href="{request_page}again/"' in cancelled
    assert str(form["service"].value()) == str(portal.service.id)
    assert str(form["preferred_technician"].value()) == str(portal.dana.id)
    assert form["requester_timezone"].value() == "America/New_York"
    assert form["description"].value() == "Two new colleagues"
    assert portal.send(submission=number_on(again)).headers["Location"] != request_page


def test_cancelling_asks_first_and_names_the_meeting():
    portal = Portal()
    provider = FakeProvider()
    with registered(provider):
        request = portal.approved()
        question = portal.read(f"requests/{request.id}/cancel/")
        answer = portal.browser.post(portal.url(f"requests/{request.id}/cancel/"))

    assert "This will also delete the Fake Meetings meeting." in question
    assert answer.status_code == 303
    assert provider.meetings == {}


def test_a_client_reads_nothing_of_a_providers_failure():
    portal = Portal()
    provider = FakeProvider()
    with registered(provider):
        request = portal.approved()
        provider.fail_next(on="delete")
        answer = portal.browser.post(portal.url(f"requests/{request.id}/cancel/"), follow=True)

    page = answer.content.decode()
    assert "Cancelled. We have told everybody concerned." in page
    assert "could not be removed" not in page


def test_the_calendar_file_can_be_downloaded():
    portal = Portal()
    with registered(FakeProvider()):
        request = portal.approved()
        answer = portal.browser.get(portal.url(f"requests/{request.id}/calendar.ics"))

    assert answer.headers["Content-Type"] == "text/calendar; method=REQUEST; charset=utf-8"
    assert "LOCATION:Fake Meetings Meeting" in answer.content.decode()


def test_a_sign_in_without_a_contact_has_no_portal():
    tenant = make_tenant()
    lost = make_member(tenant, role="client")  # type: ignore[arg-type]  # the word is enough
    browser = Browser()
    browser.force_login(lost.user)

    assert browser.get(f"/portal/{tenant.slug}/").status_code == 404


@pytest.mark.parametrize(
    ("day", "zone"),
    [
        ("0001-01-01", "Asia/Tokyo"),
        ("9999-12-31", "America/New_York"),
        ("9999-12-31", "UTC"),
    ],
)
def test_a_date_at_the_end_of_time_is_refused(day, zone):
    answer = Portal().send(requested_date=day, requester_timezone=zone)

    assert answer.status_code == 422
    assert "too far away" in answer.content.decode()


def test_an_appointment_that_took_place_cannot_be_cancelled_by_the_client(time_machine):
    portal = Portal()
    request = portal.approved()
    time_machine.move_to(request.requested_end + timedelta(hours=1))
    portal.browser.force_login(portal.membership.user)

    answer = portal.browser.post(portal.url(f"requests/{request.id}/cancel/"), follow=True)

    assert "This appointment is over." in answer.content.decode()
    with tenant_atomic(portal.tenant):
        assert AppointmentRequest.objects.get(id=request.id).is_approved


def test_the_calendar_file_of_the_past_has_no_link(time_machine):
    portal = Portal()
    with registered(FakeProvider()):
        request = portal.approved()
        time_machine.move_to(request.requested_end + timedelta(hours=1))
        portal.browser.force_login(portal.membership.user)
        answer = portal.browser.get(portal.url(f"requests/{request.id}/calendar.ics"))

    assert "https://meetings.example" not in answer.content.decode()
