import http.client
import json
import time

import pytest

from graphsim import Simulator
from graphsim.defaults import NORTHWIND
from graphsim_client import Answer, Client

ROUTES = ["token", "user", "create", "create_or_get", "get", "find", "update", "delete"]


def call(client: Client, route: str, meeting: str) -> Answer:
    if route == "token":
        return client.log_in()
    if route == "user":
        return client.look_up(NORTHWIND.organizer_id)
    if route == "create":
        return client.create()
    if route == "create_or_get":
        return client.create_or_get("1")
    if route == "find":
        return client.find("JoinWebUrl eq 'https://teams.example'")
    if route == "get":
        return client.get(meeting)
    if route == "update":
        return client.update(meeting, subject="x")
    return client.delete(meeting)


@pytest.mark.parametrize("route", ROUTES)
def test_a_fault_strikes_its_route_only_and_as_often_as_told(
    sim: Simulator, northwind: Client, route: str
) -> None:
    meeting = northwind.create().json["id"]
    usual = call(northwind, route, northwind.create().json["id"]).status
    sim.fault(route, status=503, times=2)

    for other in ROUTES:
        if other not in (route, "delete"):
            assert call(northwind, other, meeting).status < 500
    statuses = [call(northwind, route, meeting).status for _ in range(3)]

    assert statuses[:2] == [503, 503]
    assert statuses[2] in (usual, 200)  # the second createOrGet finds what the first one made
    assert sim.faults() == []


def test_faults_of_a_route_come_one_after_the_other(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", status=500)
    sim.fault("create", status=429, retry_after=7)

    assert northwind.create().status == 500
    throttled = northwind.create()
    assert throttled.error == (429, "TooManyRequests", "Please retry again later.")
    assert throttled.headers["Retry-After"] == "7"
    assert northwind.create().status == 201


def test_a_fault_before_the_write_leaves_no_meeting(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", status=500)

    northwind.create()

    assert sim.meetings() == []


def test_a_fault_after_the_write_leaves_a_meeting(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", status=500, when="after")

    assert northwind.create().error == (500, "InternalServerError", "Internal Server Error")

    assert len(sim.meetings()) == 1


def test_code_and_message_may_be_chosen(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", status=403, code="", message="Not today")

    assert northwind.create().error == (403, "", "Not today")


def test_an_unauthorized_once_carries_the_challenge(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", status=401)

    answer = northwind.create()

    assert answer.error[:2] == (401, "InvalidAuthenticationToken")
    assert "WWW-Authenticate" in answer.headers
    assert northwind.create().status == 201


def test_a_login_fault_speaks_the_logins_language(sim: Simulator, northwind: Client) -> None:
    sim.fault("token", status=503, retry_after=2)
    sim.fault("token", status=400, code="invalid_grant", message="Blocked.")

    outage = northwind.log_in()
    assert (outage.status, outage.json["error"]) == (503, "temporarily_unavailable")
    assert outage.headers["Retry-After"] == "2"
    assert northwind.log_in().json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("refuse", "error"),
    [
        ("token", (401, "InvalidAuthenticationToken")),
        ("claims", (401, "InvalidAuthenticationToken")),
        ("role", (403, "Forbidden")),
        ("policy", (403, "Forbidden")),
        ("user", (404, "UnknownError")),
    ],
)
def test_a_check_may_fail_although_the_world_is_in_order(
    sim: Simulator, northwind: Client, refuse: str, error: tuple[int, str]
) -> None:
    sim.fault("create", refuse=refuse)

    assert northwind.create().error[:2] == error
    assert sim.meetings() == []
    assert northwind.create().status == 201


def test_conditional_access_says_which_claims_it_misses(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", refuse="claims")

    challenge = northwind.create().headers["www-authenticate"]

    assert 'error="insufficient_claims", claims="eyJ' in challenge


@pytest.mark.parametrize(
    ("refuse", "error"),
    [
        ("role", (403, "Authorization_RequestDenied")),
        ("user", (404, "Request_ResourceNotFound")),
    ],
)
def test_a_failing_check_on_users_uses_the_directorys_words(
    sim: Simulator, northwind: Client, refuse: str, error: tuple[int, str]
) -> None:
    sim.fault("user", refuse=refuse)

    assert northwind.look_up(NORTHWIND.organizer_id).error[:2] == error


def test_a_refusal_everywhere_lets_people_log_in(sim: Simulator, northwind: Client) -> None:
    sim.fault("*", refuse="role")

    assert northwind.log_in().status == 200
    assert northwind.create().status == 403


def test_an_error_may_have_no_body(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", status=502, body="empty")

    answer = northwind.create()

    assert (answer.status, answer.body) == (502, b"")


def test_an_error_may_be_a_web_page(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", status=503, body="html")

    answer = northwind.create()

    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.body.startswith(b"<html>")


def test_a_success_may_be_broken_json(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", body="garbage")

    answer = northwind.create()

    assert answer.status == 201
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)
    assert len(sim.meetings()) == 1


def test_a_success_may_be_larger_than_a_megabyte(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", body="huge")

    answer = northwind.create()

    assert len(answer.body) > 1_048_576
    assert answer.json["id"] == sim.meetings()[0].id


@pytest.mark.parametrize("body", ["html", "garbage", "huge"])
def test_a_delete_that_answers_with_a_body_is_no_204(
    sim: Simulator, northwind: Client, body: str
) -> None:
    meeting = northwind.create().json["id"]
    sim.fault("delete", body=body)

    answer = northwind.delete(meeting)

    assert answer.status == 200
    assert answer.body != b""
    assert northwind.get(meeting).status == 404


@pytest.mark.parametrize("name", ["joinWebUrl", "id"])
def test_a_meeting_may_lack_a_property(sim: Simulator, northwind: Client, name: str) -> None:
    sim.fault("create", without=[name])

    answer = northwind.create()

    assert answer.status == 201
    assert name not in answer.json
    assert name in northwind.create().json


def test_a_meeting_may_have_other_properties(sim: Simulator, northwind: Client) -> None:
    sim.fault("create", replace={"joinWebUrl": "http://teams.example/", "novelty": [1]})

    shown = northwind.create().json

    assert (shown["joinWebUrl"], shown["novelty"]) == ("http://teams.example/", [1])
    assert sim.meetings()[0].join_web_url.startswith("https://")


@pytest.mark.parametrize(("when", "written"), [("before", 0), ("after", 1)])
def test_a_delay_comes_before_or_after_the_write(
    sim: Simulator, northwind: Client, when: str, written: int
) -> None:
    northwind.token()
    northwind.connection.timeout = 0.3
    northwind.connection.close()
    sim.fault("create", delay_ms=60_000, when=when)

    with pytest.raises(TimeoutError):
        northwind.create()

    assert len(sim.meetings()) == written
    assert [call.status for call in sim.calls("create")] == [None]


def test_an_answer_may_trickle(sim: Simulator, northwind: Client) -> None:
    northwind.token()
    sim.fault("create", drip_ms=10)

    began = time.monotonic()
    answer = northwind.create()

    assert answer.json["id"] == sim.meetings()[0].id
    assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize(("when", "written"), [("before", 0), ("after", 1)])
def test_a_connection_may_be_reset_before_or_after_the_write(
    sim: Simulator, northwind: Client, when: str, written: int
) -> None:
    northwind.token()
    sim.fault("create", reset=True, when=when)

    with pytest.raises(ConnectionResetError) as caught:
        northwind.create()

    assert not isinstance(caught.value, http.client.RemoteDisconnected)
    assert len(sim.meetings()) == written
    assert [call.status for call in sim.calls("create")] == [None]


def test_unplugged_lasts_until_it_is_plugged_in_again(sim: Simulator, northwind: Client) -> None:
    sim.fault("*", reset=True, times=-1)

    for _ in range(3):
        with pytest.raises(ConnectionResetError):
            northwind.log_in()
        northwind.connection.close()
    sim.clear_faults()

    assert northwind.create().status == 201


def test_every_graph_call_may_be_slow(sim: Simulator, northwind: Client) -> None:
    northwind.token()
    northwind.control("PATCH", "world", {"delay_ms": 60})

    began = time.monotonic()
    northwind.create()

    assert time.monotonic() - began >= 0.06


@pytest.mark.parametrize(
    ("route", "effects", "complaint"),
    [
        ("create", {}, "must say what goes wrong"),
        ("creates", {"status": 500}, "one of token"),
        ("create", {"statos": 500}, "unknown statos"),
        ("create", {"status": "500"}, "'500'"),
        ("create", {"status": 99}, "between 200 and 599"),
        ("create", {"status": 500, "times": 0}, "at least 1"),
        ("create", {"reset": True, "status": 500}, "carries no answer"),
        ("create", {"status": 500, "without": ["id"]}, "change a good answer"),
        ("create", {"refuse": "role", "status": 500}, "an answer of its own"),
        ("token", {"refuse": "role"}, "for Graph routes only"),
        ("user", {"refuse": "policy"}, "needs no policy"),
        ("create", {"message": "x"}, "need a status"),
    ],
)
def test_a_fault_that_cannot_happen_is_refused(
    sim: Simulator, route: str, effects: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        sim.fault(route, **effects)

    assert sim.faults() == []
