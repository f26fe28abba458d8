"""From free times to appointments: what clients are offered, what is held, what is warned of."""

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.utils.html import escape

from convene.appointments import actions, history
from convene.appointments.actions import Refused, Wish
from convene.appointments.models import AppointmentRequest
from convene.availability.models import WorkingHours
from convene.events.models import Event
from convene.meetings.fake import FakeProvider, registered
from convene.tenancy.db import tenant_atomic
from convene.tenancy.permissions import Role
from tests.availability.make import make_entry, make_hours, make_rules, make_time_off
from tests.make import (
    a_time,
    make_member,
    make_portal_contact,
    make_request,
    make_service,
    make_tenant,
)

pytestmark = pytest.mark.usefixtures("db")
HALF_AN_HOUR = timedelta(minutes=30)


class Office:
    """An MSP of two technicians who work from 9 to 17 UTC, and a client in New York."""

    def __init__(self) -> None:
        self.tenant = make_tenant(timezone="UTC")
        self.contact = make_portal_contact(self.tenant, timezone="America/New_York")
        self.dispatcher = make_member(self.tenant, "Otto")
        self.dana = make_member(self.tenant, "Dana", Role.TECHNICIAN)
        self.eli = make_member(self.tenant, "Eli", Role.TECHNICIAN)
        make_hours(self.dana, self.eli)
        self.service = make_service(self.tenant, "Visit", self.dana, self.eli)
        self.portal, self.desk = Browser(), Browser()
        assert self.contact.membership
        self.portal.force_login(self.contact.membership.user)
        self.desk.force_login(self.dispatcher.user)

    def wish(self, at: datetime, **fields: Any) -> Wish:
        wish: dict[str, Any] = {
            "submission": uuid4(),
            "service": self.service,
            "day": at.date(),
            "clock": at.time(),
            "zone": "UTC",
        }
        return Wish(**wish | fields)

    def ask(self, at: datetime, **fields: Any) -> AppointmentRequest:
        wish = self.wish(at, **fields)
        outcome = actions.create_appointment_request(self.tenant, wish, requester=self.contact)
        with tenant_atomic(self.tenant):
            return AppointmentRequest.objects.with_people().get(id=outcome.appointment_id)

    def times(self, **query: str) -> str:
        query = {
            "service": str(self.service.id),
            "preferred_technician": "",
            "requester_timezone": "America/New_York",
            "day": f"{a_time():%Y-%m-%d}",
        } | query
        answer = self.portal.get(f"/portal/{self.tenant.slug}/new/", query)
        assert answer.status_code == 200
        return answer.content.decode()

    def summary(self, **query: str) -> str:
        return self.follow(self.times(**query), a_time(hour=15))

    def follow(self, page: str, at: datetime) -> str:
        """The summary that a time of a page leads to."""
        at_in_address = re.escape(quote(at.isoformat(), safe=""))
        link = re.search(rf'href="([^"]+starts_at={at_in_address})"', page)
        assert link
        answer = self.portal.get(f"/portal/{self.tenant.slug}/new/{unescape(link[1])}")
        assert answer.status_code == 200
        return answer.content.decode()

    def send(self, at: datetime, **fields: str) -> Any:
        form = {
            "service": str(self.service.id),
            "preferred_technician": "",
            "requester_timezone": "America/New_York",
            "starts_at": at.isoformat(),
            "description": "The printer again",
            "submission": str(uuid4()),
        }
        return self.portal.post(f"/portal/{self.tenant.slug}/new/", form | fields)

    def approve(self, request: AppointmentRequest, at: datetime, **fields: str) -> Any:
        form = {
            "technician": str(self.dana.id),
            "final_date": f"{at:%Y-%m-%d}",
            "final_time": f"{at:%H:%M}",
            "final_timezone": "UTC",
        }
        url = f"/t/{self.tenant.slug}/requests/{request.id}/approve/"
        return self.desk.post(url, form | fields)


def values(page: str) -> list[str]:
    """The moments that a page offers."""
    return [unquote(at) for at in re.findall(r'starts_at=([^"&]+)"', page)]


# What a client is offered


def test_a_tenant_without_hours_lets_clients_ask_for_any_time():
    office = Office()
    with tenant_atomic(office.tenant):
        WorkingHours.objects.all().delete()

    page = office.portal.get(f"/portal/{office.tenant.slug}/new/", follow=True)
    assert "requested_time" in page.text
    assert office.ask(a_time(hour=3)).is_pending


def test_free_times_are_shown_by_the_clients_clock():
    office = Office()
    at = a_time(hour=15)
    local = at.astimezone(office.contact.zone)

    page = office.times(day=f"{local:%Y-%m-%d}")

    assert at.isoformat() in values(page)
    assert f"{local:%H:%M}" in page
    assert a_time(hour=17).isoformat() not in values(page)


def test_a_time_that_everybody_has_taken_is_not_offered():
    office = Office()
    at = a_time(hour=15)
    make_entry(office.dana, at, at + HALF_AN_HOUR)
    day = f"{at:%Y-%m-%d}"
    assert at.isoformat() in values(office.times(day=day))

    make_entry(office.eli, at, at + HALF_AN_HOUR)

    assert at.isoformat() not in values(office.times(day=day))


def test_an_offered_time_is_sent_with_its_moment():
    office = Office()

    answer = office.send(a_time(hour=15))

    assert answer.status_code == 303
    with tenant_atomic(office.tenant):
        assert AppointmentRequest.objects.get().requested_start == a_time(hour=15)


def test_a_time_that_is_gone_is_told_with_the_next_ones_and_keeps_what_was_typed():
    office = Office()
    at = a_time(hour=15)
    for technician in (office.dana, office.eli):
        make_entry(technician, at, at + HALF_AN_HOUR)

    answer = office.send(at)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Sorry, this time is not free any more." in page
    assert f"{(at + HALF_AN_HOUR).astimezone(office.contact.zone):%H:%M}" in page
    assert (at + HALF_AN_HOUR).isoformat() in values(page)
    assert "The printer again" in office.follow(page, at + HALF_AN_HOUR)


def test_no_time_chosen_is_said_above_the_times():
    answer = Office().send(a_time(), starts_at="")

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Choose one of the free times." in page
    assert values(page)


# What is typed stays while a client looks for a time


@pytest.mark.parametrize("button", ["2099-01-01", "choice"])
def test_what_was_typed_is_kept_while_another_day_or_service_is_looked_at(button):
    office = Office()
    typed = "The printer again.\n<b>Really</b> & truly, in every room" + " and house" * 300

    answer = office.send(a_time(), description=typed, show=button)
    page = office.portal.get(answer.headers["Location"])
    [number] = re.findall(r"draft=([^&]+)", answer.headers["Location"])
    if button == "choice":  # chosen again, by the form that has the draft's number in it
        form = page.context["form"]
        assert str(form["service"].value()) == str(office.service.id)
        assert f'name="draft" value="{number}"' in " ".join(page.text.split())

    assert answer.status_code == 303
    assert "printer" not in answer.headers["Location"]
    assert escape(typed) in office.follow(office.times(draft=number), a_time(hour=15))
    with tenant_atomic(office.tenant):
        assert not AppointmentRequest.objects.exists()


def test_the_day_that_was_asked_for_is_shown_and_its_times_are_sent_as_one_request():
    office = Office()
    number, day = str(uuid4()), a_time(days=9)

    answer = office.send(a_time(), submission=number, show=f"{day:%Y-%m-%d}")
    page = office.portal.get(answer.headers["Location"]).text

    assert number in office.follow(page, a_time(days=9, hour=15))


def test_a_month_without_a_free_time_keeps_what_was_typed():
    office = Office()
    far = f"{a_time(days=300):%Y-%m-%d}"  # beyond the horizon

    answer = office.portal.get(office.send(a_time(), show=far).headers["Location"])

    assert "No time is free in this month." in answer.text
    [draft] = set(re.findall(r"draft=([0-9a-f-]+)", answer.text))
    assert "The printer again" in office.follow(office.times(draft=draft), a_time(hour=15))


def test_a_choice_that_is_refused_keeps_what_was_typed():
    office = Office()
    stranger = make_member(office.tenant, "Max")

    page = office.send(a_time(), preferred_technician=str(stranger.id)).content.decode()
    draft = re.search(r'name="draft"\s+value="([^"]+)"', page)

    assert draft
    assert "The printer again" in office.summary(draft=draft[1])


def test_the_summary_names_what_is_sent_by_the_clients_clock():
    office = Office()
    at = a_time(hour=15)

    page = office.summary(preferred_technician=str(office.dana.id))

    local = at.astimezone(office.contact.zone)
    assert f"{local:%H:%M}–{local + HALF_AN_HOUR:%H:%M}" in page
    assert "America/New_York (E" in page
    assert "Dana" in page
    assert "Visit" in page


def test_each_step_has_a_title_of_its_own_and_a_chosen_day_begins_at_its_times():
    office = Office()
    first = office.portal.get(f"/portal/{office.tenant.slug}/new/").text
    times, summary = office.times(), office.summary()
    another_day = office.send(a_time(), show=f"{a_time(days=9):%Y-%m-%d}")

    titles = [
        " ".join(re.findall(r"<title>([^<]+)</title>", page)[0].split())
        for page in (first, times, summary)
    ]

    assert titles == [
        f"{step} · {office.tenant.name}"
        for step in ("Request an appointment", "Choose a time", "Check and send")
    ]
    assert '<section id="times" tabindex="-1"' in times
    assert re.search(r'href="\?[^"]+day=[0-9-]+#times"', times)
    assert another_day.headers["Location"].endswith("#times")


def test_a_time_that_is_none_leads_to_the_times():
    page = Office().times(starts_at="tomorrow")

    assert values(page)


def test_the_first_button_of_the_form_sends_it_because_enter_presses_that():
    _before, form = Office().summary().split('<form class="card"')

    assert "Send request" in form[: form.index("</button>")]


def test_a_new_request_begins_empty():
    office = Office()
    office.send(a_time(), show="2099-01-01")

    assert "The printer again" not in office.summary()


def test_a_draft_is_gone_when_its_request_is_sent():
    office = Office()
    number = str(uuid4())
    office.send(a_time(), submission=number, show="2099-01-01")

    assert office.send(a_time(), submission=number).status_code == 303
    assert "The printer again" not in office.summary(draft=number)


def test_the_session_keeps_no_more_than_a_request_can_say():
    office = Office()

    answer = office.send(
        a_time(), submission="7" * 50_000, description="x" * 50_000, show="2099-01-01"
    )

    assert answer.status_code == 303
    assert len(str(dict(office.portal.session))) < 5_000


def test_a_time_between_the_steps_or_outside_of_the_hours_is_not_taken():
    office = Office()

    for at in (a_time(hour=15) + timedelta(minutes=7), a_time(hour=3)):
        with pytest.raises(Refused, match="not free any more"):
            office.ask(at)


def test_where_clients_may_not_choose_with_whom_nobody_can_be_wished_for():
    office = Office()
    make_rules(office.tenant, office.service, allow_preferred=False)
    make_service(office.tenant, "Phone call", office.dana)

    page = office.times(preferred_technician=str(office.dana.id))

    assert "we choose who comes" in page
    with pytest.raises(Refused, match="cannot choose with whom"):
        office.ask(a_time(), preferred_technician=office.dana)


# What waiting requests hold


def test_two_waiting_requests_hold_both_technicians_and_a_third_is_refused():
    office = Office()
    office.ask(a_time())
    office.ask(a_time())

    with pytest.raises(Refused, match="The next free times are"):
        office.ask(a_time())


def test_a_declined_request_gives_its_time_back():
    office = Office()
    office.ask(a_time(), preferred_technician=office.dana)
    request = office.ask(a_time(), preferred_technician=office.eli)

    actions.decline_appointment_request(
        office.tenant, request.id, by=office.dispatcher, reason="Not today"
    )

    assert office.ask(a_time()).is_pending


def test_the_same_click_twice_finds_the_first_request_although_it_holds_the_time():
    office = Office()
    wish = office.wish(a_time(), preferred_technician=office.dana)

    first, second = (
        actions.create_appointment_request(office.tenant, wish, requester=office.contact)
        for _ in range(2)
    )

    assert first.appointment_id == second.appointment_id


# Approval


@pytest.mark.parametrize(
    ("reason", "sentence"), [("Dentist", "Dana is off then: Dentist."), ("", "Dana is off then.")]
)
def test_what_speaks_against_a_time_is_said_before_anybody_approves(reason, sentence):
    office = Office()
    request = office.ask(a_time())
    make_time_off(office.tenant, a_time().date(), technician=office.dana, reason=reason)

    page = office.desk.get(f"/t/{office.tenant.slug}/requests/{request.id}/").content.decode()

    assert sentence in page


def test_while_somebody_chooses_the_page_says_what_speaks_against_it():
    office = Office()
    request = office.ask(a_time())
    url = f"/t/{office.tenant.slug}/requests/{request.id}/check/"
    form = {
        "technician": str(office.dana.id),
        "final_date": f"{a_time():%Y-%m-%d}",
        "final_time": "03:00",
        "final_timezone": "UTC",
    }

    assert "Dana does not work at that time." in office.desk.get(url, form).content.decode()
    assert office.desk.get(url, form | {"final_time": "10:00"}).content.decode().strip() == ""


def test_a_dispatcher_may_place_outside_of_the_hours_after_the_warning():
    office = Office()
    request = office.ask(a_time())

    warned = office.approve(request, a_time(hour=20))
    done = office.approve(request, a_time(hour=20), anyway="on")

    assert warned.status_code == 422
    assert "Dana does not work at that time." in warned.content.decode()
    assert done.status_code == 303


def test_nobody_is_put_onto_another_appointment_whatever_is_ticked():
    office = Office()
    first = office.ask(a_time())
    second = office.ask(a_time())
    assert office.approve(first, a_time(), anyway="on").status_code == 303

    answer = office.approve(second, a_time(), anyway="on")

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Dana has an appointment then: Visit" in page


def test_a_time_that_another_request_waits_for_is_warned_of_by_its_reference():
    office = Office()
    waiting = office.ask(a_time(), preferred_technician=office.dana)
    request = office.ask(a_time())

    answer = office.approve(request, a_time())

    assert answer.status_code == 422
    assert f"Another request waits for this time: {waiting.reference}" in answer.content.decode()


def test_without_hours_a_busy_time_is_still_warned_of():
    office = Office()
    request = make_request(office.tenant, contact=office.contact, service=office.service)
    with tenant_atomic(office.tenant):
        WorkingHours.objects.all().delete()
    make_entry(office.dana, a_time(), a_time() + HALF_AN_HOUR)

    page = office.approve(request, a_time()).content.decode()

    assert "Dana is busy then: Dentist" in page
    assert "does not work" not in page


def test_moving_an_appointment_is_not_hindered_by_its_own_place():
    office = Office()
    request = office.ask(a_time())
    office.approve(request, a_time())
    later = a_time() + timedelta(minutes=15)

    answer = office.desk.post(
        f"/t/{office.tenant.slug}/requests/{request.id}/reschedule/",
        {
            "technician": str(office.dana.id),
            "final_date": f"{later:%Y-%m-%d}",
            "final_time": f"{later:%H:%M}",
            "final_timezone": "UTC",
        },
    )

    assert answer.status_code == 303


# Approval without anybody being asked


def test_a_service_that_is_approved_at_once_is_confirmed_with_its_meeting_by_the_system():
    office = Office()
    make_rules(office.tenant, service=office.service, auto_approve=True)
    with registered(FakeProvider()):
        answer = office.send(a_time())

    page = office.portal.get(answer.headers["Location"]).content.decode()
    assert "Your appointment is confirmed." in page
    with tenant_atomic(office.tenant):
        request = AppointmentRequest.objects.with_people().get()
        assert request.is_approved
        assert request.online_meeting_url
        approval = Event.objects.get(subject_id=request.id, kind=history.REQUEST_APPROVED)
        assert approval.actor is None


def test_the_system_gives_an_appointment_to_who_has_fewer_that_day():
    office = Office()
    make_rules(office.tenant, auto_approve=True)

    first, second = office.ask(a_time(hour=10)), office.ask(a_time(hour=12))

    assert {first.technician, second.technician} == {office.dana, office.eli}


def test_the_system_gives_a_wished_technician():
    office = Office()
    make_rules(office.tenant, auto_approve=True)

    assert office.ask(a_time(), preferred_technician=office.eli).technician == office.eli


def test_the_system_keeps_the_rules_that_a_dispatcher_may_overrule():
    office = Office()
    request = office.ask(a_time())

    with pytest.raises(Refused, match="Dana does not work at that time"):
        actions.approve_appointment_request(
            office.tenant,
            request.id,
            by=None,
            technician=office.dana,
            starts_at=a_time(hour=20),
            with_meeting=False,
        )
