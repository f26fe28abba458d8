"""What each answer of Microsoft's becomes: a code, and whether the meeting may exist all the same.

The rows are those that the real service is known to give.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from convene.meetings.provider import CreatedMeeting, MeetingError, MeetingSpec
from convene.tenancy.models import Tenant
from convene_teams.provider import TeamsProvider
from ee.tests.make_teams import make_integration, make_profile, make_teams_tenant
from graphsim import Simulator
from graphsim.defaults import NORTHWIND
from tests.make import make_tenant


@dataclass(frozen=True)
class Case:
    """One call of a route that goes wrong, and what the caller hears."""

    route: str
    fault: dict[str, Any]
    code: str
    unknown: bool = False
    status: int | None = None

    def __str__(self) -> str:
        words = " ".join(f"{name}={value}" for name, value in self.fault.items())
        return f"{self.route} {words}"


NO_POLICY = "No application access policy found for this app"
CREATE = [
    Case("create", {"status": 400}, "bad_request", status=400),
    Case("create", {"refuse": "claims"}, "access_blocked", status=401),
    Case("create", {"status": 403, "message": NO_POLICY}, "policy_missing", status=403),
    Case(
        "create", {"status": 403, "code": "General", "message": f"{NO_POLICY}."}, "policy_missing"
    ),
    Case("create", {"status": 403, "code": "Unauthorized"}, "policy_missing"),
    Case("create", {"status": 403, "message": ""}, "policy_missing"),
    Case("create", {"status": 404}, "organizer_not_found", status=404),
    Case("create", {"status": 404, "code": "NotFound"}, "organizer_not_found"),
    Case("create", {"status": 404, "code": ""}, "organizer_not_found"),
    Case("create", {"status": 404, "body": "html"}, "bad_response"),
    Case("create", {"status": 409, "code": "Conflict"}, "bad_request"),
    Case("create", {"status": 412, "code": "PreconditionFailed"}, "bad_request"),
    Case("create", {"status": 423, "code": "Locked"}, "bad_request"),
    Case("create", {"status": 429, "retry_after": 10}, "throttled", status=429),
    Case("create", {"status": 302, "body": "empty"}, "bad_response", unknown=True),
    Case("create", {"status": 500}, "unavailable", unknown=True, status=500),
    Case("create", {"status": 502, "body": "html"}, "unavailable", unknown=True),
    Case("create", {"status": 503, "body": "empty"}, "unavailable", unknown=True),
    Case("create", {"status": 503, "when": "after"}, "unavailable", unknown=True),
    Case("create", {"status": 504, "body": "garbage"}, "unavailable", unknown=True),
    Case("create", {"body": "html"}, "bad_response", unknown=True, status=201),
    Case("create", {"body": "empty"}, "bad_response", unknown=True),
    Case("create", {"body": "garbage"}, "bad_response", unknown=True),
    Case("create", {"body": "huge"}, "bad_response", unknown=True),
    Case("create", {"without": ["id"]}, "bad_response", unknown=True),
    Case("create", {"replace": {"id": 7}}, "bad_response", unknown=True),
    Case("create", {"replace": {"id": ""}}, "bad_response", unknown=True),
    Case("create", {"reset": True}, "no_answer", unknown=True),
    Case("create", {"reset": True, "when": "after"}, "no_answer", unknown=True),
]
UPDATE = [
    Case("update", {"status": 400, "code": "InvalidArgument"}, "bad_request"),
    Case("update", {"refuse": "claims"}, "access_blocked", status=401),
    Case("update", {"status": 403, "message": NO_POLICY}, "policy_missing"),
    Case(
        "update",
        {"status": 403, "message": "3003: User does not have access to lookup meeting"},
        "meeting_denied",
    ),
    Case("update", {"status": 404, "code": "NotFound"}, "meeting_not_found", status=404),
    Case("update", {"status": 404, "code": "UnknownError"}, "organizer_not_found"),
    Case("update", {"status": 404, "body": "html"}, "bad_response"),
    Case("update", {"status": 404, "body": "empty"}, "bad_response"),
    Case("update", {"status": 429}, "throttled"),
    Case("update", {"status": 500}, "unavailable"),
    Case("update", {"body": "html"}, "bad_response"),
    Case("update", {"body": "garbage"}, "bad_response"),
    Case("update", {"body": "huge"}, "bad_response"),
    Case("update", {"reset": True}, "no_answer"),
    Case("update", {"reset": True, "when": "after"}, "no_answer"),
]
DELETE = [
    Case("delete", {"refuse": "claims"}, "access_blocked", status=401),
    Case("delete", {"status": 403, "message": NO_POLICY}, "policy_missing"),
    Case("delete", {"status": 404, "code": "UnknownError"}, "organizer_not_found"),
    Case("delete", {"status": 404, "body": "html"}, "bad_response"),
    Case("delete", {"status": 429}, "throttled"),
    Case("delete", {"status": 503}, "unavailable"),
    Case("delete", {"body": "html"}, "bad_response"),
    Case("delete", {"reset": True}, "no_answer"),
]
LOOK = [
    Case("get", {"status": 404, "code": "UnknownError"}, "organizer_not_found"),
    Case("get", {"status": 500}, "unavailable"),
    Case("get", {"without": ["startDateTime"]}, "bad_response"),
    Case("get", {"replace": {"endDateTime": "soon"}}, "bad_response"),
    Case("get", {"body": "empty"}, "bad_response"),
]
TOKEN = [
    Case("token", {"status": 429, "retry_after": 5}, "throttled"),
    Case("token", {"status": 500}, "unavailable"),
    Case("token", {"status": 503, "body": "html"}, "unavailable"),
    Case("token", {"status": 400, "body": "html"}, "sign_in_failed"),
    Case("token", {"status": 401, "code": "invalid_client"}, "sign_in_failed"),
    Case("token", {"body": "html"}, "bad_response"),
    Case("token", {"body": "empty"}, "bad_response"),
    Case("token", {"without": ["access_token"]}, "bad_response"),
    Case("token", {"replace": {"access_token": "two words"}}, "bad_response"),
    Case("token", {"replace": {"access_token": "line\r\nbreak"}}, "bad_response"),
    Case("token", {"reset": True}, "no_answer"),
]


@pytest.fixture
def tenant(sim: Simulator) -> Tenant:
    return make_teams_tenant()


@pytest.fixture
def created(provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec) -> CreatedMeeting:
    return provider.create(tenant, spec)


@pytest.mark.parametrize("case", [*CREATE, *TOKEN], ids=str)
def test_a_create_that_fails_says_why_and_whether_a_meeting_may_remain(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec, case: Case
) -> None:
    sim.fault(case.route, **case.fault)

    with pytest.raises(MeetingError) as caught:
        provider.create(tenant, spec)

    _is(caught.value, case)
    assert len([call for call in sim.calls() if call.route == case.route]) == 1
    if not case.unknown:
        assert sim.meetings() == []


@pytest.mark.parametrize("case", UPDATE, ids=str)
def test_an_update_that_fails_says_why(
    sim: Simulator,
    provider: TeamsProvider,
    tenant: Tenant,
    created: CreatedMeeting,
    spec: MeetingSpec,
    case: Case,
) -> None:
    sim.fault(case.route, **case.fault)

    with pytest.raises(MeetingError) as caught:
        provider.update(tenant, created.ref, spec)

    _is(caught.value, case)
    assert len(sim.calls("update")) == 1


@pytest.mark.parametrize("case", DELETE, ids=str)
def test_a_delete_that_fails_says_why(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, created: CreatedMeeting, case: Case
) -> None:
    sim.fault(case.route, **case.fault)

    with pytest.raises(MeetingError) as caught:
        provider.delete(tenant, created.ref)

    _is(caught.value, case)
    assert len(sim.calls("delete")) == 1


@pytest.mark.parametrize("case", LOOK, ids=str)
def test_a_look_that_fails_says_why(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, created: CreatedMeeting, case: Case
) -> None:
    sim.fault(case.route, **case.fault)

    with pytest.raises(MeetingError) as caught:
        provider.look(tenant, created.ref)

    _is(caught.value, case)


def test_a_delete_is_a_success_when_the_meeting_is_gone(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, created: CreatedMeeting
) -> None:
    sim.world.delete_meeting(created.meeting_id)

    provider.delete(tenant, created.ref)

    assert [call.status for call in sim.calls("delete")] == [404]


@pytest.mark.parametrize(
    "link", [None, "", "http://teams.example/1", "javascript:x", 7, "https://a b"]
)
def test_a_meeting_that_nobody_can_join_safely_is_taken_away_again(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec, link: object
) -> None:
    sim.fault("create", replace={"joinWebUrl": link})

    with pytest.raises(MeetingError) as caught:
        provider.create(tenant, spec)

    assert (caught.value.code, caught.value.unknown_outcome) == ("bad_response", False)
    assert sim.meetings() == []


def test_a_meeting_that_could_not_be_taken_away_again_may_remain(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", without=["joinWebUrl"])
    sim.fault("delete", status=503)

    with pytest.raises(MeetingError) as caught:
        provider.create(tenant, spec)

    assert (caught.value.code, caught.value.unknown_outcome) == ("bad_response", True)
    assert len(sim.meetings()) == 1


@pytest.mark.parametrize("style", ["long", "short"])
def test_a_join_link_is_kept_to_the_letter(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec, style: Any
) -> None:
    sim.world.behave(replace(sim.world.behaviour, link_style=style))

    created = provider.create(tenant, spec)

    assert [meeting.join_web_url for meeting in sim.meetings()] == [created.join_url]


def test_a_join_link_may_be_of_any_host(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", replace={"joinWebUrl": "https://gov.teams.microsoft.us/l/meetup-join/1"})

    created = provider.create(tenant, spec)

    assert created.join_url == "https://gov.teams.microsoft.us/l/meetup-join/1"


def test_what_microsoft_says_beyond_what_we_know_does_no_harm(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", replace={"somethingNew": {"deep": [1, 2]}, "subject": None})

    assert provider.create(tenant, spec).join_url.startswith("https://")


def test_the_time_to_wait_is_passed_on(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    waits = []
    for said in (10, "Thu, 01 Jan 1970 00:00:00 GMT", "soon", "9" * 5000):
        sim.fault("create", status=429, retry_after=said)
        with pytest.raises(MeetingError) as caught:
            provider.create(tenant, spec)
        waits.append(caught.value.retry_after)

    assert waits == [10, 0, None, 86_400]


def test_the_request_id_is_microsofts_own(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.fault("create", status=500)

    with pytest.raises(MeetingError) as caught:
        provider.create(tenant, spec)

    assert [call.request_id for call in sim.calls("create")] == [caught.value.request_id]


# Refusals that come from how the organisation is set up


def test_without_consent_the_permission_is_missing(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.world.withdraw_consent(NORTHWIND.tenant_id, NORTHWIND.client_id)

    assert _code_of_create(provider, tenant, spec) == "permission_missing"


def test_consent_given_after_a_refusal_counts_at_once(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    sim.world.withdraw_consent(NORTHWIND.tenant_id, NORTHWIND.client_id)
    refused = _code_of_create(provider, tenant, spec)
    sim.world.give_consent(NORTHWIND.tenant_id, NORTHWIND.client_id)

    provider.create(tenant, spec)

    assert refused == "permission_missing"


@pytest.mark.parametrize("spelling", ["a", "a'", "a''"])
def test_without_a_policy_the_policy_is_missing_in_every_spelling(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec, spelling: Any
) -> None:
    sim.world.behave(replace(sim.world.behaviour, policy_refusal=spelling))
    sim.world.remove_policy(NORTHWIND.tenant_id, NORTHWIND.client_id, NORTHWIND.organizer_id)

    assert _code_of_create(provider, tenant, spec) == "policy_missing"


def test_a_wrong_secret_an_old_secret_and_strangers_are_told_apart(
    sim: Simulator, provider: TeamsProvider, spec: MeetingSpec
) -> None:
    somebody = "11111111-2222-3333-4444-555555555555"
    profiles: dict[str, dict[str, Any]] = {
        "bad_secret": {"secret": "the secret's id"},
        "unknown_app": {"client_id": somebody},
        "unknown_tenant": {"microsoft_tenant_id": somebody},
        "wrong_cloud": {"cloud": "gcc_high"},
    }

    codes = {}
    for code, fields in profiles.items():
        tenant = make_tenant()
        make_integration(tenant, make_profile(tenant, **fields))
        codes[code] = _code_of_create(provider, tenant, spec)
    sim.world.expire_secrets(NORTHWIND.tenant_id, NORTHWIND.client_id)
    codes["secret_expired"] = _code_of_create(provider, make_teams_tenant(), spec)

    assert {code: code for code in codes} == codes


def test_an_app_that_was_never_installed_is_said_to_be_so(
    sim: Simulator, provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec
) -> None:
    app = sim.world.app(NORTHWIND.tenant_id, NORTHWIND.client_id)
    sim.world.put_app(NORTHWIND.tenant_id, replace(app, has_service_principal=False))

    assert _code_of_create(provider, tenant, spec) == "app_not_installed"


def _code_of_create(provider: TeamsProvider, tenant: Tenant, spec: MeetingSpec) -> str:
    with pytest.raises(MeetingError) as caught:
        provider.create(tenant, spec)
    return str(caught.value.code)


def _is(error: MeetingError, case: Case) -> None:
    assert (error.code, error.unknown_outcome) == (case.code, case.unknown)
    assert case.status in (None, error.status)
    assert len(error.detail) <= 200
