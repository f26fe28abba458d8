"""What people are told: over real SMTP, each in their own zone, nothing twice, nothing untrue."""

import email.utils
import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from django.conf import settings
from django.test import override_settings
from procrastinate.contrib.django.models import ProcrastinateJob

from convene.appointments import actions, history, letters
from convene.appointments.actions import Refused
from convene.appointments.models import AppointmentRequest
from convene.clients.models import Contact
from convene.events.models import Event
from convene.mail.delivery import deliver
from convene.mail.models import MailState, OutboxMail
from convene.meetings.fake import FakeProvider, registered
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from tests.make import (
    make_client,
    make_contact,
    make_member,
    make_portal_contact,
    make_request,
    make_service,
    make_tenant,
)
from tests.postbox import Postbox, calendar_of, free_port, html_of, postbox, text_of

pytestmark = pytest.mark.usefixtures("db")

NOON = datetime(2030, 1, 15, 12, 0, tzinfo=UTC)


@pytest.fixture
def box():
    with postbox() as box:
        yield box


class Case:
    """One appointment of a client in New York with an MSP in Berlin."""

    def __init__(self) -> None:
        self.tenant: Tenant = make_tenant("Northwind IT", email="desk@northwind.example")
        self.dana: Membership = make_member(self.tenant, "Dana Field")
        self.contact: Contact = make_portal_contact(self.tenant, timezone="America/New_York")
        service = make_service(self.tenant, "Onboarding call")
        self.request: AppointmentRequest = make_request(
            self.tenant, contact=self.contact, service=service, start=NOON
        )

    def approve(self, *, with_meeting: bool = False, starts_at: datetime = NOON) -> actions.Outcome:
        return actions.approve_appointment_request(
            self.tenant,
            self.request.id,
            by=self.dana,
            technician=self.dana,
            starts_at=starts_at,
            with_meeting=with_meeting,
        )

    def move(self, to: datetime, technician: Membership | None = None) -> None:
        actions.update_appointment_request_date_time(
            self.tenant, self.request.id, by=self.dana, starts_at=to, technician=technician
        )

    def cancel(self, by: Membership | None = None) -> None:
        actions.cancel_appointment_request(
            self.tenant, self.request.id, by=by or self.dana, reason="Dana is ill"
        )

    def deliver(self, at: datetime | None = None) -> None:
        now = at or datetime.now(UTC)
        deliver(self.tenant.id, self.request.id, clock=lambda: now)

    def send_again(self, mail: OutboxMail) -> None:
        actions.send_mail_again(self.tenant, self.request.id, mail.id, by=self.dana)

    def states(self) -> list[tuple[str, str, str]]:
        with tenant_atomic(self.tenant):
            rows = OutboxMail.objects.order_by("created_at")
            return [(row.kind, row.state, row.reason) for row in rows]


def test_client_and_technician_read_their_own_zones(box: Postbox):
    case = Case()
    case.approve()

    case.deliver()

    [to_client] = box.to(case.contact.email)
    [to_dana] = box.to(case.dana.user.email)
    assert "07:00–07:30" in str(to_client["Subject"])  # an en dash
    assert "America/New_York (EST)" in text_of(to_client)
    assert "13:00–13:30" in str(to_dana["Subject"])
    assert "Europe/Berlin (CET)" in text_of(to_dana)


def test_a_confirmation_at_another_time_says_which_one_was_asked_for(box: Postbox):
    case = Case()
    case.approve(starts_at=NOON + timedelta(hours=2))

    case.deliver()

    [message] = box.to(case.contact.email)
    for part in (text_of(message), words_of_html(message)):
        words = " ".join(part.split())
        assert "09:00–09:30" in words
        assert "You asked for Tuesday, 15 January 2030, 07:00–07:30;" in words
        assert "this is the time we can offer." in words


def test_a_confirmation_at_the_time_that_was_asked_for_speaks_of_no_other(box: Postbox):
    case = Case()
    case.approve()

    case.deliver()

    [message] = box.to(case.contact.email)
    assert "You asked for" not in text_of(message) + html_of(message)


def words_of_html(message: EmailMessage) -> str:
    return re.sub("<[^>]+>", "", html_of(message))


def test_mails_come_from_us_in_the_msps_name_and_replies_go_to_the_msp(box: Postbox):
    case = Case()
    case.approve()

    case.deliver()

    message = box.messages[0]
    assert email.utils.parseaddr(str(message["From"])) == (
        "Northwind IT",
        settings.CONVENE_MAIL_FROM,
    )
    assert message["Reply-To"] == "desk@northwind.example"


def test_the_calendar_file_carries_the_meeting(box: Postbox):
    case = Case()
    provider = FakeProvider()
    with registered(provider):
        case.approve(with_meeting=True)
        case.deliver()

    [message] = box.to(case.contact.email)
    [meeting] = provider.meetings.values()
    ics = calendar_of(message)
    assert ics["METHOD"] == "REQUEST"
    assert ics["DTSTART"] == "20300115T120000Z"
    assert ics["LOCATION"] == "Fake Meetings Meeting"
    assert ics["URL"].endswith(meeting.join_url)
    assert f"Join Fake Meeting: {meeting.join_url}" in ics["DESCRIPTION"].replace("\\n", "\n")
    assert meeting.join_url in text_of(message)
    assert meeting.join_url in html_of(message)
    assert "Join Fake Meeting" in html_of(message)


def test_without_a_meeting_nothing_speaks_of_joining(box: Postbox):
    case = Case()
    case.approve()

    case.deliver()

    [message] = box.to(case.contact.email)
    assert "Join" not in text_of(message) + html_of(message)
    assert "LOCATION" not in calendar_of(message)


def test_the_calendar_file_keeps_its_uid_and_its_number_only_rises(box: Postbox):
    case = Case()
    case.approve()
    case.deliver()
    case.move(NOON + timedelta(hours=2))
    case.deliver()
    case.cancel()
    case.deliver()

    files = [calendar_of(message) for message in box.to(case.contact.email)]
    assert [file["METHOD"] for file in files] == ["REQUEST", "REQUEST", "CANCEL"]
    assert len({file["UID"] for file in files}) == 1
    assert [int(file["SEQUENCE"]) for file in files] == [0, 1, 2]


def test_a_moved_appointment_says_from_when_to_when(box: Postbox):
    case = Case()
    case.approve()
    case.deliver()
    case.move(NOON + timedelta(hours=2))

    case.deliver()

    message = box.to(case.contact.email)[-1]
    assert "07:00–07:30" in text_of(message)
    assert "09:00–09:30" in text_of(message)


def test_a_mail_that_is_late_says_what_is_true_now_and_the_next_one_is_dropped(box: Postbox):
    case = Case()
    case.approve()
    case.move(NOON + timedelta(hours=2))

    case.deliver()

    [message] = box.to(case.contact.email)
    assert "09:00–09:30" in str(message["Subject"])
    dropped = [row for row in case.states() if row[1] == MailState.SUPERSEDED]
    assert {reason for _, _, reason in dropped} == {"it would tell nothing new"}
    assert len(dropped) == 2


def test_who_has_left_the_msp_is_told_nothing(box: Postbox):
    case = Case()
    case.approve()
    case.deliver()
    Membership.objects.filter(id=case.dana.id).update(active=False)
    told = len(box.to(case.dana.user.email))

    case.cancel()
    case.deliver()

    assert len(box.to(case.dana.user.email)) == told
    assert ("appointment-cancelled", MailState.SUPERSEDED, "they do not work here any more") in (
        case.states()
    )


def test_a_confirmation_of_a_cancelled_appointment_is_not_sent(box: Postbox):
    case = Case()
    case.approve()
    case.cancel()

    case.deliver()

    assert [subject.partition(":")[0] for subject in box.subjects()] == ["Cancelled"]
    assert box.to(case.dana.user.email) == []


def test_a_technician_who_was_told_hears_of_the_cancellation(box: Postbox):
    case = Case()
    case.approve()
    case.deliver()
    case.cancel(by=case.contact.membership)

    case.deliver()

    message = box.to(case.dana.user.email)[-1]
    assert calendar_of(message)["METHOD"] == "CANCEL"


def test_the_technician_who_loses_it_and_the_one_who_gets_it_are_told(box: Postbox):
    case = Case()
    max_ = make_member(case.tenant, "Max")
    case.approve()
    case.deliver()
    case.move(NOON, technician=max_)

    case.deliver()

    assert calendar_of(box.to(case.dana.user.email)[-1])["METHOD"] == "CANCEL"
    assert calendar_of(box.to(max_.user.email)[-1])["METHOD"] == "REQUEST"
    assert "Max" in text_of(box.to(case.contact.email)[-1])


def test_the_confirmation_waits_for_the_meeting_but_not_for_ever(box: Postbox):
    case = Case()
    provider = FakeProvider()
    provider.fail_next()
    with registered(provider):
        outcome = case.approve(with_meeting=True)

        case.deliver()  # the sync has ended, with a problem: it waits no longer

        assert outcome.warning
        assert "Join" not in text_of(box.to(case.contact.email)[0])
        actions.create_meeting(case.tenant, case.request.id, by=case.dana)
        case.deliver()

    first, second = box.to(case.contact.email)
    assert str(second["Subject"]).strip().startswith("Updated:")
    assert "Join Fake Meeting" in text_of(second)
    for mail in (second, box.to(case.dana.user.email)[-1]):
        assert "The link to join" in text_of(mail)
        assert "was added." in text_of(mail)
        assert "was added." in html_of(mail)
        assert "Something about" not in text_of(mail) + html_of(mail)
    assert int(calendar_of(second)["SEQUENCE"]) > int(calendar_of(first)["SEQUENCE"])


def test_a_mail_held_by_a_process_that_died_leaves_after_a_minute(box: Postbox):
    case = Case()
    case.approve()
    with tenant_atomic(case.tenant):  # as approve leaves it before its sync
        OutboxMail.objects.update(not_before=datetime.now(UTC) + actions.HOLD_FOR_MEETING)

    case.deliver()
    assert box.messages == []
    case.deliver(at=datetime.now(UTC) + timedelta(seconds=61))

    assert len(box.messages) == 2


def test_a_mail_server_that_is_down_loses_nothing():
    case = Case()
    case.approve()
    smtp = "django.core.mail.backends.smtp.EmailBackend"
    with override_settings(EMAIL_BACKEND=smtp, EMAIL_HOST="127.0.0.1", EMAIL_PORT=free_port()):
        case.deliver()  # nobody listens there

    assert [state for _, state, _ in case.states()] == [MailState.DUE, MailState.DUE]
    with postbox() as box:
        case.deliver(at=datetime.now(UTC) + timedelta(minutes=5))
        assert len(box.messages) == 2


def test_a_refused_recipient_is_not_tried_for_ever(box: Postbox):
    case = Case()
    case.approve()
    box.refuse = ["550 no such mailbox"]

    case.deliver()

    assert [(state, reason) for _, state, reason in case.states()] == [
        (MailState.FAILED, "SMTPRecipientsRefused 550"),
        (MailState.SENT, ""),
    ]


def refused_confirmation(box: Postbox) -> tuple[Case, OutboxMail]:
    """The client's confirmation was refused; the technician's has left."""
    case = Case()
    case.approve()
    box.refuse = ["550 no such mailbox"]
    case.deliver()
    with tenant_atomic(case.tenant):
        return case, OutboxMail.objects.get(state=MailState.FAILED)


def test_a_refused_mail_is_sent_again_to_the_corrected_address_and_says_what_is_true(
    box: Postbox,
):
    case, refused = refused_confirmation(box)
    box.refuse = ["550 no such mailbox"]
    case.move(NOON + timedelta(hours=1))
    case.deliver()
    with tenant_atomic(case.tenant):
        Contact.objects.filter(id=case.contact.id).update(email="right@client.example")

    case.send_again(refused)
    case.deliver()

    [message] = box.to("right@client.example")
    assert box.to(case.contact.email) == []
    assert str(message["Subject"]).strip().startswith("Confirmed:")
    assert "08:00–08:30" in text_of(message)  # an en dash


def test_sending_a_refused_mail_again_wakes_the_worker_once_and_is_in_the_history(box: Postbox):
    case, refused = refused_confirmation(box)
    woken = ProcrastinateJob.objects.count()

    case.send_again(refused)
    with pytest.raises(Refused):  # a second click
        case.send_again(refused)
    case.deliver()
    with pytest.raises(Refused):  # from a page that is old
        case.send_again(refused)
    case.deliver()

    assert ProcrastinateJob.objects.count() == woken + 1
    assert len(box.to(case.contact.email)) == 1
    with tenant_atomic(case.tenant):
        [event] = Event.objects.filter(kind=history.MAIL_SENT_AGAIN)
    assert (event.actor, event.before["mail"]) == (case.dana, letters.APPROVED_CLIENT)
    assert event.before["to"] == case.contact.email
    assert event.before["reason"] == "SMTPRecipientsRefused 550"


def test_a_mail_is_sent_again_by_the_appointment_that_it_is_about(box: Postbox):
    case, refused = refused_confirmation(box)
    another = make_request(case.tenant)

    with pytest.raises(Refused, match="This mail was not refused"):
        actions.send_mail_again(case.tenant, another.id, refused.id, by=case.dana)


def test_a_refused_mail_that_does_not_hold_any_more_is_not_sent_again(box: Postbox):
    case, refused = refused_confirmation(box)
    case.cancel()
    case.deliver()
    told = len(box.messages)

    case.send_again(refused)
    case.deliver()

    assert len(box.messages) == told
    assert case.states()[-1] == (
        letters.APPROVED_CLIENT,
        MailState.SUPERSEDED,
        "the appointment is cancelled now",
    )


def test_a_mail_that_is_sent_again_meets_the_same_patience_as_a_new_one(box: Postbox, time_machine):
    case, refused = refused_confirmation(box)
    time_machine.move_to(datetime.now(UTC) + timedelta(days=4))
    box.refuse = ["451 try later"]

    case.send_again(refused)
    case.deliver()
    case.deliver(at=datetime.now(UTC) + timedelta(minutes=5))

    assert len(box.to(case.contact.email)) == 1


def test_a_busy_mail_server_is_tried_again(box: Postbox):
    case = Case()
    case.approve()
    box.refuse = ["451 try later", "451 try later"]

    case.deliver()
    case.deliver(at=datetime.now(UTC) + timedelta(minutes=5))

    assert len(box.messages) == 2


def test_delivering_twice_sends_once(box: Postbox):
    case = Case()
    case.approve()

    case.deliver()
    case.deliver()

    assert len(box.messages) == 2


def test_a_process_that_died_while_sending_is_followed_with_the_same_message_id(box: Postbox):
    case = Case()
    case.approve()
    case.deliver()
    with tenant_atomic(case.tenant):  # the server had taken it, we had not written it down
        OutboxMail.objects.update(state=MailState.DUE, sent_at=None)

    case.deliver(at=datetime.now(UTC) + timedelta(minutes=5))

    ids = [str(message["Message-ID"]) for message in box.to(case.contact.email)]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_the_technicians_notes_stay_with_the_technician(box: Postbox):
    case = Case()
    actions.approve_appointment_request(
        case.tenant,
        case.request.id,
        by=case.dana,
        technician=case.dana,
        starts_at=NOON,
        with_meeting=False,
        internal_notes="Bring the spare dock",
    )

    case.deliver()

    assert "spare dock" in text_of(box.to(case.dana.user.email)[0])
    assert "spare dock" not in str(box.to(case.contact.email)[0])


def test_the_dispatch_mailbox_hears_of_a_new_request(box: Postbox):
    tenant = make_tenant(email="desk@northwind.example")
    contact = make_portal_contact(tenant)
    request = make_request(tenant, contact=contact)
    with tenant_atomic(tenant):
        letters.tell_received(request)

    deliver(tenant.id, request.id)

    [message] = box.to("desk@northwind.example")
    assert f"/t/{tenant.slug}/requests/{request.id}/" in text_of(message)
    assert len(box.to(contact.email)) == 1


def test_names_of_people_cannot_break_a_mail(box: Postbox):
    tenant = make_tenant("Ärzte & <b>Söhne</b>")
    member = make_member(tenant, role=Role.CLIENT)
    contact = make_contact(make_client(tenant), '"Bobby"\r\nBcc: x@y.example', membership=member)
    request = make_request(tenant, contact=contact, service=make_service(tenant, "<i>Call</i>"))
    dana = make_member(tenant, "Dana")
    actions.decline_appointment_request(
        tenant, request.id, by=dana, reason="<script>alert(1)</script>"
    )

    deliver(tenant.id, request.id)

    [message] = box.messages
    assert message["Bcc"] is None
    assert "<i>Call</i>" in str(message["Subject"])
    assert "<script>" in text_of(message)
    assert "<script>" not in html_of(message)


def test_an_address_beyond_ascii_gets_its_mail(box: Postbox):
    tenant = make_tenant()
    contact = make_contact(make_client(tenant), "Anna", email="anna@bücher.example")
    request = make_request(tenant, contact=contact)
    actions.decline_appointment_request(
        tenant, request.id, by=make_member(tenant), reason="A holiday"
    )

    deliver(tenant.id, request.id)

    assert [str(message["To"]) for message in box.messages] == ["Anna <anna@xn--bcher-kva.example>"]


def test_a_mail_that_cannot_be_written_keeps_no_other_from_leaving(box: Postbox):
    case = Case()
    case.approve()
    with tenant_atomic(case.tenant):  # as if a colleague's sign-in had been removed by hand
        OutboxMail.objects.filter(kind="appointment-request-approved-client").update(
            recipient="technician:00000000-0000-0000-0000-000000000000"
        )

    case.deliver()

    assert [(state, reason) for _, state, reason in case.states()] == [
        (MailState.FAILED, "DoesNotExist"),
        (MailState.SENT, ""),
    ]


def test_a_waiting_receipt_does_not_keep_the_link_from_being_told(box: Postbox):
    case = Case()
    with tenant_atomic(case.tenant):
        letters.tell_received(case.request)
        OutboxMail.objects.update(not_before=datetime.now(UTC) + timedelta(hours=1), attempts=1)
    provider = FakeProvider()
    provider.fail_next()
    with registered(provider):
        case.approve(with_meeting=True)
        case.deliver()
        actions.create_meeting(case.tenant, case.request.id, by=case.dana)
        case.deliver()

    assert "Join Fake Meeting" in text_of(box.to(case.contact.email)[-1])


def test_a_technician_who_may_have_been_told_hears_of_the_cancellation(box: Postbox):
    case = Case()
    case.approve()
    with tenant_atomic(case.tenant):  # the server may have taken it; nobody wrote that down
        OutboxMail.objects.filter(kind="appointment-assigned").update(attempts=1)
    case.cancel()

    case.deliver()

    assert calendar_of(box.to(case.dana.user.email)[-1])["METHOD"] == "CANCEL"


def test_a_confirmation_that_is_too_late_is_not_sent(box: Postbox, time_machine):
    case = Case()
    case.approve()
    time_machine.move_to(NOON + timedelta(days=2))

    case.deliver()

    assert box.messages == []
    assert {reason for _, _, reason in case.states()} == {"the appointment is over"}


def test_forgetting_a_meeting_tells_those_who_have_its_link(box: Postbox):
    case, provider = Case(), FakeProvider()
    with registered(provider):
        case.approve(with_meeting=True)
        provider.fail_next(on="update")
        case.move(NOON + timedelta(hours=1))
        case.deliver()
        actions.forget_meeting(case.tenant, case.request.id, by=case.dana)
        case.deliver()

    last = box.to(case.contact.email)[-1]
    assert str(last["Subject"]).strip().startswith("Updated:")
    assert "Join" not in text_of(last)
    assert "The link to join your appointment online is gone." in text_of(last)
    assert "The link to join your appointment online is gone." in html_of(last)
