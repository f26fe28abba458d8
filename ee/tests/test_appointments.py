"""What people do to an appointment, down to Microsoft Graph: its meeting follows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client as Browser
from structlog.testing import capture_logs

from convene.appointments import actions
from convene.appointments.models import AppointmentRequest, MeetingSync
from convene.meetings import registry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from ee.tests.make_teams import make_teams_tenant
from graphsim import Simulator
from graphsim.defaults import NORTHWIND
from tests.make import a_time, make_member, make_request


@dataclass
class Desk:
    """An MSP with one request waiting."""

    tenant: Tenant
    dispatcher: Membership
    appointment: AppointmentRequest

    def approve(self) -> actions.Outcome:
        return actions.approve_appointment_request(
            self.tenant,
            self.appointment.id,
            by=self.dispatcher,
            technician=make_member(self.tenant, role=Role.TECHNICIAN),
            starts_at=self.appointment.requested_start,
            with_meeting=True,
        )

    def cancel(self) -> actions.Outcome:
        return actions.cancel_appointment_request(
            self.tenant, self.appointment.id, by=self.dispatcher, reason="ill"
        )

    def columns(self) -> tuple[str | None, str | None, str | None]:
        with tenant_atomic(self.tenant):
            row = AppointmentRequest.objects.get(id=self.appointment.id)
        return row.online_meeting_provider, row.online_meeting_id, row.online_meeting_url

    def bookkeeping(self) -> MeetingSync:
        with tenant_atomic(self.tenant):
            row: MeetingSync = MeetingSync.objects.get()
            return row

    def needs_attention(self) -> str:
        browser = Browser()
        browser.force_login(self.dispatcher.user)
        return unescape(browser.get(f"/t/{self.tenant.slug}/attention/").content.decode())


@pytest.fixture
def desk(sim: Simulator) -> Desk:
    tenant = make_teams_tenant()
    return Desk(tenant, make_member(tenant), make_request(tenant))


def test_the_plugin_registers_the_provider() -> None:
    provider = registry.provider_named("teams")

    assert provider is not None
    assert (provider.label, provider.short_label) == ("Microsoft Teams", "Teams")


def test_an_approval_makes_the_meeting_and_keeps_its_link(sim: Simulator, desk: Desk) -> None:
    outcome = desk.approve()

    [meeting] = sim.meetings()
    assert outcome.warning == ""
    assert desk.columns() == ("teams", meeting.id, meeting.join_web_url)


def test_the_meeting_moves_with_the_appointment_and_goes_with_it(
    sim: Simulator, desk: Desk
) -> None:
    desk.approve()
    later = desk.appointment.requested_start + timedelta(days=1)

    moved = actions.update_appointment_request_date_time(
        desk.tenant, desk.appointment.id, by=desk.dispatcher, starts_at=later
    )
    [meeting] = sim.meetings()
    cancelled = desk.cancel()

    assert (moved.warning, cancelled.warning) == ("", "")
    assert meeting.start == later.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert sim.meetings() == []
    assert desk.columns() == (None, None, None)


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ({"status": 403}, "policy_missing", 403),
        ({"status": 404}, "organizer_not_found", 404),
        ({"status": 429}, "throttled", 429),
        ({"status": 503}, "unavailable", 503),
        ({"reset": True}, "no_answer", None),
        ({"body": "html"}, "bad_response", 201),
    ],
    ids=str,
)
def test_an_approval_stands_whatever_graph_does(
    sim: Simulator, desk: Desk, fault: dict[str, Any], code: str, status: int | None
) -> None:
    sim.fault("create", **fault)

    outcome = desk.approve()

    bookkeeping = desk.bookkeeping()
    assert outcome.warning
    assert desk.columns() == (None, None, None)
    assert bookkeeping.due
    assert (bookkeeping.problem, bookkeeping.problem_status) == (code, status)


def test_each_line_about_a_call_names_the_appointment(
    sim: Simulator, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    desk.approve()

    lines: list[Any] = [record.msg for record in caplog.records if record.name == "convene"]
    calls = [line for line in lines if isinstance(line, dict) and line["event"] == "teams.call"]
    assert [line["operation"] for line in calls] == ["token", "create"]
    assert {line["appointment_request_id"] for line in calls} == {str(desk.appointment.id)}
    assert {line["tenant"] for line in calls} == {str(desk.tenant.id)}


def test_no_line_of_an_approval_holds_the_link(sim: Simulator, desk: Desk) -> None:
    with capture_logs() as lines:
        desk.approve()

    [meeting] = sim.meetings()
    assert lines
    assert meeting.join_web_url not in str(lines)


@pytest.mark.parametrize("operation", ["create", "delete"])
@pytest.mark.parametrize(
    ("go_wrong", "code", "sentence", "next_step"),
    [
        (
            lambda sim: sim.fault("*", refuse="claims", times=-1),
            "access_blocked",
            "A security policy of the Microsoft tenant blocked the call.",
            "Except the app from the Conditional Access policy for workload identities.",
        ),
        (
            lambda sim: sim.world.remove_tenant(NORTHWIND.tenant_id),
            "unknown_tenant",
            "Microsoft does not know the tenant of the Microsoft profile.",
            "Check the tenant id in the profile, and that its cloud is the right one.",
        ),
    ],
    ids=["more claims wanted", "tenant lost"],
)
def test_what_goes_wrong_while_we_have_a_token_is_named_and_needs_attention(
    sim: Simulator,
    desk: Desk,
    operation: str,
    go_wrong: Callable[[Simulator], object],
    code: str,
    sentence: str,
    next_step: str,
) -> None:
    other = Desk(desk.tenant, desk.dispatcher, make_request(desk.tenant, start=a_time(days=9)))
    other.approve()  # signs in
    asked = desk if operation == "create" else other
    go_wrong(sim)

    outcome = asked.approve() if operation == "create" else asked.cancel()

    page = asked.needs_attention()
    assert sentence in outcome.warning
    assert sentence in page
    assert next_step in page
    assert f"Code: {code}" in page
