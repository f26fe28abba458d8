import pytest

from graphsim import Simulator
from graphsim.defaults import FABRIKAM, NORTHWIND, READ_WRITE_MEETINGS
from graphsim_client import Client

TENANT = f"tenants/{NORTHWIND.tenant_id}"
APP = f"{TENANT}/apps/{NORTHWIND.client_id}"
ORGANIZER = f"{TENANT}/users/{NORTHWIND.organizer_id}"
POLICY = f"{TENANT}/policies/{NORTHWIND.client_id}/{NORTHWIND.organizer_id}"
NOBODY = "11111111-2222-3333-4444-555555555555"


def test_meetings_are_listed_with_whose_they_are(northwind: Client, fabrikam: Client) -> None:
    first = northwind.create(subject="One").json
    second = fabrikam.create(subject="Two").json

    listed = northwind.control("GET", "meetings").json

    fields = ("tenant_id", "organizer_id", "id", "subject", "start", "end", "join_web_url")
    start, end = "2026-12-01T10:00:00Z", "2026-12-01T10:30:00Z"
    assert [tuple(meeting[field] for field in fields) for meeting in listed] == [
        (
            NORTHWIND.tenant_id,
            NORTHWIND.organizer_id,
            first["id"],
            "One",
            start,
            end,
            first["joinWebUrl"],
        ),
        (
            FABRIKAM.tenant_id,
            FABRIKAM.organizer_id,
            second["id"],
            "Two",
            start,
            end,
            second["joinWebUrl"],
        ),
    ]


def test_calls_are_listed_in_order_and_without_secrets(sim: Simulator, northwind: Client) -> None:
    meeting = northwind.create(subject="One").json["id"]
    northwind.delete(meeting)
    northwind.delete(meeting)

    answer = northwind.control("GET", "calls")

    fields = ("number", "method", "route", "tenant", "client_id", "status")
    ours = (NORTHWIND.tenant_id, NORTHWIND.client_id)
    assert [tuple(call[field] for field in fields) for call in answer.json] == [
        (1, "POST", "token", *ours, 200),
        (2, "POST", "create", *ours, 201),
        (3, "DELETE", "delete", *ours, 204),
        (4, "DELETE", "delete", *ours, 404),
    ]
    assert answer.json[0]["body"].keys() == {"client_id", "scope", "grant_type"}
    assert answer.json[1]["body"]["subject"] == "One"
    assert answer.json[2]["path"].endswith(meeting)
    assert NORTHWIND.client_secret.encode() not in answer.body
    assert northwind.token().encode() not in answer.body
    assert [call.number for call in sim.calls("delete")] == [3, 4]


def test_a_call_remembers_both_request_ids(sim: Simulator, northwind: Client) -> None:
    answer = northwind.graph("GET", "/users/x", headers={"client-request-id": "ours-1"})

    call = sim.calls("user")[0]
    assert (call.client_request_id, call.request_id) == ("ours-1", answer.headers["request-id"])


def test_a_call_says_how_long_it_took_with_its_delay(sim: Simulator, northwind: Client) -> None:
    northwind.control("PATCH", "world", {"delay_ms": 30})
    northwind.create()
    sim.fault("create", reset=True)
    with pytest.raises(ConnectionResetError):
        northwind.create()

    slow, torn = northwind.control("GET", "calls").json[1:]

    assert 30 <= slow["took_ms"] < 10_000
    assert torn["took_ms"] is None


def test_what_is_no_call_of_microsofts_is_not_recorded(sim: Simulator, northwind: Client) -> None:
    northwind.token()
    sim.fault("*", status=503)

    assert northwind.send("GET", "/favicon.ico").status == 404
    assert [call.route for call in sim.calls()] == ["token"]
    assert len(sim.faults()) == 1


def test_reset_brings_the_default_world_back(sim: Simulator, northwind: Client) -> None:
    northwind.create()
    northwind.control("PATCH", "world", {"delay_ms": 1})
    northwind.control("DELETE", ORGANIZER)
    sim.fault("create", status=500)

    assert northwind.control("POST", "reset").status == 204

    assert (sim.meetings(), sim.calls(), sim.faults()) == ([], [], [])
    assert sim.world.behaviour.delay_ms == 0
    assert northwind.create().status == 201
    assert sim.calls()[0].number == 1


def test_faults_are_ordered_listed_and_cleared(sim: Simulator, northwind: Client) -> None:
    ordered = northwind.control("POST", "faults", {"route": "create", "status": 503, "times": -1})

    assert ordered.status == 200
    assert northwind.control("GET", "faults").json == [ordered.json]
    assert northwind.create().status == 503
    assert northwind.control("DELETE", "faults").status == 204
    assert northwind.create().status == 201


def test_a_fault_that_is_misspelt_is_refused(sim: Simulator, northwind: Client) -> None:
    answer = northwind.control("POST", "faults", {"route": "create", "statos": 503})

    assert (answer.status, answer.json) == (400, {"error": "Fault: unknown statos"})
    assert sim.faults() == []


def test_roles_are_removed_and_added(northwind: Client) -> None:
    assert northwind.control("DELETE", f"{APP}/roles/{READ_WRITE_MEETINGS}").status == 204
    assert northwind.create().error == (403, "Forbidden", "")

    northwind.control("PUT", f"{APP}/roles/{READ_WRITE_MEETINGS}")
    northwind.forget_token()

    assert northwind.create().status == 201


def test_a_tenant_is_removed(northwind: Client) -> None:
    assert northwind.control("DELETE", f"tenants/{NORTHWIND.tenant_id}").status == 204
    assert northwind.control("DELETE", f"tenants/{NORTHWIND.tenant_id}").status == 404


def test_an_app_is_changed_in_part(northwind: Client) -> None:
    expired = {"value": "old", "expires_at": "2020-01-01T00:00:00Z"}

    northwind.control("PATCH", APP, {"secrets": [expired, {"value": "new"}]})

    assert northwind.log_in(client_secret="old").json["error_codes"] == [7000222]
    assert northwind.log_in(client_secret="new").status == 200
    northwind.control("PATCH", APP, {"has_service_principal": False})
    assert northwind.log_in(client_secret="new").json["error_codes"] == [7000229]


def test_a_secret_may_not_expire_at_a_time_without_offset(northwind: Client) -> None:
    answer = northwind.control(
        "PATCH", APP, {"secrets": [{"value": "x", "expires_at": "2020-01-01T00:00:00"}]}
    )

    assert answer.status == 400
    assert northwind.log_in().status == 200


def test_policies_are_removed_and_added(northwind: Client) -> None:
    northwind.control("DELETE", POLICY)
    assert northwind.create().status == 403

    northwind.control("PUT", POLICY, {"effective_at": "2199-01-01T00:00:00Z"})
    assert northwind.create().status == 403

    northwind.control("PUT", POLICY)
    assert northwind.create().status == 201


def test_users_are_added_disabled_and_removed(northwind: Client) -> None:
    dana = f"{TENANT}/users/{NOBODY}"

    northwind.control("PUT", dana, {"upn": "dana@northwind.example", "display_name": "Dana"})
    assert northwind.look_up("dana@northwind.example").json["displayName"] == "Dana"

    northwind.control("PATCH", dana, {"enabled": False})
    assert northwind.look_up(NOBODY, select="accountEnabled").json["accountEnabled"] is False

    northwind.control("DELETE", dana)
    assert northwind.look_up(NOBODY).status == 404


def test_a_third_tenant_may_move_in(northwind: Client) -> None:
    tenant = {"name": "Contoso", "domain": "contoso.example"}
    app = {"service_principal_id": NOBODY, "secrets": [{"value": "s"}]}

    northwind.control("PUT", f"tenants/{NOBODY}", tenant)
    northwind.control("PUT", f"tenants/{NOBODY}/apps/{NOBODY}", app)

    answer = northwind.log_in(tenant="contoso.example", client_id=NOBODY, client_secret="s")
    assert answer.status == 200


def test_somebody_moves_a_meeting_in_teams(northwind: Client) -> None:
    meeting = northwind.create().json["id"]
    times = {"start": "2026-12-03T10:00:00+01:00", "end": "2026-12-03T11:00:00+01:00"}

    assert northwind.control("PATCH", f"meetings/{meeting}", times).status == 200

    assert northwind.get(meeting).json["startDateTime"] == "2026-12-03T09:00:00Z"
    backwards = {"start": times["end"], "end": times["start"]}
    assert northwind.control("PATCH", f"meetings/{meeting}", backwards).status == 400


def test_somebody_deletes_a_meeting_in_teams(northwind: Client) -> None:
    meeting = northwind.create().json["id"]

    assert northwind.control("DELETE", f"meetings/{meeting}").status == 204

    assert northwind.get(meeting).status == 404
    assert northwind.control("DELETE", f"meetings/{meeting}").status == 404


def test_the_world_is_shown_and_its_behaviour_changed(northwind: Client) -> None:
    changed = northwind.control("PATCH", "world", {"token_lifetime": 60})

    assert changed.json["token_lifetime"] == 60
    assert changed.json["policy_refusal"] == "a"
    assert northwind.log_in().json["expires_in"] == 60
    world = northwind.control("GET", "world").json
    assert world["tenants"].keys() == {NORTHWIND.tenant_id, FABRIKAM.tenant_id}
    assert world["behaviour"] == changed.json


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"dealy_ms": 1}, "Behaviour: unknown dealy_ms"),
        ({"delay_ms": True}, "Behaviour.delay_ms: int is needed, not True"),
        ({"id_style": "odd"}, "Behaviour.id_style: one of plain, padded, legacy, not 'odd'"),
        ([], "a JSON object is needed"),
    ],
)
def test_behaviour_that_does_not_exist_is_refused(
    northwind: Client, change: object, complaint: str
) -> None:
    answer = northwind.control("PATCH", "world", change)

    assert (answer.status, answer.json) == (400, {"error": complaint})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "nothing"),
        ("POST", "meetings"),
        ("PATCH", f"{TENANT}/apps/{NOBODY}"),
        ("PATCH", f"{TENANT}/users/{NOBODY}"),
        ("DELETE", f"{TENANT}/users/{NOBODY}"),
        ("PUT", f"tenants/{NOBODY}/policies/{NOBODY}/{NOBODY}"),
        ("DELETE", f"{TENANT}/nothing"),
    ],
)
def test_what_is_not_here_is_not_found(northwind: Client, method: str, path: str) -> None:
    assert northwind.control(method, path, {}).status == 404


def test_the_page_lists_meetings_and_refreshes_itself(northwind: Client) -> None:
    meeting = northwind.create(subject="<b>Ålesund & co</b>").json

    answer = northwind.send("GET", "/_sim/")

    text = answer.body.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert '<meta http-equiv="refresh"' in text
    assert "&lt;b&gt;Ålesund &amp; co&lt;/b&gt;" in text
    assert meeting["joinWebUrl"] in text
    assert NORTHWIND.organizer_upn in text
    assert "<script" not in text
    assert "style" not in text
