"""The demo's people and appointments, made by Convene's own actions."""

from collections import Counter
from datetime import time, timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from convene.accounts.models import User
from convene.appointments import letters
from convene.appointments.models import AppointmentRequest, Status
from convene.appointments.reminders import remind_all
from convene.availability.models import AvailabilityException, BookingRules, WorkingHours
from convene.catalog.models import ServicePerformer
from convene.clients.models import Client
from convene.mail.models import OutboxMail
from convene.schedule.models import EntryKind, ScheduleEntry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant, TenantModel
from demo.seed import seed
from demo.world import MSPS, PASSWORD, ROBIN, Msp


def rows_of_everybody() -> Counter[str]:
    """How many rows there are in each table of ours, and what each request looks like."""
    counted = Counter({"users": User.objects.count(), "members": Membership.objects.count()})
    for tenant in Tenant.objects.all():
        with tenant_atomic(tenant):
            for model in apps.get_models():
                if issubclass(model, TenantModel):
                    counted[f"{tenant.slug} {model._meta.db_table}"] = model.objects.count()
            for request in AppointmentRequest.objects.all():
                counted[f"{request.id} {request.status} {request.requested_start}"] += 1
    return counted


def remove_availability() -> None:
    """As if nobody had ever saved any of it."""
    for model in (WorkingHours, AvailabilityException, BookingRules):
        model.objects.all().delete()


@pytest.mark.usefixtures("db")
def test_seeding_twice_adds_nothing() -> None:
    seed()
    before = rows_of_everybody()

    seed()

    assert rows_of_everybody() == before


@pytest.mark.usefixtures("db")
def test_what_an_interrupted_seed_left_out_is_added() -> None:
    seed()
    complete = rows_of_everybody()
    for msp in MSPS:
        with tenant_atomic(Tenant.objects.get(slug=msp.slug)):
            remove_availability()
            AppointmentRequest.objects.filter(description=msp.requests[-1].about).delete()

    seed()

    kinds = ("requests", "working_hours", "booking_rules", "availability_exceptions")
    tables = {name: number for name, number in complete.items() if name.endswith(kinds)}
    assert {name: rows_of_everybody()[name] for name in tables} == tables


@pytest.mark.usefixtures("db")
def test_hours_are_added_when_the_seed_was_interrupted_right_before_them() -> None:
    seed()
    complete = rows_of_everybody()
    with tenant_atomic(Tenant.objects.get(slug="northwind")):
        remove_availability()
        AppointmentRequest.objects.update(created_at=timezone.now())

    seed()

    assert rows_of_everybody() == complete


@pytest.mark.usefixtures("db")
def test_a_complete_demo_without_hours_is_given_none() -> None:
    seed()
    with tenant_atomic(Tenant.objects.get(slug="northwind")):
        remove_availability()
    before = rows_of_everybody()

    seed()

    assert rows_of_everybody() == before


@pytest.mark.usefixtures("db")
def test_one_msp_keeps_hours_and_the_other_none() -> None:
    seed()

    with tenant_atomic(Tenant.objects.get(slug="northwind")):
        hours = list(WorkingHours.objects.select_related("technician__user"))
        holiday = AvailabilityException.objects.get()
        rules = BookingRules.objects.get()
        performers = set(ServicePerformer.objects.values_list("technician_id", flat=True))
    with tenant_atomic(Tenant.objects.get(slug="fabrikam")):
        assert not WorkingHours.objects.exists()
    assert {row.technician_id for row in hours} == performers
    assert {row.timezone for row in hours} == {""}  # everybody's own clock
    shorter = [row for row in hours if row.ends_at != time(18)]
    assert [str(row) for row in shorter] == ["Friday 08:00–13:00"]
    assert (holiday.technician_id, holiday.first_day.weekday() < 5) == (None, True)
    assert rules.service_id is None


@pytest.mark.usefixtures("db")
def test_northwinds_technicians_are_busy_at_times() -> None:
    seed()

    with tenant_atomic(Tenant.objects.get(slug="northwind")):
        busy = ScheduleEntry.objects.filter(kind=EntryKind.BUSY).order_by("starts_at")
        assert [(str(row.technician), row.title) for row in busy] == [
            ("Tom Brandt", "Van to the garage"),
            ("Aylin Kaya", "Training"),
        ]


@pytest.mark.usefixtures("db")
def test_what_people_changed_stays_changed() -> None:
    seed()
    tenant = Tenant.objects.get(slug="northwind")
    with tenant_atomic(tenant):
        Client.objects.filter(name="Alpine Bikes").update(name="Alpine Bikes & Skis")

    seed()

    with tenant_atomic(tenant):
        names = set(Client.objects.values_list("name", flat=True))
    assert names == {"Alpine Bikes & Skis", "Hansen Dental", "Lighthouse Law"}


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("msp", MSPS, ids=[msp.slug for msp in MSPS])
def test_each_msp_has_requests_of_every_kind(msp: Msp) -> None:
    seed()
    tenant = Tenant.objects.get(slug=msp.slug)
    now = timezone.now()

    with tenant_atomic(tenant):
        requests = list(AppointmentRequest.objects.select_related("schedule_entry"))
        by_status = Counter(request.status for request in requests)
        approved = [request for request in requests if request.is_approved]
        pending = [request for request in requests if request.is_pending]
        conflicting = [
            request
            for request in pending
            if ScheduleEntry.objects.confirmed()
            .filter(technician=request.preferred_technician_id)
            .overlapping(request.requested_start, request.requested_end)
            .exists()
        ]

    assert by_status == {
        Status.PENDING: len(pending),
        Status.APPROVED: 5,
        Status.DECLINED: 1,
        Status.CANCELLED: 2,
    }
    assert len(pending) >= 4
    assert len(conflicting) == 1
    assert len([request for request in approved if request.is_over(now)]) == 1
    soon = [request for request in approved if now < request.starts_at < now + timedelta(hours=2)]
    assert len(soon) == 1


@pytest.mark.usefixtures("db")
def test_robin_works_for_both_and_everybody_signs_in_with_one_password() -> None:
    seed()

    places = Membership.objects.filter(user__email=ROBIN).values_list("tenant__slug", flat=True)
    assert set(places) == {"northwind", "fabrikam"}
    assert all(user.check_password(PASSWORD) for user in User.objects.all()[:3])
    assert all(user.email.endswith(".example") for user in User.objects.all())


@pytest.mark.usefixtures("db")
def test_whoever_comes_next_was_told_long_ago_and_is_reminded_at_once() -> None:
    seed()

    remind_all(timezone.now())

    for tenant in Tenant.objects.all():
        with tenant_atomic(tenant):
            reminders = list(OutboxMail.objects.filter(kind=letters.REMINDER))
        who = sorted(mail.recipient.partition(":")[0] for mail in reminders)
        assert who == ["client", "technician"]
