"""The demo's people and appointments, made by Convene's own actions."""

from collections import Counter
from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from convene.accounts.models import User
from convene.appointments.models import AppointmentRequest, Status
from convene.clients.models import Client
from convene.schedule.models import ScheduleEntry
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
            AppointmentRequest.objects.filter(description=msp.requests[-1].about).delete()

    seed()

    tables = {name: number for name, number in complete.items() if name.endswith("requests")}
    assert {name: rows_of_everybody()[name] for name in tables} == tables


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
        Status.APPROVED: 4,
        Status.DECLINED: 1,
        Status.CANCELLED: 2,
    }
    assert len(pending) >= 4
    assert len(conflicting) == 1
    assert len([request for request in approved if request.is_over(now)]) == 1
    assert any(now < request.starts_at < now + timedelta(days=2) for request in approved)


@pytest.mark.usefixtures("db")
def test_robin_works_for_both_and_everybody_signs_in_with_one_password() -> None:
    seed()

    places = Membership.objects.filter(user__email=ROBIN).values_list("tenant__slug", flat=True)
    assert set(places) == {"northwind", "fabrikam"}
    assert all(user.check_password(PASSWORD) for user in User.objects.all()[:3])
    assert all(user.email.endswith(".example") for user in User.objects.all())
