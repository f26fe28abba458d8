"""Where the staff start, and what they are told to look after."""

import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from convene.appointments import actions, letters
from convene.appointments.models import AppointmentRequest, MeetingSync, Status
from convene.mail.models import MailState, OutboxMail
from convene.schedule.models import EntryKind
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership
from convene.tenancy.permissions import Role
from tests.availability.make import make_entry
from tests.forms import filled_in
from tests.make import a_time, make_member, make_request, make_service, make_tenant

pytestmark = pytest.mark.usefixtures("db")

MINUTE = timedelta(minutes=1)


class Morning:
    """Dana, two technicians, and what they find."""

    def __init__(self) -> None:
        self.tenant = make_tenant(timezone="UTC")
        self.dana = make_member(self.tenant, "Dana")
        self.tom = make_member(self.tenant, "Tom", Role.TECHNICIAN)
        self.aylin = make_member(self.tenant, "Aylin", Role.TECHNICIAN)

    def request(self, service: str = "", **fields: Any) -> AppointmentRequest:
        return make_request(self.tenant, service=make_service(self.tenant, service), **fields)

    def on_today(
        self, technician: Membership, service: str = "", minutes: int = -10, length: int = 30
    ) -> AppointmentRequest:
        """An approved appointment that began a while ago, with a link."""
        start = timezone.now() + minutes * MINUTE
        row = self.request(service, start=start)
        end = start + length * MINUTE
        entry = make_entry(technician, start, end, kind=EntryKind.APPOINTMENT, title=service)
        with tenant_atomic(self.tenant):
            AppointmentRequest.objects.filter(id=row.id).update(
                status=Status.APPROVED,
                schedule_entry=entry,
                online_meeting_url=f"https://meet.example/{row.reference}",
            )
        return row

    def problem(self, row: AppointmentRequest) -> None:
        with tenant_atomic(self.tenant):
            MeetingSync.objects.create(appointment=row, due=True)

    def mail(self, row: AppointmentRequest, **fields: Any) -> None:
        old = timezone.now() - 10 * MINUTE
        fields = {"kind": letters.APPROVED_CLIENT, "recipient": "client", "attempts": 2} | fields
        fields = {"created_at": old, "not_before": old} | fields
        with tenant_atomic(self.tenant):
            OutboxMail.objects.create(subject_id=row.id, **fields)

    def read(self, who: Membership | None = None, path: str = "today/") -> str:
        browser = Browser()
        browser.force_login((who or self.dana).user)
        answer = browser.get(f"/t/{self.tenant.slug}/{path}")
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())


def navigation(page: str) -> str:
    found = re.search(r"<nav.*?</nav>", page)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found.group()).split())


def test_an_empty_day_says_what_to_do():
    page = Morning().read()

    assert "Nothing is waiting" in page
    assert "No appointments today" in page
    assert "Open the calendar" in page
    assert "Everything is as it should be" in page
    assert navigation(page).startswith("Today Requests Calendar Needs attention Clients")


def test_what_waits_is_counted_and_the_first_is_one_click_away():
    morning = Morning()
    morning.request(start=a_time(days=9), created_at=timezone.now() - timedelta(hours=5))
    first = morning.request(start=a_time(days=3))

    page = morning.read()

    assert "2 requests wait" in page
    assert "The oldest was sent 5 hours ago." in page
    assert f"The first in the queue asks for {a_time(days=3):%a, %-d %b}, 10:00." in page
    assert f'/requests/{first.id}/?status=pending">Open the first' in page
    assert "Requests 2 waiting" in navigation(page)
    assert "Requests 2 waiting" in navigation(morning.read(path="calendar/"))


def test_who_decides_nothing_reads_their_day_before_the_queue():
    morning = Morning()
    morning.request(created_at=timezone.now() - timedelta(hours=3, minutes=5))
    morning.on_today(morning.tom)

    toms, danas = morning.read(morning.tom), morning.read()

    assert toms.index("Yours") < toms.index("1 request waits")
    assert danas.index("1 request waits") < danas.index(">Appointments<")
    assert "The oldest was sent 3 hours ago." in danas  # as in the queue


def test_an_appointment_of_today_has_its_join_button_until_it_is_over():
    morning = Morning()
    now = morning.on_today(morning.tom, "Onboarding call")
    over = morning.on_today(morning.aylin, "Printer", minutes=-40)

    page = morning.read()

    assert f'href="https://meet.example/{now.reference}"' in page
    assert f'href="https://meet.example/{over.reference}"' not in page
    assert "Onboarding call" in page


def test_a_technician_reads_their_own_appointments_first():
    morning = Morning()
    morning.on_today(morning.aylin, "Hers", minutes=-15)
    morning.on_today(morning.tom, "His", minutes=-5)

    toms, danas = morning.read(morning.tom), morning.read()

    assert toms.index("Yours") < toms.index(">His<") < toms.index(">Hers<")
    assert danas.index(">Hers<") < danas.index(">His<")


def test_a_meeting_that_is_not_as_it_should_be_has_its_button_right_there():
    morning = Morning()
    row = morning.on_today(morning.tom)
    morning.problem(row)

    page, toms = morning.read(), morning.read(morning.tom)

    assert f'/requests/{row.id}/meeting/create/"' in page
    assert "Needs attention 1" in navigation(page)
    assert "/meeting/create/" not in toms  # technicians read what is wrong, and cannot decide
    assert "A dispatcher can put this right." in toms


@pytest.mark.parametrize("path", ["today/", "attention/"])
def test_who_mends_a_meeting_in_the_list_comes_back_to_the_list(path):
    morning = Morning()
    row = morning.on_today(morning.tom)
    morning.problem(row)
    browser = Browser()
    browser.force_login(morning.dana.user)
    here = f"/t/{morning.tenant.slug}/{path}"

    found = re.search(r'name="found_on" value="(\w+)"', morning.read(path=path))
    assert found is not None
    address = f"/t/{morning.tenant.slug}/requests/{row.id}/meeting/create/"
    answer = browser.post(address, {"found_on": found[1]}, follow=True)

    assert answer.redirect_chain == [(here, 303)]
    notices = answer.content.decode().partition('id="notices"')[2].partition("<h1")[0]
    assert f'/requests/{row.id}/">' in notices


def test_an_overdue_request_does_not_vanish():
    morning = Morning()
    row = morning.request("Printer", start=timezone.now() - MINUTE)
    morning.request("Later")

    page = morning.read(path="attention/")

    assert "The time that was asked for is over, and nobody decided." in page
    assert f'/requests/{row.id}/">Printer' in page
    assert ">Later" not in page
    assert "Needs attention 1" in navigation(page)


def test_appointments_of_somebody_who_has_left_wait_for_somebody_else():
    morning = Morning()
    row = morning.on_today(morning.tom, "Printer")
    morning.on_today(morning.aylin, "Of Aylin")
    morning.on_today(morning.tom, "Over", minutes=-60)
    cancelled = morning.on_today(morning.tom, "Cancelled", minutes=60)
    actions.cancel_appointment_request(morning.tenant, cancelled.id, by=morning.dana)
    before = morning.read(path="attention/")

    Membership.objects.filter(id=morning.tom.id).update(active=False)
    page = morning.read(path="attention/")

    assert "Everything is as it should be" in before
    assert "Tom does not work here any more." in page
    assert f'/requests/{row.id}/#reschedule">Give it to somebody else' in page
    assert [name for name in ("Of Aylin", "Over", "Cancelled") if f">{name}" in page] == []
    assert "Needs attention 1" in navigation(page)


def test_an_appointment_of_somebody_who_has_left_is_given_to_a_colleague():
    morning = Morning()
    row = morning.on_today(morning.tom, minutes=60)
    Membership.objects.filter(id=morning.tom.id).update(active=False)
    browser = Browser()
    browser.force_login(morning.dana.user)
    address = f"/t/{morning.tenant.slug}/requests/{row.id}/"

    form = filled_in(browser.get(address), "reschedule")
    answer = browser.post(f"{address}reschedule/", form | {"technician": morning.aylin.id})

    assert "technician" not in form  # nobody is chosen beforehand
    assert answer.status_code == 303
    assert "Everything is as it should be" in morning.read(path="attention/")


def test_a_technician_reads_of_a_colleague_who_has_left():
    morning = Morning()
    morning.on_today(morning.aylin)
    Membership.objects.filter(id=morning.aylin.id).update(active=False)

    page = morning.read(morning.tom, "attention/")

    assert "Aylin does not work here any more." in page
    assert "A dispatcher can put this right." in page
    assert "#reschedule" not in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "has not left yet"),
        ({"state": MailState.FAILED}, "was refused"),
        ({"attempts": 0}, "Nobody has tried to send it."),
        ({"attempts": 0, "not_before": timedelta()}, ""),
        ({"created_at": timedelta()}, ""),
        ({"state": MailState.SENT}, ""),
        ({"state": MailState.FAILED, "created_at": timedelta(days=8)}, ""),
    ],
)
def test_a_mail_that_does_not_leave_is_said(fields, sentence):
    morning, now = Morning(), timezone.now()
    row = morning.request("Printer", requester_phone="+49 30 1234")
    ago = {name: now - value for name, value in fields.items() if isinstance(value, timedelta)}
    morning.mail(row, **fields | ago)

    page = morning.read()

    assert ("The mail “Confirmation” " in page) is bool(sentence)
    assert sentence in page
    assert ("tel:+49 30 1234" in page) is bool(sentence)
    assert navigation(page).count("Needs attention 1") == bool(sentence)


def test_a_refused_mail_is_history_once_a_later_one_has_left():
    morning = Morning()
    row = morning.request()
    morning.mail(row, state=MailState.FAILED)
    morning.mail(row, state=MailState.SENT, created_at=timezone.now())

    assert "was refused" not in morning.read()


def test_more_to_look_after_takes_no_more_queries():
    morning = Morning()
    browser = Browser()
    browser.force_login(morning.dana.user)
    gone = make_member(morning.tenant, role=Role.TECHNICIAN, active=False)

    def one_more_of_each(number: int) -> None:
        morning.problem(morning.on_today(morning.tom, minutes=number * 30 - 70))
        morning.request(start=timezone.now() - MINUTE)
        morning.mail(morning.request())
        morning.mail(morning.request(), state=MailState.FAILED)
        morning.on_today(gone, minutes=number * 30 + 100)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"/t/{morning.tenant.slug}/today/").status_code == 200
        return len(captured)

    one_more_of_each(1)
    short = queries()
    one_more_of_each(2)
    one_more_of_each(3)

    assert queries() == short
    assert short < 16


@pytest.mark.parametrize("path", ["today/", "attention/", "requests/"])
def test_no_level_of_headings_is_left_out(path):
    morning = Morning()
    morning.problem(morning.on_today(morning.tom))

    levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", morning.read(path=path))]

    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
