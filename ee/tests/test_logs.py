"""One line for each call of Microsoft's, with what support asks for and nothing confidential."""

import logging
from typing import Any
from uuid import UUID

import pytest
import structlog
from structlog.testing import capture_logs

from convene.meetings.provider import MeetingError, MeetingSpec
from convene.tenancy.models import Tenant
from convene_teams.organizer import verify_meeting_organizer
from convene_teams.provider import TeamsProvider
from ee.tests.make_teams import make_teams_tenant
from graphsim import Simulator
from graphsim.defaults import NORTHWIND, READ_USERS


@pytest.fixture
def tenant(sim: Simulator) -> Tenant:
    return make_teams_tenant()


def test_a_success_is_one_line_of_information(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    with capture_logs() as lines:
        provider.create(tenant, spec)

    [token, create] = lines
    [call] = sim.calls("create")
    duration = create.pop("duration_ms")
    assert token["operation"] == "token"
    assert isinstance(duration, int)
    assert create == {
        "event": "teams.call",
        "log_level": "info",
        "tenant": str(tenant.id),
        "operation": "create",
        "status": 201,
        "code": "",
        "graph_request_id": call.request_id,
        "client_request_id": call.client_request_id,
    }
    assert UUID(call.client_request_id)


def test_a_failure_is_one_warning_with_its_code(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", status=403, message="No application access policy found for this app")

    with capture_logs() as lines, pytest.raises(MeetingError):
        provider.create(tenant, spec)

    assert [line["log_level"] for line in lines] == ["info", "warning"]
    assert (lines[1]["status"], lines[1]["code"]) == (403, "policy_missing")
    assert lines[1]["detail"] == "Forbidden: No application access policy found for this app"


def test_a_call_without_an_answer_is_one_warning_too(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", reset=True)

    with capture_logs() as lines, pytest.raises(MeetingError):
        provider.create(tenant, spec)

    assert (lines[1]["code"], lines[1]["status"]) == ("no_answer", None)
    assert lines[1]["client_request_id"]


def test_an_answer_that_makes_no_sense_is_a_warning_though_its_status_is_good(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", without=["id"])

    with capture_logs() as lines, pytest.raises(MeetingError):
        provider.create(tenant, spec)

    assert (lines[1]["log_level"], lines[1]["status"]) == ("warning", 201)
    assert lines[1]["code"] == "bad_response"


def test_a_second_attempt_is_a_line_of_its_own(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", refuse="token")

    with capture_logs() as lines:
        provider.create(tenant, spec)

    assert [(line["operation"], line["status"]) for line in lines] == [
        ("token", 200),
        ("create", 401),
        ("token", 200),
        ("create", 201),
    ]


def test_the_appointment_reaches_the_line_through_the_context(
    sim: Simulator,
    provider: TeamsProvider,
    tenant: Tenant,
    spec: MeetingSpec,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    with structlog.contextvars.bound_contextvars(appointment_request_id="the-appointment"):
        provider.create(tenant, spec)

    written = [record.msg for record in caplog.records if record.name == "convene"]
    assert [line["appointment_request_id"] for line in written if isinstance(line, dict)] == [
        "the-appointment",
        "the-appointment",
    ]


def test_no_line_holds_a_secret_a_token_a_link_or_a_name(
    sim: Simulator,
    provider: TeamsProvider,
    spec: MeetingSpec,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    tenant = make_teams_tenant(default_meeting_organizer_upn=NORTHWIND.organizer_upn)

    created = provider.create(tenant, spec)
    provider.update(tenant, created.ref, spec)
    leak = f"about {NORTHWIND.organizer_upn} at {created.join_url} eyJ0eXAi.eyJ.x %40 a%40b"
    for route in ("update", "delete"):
        sim.fault(route, status=400, message=leak)
    with pytest.raises(MeetingError):
        provider.update(tenant, created.ref, spec)
    with pytest.raises(MeetingError):
        provider.delete(tenant, created.ref)
    verify_meeting_organizer(tenant, "nobody@northwind.example")
    sim.world.remove_role(NORTHWIND.tenant_id, NORTHWIND.client_id, READ_USERS)
    verify_meeting_organizer(tenant, NORTHWIND.organizer_upn)
    sim.world.set_secret(NORTHWIND.tenant_id, NORTHWIND.client_id, "changed")
    verify_meeting_organizer(tenant, NORTHWIND.organizer_upn)

    written = "\n".join(text_of(record) for record in caplog.records)
    assert written.count("teams.call") > 10
    for confidential in (
        NORTHWIND.client_secret,
        "@",
        "%40",
        "://",
        "eyJ",
        "Bearer",
        "meetup-join",
    ):
        assert confidential not in written
    assert created.meeting_id not in written


def test_a_detail_is_short(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", status=400, message="long " * 1000)

    with pytest.raises(MeetingError) as caught:
        provider.create(tenant, spec)

    assert len(caught.value.detail) == 200
    assert caught.value.detail.startswith("BadRequest: long long")


def text_of(record: logging.LogRecord) -> str:
    message: Any = record.msg
    return str(message) if isinstance(message, dict) else record.getMessage()
