"""Reminders: once, in time, to whoever was told nothing lately, and never of what does not hold."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connection
from django.test import Client as Browser
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from convene.appointments import actions, history, letters
from convene.appointments.models import AppointmentRequest, ReminderLead, ReminderRule
from convene.appointments.reminders import to_remind
from convene.appointments.tasks import remind_of_appointments
from convene.clients.models import Contact
from convene.events.models import Event
from convene.mail.delivery import deliver
from convene.mail.models import MailState, OutboxMail
from convene.mail.tasks import deliver_due_mail
from convene.meetings.fake import FakeProvider, registered
from convene.schedule.models import EntryKind, ScheduleEntry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from tests.make import (
    make_member,
    make_portal_contact,
    make_request,
    make_service,
    make_tenant,
)
from tests.postbox import Postbox, free_port, html_of, postbox, text_of

pytestmark = pytest.mark.usefixtures("db")

NOON = datetime(2030, 1, 15, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def box():
    with postbox() as box:
        yield box


@pytest.fixture
def superuser(database: str) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


class Case:
    """A confirmed appointment of a client in New York with an MSP in Berlin, told a week before."""

    def __init__(self, time_machine, start: datetime = NOON, *, with_meeting: bool = False) -> None:
        self.machine, self.start = time_machine, start
        self.machine.move_to(start - 7 * DAY)
        self.tenant: Tenant = make_tenant("Northwind IT", phone="+49 30 1")
        self.dana: Membership = make_member(self.tenant, "Dana Field")
        self.contact: Contact = make_portal_contact(self.tenant, timezone="America/New_York")
        service = make_service(self.tenant, "Onboarding call")
        self.request: AppointmentRequest = make_request(
            self.tenant, contact=self.contact, service=service, start=start
        )
        actions.approve_appointment_request(
            self.tenant,
            self.request.id,
            by=self.dana,
            technician=self.dana,
            starts_at=start,
            with_meeting=with_meeting,
        )
        self.deliver()

    def at(self, moment: datetime) -> None:
        """It is that time, and the worker does what it does each minute."""
        self.machine.move_to(moment)
        sweep()
        self.deliver()

    def deliver(self) -> None:
        deliver(self.tenant.id, self.request.id)

    def remind(self, lead: ReminderLead) -> None:
        actions.set_reminders(self.tenant, by=self.dana, hours_before=lead)

    def move(self, to: datetime, technician: Membership | None = None) -> None:
        actions.update_appointment_request_date_time(
            self.tenant, self.request.id, by=self.dana, starts_at=to, technician=technician
        )

    def cancel(self) -> None:
        actions.cancel_appointment_request(
            self.tenant, self.request.id, by=self.dana, reason="Dana is ill"
        )

    def reminders(self) -> list[tuple[str, str, str]]:
        with tenant_atomic(self.tenant):
            rows = OutboxMail.objects.filter(kind=letters.REMINDER)
            return [(row.recipient.partition(":")[0], row.state, row.reason) for row in rows]


def sweep() -> None:
    remind_of_appointments(timestamp=0)


def reminders_in(box: Postbox) -> list[str]:
    """To whom reminders went."""
    return [str(m["To"]) for m in box.messages if str(m["Subject"]).strip().startswith("Reminder:")]


def test_client_and_technician_are_reminded_a_day_before_each_in_their_own_zone(box, time_machine):
    case = Case(time_machine)
    case.at(NOON - DAY - timedelta(minutes=1))
    assert reminders_in(box) == []

    case.at(NOON - DAY)

    assert len(reminders_in(box)) == 2
    to_client, to_dana = box.messages[-2:]
    assert str(to_client["Subject"]).strip() == (
        "Reminder: Onboarding call, Tuesday, 15 January 2030, 07:00–07:30 America/New_York (EST)"
    )
    assert "13:00–13:30 Europe/Berlin (CET)" in str(to_dana["Subject"])
    text = text_of(to_client)
    for words in ("30 minutes", "With:      Dana Field", "+49 30 1", "Change or cancel"):
        assert words in text
    assert not list(to_client.iter_attachments())


def test_a_reminder_has_the_button_to_join_in_both_parts(box, time_machine):
    with registered(FakeProvider()):
        case = Case(time_machine, with_meeting=True)
        case.at(NOON - DAY)

        with tenant_atomic(case.tenant):
            link = AppointmentRequest.objects.get().online_meeting_url
    assert link
    for message in box.messages[-2:]:
        assert f"Join Fake Meeting:\r\n{link}" in text_of(message)
        assert "Join Fake Meeting" in html_of(message)


def test_nobody_is_reminded_twice(box, time_machine):
    case = Case(time_machine)

    for minutes in (0, 1, 60, 23 * 60):
        case.at(NOON - DAY + timedelta(minutes=minutes))

    assert len(reminders_in(box)) == 2


def test_two_workers_at_once_remind_once(time_machine):
    case = Case(time_machine)
    time_machine.move_to(NOON - DAY)

    def worker(_: int) -> None:
        try:
            sweep()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(worker, range(12)))

    assert sorted(case.reminders()) == [
        ("client", MailState.DUE, ""),
        ("technician", MailState.DUE, ""),
    ]


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", datetime(2030, 3, 31, 8, tzinfo=UTC)),  # the night has 23 hours
        ("Europe/Berlin", datetime(2030, 10, 27, 9, tzinfo=UTC)),  # and 25
        ("America/New_York", datetime(2030, 11, 3, 15, tzinfo=UTC)),
    ],
)
def test_a_day_is_24_hours_when_the_clocks_change(box, time_machine, zone, start):
    case = Case(time_machine, start)
    assert f"{start.astimezone(ZoneInfo(zone)):%H:%M}" == "10:00"

    case.at(start - DAY - timedelta(seconds=30))
    early = reminders_in(box)
    case.at(start - DAY)

    assert early == []
    assert len(reminders_in(box)) == 2
    clock = f"{start.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}"
    assert f"{clock}–" in str(box.messages[-1]["Subject"])


def test_what_is_confirmed_at_short_notice_needs_no_reminder(box, time_machine):
    case = Case(time_machine)
    case.remind(ReminderLead.TWO_DAYS)
    case.at(NOON - 2 * DAY)
    told = len(box.messages)
    time_machine.move_to(NOON - 5 * HOUR)
    soon = make_request(case.tenant, contact=case.contact, start=NOON + HOUR)
    actions.approve_appointment_request(
        case.tenant,
        soon.id,
        by=case.dana,
        technician=case.dana,
        starts_at=NOON + HOUR,
        with_meeting=False,
    )
    deliver(case.tenant.id, soon.id)

    case.at(NOON - HOUR)
    deliver(case.tenant.id, soon.id)

    assert len(box.messages) == told + 2  # the confirmations


def test_what_moves_to_a_later_day_is_reminded_of_anew(box, time_machine):
    case = Case(time_machine)
    case.at(NOON - DAY)
    case.move(NOON + 3 * DAY)
    case.deliver()

    case.at(NOON)
    assert len(reminders_in(box)) == 2
    case.at(NOON + 2 * DAY)

    assert len(reminders_in(box)) == 4
    assert "18 January 2030" in str(box.messages[-1]["Subject"])


def test_a_move_within_the_day_before_is_reminder_enough(box, time_machine):
    case = Case(time_machine)
    time_machine.move_to(NOON - 3 * DAY)
    case.move(NOON - 2 * DAY - HOUR)
    case.deliver()

    case.at(NOON - 2 * DAY - 3 * HOUR)

    assert reminders_in(box) == []


def test_a_reminder_that_waits_for_the_server_is_dropped_when_the_time_moves_away(time_machine):
    case = Case(time_machine)
    with override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=free_port()):
        case.at(NOON - DAY)
    case.move(NOON + 7 * DAY)
    time_machine.move_to(NOON - 23 * HOUR)
    with postbox() as box:
        case.deliver()

    assert {reason for _, _, reason in case.reminders()} == {"it is not due any more"}
    assert [subject.partition(":")[0] for subject in box.subjects()] == ["Moved", "Moved"]


def test_a_reminder_that_waits_gives_way_to_the_mail_that_tells_of_a_short_move(time_machine):
    case = Case(time_machine)
    with override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=free_port()):
        case.at(NOON - DAY)
    case.move(NOON + HOUR)
    time_machine.move_to(NOON - 22 * HOUR)
    with postbox() as box:
        case.deliver()

    assert {reason for _, _, reason in case.reminders()} == {"another mail tells it"}
    assert [subject.partition(":")[0] for subject in box.subjects()] == ["Moved", "Moved"]


def test_a_move_there_and_back_that_nobody_was_told_of_loses_no_reminder(box, time_machine):
    case = Case(time_machine)
    time_machine.move_to(NOON - DAY + HOUR)
    case.move(NOON + HOUR)
    case.move(NOON)
    case.deliver()
    assert box.subjects()[2:] == []  # neither told anything new

    case.at(NOON - DAY + 2 * HOUR)

    assert len(reminders_in(box)) == 2


def test_what_is_cancelled_is_not_reminded_of(box, time_machine):
    case = Case(time_machine)
    time_machine.move_to(NOON - 3 * DAY)
    case.cancel()

    case.at(NOON - DAY)

    assert case.reminders() == []


def test_a_reminder_of_what_was_cancelled_meanwhile_does_not_leave(time_machine):
    case = Case(time_machine)
    time_machine.move_to(NOON - DAY)
    sweep()
    case.cancel()
    with postbox() as box:
        case.deliver()

    assert {reason for _, _, reason in case.reminders()} == {"the appointment is cancelled now"}
    assert {subject.partition(":")[0] for subject in box.subjects()} == {"Cancelled"}


def test_whoever_has_it_by_then_is_reminded(box, time_machine):
    case = Case(time_machine)
    max_ = make_member(case.tenant, "Max", Role.TECHNICIAN)
    time_machine.move_to(NOON - 3 * DAY)
    case.move(NOON, technician=max_)
    case.deliver()

    case.at(NOON - DAY)

    assert [address.split()[0] for address in reminders_in(box)] == ["Person", "Max"]


def test_a_reminder_of_whoever_lost_it_meanwhile_does_not_leave(box, time_machine):
    case = Case(time_machine)
    max_ = make_member(case.tenant, "Max", Role.TECHNICIAN)
    time_machine.move_to(NOON - DAY)
    sweep()
    case.move(NOON, technician=max_)

    case.deliver()

    assert all("Dana" not in to for to in reminders_in(box))
    assert ("technician", MailState.SUPERSEDED, "somebody else has the appointment now") in (
        case.reminders()
    )
    case.at(NOON - 20 * HOUR)
    assert all("Max" not in to for to in reminders_in(box))  # the assignment told him


def test_who_has_left_the_msp_is_not_reminded_and_not_looked_at_again(time_machine):
    case = Case(time_machine)
    Membership.objects.filter(id=case.dana.id).update(active=False)
    time_machine.move_to(NOON - DAY)

    sweep()

    assert [who for who, _, _ in case.reminders()] == ["client"]
    with tenant_atomic(case.tenant):
        assert not to_remind(NOON - DAY + HOUR, DAY).exists()


def test_never_is_never(box, time_machine):
    case = Case(time_machine)
    case.remind(ReminderLead.NEVER)

    case.at(NOON - DAY)
    case.at(NOON - HOUR)

    assert case.reminders() == []


def test_a_reminder_that_waits_when_they_are_switched_off_does_not_leave(box, time_machine):
    case = Case(time_machine)
    time_machine.move_to(NOON - DAY)
    sweep()
    case.remind(ReminderLead.NEVER)

    case.deliver()

    assert {state for _, state, _ in case.reminders()} == {MailState.SUPERSEDED}
    assert reminders_in(box) == []


@pytest.mark.parametrize("lead", [lead for lead in ReminderLead if lead])
def test_each_msp_has_its_own_lead(time_machine, lead):
    case, other = Case(time_machine), Case(time_machine)
    case.remind(lead)
    other.remind(ReminderLead.NEVER)
    time_machine.move_to(NOON - lead * HOUR - timedelta(minutes=1))
    sweep()
    assert case.reminders() == []

    time_machine.move_to(NOON - lead * HOUR)
    sweep()

    assert len(case.reminders()) == 2
    assert other.reminders() == []


def test_a_mail_server_that_is_down_keeps_a_reminder_until_the_appointment_begins(time_machine):
    case = Case(time_machine)
    with override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=free_port()):
        case.at(NOON - DAY)
    assert {state for _, state, _ in case.reminders()} == {MailState.DUE}

    with postbox() as box:
        case.at(NOON - 20 * HOUR)
        assert len(reminders_in(box)) == 2


def test_a_confirmation_that_the_server_takes_late_is_reminder_enough(time_machine):
    with override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST="127.0.0.1", EMAIL_PORT=free_port()):
        case = Case(time_machine)
        time_machine.move_to(NOON - 5 * DAY)
        case.deliver()
    case.remind(ReminderLead.TWO_DAYS)
    with tenant_atomic(case.tenant):
        OutboxMail.objects.update(not_before=NOON - DAY)
    with postbox() as box:
        case.at(NOON - 2 * DAY)
        case.at(NOON - DAY)
        case.at(NOON - HOUR)

    assert [subject.partition(":")[0] for subject in box.subjects()] == [
        "Confirmed",
        "Assigned to you",
    ]


def test_a_reminder_of_what_has_begun_is_never_sent(box, time_machine):
    case = Case(time_machine)
    time_machine.move_to(NOON - DAY)
    sweep()

    case.at(NOON)

    assert {reason for _, _, reason in case.reminders()} == {"the appointment has begun"}
    assert reminders_in(box) == []


def test_a_worker_that_slept_through_the_day_reminds_of_what_is_still_to_come(box, time_machine):
    case = Case(time_machine)

    case.at(NOON - timedelta(minutes=5))

    assert len(reminders_in(box)) == 2


def test_a_refused_reminder_is_not_tried_each_minute(box, time_machine):
    case = Case(time_machine)
    box.refuse = ["550 no such mailbox"]

    case.at(NOON - DAY)
    case.at(NOON - DAY + HOUR)

    assert sorted(state for _, state, _ in case.reminders()) == [MailState.FAILED, MailState.SENT]


def test_a_refused_reminder_needs_attention_until_the_appointment_begins(box, time_machine):
    case = Case(time_machine)
    box.refuse = ["550 no such mailbox"]
    case.at(NOON - DAY)
    time_machine.move_to(NOON - 20 * HOUR)

    def attention() -> str:
        browser = Browser()
        browser.force_login(case.dana.user)
        return browser.get(f"/t/{case.tenant.slug}/attention/").content.decode()

    assert "Reminder" in attention()
    time_machine.move_to(NOON + timedelta(minutes=1))
    assert "Reminder" not in attention()


# Defects, size and speed


def test_one_broken_appointment_and_one_broken_msp_keep_no_other_from_being_reminded(
    superuser, time_machine
):
    first, broken, msp, last = (Case(time_machine) for _ in range(4))
    time_machine.move_to(NOON - DAY)
    superuser.execute(
        "ALTER TABLE outbox_mails ADD CONSTRAINT broken CHECK"
        f" (subject_id <> '{broken.request.id}' AND tenant_id <> '{msp.tenant.id}') NOT VALID"
    )
    try:
        sweep()
    finally:
        superuser.execute("ALTER TABLE outbox_mails DROP CONSTRAINT broken")

    assert [len(case.reminders()) for case in (first, broken, msp, last)] == [2, 0, 0, 2]


@contextmanager
def losing(superuser: "psycopg.Connection[Any]", what: str, request: AppointmentRequest):
    """Each write of an appointment's mails loses a deadlock."""
    superuser.execute(
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'deadlock detected' USING ERRCODE = '40P01'; END $$"
    )
    superuser.execute(
        f"CREATE TRIGGER lose BEFORE {what} ON outbox_mails FOR EACH ROW"
        f" WHEN (NEW.subject_id = '{request.id}') EXECUTE FUNCTION lose()"
    )
    try:
        yield
    finally:
        superuser.execute("DROP FUNCTION lose CASCADE")


def test_a_deadlock_about_one_keeps_no_other_from_being_reminded(superuser, time_machine):
    first, victim, last = (Case(time_machine) for _ in range(3))
    time_machine.move_to(NOON - DAY)

    with losing(superuser, "INSERT", victim.request):
        sweep()

    assert [len(case.reminders()) for case in (first, victim, last)] == [2, 0, 2]


def test_a_deadlock_about_one_keeps_no_other_reminder_from_leaving(box, superuser, time_machine):
    cases = _first, victim, _last = tuple(Case(time_machine) for _ in range(3))
    time_machine.move_to(NOON - DAY)
    sweep()

    with losing(superuser, "UPDATE", victim.request):
        deliver_due_mail(timestamp=0)

    states = [{state for _whom, state, _why in case.reminders()} for case in cases]
    assert states == [{"sent"}, {"due"}, {"sent"}]


def many(tenant: Tenant, technician: Membership, number: int) -> None:
    """Confirmed appointments, one each six hours from now on."""
    contact = make_portal_contact(tenant)
    service = make_service(tenant)
    for n in range(number):
        start = NOON + n * 6 * HOUR
        request = make_request(tenant, contact=contact, service=service, start=start)
        with tenant_atomic(tenant):
            entry = ScheduleEntry.objects.create(
                technician=technician,
                starts_at=start,
                ends_at=start + HOUR,
                title="",
                kind=EntryKind.APPOINTMENT,
            )
            AppointmentRequest.objects.filter(id=request.id).update(
                status="approved", schedule_entry=entry
            )


def test_to_find_what_is_due_takes_as_many_queries_for_a_hundred_as_for_one(time_machine):
    time_machine.move_to(NOON)
    tenant = make_tenant()
    dana = make_member(tenant)

    def looks() -> int:
        with CaptureQueriesContext(connection) as captured, tenant_atomic(tenant):
            lead = ReminderRule.of_tenant().lead
            assert lead
            list(to_remind(NOON, lead))
        return len(captured)

    many(tenant, dana, 1)
    few = looks()
    many(tenant, make_member(tenant), 20)

    assert looks() == few


def test_what_is_due_is_found_by_an_index_on_the_start(superuser, time_machine):
    time_machine.move_to(NOON)
    tenant = make_tenant()
    dana = make_member(tenant)
    many(tenant, dana, 3)
    years_ago(tenant, dana, 3000)
    superuser.execute("ANALYZE schedule_entries, appointment_requests, outbox_mails")

    with tenant_atomic(tenant):
        plan = to_remind(NOON, DAY).explain()

    assert "using entries_by_start" in plan
    assert "using mails_of_a_subject" in plan
    assert "Seq Scan" not in plan.replace("Seq Scan on memberships", "")


def years_ago(tenant: Tenant, technician: Membership, number: int) -> None:
    """As many appointments that are over, and their mails."""
    request = make_request(tenant)
    entries = [
        ScheduleEntry(
            technician=technician,
            starts_at=NOON - (n + 1) * HOUR,
            ends_at=NOON - n * HOUR,
            title="",
            kind=EntryKind.APPOINTMENT,
        )
        for n in range(number)
    ]
    with tenant_atomic(tenant):
        ScheduleEntry.objects.bulk_create(entries)
        rows: list[AppointmentRequest] = []
        for n, entry in enumerate(entries):
            row = AppointmentRequest.objects.get(id=request.id) if n == 0 else copy(rows[0])
            row.id, row.submission, row.reference = uuid4(), uuid4(), f"{n:09}"
            row.status, row.schedule_entry = "approved", entry
            rows.append(row)
        AppointmentRequest.objects.bulk_create(rows)
        OutboxMail.objects.bulk_create(
            OutboxMail(
                kind=letters.APPROVED_CLIENT,
                subject_id=row.id,
                recipient=letters.CLIENT,
                state=MailState.SENT,
                created_at=NOON,
                not_before=NOON,
                sent_at=NOON,
            )
            for row in rows
        )


# The setting


class Page:
    def __init__(self, role: Role = Role.ADMIN) -> None:
        self.tenant = make_tenant()
        self.member = make_member(self.tenant, "Greta", role)
        self.browser = Browser()
        self.browser.force_login(self.member.user)
        self.url = f"/t/{self.tenant.slug}/settings/mails/reminders/"

    def read(self) -> str:
        return " ".join(self.browser.get(self.url).content.decode().split())


def test_without_a_choice_people_are_reminded_a_day_before():
    assert '<option value="24" selected>1 day before</option>' in Page().read()


def test_what_an_administrator_chooses_counts_and_is_recorded():
    page = Page()

    for hours in ("2", "0"):
        assert page.browser.post(page.url, {"hours_before": hours}).status_code == 303

    assert '<option value="0" selected>never</option>' in page.read()
    with tenant_atomic(page.tenant):
        assert ReminderRule.objects.get().lead is None
        last = Event.objects.filter(kind=history.REMINDERS_CHANGED).last()
    assert last is not None
    assert last.actor == page.member
    assert (last.before, last.after) == ({"hours_before": 2}, {"hours_before": 0})


def test_a_lead_that_is_not_offered_is_refused():
    page = Page()

    assert page.browser.post(page.url, {"hours_before": "3"}).status_code == 422
    with tenant_atomic(page.tenant):
        assert not ReminderRule.objects.exists()


def test_a_dispatcher_reads_when_people_are_reminded():
    page = Page(Role.DISPATCHER).read()

    assert "Client and technician are reminded: 1 day before." in page
    assert "Only administrators can change this." in page
    assert "<select" not in page
