"""`convene timezones check`: what a new tzdata puts at another moment is found, not changed."""

import io
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from convene.appointments import actions
from convene.appointments.models import AppointmentRequest
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant
from tests.make import make_member, make_request, make_tenant

pytestmark = pytest.mark.usefixtures("db")
GOOD = "All appointments are at the time that was asked for.\n"
# British Columbia stopped changing its clocks in 2026: until then 10:00 in December was 18:00 UTC.
VANCOUVER: dict[str, Any] = {
    "requested_date": date(2099, 12, 1),
    "requested_time": time(10),
    "requester_timezone": "America/Vancouver",
}
BEFORE, SINCE = datetime(2099, 12, 1, 18, tzinfo=UTC), datetime(2099, 12, 1, 17, tzinfo=UTC)


def check(**options: str) -> str:
    """What the command prints, also when it ends in an error."""
    out = io.StringIO()
    try:
        call_command("timezones", "check", stdout=out, **options)
    except CommandError as error:
        out.write(f"exit {error.returncode}: {error}\n")
    return out.getvalue()


def make_shifted(tenant: Tenant) -> AppointmentRequest:
    """A request that was sent while an older tzdata was installed."""
    return make_request(tenant, start=BEFORE, **VANCOUVER)


def approve(request: AppointmentRequest, at: datetime) -> None:
    dana = make_member(request.tenant)
    actions.approve_appointment_request(
        request.tenant, request.id, by=dana, technician=dana, starts_at=at, with_meeting=False
    )


def test_requests_that_are_where_they_were_asked_for_are_not_listed():
    tenant = make_tenant()
    make_request(tenant)
    make_request(tenant, start=SINCE, **VANCOUVER)

    assert check() == GOOD


def test_a_shifted_request_is_listed_with_both_moments_and_left_as_it_is():
    tenant = make_tenant(slug="northwind")
    request = make_shifted(tenant)

    printed = check()

    assert printed.splitlines() == [
        "tenant     reference  wall clock                          stored UTC        UTC now",
        f"northwind  {request.reference}  2099-12-01 10:00 America/Vancouver"
        "  2099-12-01 18:00  2099-12-01 17:00",
        "exit 1: 1 not at the time that was asked for.",
    ]
    with tenant_atomic(tenant):
        assert AppointmentRequest.objects.get().requested_start == BEFORE


def test_a_time_that_the_clocks_skip_now_is_listed_as_one_that_does_not_exist():
    make_request(
        make_tenant(),
        start=datetime(2099, 3, 29, 0, 30, tzinfo=UTC),
        requested_date=date(2099, 3, 29),
        requested_time=time(2, 30),
        requester_timezone="Europe/Berlin",
    )

    assert "2099-03-29 02:30 Europe/Berlin  2099-03-29 00:30  does not exist\n" in check()


@pytest.mark.parametrize("hour_in_utc", [0, 1])
def test_of_a_time_that_happens_twice_either_moment_is_right(hour_in_utc):
    make_request(
        make_tenant(),
        start=datetime(2099, 10, 25, hour_in_utc, 30, tzinfo=UTC),
        requested_date=date(2099, 10, 25),
        requested_time=time(2, 30),
        requester_timezone="Europe/Berlin",
    )

    assert check() == GOOD


def test_seconds_that_somebody_typed_are_no_shift():
    make_request(make_tenant(), start=SINCE, **VANCOUVER | {"requested_time": time(10, 0, 59)})

    assert check() == GOOD


def test_an_approved_appointment_is_listed_while_it_is_where_it_was_asked_for():
    tenant = make_tenant()
    unmoved, placed = make_shifted(tenant), make_shifted(tenant)
    approve(unmoved, BEFORE)
    approve(placed, BEFORE + timedelta(hours=2))

    printed = check()

    assert unmoved.reference in printed
    assert placed.reference not in printed


def test_what_is_called_off_or_over_is_not_listed():
    tenant = make_tenant()
    request = make_shifted(tenant)
    actions.decline_appointment_request(tenant, request.id, by=make_member(tenant), reason="No")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    make_request(tenant, start=yesterday, **VANCOUVER)

    assert check() == GOOD


def test_all_tenants_are_looked_at_unless_one_is_named():
    first, second = make_tenant(slug="first"), make_tenant(slug="second")
    ours, theirs = make_shifted(first), make_shifted(second)

    everything, one = check(), check(tenant="second")

    assert ours.reference in everything
    assert everything.endswith("\nexit 1: 2 not at the time that was asked for.\n")
    assert theirs.reference in one
    assert ours.reference not in one


def test_a_tenant_that_does_not_exist_is_said():
    assert check(tenant="nobody") == "exit 1: There is no tenant called nobody.\n"
