"""The verbs: who may do what to an appointment, when, and what is left behind."""

from datetime import date, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from convene.appointments import actions, history
from convene.appointments.actions import Refused, Wish
from convene.appointments.models import AppointmentRequest, Status
from convene.events.models import Event
from convene.mail.models import OutboxMail
from convene.schedule.models import EntryStatus, ScheduleEntry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from convene.wallclock import TimeDoesNotExist
from tests.make import (
    a_time,
    make_client,
    make_contact,
    make_member,
    make_request,
    make_service,
    make_tenant,
)

pytestmark = pytest.mark.usefixtures("db")


def reread(appointment: AppointmentRequest) -> AppointmentRequest:
    with tenant_atomic(appointment.tenant):
        rows = AppointmentRequest.objects.select_related("schedule_entry__technician")
        return rows.get(id=appointment.id)


def kinds_of_events(tenant: Tenant, appointment_id: UUID) -> list[str]:
    with tenant_atomic(tenant):
        return list(Event.objects.filter(subject_id=appointment_id).values_list("kind", flat=True))


def mails(tenant: Tenant) -> list[tuple[str, str]]:
    with tenant_atomic(tenant):
        rows = OutboxMail.objects.order_by("created_at")
        return [(row.kind, row.recipient.partition(":")[0]) for row in rows]


def make_wish(tenant: Tenant, **fields: object) -> Wish:
    wish = {
        "submission": uuid4(),
        "service": make_service(tenant),
        "day": a_time().date(),
        "clock": time(14, 0),
        "zone": "Europe/Berlin",
    }
    return Wish(**(wish | fields))  # type: ignore[arg-type]  # a test's own fields


def approve(
    appointment: AppointmentRequest, by: Membership, technician: Membership | None = None
) -> actions.Outcome:
    return actions.approve_appointment_request(
        appointment.tenant,
        appointment.id,
        by=by,
        technician=technician or by,
        starts_at=appointment.requested_start,
        with_meeting=False,
    )


def test_a_request_keeps_the_clock_on_the_clients_wall_and_its_moment():
    tenant = make_tenant()
    contact = make_contact(make_client(tenant))
    wish = make_wish(tenant, day=date(2027, 7, 1), clock=time(9, 30))

    outcome = actions.create_appointment_request(tenant, wish, requester=contact)

    with tenant_atomic(tenant):
        request = AppointmentRequest.objects.get(id=outcome.appointment_id)
    assert request.requested_time == time(9, 30)
    assert request.requested_start.isoformat() == "2027-07-01T07:30:00+00:00"
    assert mails(tenant) == [
        ("appointment-request-received", "client"),
        ("appointment-request-new", "dispatch"),
    ]


def test_a_double_click_on_send_makes_one_request():
    tenant = make_tenant()
    contact, wish = make_contact(make_client(tenant)), make_wish(tenant)

    first = actions.create_appointment_request(tenant, wish, requester=contact)
    second = actions.create_appointment_request(tenant, wish, requester=contact)

    assert first.appointment_id == second.appointment_id
    assert len(mails(tenant)) == 2


def test_one_contact_cannot_hold_all_times_with_requests_that_wait():
    tenant = make_tenant()
    client = make_client(tenant)
    contact, other = make_contact(client), make_contact(client)
    wish = make_wish(tenant)
    for _ in range(actions.MOST_WAITING):
        make_request(tenant, contact=contact, service=wish.service)

    with pytest.raises(Refused, match="10 of your requests wait already"):
        actions.create_appointment_request(tenant, wish, requester=contact)
    assert actions.create_appointment_request(tenant, wish, requester=other)


def test_a_time_that_the_clocks_skip_is_refused():
    tenant = make_tenant()
    contact = make_contact(make_client(tenant))
    wish = make_wish(tenant, day=date(2027, 3, 28), clock=time(2, 30))

    with pytest.raises(TimeDoesNotExist):
        actions.create_appointment_request(tenant, wish, requester=contact)


def test_approving_confirms_the_time_and_tells_client_and_technician():
    tenant = make_tenant()
    request, dana = make_request(tenant), make_member(tenant, "Dana")

    outcome = approve(request, by=dana)

    request = reread(request)
    assert outcome.warning == ""
    assert request.status == Status.APPROVED
    assert request.technician == dana
    assert request.starts_at == request.requested_start
    assert mails(tenant) == [
        ("appointment-request-approved-client", "client"),
        ("appointment-assigned", "technician"),
    ]
    assert kinds_of_events(tenant, request.id) == [history.REQUEST_APPROVED, history.ENTRY_CREATED]


def test_the_second_approver_reads_who_was_first_and_when():
    tenant = make_tenant()
    request, dana, max_ = make_request(tenant), make_member(tenant, "Dana"), make_member(tenant)
    approve(request, by=dana)

    with pytest.raises(Refused, match=r"already approved by Dana on \d+ \w+ at \d\d:\d\d Europe/"):
        approve(request, by=max_)

    assert len(mails(tenant)) == 2


def test_a_technician_is_never_in_two_places():
    tenant = make_tenant()
    dana = make_member(tenant, "Dana")
    first, second = make_request(tenant), make_request(tenant)
    approve(first, by=dana)

    with pytest.raises(Refused, match="Dana already has an appointment at that time"):
        approve(second, by=dana)

    assert reread(second).status == Status.PENDING


def test_appointments_may_follow_each_other_without_a_gap():
    tenant = make_tenant()
    dana = make_member(tenant)
    first = make_request(tenant, start=a_time(hour=10))
    second = make_request(tenant, start=a_time(hour=10) + timedelta(minutes=30))
    approve(first, by=dana)

    approve(second, by=dana)

    assert reread(second).status == Status.APPROVED


@pytest.mark.parametrize("field", ["role", "active", "tenant"])
def test_only_an_active_member_of_the_staff_can_be_given_an_appointment(field):
    tenant = make_tenant()
    cases: dict[str, dict[str, Any]] = {
        "role": {"tenant": tenant, "role": Role.CLIENT},
        "active": {"tenant": tenant, "active": False},
        "tenant": {"tenant": make_tenant()},
    }
    fields = cases[field]
    request, somebody = make_request(tenant), make_member(**fields)

    with pytest.raises(Refused, match="cannot be given appointments"):
        approve(request, by=make_member(tenant), technician=somebody)


def test_declining_needs_a_pending_request_and_tells_the_client_why():
    tenant = make_tenant()
    request, dana = make_request(tenant), make_member(tenant)

    actions.decline_appointment_request(tenant, request.id, by=dana, reason="A holiday")

    request = reread(request)
    assert (request.status, request.decline_reason) == (Status.DECLINED, "A holiday")
    assert mails(tenant) == [("appointment-request-declined", "client")]
    with pytest.raises(Refused, match="already declined"):
        approve(request, by=dana)


def test_moving_to_another_technician_tells_all_three():
    tenant = make_tenant()
    request, dana, max_ = make_request(tenant), make_member(tenant), make_member(tenant)
    approve(request, by=dana)

    actions.update_appointment_request_date_time(
        tenant, request.id, by=dana, starts_at=a_time(hour=15), technician=max_
    )

    request = reread(request)
    assert request.schedule_entry is not None
    assert (request.starts_at, request.technician) == (a_time(hour=15), max_)
    assert request.schedule_entry.sequence == 1
    assert mails(tenant)[2:] == [
        ("appointment-rescheduled", "client"),
        ("appointment-assigned", "technician"),
        ("appointment-unassigned", "technician"),
    ]
    assert kinds_of_events(tenant, request.id)[-1] == history.ENTRY_UPDATED


def test_moving_to_the_same_time_changes_nothing_and_tells_nobody():
    tenant = make_tenant()
    request, dana = make_request(tenant), make_member(tenant)
    approve(request, by=dana)
    before = mails(tenant)

    actions.update_appointment_request_date_time(
        tenant, request.id, by=dana, starts_at=request.requested_start
    )

    assert mails(tenant) == before


def test_cancelling_frees_the_technicians_time():
    tenant = make_tenant()
    request, dana = make_request(tenant), make_member(tenant)
    approve(request, by=dana)

    actions.cancel_appointment_request(tenant, request.id, by=dana, reason="Dana is ill")

    request = reread(request)
    assert request.status == Status.CANCELLED
    assert request.schedule_entry is not None
    assert request.schedule_entry.status == EntryStatus.CANCELLED
    approve(make_request(tenant), by=dana)


def test_deleting_the_entry_cancels_its_appointment_and_keeps_the_row():
    tenant = make_tenant()
    request, dana = make_request(tenant), make_member(tenant)
    approve(request, by=dana)
    entry_id: UUID | None = reread(request).schedule_entry_id
    assert entry_id is not None

    actions.delete_schedule_entry(tenant, entry_id, by=dana)

    assert reread(request).status == Status.CANCELLED
    with tenant_atomic(tenant):
        assert ScheduleEntry.objects.filter(id=entry_id).exists()


def test_a_request_is_not_approved_after_its_client_cancelled():
    tenant = make_tenant()
    request, dana = make_request(tenant), make_member(tenant)
    client = make_member(tenant, "Carla", role=Role.CLIENT)
    actions.cancel_appointment_request(tenant, request.id, by=client)

    with pytest.raises(Refused, match="already cancelled by Carla"):
        approve(request, by=dana)
