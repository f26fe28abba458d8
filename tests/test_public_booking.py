"""Guests ask for public services, and follow their request by its private link."""

import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from html import unescape
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from convene.appointments import actions
from convene.appointments.actions import Refused
from convene.appointments.models import AppointmentRequest, Status
from convene.appointments.private_link import LASTS, token_of
from convene.catalog.models import Service, ServicePerformer
from convene.clients.models import Contact
from convene.events.models import Event
from convene.mail.delivery import deliver
from convene.mail.models import MailState, OutboxMail
from convene.meetings.fake import FakeProvider, registered
from convene.portal import limits
from convene.tenancy.db import tenant_atomic
from convene.tenancy.permissions import Role
from tests.availability.make import make_hours, make_rules
from tests.make import (
    a_time,
    make_client,
    make_contact,
    make_member,
    make_portal_contact,
    make_request,
    make_service,
    make_tenant,
)
from tests.postbox import Postbox, calendar_of, postbox, text_of

pytestmark = pytest.mark.usefixtures("db")

EMAIL = "ada@engines.example"


@pytest.fixture
def box():
    with postbox() as box:
        yield box


class Page:
    """The booking page of an MSP as a visitor has it, and the dispatcher's desk behind it."""

    def __init__(self, *, hours: bool = True, **tenant: Any) -> None:
        self.tenant = make_tenant(**{"timezone": "UTC"} | tenant)
        self.dispatcher = make_member(self.tenant, "Otto")
        self.dana = make_member(self.tenant, "Dana", Role.TECHNICIAN)
        self.service = make_service(self.tenant, "Visit", self.dana, public=True)
        if hours:
            make_hours(self.dana)
        self.visitor, self.desk = Browser(), Browser()
        self.desk.force_login(self.dispatcher.user)

    @property
    def url(self) -> str:
        return f"/book/{self.tenant.slug}/"

    def form(self, **fields: str) -> dict[str, str]:
        usual = {
            "service": str(self.service.id),
            "preferred_technician": "",
            "requester_timezone": "Europe/London",
            "starts_at": a_time().isoformat(),
            "name": "Ada Lovelace",
            "email": EMAIL,
            "phone": "+44 20 7946 0123",
            "company": "Analytical Engines",
            "description": "The printer again",
            "submission": str(uuid4()),
        }
        return usual | fields

    def send(self, **fields: str) -> Any:
        return self.visitor.post(self.url, self.form(**fields))

    def asked(self, **fields: str) -> str:
        """The private link of a request that was sent."""
        answer = self.send(**fields)
        assert answer.status_code == 303, answer.content.decode()
        link: str = answer.headers["Location"]
        return link

    def read(self, url: str) -> str:
        answer = self.visitor.get(url, follow=True)
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    def request(self) -> AppointmentRequest:
        with tenant_atomic(self.tenant):
            return AppointmentRequest.objects.with_people().get()

    def count(self) -> int:
        with tenant_atomic(self.tenant):
            return AppointmentRequest.objects.count()

    def approve(self, *, with_meeting: bool = True) -> AppointmentRequest:
        request = self.request()
        actions.approve_appointment_request(
            self.tenant,
            request.id,
            by=self.dispatcher,
            technician=self.dana,
            starts_at=request.requested_start,
            with_meeting=with_meeting,
        )
        return self.request()


# Asking


def test_a_guest_asks_and_ends_on_a_page_with_the_reference_and_the_private_link():
    page = Page()

    link = page.asked()

    shown = page.read(link)
    assert "Request sent" in shown
    assert "Waiting for approval" in shown
    assert page.request().reference in shown
    assert f">http://testserver{link}<" in shown
    assert f"also in our mails to {EMAIL}" in shown


def test_the_three_steps_need_no_session_and_no_script():
    page = Page()
    choice = {"service": str(page.service.id), "requester_timezone": "UTC"}

    times = page.visitor.get(page.url, choice | {"day": f"{a_time():%Y-%m-%d}"}).text
    [step] = re.findall(r'href="(\?[^"]+starts_at=[^"]+T10%3A00[^"]+)"', times)
    summary = page.read(page.url + unescape(step))

    assert "10:00–10:30" in summary
    assert "Your e-mail address" in summary
    assert "sessionid" not in page.visitor.cookies


def test_where_there_are_no_hours_any_time_can_be_asked_for():
    page = Page(hours=False)

    assert "Your e-mail address" in page.read(page.url)
    page.asked(requested_date=f"{a_time():%Y-%m-%d}", requested_time="03:30")

    assert page.request().requested_start == a_time(hour=3).replace(minute=30)


@pytest.mark.parametrize(
    ("hours", "fields", "sentence"),
    [
        (True, {"email": ""}, "This field is required."),
        (True, {"email": "nobody"}, "Enter a valid email address."),
        (True, {"name": ""}, "This field is required."),
        (True, {"name": "Win https://spam.example"}, "without an address"),
        (True, {"name": "x" * 101}, "at most 100 characters"),
        (True, {"phone": "1" * 41}, "at most 40 characters"),
        (True, {"company": "x" * 101}, "at most 100 characters"),
        (True, {"description": "x" * 4001}, "at most 4000 characters"),
        (True, {"starts_at": a_time(hour=3).isoformat()}, "not free any more"),
        (True, {"requester_timezone": "Mars/Olympus"}, "Unknown time zone"),
        (True, {"website": "https://spam.example"}, "This looked like a program."),
        (
            False,
            {
                "requester_timezone": "America/New_York",
                "requested_date": "2027-03-14",
                "requested_time": "02:30",
            },
            "02:30 does not exist on",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(hours, fields, sentence):
    page = Page(hours=hours)

    answer = page.send(**fields)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert page.count() == 0


def test_what_was_typed_is_still_there_after_a_refusal():
    answer = Page().send(email="nobody")

    for typed in ("Ada Lovelace", "nobody", "+44 20 7946 0123", "Analytical Engines"):
        assert f'value="{escape(typed)}"' in answer.content.decode()


def test_what_was_typed_is_still_there_after_looking_at_another_time():
    page = Page()

    answer = page.send(show=f"{a_time(days=9):%Y-%m-%d}")
    times = page.visitor.get(answer.headers["Location"]).text
    step = re.findall(r'href="(\?[^"]+starts_at=[^"]+)"', times)[0]
    summary = page.read(page.url + unescape(step))

    assert EMAIL not in answer.headers["Location"]
    for typed in ("Ada Lovelace", EMAIL, "Analytical Engines", "The printer again"):
        assert typed in summary


def test_of_a_time_that_happens_twice_the_chosen_one_is_kept(time_machine):
    time_machine.move_to(datetime(2026, 10, 20, tzinfo=UTC))
    page = Page(hours=False)
    make_hours(page.dana, start=time(0), end=time(4))
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # half past one in London, once more
    choice = {"service": str(page.service.id), "requester_timezone": "Europe/London"}

    times = page.visitor.get(page.url, choice | {"day": "2026-10-25"}).text
    [step] = re.findall(r'href="(\?[^"]+starts_at=2026-10-25T01%3A30[^"]+)"', times)
    summary = page.read(page.url + unescape(step))
    page.asked(starts_at=second.isoformat())

    assert "01:30–02:00" in summary
    assert "Europe/London (GMT)" in summary
    assert page.request().requested_start == second


def test_an_address_may_name_the_service_to_begin_with():
    page = Page()
    other = make_service(page.tenant, "Phone call", page.dana, public=True)

    form = page.visitor.get(page.url, {"service": str(other.id)}).context["form"]

    assert str(form["service"].value()) == str(other.id)


def test_an_unknown_msp_has_no_booking_page():
    assert Browser().get("/book/nobody/").status_code == 404


def test_where_nothing_is_public_the_page_says_whom_to_write_to():
    tenant = make_tenant(email="desk@northwind.example")
    make_service(tenant, "For clients only")
    make_service(tenant, "Retired", public=True, active=False)

    answer = Browser().get(f"/book/{tenant.slug}/", follow=True)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'Write to <a href="mailto:desk@northwind.example">desk@northwind.example</a>' in page
    assert "For clients only" not in page
    assert "Retired" not in page


@pytest.mark.parametrize("hours", [True, False])
def test_who_chooses_no_service_reads_that_one_is_needed(hours):
    page = Page(hours=hours)
    make_service(page.tenant, "Call", page.dana, page.dispatcher, public=True)
    # a browser leaves out a choice of which nothing is chosen
    sent = {
        "draft": str(uuid4()),
        "preferred_technician": "",
        "requester_timezone": "Europe/London",
    }

    answer = page.visitor.get(page.url, sent)
    changed = page.visitor.get(page.url, sent | {"change": "yes"})

    assert answer.status_code == 422
    assert "Choose what it is about." in answer.content.decode()
    assert '<option value="Europe/London" selected' in answer.content.decode()
    assert "Choose what it is about." not in changed.content.decode()


@pytest.mark.parametrize("fields", [{"public": False}, {"public": True, "active": False}])
def test_what_is_not_public_cannot_be_asked_for_by_its_id(fields):
    page = Page()
    hidden = make_service(page.tenant, "Hidden", page.dana, **fields)

    answer = page.send(service=str(hidden.id))

    assert answer.status_code == 422
    assert "Hidden" not in answer.content.decode()
    assert page.count() == 0


def test_a_service_that_was_withdrawn_meanwhile_is_refused_by_the_action_as_well():
    page = Page()
    page.service.public = False
    wish = actions.Wish(
        submission=uuid4(),
        service=page.service,
        day=a_time().date(),
        clock=a_time().time(),
        zone="UTC",
    )

    with pytest.raises(actions.Refused, match="cannot be asked for here"):
        actions.create_appointment_request(page.tenant, wish, requester=actions.Guest("Ada", EMAIL))


class Team(Page):
    """Dana and Fay visit, Fay and Max also answer the phone; Eli is there for clients only."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.fay, self.max, self.eli = (
            make_member(self.tenant, name, Role.TECHNICIAN) for name in ("Fay", "Max", "Eli")
        )
        with tenant_atomic(self.tenant):
            ServicePerformer.objects.create(service=self.service, technician=self.fay)
        self.call = make_service(self.tenant, "Phone call", self.fay, self.max, public=True)
        make_service(self.tenant, "For clients only", self.eli)

    def ask(self, service: Service, **more: Any) -> Any:
        """What the page shows once a service is chosen."""
        query: dict[str, Any] = {
            "service": service.id,
            "requester_timezone": "Europe/London",
        } | more
        return self.visitor.get(self.url, query, follow=True)


def people_on(page: str) -> list[str]:
    """Who can be chosen beside "Anybody"."""
    [select] = re.findall(r'<select name="preferred_technician".*?</select>', page, re.DOTALL)
    return re.findall(r'<option value="[^"]+"[^>]*>([^<]+)', select)


@pytest.mark.parametrize("hours", [True, False])
def test_only_those_are_named_who_perform_the_chosen_service(hours):
    team = Team(hours=hours)
    begin = team.read(team.url)

    assert [name for name in ("Dana", "Fay", "Max", "Eli", "Otto") if name in begin] == []
    assert people_on(team.ask(team.service).text) == ["Dana", "Fay"]
    assert people_on(team.ask(team.call).text) == ["Fay", "Max"]


def test_the_times_are_those_of_whom_one_chooses():
    team = Team()

    of_dana = team.ask(team.service, preferred_technician=team.dana.id).text
    of_fay = team.ask(team.service, preferred_technician=team.fay.id).text

    assert "with Dana" in " ".join(of_dana.split())
    assert 'class="times"' in of_dana
    assert "No time is free in this month" in of_fay  # who has no hours of work


@pytest.mark.parametrize("hours", [True, False])
def test_a_stale_choice_of_whom_is_a_sentence_and_the_times_of_everybody(hours):
    team = Team(hours=hours)

    other = team.ask(team.service, preferred_technician=team.max.id)
    unknown = team.ask(team.service, preferred_technician=uuid4())

    assert (other.status_code, unknown.status_code) == (422, 422)
    assert "Max does not do this. Choose somebody else, or anybody." in other.text
    assert "This person cannot be chosen. Choose somebody else, or anybody." in unknown.text
    assert people_on(other.text) == ["Dana", "Fay"]
    assert ('class="times"' in other.text) is hours


@pytest.mark.parametrize("hours", [True, False])
def test_who_has_stopped_doing_it_meanwhile_is_said_and_nothing_typed_is_lost(hours):
    team = Team(hours=hours)
    when = {"requested_date": f"{a_time():%Y-%m-%d}", "requested_time": "10:00"}

    answer = team.send(preferred_technician=str(team.max.id), **when)

    assert answer.status_code == 422
    assert "Max does not do this." in answer.text
    assert people_on(answer.text) == ["Dana", "Fay"]
    assert team.count() == 0
    if hours:
        [later] = re.findall(r'href="(\?[^"]+starts_at=[^"]+T10%3A00[^"]+)"', answer.text)[:1]
        assert "The printer again" in team.read(team.url + unescape(later))
    else:
        assert "The printer again" in answer.text


def test_where_any_time_can_be_asked_for_the_service_comes_first_only_if_it_matters():
    alone, team = Page(hours=False), Team(hours=False)

    assert "Your e-mail address" in alone.read(alone.url)
    first = team.read(team.url)
    assert "Your e-mail address" not in first
    assert "Next" in first
    assert "Show free times" not in first
    assert "Your e-mail address" in team.ask(team.call).text


def test_where_nobody_can_be_wished_for_nobody_is_named():
    page = Page()
    make_rules(page.tenant, allow_preferred=False)

    shown = page.read(page.url)

    assert "With whom?" not in shown
    assert "Dana" not in shown
    assert page.send(preferred_technician=str(page.dana.id)).status_code == 422


def test_a_guest_is_never_approved_without_anybody_being_asked():
    page = Page()
    make_rules(page.tenant, auto_approve=True)

    shown = page.read(page.asked())

    assert page.request().is_pending
    assert "Waiting for approval" in shown


def test_the_same_click_twice_is_one_request_with_one_link():
    page = Page()
    form = page.form()

    links = {page.visitor.post(page.url, form).headers["Location"] for _ in range(2)}

    assert len(links) == 1
    assert page.count() == 1


def test_the_summary_that_is_sent_again_after_going_back_is_the_same_request():
    page = Page()
    choice = {"service": str(page.service.id), "requester_timezone": "UTC"}
    times = page.visitor.get(page.url, choice | {"day": f"{a_time():%Y-%m-%d}"}).text
    first, *_others, other = re.findall(r'href="(\?[^"]+starts_at=[^"]+)"', times)

    def number(step: str) -> str:
        form = page.visitor.get(page.url + unescape(step)).context["form"]
        return str(form["submission"].value())

    link = page.asked(submission=number(first))
    again = page.asked(submission=number(first))
    of_another_time = page.asked(submission=number(other), starts_at=a_time(hour=12).isoformat())

    assert {again, of_another_time} == {link}
    assert "You have already sent this request." in page.read(link)
    assert page.count() == 1


def test_clicks_at_the_same_moment_are_one_request_with_one_link():
    page = Page(hours=False)
    service = make_service(page.tenant, "Done by nobody yet", public=True)  # nobody to wait for
    form = page.form(
        service=str(service.id), requested_date=f"{a_time():%Y-%m-%d}", requested_time="10:00"
    )
    together = Barrier(4, timeout=30)

    def click(browser: Browser) -> str:
        try:
            together.wait()
            link: str = browser.post(page.url, form).headers["Location"]
            return link
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as clicks:
        links = set(clicks.map(click, [Browser() for _ in range(4)]))

    assert len(links) == 1
    assert page.count() == 1


@pytest.mark.parametrize("hours", [True, False])
def test_who_sends_the_number_of_somebody_elses_form_learns_nothing_of_it(hours):
    page = Page(hours=hours)
    time = {"requested_date": f"{a_time():%Y-%m-%d}", "requested_time": "10:00"}
    form = page.form(**time)
    assert page.visitor.post(page.url, form).status_code == 303
    later = {"starts_at": a_time(hour=12).isoformat()}

    answer = Browser().post(page.url, form | later | {"email": "mallory@x.example"})

    assert answer.status_code == 422
    assert "This form was sent before." in answer.content.decode()
    assert page.count() == 1
    number = str(answer.context["form"]["submission"].value())
    assert number != form["submission"]
    page.asked(**form | later | {"email": "mallory@x.example", "submission": number})
    assert page.count() == 2


def test_a_form_of_another_site_is_not_taken():
    page = Page()
    browser = Browser(enforce_csrf_checks=True)

    assert browser.post(page.url, page.form()).status_code == 403
    assert page.count() == 0


# What the staff sees


def test_staff_see_who_the_guest_is_and_that_nobody_has_proven_it():
    page = Page()
    page.asked()

    queue = page.desk.get(f"/t/{page.tenant.slug}/requests/").text
    shown = page.desk.get(f"/t/{page.tenant.slug}/requests/{page.request().id}/").text
    found = page.desk.get(f"/t/{page.tenant.slug}/requests/?q=analytical").text

    assert "Analytical Engines · Guest" in queue
    assert "Analytical Engines · Guest" in found
    for words in ("Ada Lovelace", EMAIL, "+44 20 7946 0123", "Nobody has proven who this is."):
        assert words in shown


def test_an_address_makes_nobody_a_contact():
    page = Page()
    make_contact(make_client(page.tenant), email=EMAIL)

    page.asked()

    request = page.request()
    assert request.client is None
    assert request.contact is None


def test_the_history_names_the_guest():
    page = Page()
    page.visitor.post(page.asked() + "cancel/")

    with tenant_atomic(page.tenant):
        events = list(Event.objects.all())
    assert {event.actor_name for event in events} == {"Ada Lovelace (guest)"}
    assert {event.actor for event in events} == {None}


# Correcting a guest

WRONG, RIGHT = "adda@engines.example", EMAIL


class Mistyped(Page):
    """A guest whose address was mistyped, and Otto, who has called them."""

    def __init__(self) -> None:
        super().__init__()
        self.link = self.asked(email=WRONG, name="Ada", company="")

    def correct(self, **fields: str) -> Any:
        right = {"name": "Ada", "email": RIGHT, "phone": "+44 20 7946 0123"}
        return self.desk.post(self.address(), right | fields)

    def address(self, path: str = "guest/") -> str:
        return f"/t/{self.tenant.slug}/requests/{self.request().id}/{path}"

    def deliver(self) -> None:
        deliver(self.tenant.id, self.request().id)

    def mails(self) -> list[tuple[str, str]]:
        with tenant_atomic(self.tenant):
            rows = OutboxMail.objects.filter(recipient="client")
            return list(rows.values_list("state", "to"))


def test_a_guests_details_are_corrected():
    page = Mistyped()
    asking = page.desk.get(page.address()).text

    answer = page.correct(name="Ada Lovelace", phone="")

    request = page.request()
    assert f'value="{WRONG}"' in asking
    assert (answer.status_code, answer.headers["Location"]) == (303, page.address(""))
    assert (request.requester_name, request.requester_email) == ("Ada Lovelace", RIGHT)
    assert request.requester_phone == ""
    shown = page.desk.get(page.address("")).text
    assert "Details of the guest corrected" in shown
    assert WRONG not in shown


def test_a_stranger_who_got_the_link_reads_and_cancels_nothing_once_it_is_corrected(box: Postbox):
    page = Mistyped()
    page.deliver()

    page.correct()
    page.deliver()

    does_not_open(page.link)
    assert page.request().is_pending
    link = f"/book/{page.tenant.slug}/r/{token_of(page.request())}/"
    assert link in text_of(box.to(RIGHT)[0])
    assert RIGHT in page.read(link)


def test_another_name_or_phone_changes_no_link():
    page = Mistyped()

    page.correct(email=WRONG, name="Ada Lovelace", phone="1")

    assert "Your private link" in page.read(page.link)


def test_the_history_says_what_was_corrected_and_not_what_it_was():
    page = Mistyped()

    page.correct(phone="1")
    page.correct(phone="1")  # the same once more

    with tenant_atomic(page.tenant):
        [event] = Event.objects.filter(kind="GUEST_CORRECTED")
    assert (event.actor, event.before) == (page.dispatcher, {})
    assert event.after == {"corrected": ["requester_email", "requester_phone"]}


def test_a_mail_that_waits_leaves_once_for_the_corrected_address(box: Postbox):
    page = Mistyped()

    page.correct()
    page.deliver()

    assert page.mails() == [("sent", RIGHT)]
    assert box.to(WRONG) == []


def test_a_refused_mail_follows_the_correction_and_needs_no_attention_any_more(box: Postbox):
    page = Mistyped()
    box.refuse = ["550 no such mailbox"]
    page.deliver()
    refused = page.desk.get(f"/t/{page.tenant.slug}/attention/").text

    page.correct()
    page.deliver()

    assert f'href="{page.address()}"' in refused
    assert page.mails() == [("failed", WRONG), ("sent", RIGHT)]
    assert f"/r/{token_of(page.request())}/" in text_of(box.to(RIGHT)[0])
    assert "was refused" not in page.desk.get(f"/t/{page.tenant.slug}/attention/").text


def test_sending_a_refused_mail_again_uses_the_corrected_address(box: Postbox):
    page = Mistyped()
    for act in (lambda: None, page.correct):
        act()
        box.refuse = ["550 no such mailbox"]
        page.deliver()
    with tenant_atomic(page.tenant):
        first, _second = OutboxMail.objects.filter(state=MailState.FAILED)

    page.desk.post(page.address(f"mails/{first.id}/send-again/"))
    page.deliver()

    assert page.mails() == [("failed", RIGHT), ("sent", RIGHT)]


def test_who_was_told_at_a_strangers_address_is_told_again_how_things_stand(box: Postbox):
    page = Mistyped()
    page.approve(with_meeting=False)
    page.deliver()

    page.correct()
    page.deliver()
    page.correct(email=WRONG)  # who has read it all already
    page.deliver()

    [message] = box.to(RIGHT)
    assert str(message["Subject"]).strip().startswith("Confirmed: Visit")
    assert RIGHT in calendar_of(message)["ATTENDEE"]
    assert len(box.to(WRONG)) == 1


def test_a_new_phone_number_alone_is_told_to_nobody(box: Postbox):
    page = Mistyped()
    page.deliver()

    page.correct(email=WRONG, phone="1")
    page.deliver()

    assert page.mails() == [("sent", WRONG)]


def test_what_is_over_is_told_to_nobody_at_a_new_address(box: Postbox, time_machine):
    page = Mistyped()
    page.deliver()
    time_machine.move_to(page.request().requested_end + timedelta(minutes=1))

    page.desk.force_login(page.dispatcher.user)
    page.correct()

    assert page.mails() == [("sent", WRONG)]


def test_a_corrected_name_is_on_the_schedule_and_in_the_calendar_file():
    page = Mistyped()
    entry = page.approve(with_meeting=False).schedule_entry
    assert entry is not None

    page.correct(name="Ada Lovelace")

    corrected = page.request().schedule_entry
    assert corrected is not None
    assert corrected.title == "Visit: Ada Lovelace"
    assert corrected.sequence == entry.sequence + 1


def test_a_wrong_address_is_refused_in_place_with_what_was_typed():
    page = Mistyped()

    answer = page.correct(email="ada.engines.example", phone="1")

    assert answer.status_code == 422
    assert 'value="ada.engines.example"' in answer.text
    assert page.request().requester_email == WRONG


def test_a_contact_is_no_guest():
    page = Page()
    request = make_request(page.tenant)

    assert page.desk.get(f"/t/{page.tenant.slug}/requests/{request.id}/guest/").status_code == 404
    with pytest.raises(Refused, match="Correct the contact under Clients"):
        actions.correct_guest(
            page.tenant, request.id, by=page.dispatcher, name="A", email=RIGHT, phone=""
        )
    assert "Correct…" not in page.desk.get(f"/t/{page.tenant.slug}/requests/{request.id}/").text


def test_the_log_never_holds_an_address_that_was_corrected(caplog):
    page = Mistyped()
    with caplog.at_level("DEBUG"):
        page.correct()

    assert "request_finished" in caplog.text
    assert WRONG not in caplog.text
    assert RIGHT not in caplog.text


def test_the_services_name_the_address_of_the_booking_page_or_say_that_nothing_is_public():
    page = Page()
    url = f"/t/{page.tenant.slug}/services/"

    before = page.desk.get(url).text
    with tenant_atomic(page.tenant):
        type(page.service).objects.update(public=False)
    after = page.desk.get(url).text

    assert f"http://127.0.0.1:8000{page.url}" in before
    assert page.url not in after
    assert "No service is public" in after


# The private link


def forms_of(link: str) -> list[str]:
    return [link, f"{link}calendar.ics", f"{link}cancel/", f"{link}again/"]


def does_not_open(link: str) -> None:
    for url in forms_of(link):
        answer = Browser().get(url)
        assert answer.status_code == 404
        assert "This link does not open anything" in answer.content.decode()
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert Browser().post(f"{link}cancel/").status_code == 404


@pytest.mark.parametrize("part", ["id", "signature", "end"])
def test_a_link_that_somebody_changed_does_not_open(part):
    page = Page()
    link = page.asked()

    start, middle = link.rindex("/r/") + 3, link.rindex(".") + 1
    place = {"id": start, "signature": middle, "end": len(link) - 3}[part]
    other = "1" if link[place] == "0" else "0"
    does_not_open(link[:place] + other + link[place + 1 :])


def test_a_link_made_of_an_id_alone_does_not_open():
    page = Page()
    page.asked()

    does_not_open(f"{page.url}r/{page.request().id.hex}/")
    does_not_open(f"{page.url}r/{page.request().id}/")


def test_a_link_of_one_msp_does_not_open_at_another():
    page, other = Page(), Page()
    link = page.asked()

    does_not_open(link.replace(page.tenant.slug, other.tenant.slug))


def test_a_link_opens_until_some_time_after_the_appointment(time_machine):
    page = Page()
    link, end = page.asked(), page.request().requested_end

    time_machine.move_to(end + LASTS - timedelta(minutes=1), tick=False)
    assert Browser().get(link).status_code == 200

    time_machine.move_to(end + LASTS, tick=False)
    does_not_open(link)


def test_nobody_on_the_way_keeps_a_private_page_or_learns_of_it():
    page = Page()
    link = page.asked()
    page.approve(with_meeting=False)

    for url in forms_of(link):
        headers = page.visitor.get(url).headers
        assert headers["Cache-Control"] == "private, no-store"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
        # A form without its origin would be refused, so that page tells it to us alone.
        wanted = "same-origin" if url.endswith("cancel/") else "no-referrer"
        assert headers["Referrer-Policy"] == wanted


def test_the_join_button_and_the_calendar_file_are_there_while_they_can_be_used():
    page = Page()
    link = page.asked()
    assert page.visitor.get(f"{link}calendar.ics").status_code == 404
    with registered(FakeProvider()):
        request = page.approve()
        shown, file = page.read(link), page.read(f"{link}calendar.ics")

    assert "Confirmed" in shown
    assert str(request.online_meeting_url) in shown
    assert f"mailto:{EMAIL}" in file.replace(" ", "")


def test_a_guest_reads_times_in_the_zone_they_chose():
    page = Page()

    shown = page.read(page.asked(requester_timezone="America/New_York"))

    local = a_time().astimezone(ZoneInfo("America/New_York"))
    assert f"{local:%H:%M}–" in shown
    assert "America/New_York" in shown


def test_cancelling_asks_first_names_the_meeting_and_removes_it():
    page, provider = Page(), FakeProvider()
    link = page.asked()
    with registered(provider):
        page.approve()
        question = page.read(f"{link}cancel/")
        answer = page.visitor.post(f"{link}cancel/")
        shown = page.read(answer.headers["Location"])

    assert "This will also delete the Fake Meetings meeting." in question
    assert "cancel it and ask again" in question
    assert answer.status_code == 303
    assert provider.meetings == {}
    assert "Cancelled. We have told everybody concerned." in shown
    assert page.request().status == Status.CANCELLED


def test_asking_again_begins_with_all_that_was_entered():
    page = Page()
    link = page.asked(preferred_technician=str(page.dana.id))
    page.visitor.post(f"{link}cancel/")
    assert f'href="{link}again/"' in page.read(link)

    times = page.visitor.get(f"{link}again/", follow=True).text
    step = re.findall(r'href="(\?[^"]+starts_at=[^"]+)"', times)[0]
    summary = page.read(page.url + unescape(step))

    for entered in ("Ada Lovelace", EMAIL, "Analytical Engines", "The printer again", "Dana"):
        assert entered in summary


def test_asking_again_begins_with_all_that_was_entered_where_any_time_can_be_asked_for():
    page = Page(hours=False)
    day, clock = f"{a_time():%Y-%m-%d}", "10:00"
    link = page.asked(requested_date=day, requested_time=clock)

    form = page.visitor.get(f"{link}again/", follow=True).context["form"]

    assert str(form["service"].value()) == str(page.service.id)
    assert form["requester_timezone"].value() == "Europe/London"
    assert form["email"].value() == EMAIL


def test_who_comes_too_late_to_cancel_reads_how_it_stands_and_nothing_of_the_staff():
    page = Page()
    link = page.asked()
    actions.decline_appointment_request(
        page.tenant, page.request().id, by=page.dispatcher, reason="We are on holiday."
    )

    shown = page.visitor.post(f"{link}cancel/", follow=True).text

    assert "This could not be cancelled any more." in shown
    assert "We are on holiday." in shown
    assert "Otto" not in shown


# Mails


def told(page: Page) -> None:
    deliver(page.tenant.id, page.request().id, clock=lambda: datetime.now(UTC) + timedelta(hours=1))


def test_a_guest_gets_the_mails_that_clients_get_each_with_the_private_link(box: Postbox):
    page = Page(name="Northwind IT")
    link = page.asked()
    told(page)
    page.approve(with_meeting=False)
    told(page)
    actions.update_appointment_request_date_time(
        page.tenant, page.request().id, by=page.dispatcher, starts_at=a_time(hour=12)
    )
    told(page)
    actions.cancel_appointment_request(
        page.tenant, page.request().id, by=page.dispatcher, reason="Dana is ill."
    )
    told(page)

    mails = box.to(EMAIL)
    kinds = [str(mail["Subject"]).strip().partition(":")[0] for mail in mails]
    assert kinds == ["We received your request", "Confirmed", "Moved", "Cancelled"]
    for mail in mails:
        assert f"http://127.0.0.1:8000{link}" in text_of(mail)
    for mail in mails[1:]:
        assert any(value.endswith(f"mailto:{EMAIL}") for value in calendar_of(mail).values())


def test_a_contact_who_cannot_sign_in_gets_the_private_link(box: Postbox):
    contact = make_contact(make_client(make_tenant()), email=EMAIL)
    request = make_request(contact.tenant, contact=contact)
    dana = make_member(contact.tenant)
    actions.decline_appointment_request(contact.tenant, request.id, by=dana, reason="Full")

    deliver(contact.tenant.id, request.id)

    link = f"/book/{contact.tenant.slug}/r/{token_of(request)}/"
    assert link in text_of(box.to(EMAIL)[-1])
    assert Browser().get(link).status_code == 200
    with tenant_atomic(contact.tenant):
        Contact.objects.filter(id=contact.id).update(email="right@client.example")
    does_not_open(link)


def test_a_declined_guest_reads_why(box: Postbox):
    page = Page()
    page.asked()
    actions.decline_appointment_request(
        page.tenant, page.request().id, by=page.dispatcher, reason="We are on holiday."
    )
    told(page)

    assert "We are on holiday." in text_of(box.to(EMAIL)[-1])


def test_a_guest_cannot_have_words_of_their_own_mailed_to_somebody_else(box: Postbox):
    page = Page()
    page.asked(description="Buy my pills")
    told(page)

    assert "Buy my pills" not in text_of(box.to(EMAIL)[-1])
    assert "Buy my pills" in text_of(box.to(page.tenant.email)[-1])


def test_staff_are_told_that_it_is_a_guest_and_who_cancelled(box: Postbox):
    page = Page()
    link = page.asked()
    told(page)
    page.approve(with_meeting=False)
    told(page)
    page.visitor.post(f"{link}cancel/")
    told(page)

    new, *_ = box.to(page.tenant.email)
    assert "Analytical Engines (guest)" in str(new["Subject"])
    assert "The client has cancelled this appointment." in text_of(box.to(page.dana.user.email)[-1])
    assert "as you asked" in text_of(box.to(EMAIL)[-1])


# Abuse


def time_number(n: int) -> str:
    """A time of its own for each, so that nothing else is in the way."""
    at = a_time(days=2 + n // 10, hour=9) + timedelta(minutes=30 * (n % 10))
    return at.isoformat()


def send_often(page: Page, number: int, email: str) -> list[int]:
    return [
        page.send(starts_at=time_number(n), email=email.format(n)).status_code
        for n in range(number)
    ]


def test_one_address_can_be_written_to_five_times_an_hour(time_machine):
    page, other = Page(), Page()
    time_machine.move_to(datetime.now(UTC), tick=False)

    assert send_often(page, 6, email="Ada@Engines.example") == [303] * 5 + [429]
    refused = page.send(email=EMAIL, description="Do not lose this")
    text = refused.content.decode()

    assert refused.status_code == 429
    assert "Please send this one in an hour" in text
    assert "Do not lose this" in text
    assert page.count() == 5
    assert other.send(email=EMAIL).status_code == 429  # it is the same address

    time_machine.shift(timedelta(hours=1, seconds=1))
    assert page.send(email=EMAIL, starts_at=a_time(days=9, hour=12).isoformat()).status_code == 303


def test_from_one_place_twenty_requests_are_taken_in_an_hour():
    page = Page()

    answers = send_often(page, 21, email="guest{}@x.example")

    assert answers == [303] * 20 + [429]
    elsewhere = page.visitor.post(
        page.url, page.form(starts_at=a_time(days=9).isoformat()), REMOTE_ADDR="203.0.113.9"
    )
    assert elsewhere.status_code == 303


def test_whoever_has_an_ipv6_network_is_one_visitor():
    page = Page()
    codes = [
        page.visitor.post(
            page.url,
            page.form(email=f"guest{n}@x.example", starts_at=time_number(n)),
            REMOTE_ADDR=f"2001:db8:0:1::{n:x}",
        ).status_code
        for n in range(21)
    ]

    assert codes == [303] * 20 + [429]


def test_whoever_comes_through_a_socket_of_both_kinds_is_one_visitor():
    page = Page()
    send_often(page, 20, email="guest{}@x.example")

    answers = [
        page.visitor.post(
            page.url, page.form(starts_at=a_time(days=9).isoformat()), REMOTE_ADDR=address
        ).status_code
        for address in ("::ffff:127.0.0.1", "::ffff:203.0.113.9")
    ]

    assert answers == [429, 303]


def test_an_msp_is_asked_by_so_many_guests_in_an_hour_wherever_they_come_from(settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"book_in_tenant": "3/h/key"}
    page, other = Page(), Page()
    answers = [
        page.visitor.post(
            page.url,
            page.form(email=f"guest{n}@x.example", starts_at=time_number(n)),
            REMOTE_ADDR=f"203.0.113.{n}",
        ).status_code
        for n in range(4)
    ]

    assert answers == [303] * 3 + [429]
    assert other.send(email="guest9@x.example").status_code == 303


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("Your prize waits at evil.example/win", 422),
        ("See evil.example now", 422),
        ("ada@engines.example", 422),
        ("Dr. A. Lovelace", 303),
        ("J.R.R. Tolkien", 303),
        ("Müller & Co. KG", 303),
    ],
)
def test_a_name_that_goes_into_mails_and_files_is_no_address(name, status):
    assert Page().send(name=name).status_code == status
    assert Page().send(email="b@engines.example", company=name).status_code == status


def test_headers_that_a_visitor_sends_do_not_make_them_another_one():
    page = Page()
    send_often(page, 20, email="guest{}@x.example")

    answer = page.visitor.post(
        page.url,
        page.form(starts_at=a_time(days=9).isoformat()),
        HTTP_X_FORWARDED_FOR="203.0.113.9",
    )

    assert answer.status_code == 429


def test_a_refused_form_is_not_counted():
    page = Page()
    for _ in range(6):
        assert page.send(name="").status_code == 422

    assert page.send().status_code == 303


def test_a_request_that_was_taken_by_somebody_else_is_not_counted():
    page = Page()
    page.asked(email="first@x.example", starts_at=time_number(0))
    for _ in range(6):
        assert page.send(email=EMAIL, starts_at=time_number(0)).status_code == 422

    assert page.send(email=EMAIL, starts_at=time_number(1)).status_code == 303


def test_what_was_sent_is_found_again_when_no_more_is_taken():
    page = Page()
    forms = [page.form(starts_at=time_number(n)) for n in range(6)]
    first, *others = [page.visitor.post(page.url, form) for form in forms]
    assert [answer.status_code for answer in others] == [303] * 4 + [429]

    again = page.visitor.post(page.url, forms[0])

    assert again.headers["Location"] == first.headers["Location"]
    assert page.count() == 5


class Curious(Page):
    """Somebody looks at free times, from one address."""

    def look(self, address: str = "192.0.2.1") -> Any:
        query = {"service": str(self.service.id), "requester_timezone": "Europe/London"}
        return self.visitor.get(self.url, query, REMOTE_ADDR=address)


@pytest.fixture
def three_looks(monkeypatch):
    """Each look is counted, and three are the most."""
    monkeypatch.setattr(limits, "ONE_IN", 1)
    monkeypatch.setattr(limits, "MOST_LOOKS", 3)


def test_who_looks_at_free_times_all_the_time_is_asked_to_come_back(three_looks, time_machine):
    page = Curious()
    first = [page.look().status_code for _ in range(3)]

    refused = page.look()

    assert first == [200, 200, 200]
    assert refused.status_code == 429
    assert "Please come back in an hour" in refused.text
    assert page.tenant.email in refused.text
    assert page.look("192.0.2.2").status_code == 200
    time_machine.move_to(datetime.now(UTC) + timedelta(hours=1))
    assert page.look().status_code == 200


def test_what_was_typed_is_still_there_for_whoever_comes_back(three_looks, time_machine):
    page = Curious()
    for _ in range(3):
        page.look("127.0.0.1")
    form = page.form(show=f"{a_time():%Y-%m-%d}")

    refused = page.visitor.post(page.url, form, follow=True)
    [address] = re.findall(r'href="(\?[^"]+)"', refused.text)
    time_machine.move_to(datetime.now(UTC) + timedelta(hours=1))
    times = page.visitor.get(page.url + unescape(address)).text
    step = re.findall(r'href="(\?[^"]+starts_at=[^"]+)"', times)[0]

    assert refused.status_code == 429
    assert "The printer again" in page.read(page.url + unescape(step))


def test_sending_is_a_look_as_well_and_keeps_what_was_typed(three_looks):
    page = Curious()
    for _ in range(3):
        page.look("127.0.0.1")

    answer = page.send()

    assert (answer.status_code, page.count()) == (429, 0)
    assert "Please come back in an hour" in answer.text
    assert "The printer again" in answer.text


def test_most_looks_at_free_times_write_nothing():
    page = Curious()
    page.look()

    with CaptureQueriesContext(connection) as captured:
        for _ in range(30):
            page.look()

    counts = [query["sql"] for query in captured if '"cache_entries"' in query["sql"]]
    written = [sql for sql in counts if not sql.startswith("SELECT")]
    assert len(written) < 15  # three, were it not for chance
    assert len(counts) >= 30


def test_clients_who_are_signed_in_look_as_often_as_they_like(three_looks):
    page = Curious()
    contact = make_portal_contact(page.tenant)
    assert contact.membership is not None
    page.visitor.force_login(contact.membership.user)
    query = {"service": str(page.service.id), "requester_timezone": "Europe/London"}

    looks = [page.visitor.get(f"/portal/{page.tenant.slug}/new/", query) for _ in range(4)]

    assert {look.status_code for look in looks} == {200}


def test_a_guest_who_mistyped_their_address_asks_once_more():
    page = Page()
    form = page.form(email="adda@engines.example")
    page.visitor.post(page.url, form)

    corrected = page.visitor.post(page.url, form | {"email": EMAIL})
    text = corrected.content.decode()
    [number] = re.findall(r'name="submission" value="([^"]+)"', text)
    answer = page.visitor.post(
        page.url, form | {"email": EMAIL, "submission": number, "starts_at": time_number(1)}
    )

    assert "This form was sent before. To ask once more, send it again." in text
    assert answer.status_code == 303


def test_a_contacts_address_and_number_lead_no_guest_to_their_request():
    page = Page()
    contact = make_contact(make_client(page.tenant), email=EMAIL)
    form = page.form()
    make_request(
        page.tenant,
        contact=contact,
        service=page.service,
        start=a_time(days=9),
        submission=form["submission"],
    )

    answer = page.visitor.post(page.url, form)

    assert answer.status_code == 422
    assert "/r/" not in answer.content.decode()


def test_what_a_visitor_has_typed_is_kept_for_a_day():
    page = Page()

    page.send(show="choice")

    assert page.visitor.session.get_expiry_age() <= timedelta(days=1).total_seconds()


# Weight


@pytest.mark.parametrize("hours", [True, False])
def test_the_first_view_weighs_less_than_100_kb(hours):
    page = Page(hours=hours)
    answer = page.visitor.get(page.url, follow=True, headers={"Accept-Encoding": "gzip"})
    html = gzip.decompress(answer.content).decode()
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', html)

    weight = len(answer.content)
    for file in files:
        path = finders.find(file)
        assert path
        weight += len(gzip.compress(Path(path).read_bytes()))

    assert files
    assert weight < 100_000
