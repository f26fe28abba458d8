"""The staff's screens: what a dispatcher reads and presses."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from convene.appointments import actions
from convene.appointments.models import AppointmentRequest, MeetingSync, Status
from convene.mail.models import MailState, OutboxMail
from convene.meetings.fake import FakeProvider, registered
from convene.tenancy.db import tenant_atomic
from convene.tenancy.permissions import Role
from tests.forms import filled_in
from tests.make import a_time, make_member, make_request, make_service, make_tenant

pytestmark = pytest.mark.usefixtures("db")


class Desk:
    """Dana at her desk, with one request waiting."""

    def __init__(self) -> None:
        self.tenant = make_tenant(timezone="UTC")
        self.dana = make_member(self.tenant, "Dana")
        self.service = make_service(self.tenant, "Onboarding call", self.dana)
        self.request = make_request(self.tenant, service=self.service)
        self.browser = Browser()
        self.browser.force_login(self.dana.user)

    def url(self, path: str = "") -> str:
        return f"/t/{self.tenant.slug}/requests/{self.request.id}/{path}"

    def read(self, path: str = "") -> str:
        answer = self.browser.get(self.url(path))
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    def post(self, path: str, *, follow: bool = True, **fields: Any):
        return self.browser.post(self.url(path), fields, follow=follow)

    def approve(self, **fields: str):
        start = self.request.requested_start
        form = {
            "technician": str(self.dana.id),
            "generate_teams_meeting": "on",
            "internal_notes": "Bring a dock",
            "final_date": start.date().isoformat(),
            "final_time": f"{start:%H:%M}",
            "final_timezone": "UTC",
        }
        return self.browser.post(self.url("approve/"), form | fields, follow=True)

    def now(self) -> AppointmentRequest:
        with tenant_atomic(self.tenant):
            return AppointmentRequest.objects.with_people().get(id=self.request.id)


@pytest.fixture
def provider():
    fake = FakeProvider()
    with registered(fake):
        yield fake


def test_the_approval_form_is_in_the_prds_order_with_the_toggle_on(provider):
    page = Desk().read()

    names = re.findall(r'name="(technician|generate_teams_meeting|internal_notes|final_\w+)"', page)
    assert names == [
        "technician",
        "generate_teams_meeting",
        "internal_notes",
        "final_date",
        "final_time",
        "final_timezone",
        "final_moment",  # unseen
    ]
    toggle = re.search(r'<input[^>]*name="generate_teams_meeting"[^>]*>', page)
    assert toggle is not None
    assert "checked" in toggle.group(0)
    assert "Generate Fake Meetings meeting link" in page


def test_without_a_provider_there_is_no_toggle():
    assert "generate_teams_meeting" not in Desk().read()


def test_the_toggle_goes_when_meetings_are_switched_off(provider):
    desk = Desk()
    provider.switch_off(desk.tenant)

    assert "generate_teams_meeting" not in desk.read()


def test_approving_shows_the_confirmed_appointment_with_its_join_button(provider):
    desk = Desk()

    answer = desk.approve()

    page = " ".join(answer.content.decode().split())
    [meeting] = provider.meetings.values()
    assert answer.redirect_chain == [(desk.url(), 303)]
    assert "Approved. The client and the technician are told." in page
    assert f'href="{meeting.join_url}"' in page
    assert "Join Fake Meeting" in page
    assert desk.now().internal_notes == "Bring a dock"


def test_a_failed_meeting_is_a_warning_that_stays_until_it_is_mended(provider):
    desk = Desk()
    provider.fail_next(on="create")

    page = desk.approve().content.decode()

    assert "Approved." in page
    assert "alert-warning" in page
    assert "Create Fake meeting" in desk.read()  # still there on the next visit
    attention = desk.browser.get(f"/t/{desk.tenant.slug}/attention/").content.decode()
    assert "Onboarding call" in attention
    mended = desk.post("meeting/create/").content.decode()
    assert "The meeting was created." in mended
    assert "alert-warning" not in mended
    assert "Join Fake Meeting" in desk.read()


def test_the_second_approver_is_told_and_nothing_happens_twice(provider):
    desk = Desk()
    desk.approve()

    page = desk.approve().content.decode()

    assert "was already approved by Dana on" in page
    assert len(provider.meetings) == 1


def test_a_refused_form_keeps_what_was_typed():
    desk = Desk()

    answer = desk.approve(final_date="", internal_notes="Do not lose this")

    assert answer.status_code == 422
    assert "Do not lose this" in answer.content.decode()
    assert desk.now().status == Status.PENDING


def test_a_time_that_the_clocks_skip_is_refused_in_place():
    desk = Desk()

    answer = desk.approve(
        final_date="2027-03-28", final_time="02:30", final_timezone="Europe/Berlin"
    )

    assert answer.status_code == 422
    assert "02:30 does not exist on" in answer.content.decode()


def test_a_time_that_happens_twice_is_said():
    page = Desk().approve(
        final_date="2027-10-31", final_time="02:30", final_timezone="Europe/Berlin"
    )

    assert "This time happens twice that night" in page.content.decode()


def in_the_autumn_night(hour: int) -> tuple[Desk, datetime]:
    """A request at one of the two moments of 27 October 2030 that read 02:30 in Berlin."""
    desk = Desk()
    desk.dana.timezone = "Europe/Berlin"
    desk.dana.save(update_fields=["timezone"])
    start = datetime(2030, 10, 27, hour, 30, tzinfo=UTC)
    desk.request = make_request(desk.tenant, service=desk.service, start=start)
    return desk, start


@pytest.mark.parametrize("hour", [0, 1])
def test_a_request_of_the_night_with_two_times_is_approved_at_its_own(hour):
    desk, start = in_the_autumn_night(hour)
    fields = filled_in(desk.browser.get(desk.url()), "approval")

    page = desk.post("approve/", **fields).content.decode()

    assert desk.now().starts_at == start
    assert "This time happens twice" not in page


def test_an_appointment_of_the_night_with_two_times_stays_when_somebody_else_gets_it():
    desk, start = in_the_autumn_night(1)
    desk.post("approve/", **filled_in(desk.browser.get(desk.url()), "approval"))
    tom = make_member(desk.tenant, "Tom", Role.TECHNICIAN)
    fields = filled_in(desk.browser.get(desk.url()), "reschedule")

    desk.post("reschedule/", **fields | {"technician": str(tom.id)})

    assert (desk.now().starts_at, desk.now().technician) == (start, tom)


def test_approving_at_another_time_confirms_that_time():
    desk = Desk()
    later = desk.request.requested_start + timedelta(hours=3)

    desk.approve(final_time=f"{later:%H:%M}")

    with tenant_atomic(desk.tenant):
        assert AppointmentRequest.objects.with_people().get().starts_at == later
    assert f"{later:%H:%M}–" in desk.read()


def test_moving_says_who_is_told(provider):
    desk = Desk()
    desk.approve()
    later = a_time(days=9, hour=15)

    page = desk.post(
        "reschedule/",
        technician=str(desk.dana.id),
        final_date=later.date().isoformat(),
        final_time="15:00",
        final_timezone="UTC",
    ).content.decode()

    assert "Moved. Everybody concerned is told." in page
    [meeting] = provider.meetings.values()
    assert meeting.starts_at == later


def test_cancelling_names_the_meeting_before_it_asks(provider):
    desk = Desk()
    desk.approve()

    assert "This will also delete the Fake Meetings meeting." in desk.read("cancel/")
    page = desk.post("cancel/", reason="Dana is ill").content.decode()

    assert "Cancelled. Everybody concerned is told." in page
    assert "Dana is ill" in page
    assert provider.meetings == {}


def test_a_meeting_that_could_not_be_removed_is_said_in_the_prds_words(provider):
    desk = Desk()
    desk.approve()
    provider.fail_next(on="delete")

    page = " ".join(desk.post("cancel/").content.decode().split())

    assert (
        "Appointment deleted, but the Fake Meetings meeting could not be removed."
        " Please remove it manually in Fake." in page
    )
    assert "Try again" in page
    assert "Join Fake Meeting" not in page


def test_declining_needs_a_reason():
    desk = Desk()

    refused = desk.post("decline/", reason="")
    declined = desk.post("decline/", reason="A holiday here")

    assert refused.status_code == 422
    assert "A holiday here" in declined.content.decode()
    assert desk.now().status == Status.DECLINED


def test_the_queue_counts_and_finds():
    desk = Desk()
    make_request(desk.tenant, service=make_service(desk.tenant, "Printer"))
    url = f"/t/{desk.tenant.slug}/requests/"

    page = " ".join(desk.browser.get(url).content.decode().split())
    found = desk.browser.get(url, {"q": "onboarding"}).content.decode()
    nothing = desk.browser.get(url, {"q": "no such thing"}).content.decode()

    assert re.search(r"Pending\s*<span class=\"badge\">2</span>", page)
    assert "Onboarding call" in found
    assert "Printer" not in found
    assert "Nothing found" in nothing


def going_through(desk: Desk, **query: str) -> dict[str, Any]:
    """What the forms of a request carry while somebody goes through a queue."""
    page = desk.browser.get(desk.url(), query).content.decode()
    found = set(re.findall(r'name="queue"\s+value="([^"]*)"', page))
    assert len(found) == 1
    return {"queue": unescape(found.pop())}


def test_a_request_is_read_beside_the_queue_that_one_came_from():
    desk = Desk()
    other = make_request(desk.tenant, service=make_service(desk.tenant, "Printer"))

    pending, alone = desk.read(), desk.read("?q=onboarding&status=all")

    for page in (pending, alone):
        assert re.findall(r'/requests/([^/]*)/\?[^"]*" hx-get=[^>]*aria-current', page) == [
            str(desk.request.id)
        ]
    assert f'/requests/{other.id}/?status=pending"' in pending
    assert f"/requests/{other.id}/" not in alone
    assert f'/requests/{desk.request.id}/?status=all&amp;q=onboarding"' in alone
    assert f'href="/t/{desk.tenant.slug}/requests/?status=all&amp;q=onboarding"' in alone


def test_the_queue_says_who_is_a_guest():
    desk = Desk()
    make_request(desk.tenant, client=None, contact=None, requester_company="")

    page = desk.read()

    assert page.count("· Guest") == 1


def test_htmx_gets_the_chosen_request_alone():
    desk = Desk()

    part = desk.browser.get(desk.url(), headers={"HX-Request": "true"})

    assert part.content.decode().lstrip().startswith('<article id="chosen"')
    assert "HX-Request" in part.headers["Vary"]


@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_after_a_decision_the_next_request_of_the_queue_opens(decision):
    desk = Desk()
    first = make_request(desk.tenant, service=desk.service, start=a_time(days=3))
    last = make_request(desk.tenant, service=desk.service, start=a_time(days=9))
    make_request(desk.tenant, service=make_service(desk.tenant, "Printer"), start=a_time(days=8))
    came_from = going_through(desk, q="onboarding", status="pending")

    def decide() -> Any:
        if decision == "approve":
            return desk.approve(**came_from)
        return desk.post("decline/", reason="A holiday", **came_from)

    def address(row: AppointmentRequest) -> str:
        return f"/t/{desk.tenant.slug}/requests/{row.id}/?status=pending&q=onboarding"

    decided = desk.request
    answer = decide()
    assert answer.redirect_chain == [(address(last), 303)]
    notice = answer.content.decode().partition('id="notices"')[2].partition("</div> ")[0]
    assert f'href="/t/{desk.tenant.slug}/requests/{decided.id}/">Onboarding call, ' in notice

    desk.request = last
    assert decide().redirect_chain == [(address(first), 303)]  # those that were skipped

    desk.request = first
    answer = decide()
    assert answer.redirect_chain == [(f"/t/{desk.tenant.slug}/today/", 303)]
    assert "1 request waits" in answer.content.decode()  # which the search did not find


def test_the_last_decision_leads_to_today_where_nothing_waits():
    desk = Desk()

    page = desk.approve(**going_through(desk)).content.decode()

    assert "Approved. The client and the technician are told." in page
    assert "Nothing is waiting" in page


def test_whoever_decides_on_the_calendar_goes_back_to_it():
    desk = Desk()
    make_request(desk.tenant, service=desk.service)
    page = desk.read("?calendar=view%3Dday")

    answer = desk.approve(calendar="view=day", queue="status=pending")

    assert 'name="calendar" value="view=day"' in page
    assert 'name="queue"' not in page
    assert answer.redirect_chain == [(f"/t/{desk.tenant.slug}/calendar/?view=day", 303)]


def test_who_came_too_late_on_the_calendar_reads_it_there_with_a_link(provider):
    desk = Desk()
    desk.approve()

    answer = desk.approve(calendar="view=day")
    page = answer.content.decode()

    assert answer.redirect_chain == [(f"/t/{desk.tenant.slug}/calendar/?view=day", 303)]
    assert "was already approved by Dana on" in page
    assert f'class="alert-link" href="{desk.url()}"' in page


def test_a_warning_goes_along_and_stays_on_its_appointment(provider):
    desk = Desk()
    following = make_request(desk.tenant, service=desk.service, start=a_time(days=9))
    provider.fail_next(on="create")

    answer = desk.approve(**going_through(desk))

    notices = re.findall(
        r'class="alert alert-(\w+)"[^>]*data-news>\s*<div>(.*?)</div>',
        answer.content.decode(),
        re.S,
    )
    assert [kind for kind, words in notices] == ["success", "warning"]
    assert all(
        f'/requests/{desk.request.id}/">Onboarding call' in words for _kind, words in notices
    )
    assert str(following.id) in answer.redirect_chain[0][0]
    assert "Create Fake meeting" in desk.read()


def test_what_the_page_of_the_appointment_keeps_is_not_said_twice(provider):
    desk = Desk()
    provider.fail_next(on="create")

    page = desk.approve().content.decode()

    assert page.count("The appointment is approved, but") == 1
    assert "Tried last on" in page


def test_a_refused_form_keeps_the_way_through_the_queue():
    desk = Desk()

    page = desk.approve(final_date="", queue="status=all&q=call").content.decode()

    assert 'value="status=all&amp;q=call"' in page
    assert f'/requests/{desk.request.id}/?status=all&amp;q=call"' in page


def test_who_came_too_late_reads_it_on_the_request_itself(provider):
    desk = Desk()
    make_request(desk.tenant, service=desk.service)
    came_from = going_through(desk)
    desk.approve()

    answer = desk.approve(**came_from)

    assert answer.redirect_chain == [(f"{desk.url()}?status=pending", 303)]
    assert "was already approved by Dana on" in answer.content.decode()


def test_htmx_gets_the_list_alone():
    desk = Desk()
    url = f"/t/{desk.tenant.slug}/requests/"

    part = desk.browser.get(url, headers={"HX-Request": "true"})

    assert part.content.decode().lstrip().startswith('<div id="requests"')
    assert "HX-Request" in part.headers["Vary"]


def test_htmx_is_sent_to_sign_in_as_a_whole_page():
    desk = Desk()

    answer = Browser().get(f"/t/{desk.tenant.slug}/requests/", headers={"HX-Request": "true"})

    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"].startswith("/accounts/login/")


def test_a_technician_reads_but_does_not_decide(provider):
    desk = Desk()
    technician = make_member(desk.tenant, role=Role.TECHNICIAN)
    desk.browser.force_login(technician.user)

    page = desk.read()

    assert 'id="approval"' not in page
    assert "Onboarding call" in page


def test_everything_that_happened_is_in_the_history(provider):
    desk = Desk()
    desk.approve()
    actions.cancel_appointment_request(desk.tenant, desk.request.id, by=desk.dana)

    page = desk.read()

    for sentence in (
        "Request approved",
        "Online meeting created",
        "Join link added to the appointment",
        "Appointment cancelled",
        "Online meeting removed",
    ):
        assert sentence in page


def test_nothing_on_a_page_breaks_the_strict_content_security_policy():
    desk = Desk()

    answer = desk.browser.get(desk.url())

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    page = answer.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\bon[a-z]+=\"", page)


@pytest.mark.parametrize("words", ["\0", "a\0b", "one two three " * 500])
def test_odd_searches_find_nothing_and_hurt_nobody(words):
    desk = Desk()

    answer = desk.browser.get(f"/t/{desk.tenant.slug}/requests/", {"q": words})

    assert answer.status_code == 200


def test_a_stale_form_says_what_happened_and_not_what_is_wrong_with_it():
    desk = Desk()
    desk.approve()

    page = desk.approve(final_date="").content.decode()

    assert "was already approved by Dana on" in page
    assert 'id="approval"' not in page


def test_whoever_signs_in_after_an_action_lands_on_a_page_that_reads():
    desk = Desk()
    stranger = Browser()

    with_referer = stranger.post(
        desk.url("approve/"), headers={"Referer": f"http://testserver{desk.url()}"}
    )
    without = stranger.post(desk.url("approve/"))
    elsewhere = stranger.post(desk.url("approve/"), headers={"Referer": "https://evil.example/x"})

    assert with_referer.headers["Location"].endswith(f"?next={desk.url()}")
    assert without.headers["Location"].endswith("?next=/")
    assert elsewhere.headers["Location"].endswith("?next=/")


def test_trying_again_without_a_meeting_is_refused():
    desk = Desk()
    desk.approve(generate_teams_meeting="")

    assert "has no online meeting" in desk.post("meeting/retry/").content.decode()


@pytest.mark.parametrize("path", ["requests/{}/", "attention/"])
def test_a_refused_mail_can_be_sent_again(path):
    desk = Desk()
    page = f"/t/{desk.tenant.slug}/{path.format(desk.request.id)}"
    desk.approve()
    with tenant_atomic(desk.tenant):
        OutboxMail.objects.filter(recipient="client").update(state=MailState.FAILED)
        mail = OutboxMail.objects.get(recipient="client")
    contact = desk.request.contact

    asking = desk.browser.get(page).content.decode()
    answer = desk.post(f"mails/{mail.id}/send-again/", follow=False)

    assert f'/mails/{mail.id}/send-again/"' in asking
    assert "correct it under Clients first" in asking
    assert f'/clients/{contact.client_id}/contacts/{contact.id}/"' in asking
    assert (answer.status_code, answer.url) == (303, desk.url())
    after = desk.read()
    assert "The mail is being sent again." in after
    assert "Refused mail tried again" in after
    assert "send-again" not in after


def test_a_technician_reads_of_a_refused_mail_and_cannot_send_it_again():
    desk = Desk()
    desk.approve()
    with tenant_atomic(desk.tenant):
        OutboxMail.objects.update(state=MailState.FAILED)
    desk.browser.force_login(make_member(desk.tenant, role=Role.TECHNICIAN).user)

    page = desk.read()

    assert "Refused" in page
    assert "Send again" not in page


def test_the_address_of_a_colleague_is_not_looked_for_in_clients():
    desk = Desk()
    desk.approve()
    with tenant_atomic(desk.tenant):
        OutboxMail.objects.exclude(recipient="client").update(state=MailState.FAILED)

    page = desk.read()

    assert "Send again" in page
    assert "Correct the address" not in page


def test_the_page_says_until_when_the_provider_asks_to_wait(provider):
    desk = Desk()
    provider.fail_next()
    desk.approve()
    with tenant_atomic(desk.tenant):
        MeetingSync.objects.update(problem_wait_until=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))

    page = desk.read()

    assert "Fake Meetings asks us to wait until 2 Jan 2030, 03:04:05." in page
    assert "/meeting/create/" in page


def test_a_mail_that_cannot_leave_is_said_in_words(provider):
    desk = Desk()
    desk.approve()
    with tenant_atomic(desk.tenant):
        OutboxMail.objects.update(attempts=2, reason="SMTPServerDisconnected")

    page = desk.read()

    assert "The mail server did not take it yet. We keep trying." in page
    assert "SMTPServerDisconnected" not in page


@pytest.mark.parametrize("path", ["approve/", "reschedule/", "decline/", "meeting/retry/"])
def test_the_address_of_a_refused_form_leads_to_the_appointment_when_it_is_opened_again(path):
    desk = Desk()

    answer = desk.browser.get(desk.url(path), follow=True)

    assert answer.redirect_chain == [(desk.url(), 302)]
    assert answer.status_code == 200
    assert desk.now().is_pending


def test_going_back_never_shows_another_technician_or_time_than_the_one_that_was_judged():
    desk = Desk()

    pending = desk.read()
    desk.approve()
    approved = desk.read()

    for page in (pending, approved):
        for name in ("technician", "final_date", "final_time", "final_timezone"):
            [field] = re.findall(rf'<(?:input|select)[^>]* ?name="{name}"[^>]*>', page)
            assert 'autocomplete="off"' in field


@pytest.mark.parametrize(
    ("operation", "sentence"),
    [
        ("create", "The online meeting could not be created"),
        ("update", "The online meeting could not be moved"),
        ("delete", "The online meeting could not be removed"),
    ],
)
def test_the_history_says_what_could_not_be_done(provider, operation, sentence):
    desk = Desk()
    if operation == "create":
        provider.fail_next(on="create")
    desk.approve()
    if operation != "create":
        provider.fail_next(on=operation)
    if operation == "update":
        actions.update_appointment_request_date_time(
            desk.tenant, desk.request.id, by=desk.dana, starts_at=a_time(days=9)
        )
    if operation == "delete":
        actions.cancel_appointment_request(desk.tenant, desk.request.id, by=desk.dana)

    assert sentence in desk.read()


def test_a_request_that_waits_is_cancelled_as_a_request():
    desk = Desk()

    pending = desk.read("cancel/")
    desk.approve()
    approved = desk.read("cancel/")

    assert "Cancel this request?" in pending
    assert "Cancel this appointment?" in approved


def test_an_empty_queue_asks_nobody_to_choose():
    desk = Desk()

    full = desk.browser.get(f"/t/{desk.tenant.slug}/requests/").content.decode()
    empty = desk.browser.get(f"/t/{desk.tenant.slug}/requests/?q=nobody").content.decode()

    assert "Choose a request" in full
    assert "Choose a request" not in empty


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=50), "just now"),
        (timedelta(minutes=1), "1\xa0minute ago"),
        (timedelta(hours=3, minutes=10), "3\xa0hours ago"),
    ],
)
def test_an_age_is_said_in_one_unit(age: timedelta, words: str):
    desk = Desk()
    with tenant_atomic(desk.tenant):
        AppointmentRequest.objects.update(created_at=timezone.now() - age)

    page = desk.browser.get(f"/t/{desk.tenant.slug}/requests/").content.decode()

    assert f'<span class="queue-aside">{words}</span>' in page
