import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from graphsim import Behaviour, Simulator, Tenant, User, tokens
from graphsim.defaults import FABRIKAM, NORTHWIND, READ_USERS, READ_WRITE_MEETINGS
from graphsim_client import TIMES, Client

NOT_FOUND = (404, "NotFound", "3004: Specified meeting is not found")
NO_POLICY = (403, "Forbidden", "No application access policy found for this app")
BAD_REQUEST = (400, "BadRequest", "1026: An error has occurred.")
NOBODY = "11111111-2222-3333-4444-555555555555"


def forged_token(tenant: Tenant, audience: str = "https://graph.microsoft.com") -> str:
    app = tenant.apps[NORTHWIND.client_id]
    return tokens.issue(tenant, app, audience=audience, lifetime=3600)


# Who may ask


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "Access token is empty."),
        ("Bearer ", "Access token is empty."),
        ("Bearer rubbish", "CompactToken parsing failed with error code: 80049217"),
        ("Bearer a.b.c", "CompactToken parsing failed with error code: 80049217"),
    ],
)
def test_a_call_without_a_good_token_is_challenged(
    northwind: Client, header: str, message: str
) -> None:
    answer = northwind.graph("GET", "/users/x", headers={"Authorization": header})

    assert answer.error == (401, "InvalidAuthenticationToken", message)
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="", authorization_uri=')


def test_an_expired_token_is_refused(sim: Simulator, northwind: Client) -> None:
    sim.world.behave(Behaviour(token_lifetime=0))

    answer = northwind.create()

    message = "Lifetime validation failed, the token is expired."
    assert answer.error == (401, "InvalidAuthenticationToken", message)


def test_a_token_for_something_else_is_refused(sim: Simulator, northwind: Client) -> None:
    token = forged_token(sim.world.tenant(NORTHWIND.tenant_id), "https://vault.example")

    answer = northwind.graph("GET", "/users/x", headers={"Authorization": f"Bearer {token}"})

    message = "Access token validation failure. Invalid audience."
    assert answer.error == (401, "InvalidAuthenticationToken", message)


def test_a_token_of_a_tenant_that_is_not_here_is_refused(sim: Simulator, northwind: Client) -> None:
    elsewhere = replace(sim.world.tenant(NORTHWIND.tenant_id), id=NOBODY)
    headers = {"Authorization": f"Bearer {forged_token(elsewhere)}"}

    assert northwind.graph("GET", "/users/x", headers=headers).status == 401


def test_a_role_granted_later_needs_a_new_token(sim: Simulator, northwind: Client) -> None:
    sim.world.remove_role(NORTHWIND.tenant_id, NORTHWIND.client_id, READ_WRITE_MEETINGS)
    assert northwind.create().error == (403, "Forbidden", "")

    sim.world.add_role(NORTHWIND.tenant_id, NORTHWIND.client_id, READ_WRITE_MEETINGS)

    assert northwind.create().status == 403
    northwind.forget_token()
    assert northwind.create().status == 201


def test_a_tenant_never_reaches_the_users_of_another(northwind: Client) -> None:
    theirs = f"/users/{FABRIKAM.organizer_id}"

    assert northwind.graph("GET", theirs).error[:2] == (404, "Request_ResourceNotFound")
    answer = northwind.graph("POST", f"{theirs}/onlineMeetings", {"subject": "x", **TIMES})
    assert answer.error == (404, "UnknownError", "")


def test_a_tenant_never_reaches_the_meetings_of_another(
    northwind: Client, fabrikam: Client
) -> None:
    meeting = fabrikam.create().json["id"]

    assert northwind.get(meeting).error == NOT_FOUND
    assert northwind.update(meeting, subject="mine").error == NOT_FOUND
    assert northwind.delete(meeting).error == NOT_FOUND
    assert fabrikam.get(meeting).json["subject"] == "Consultation"


# Users


def test_a_user_is_found_by_object_id_and_by_upn(northwind: Client) -> None:
    by_id = northwind.look_up(NORTHWIND.organizer_id)
    by_upn = northwind.look_up("Scheduling@Northwind.Example")

    assert by_id.status == 200
    assert by_id.json == by_upn.json
    assert by_id.json["@odata.context"].endswith("#users/$entity")
    assert by_id.json["id"] == NORTHWIND.organizer_id
    assert by_id.json["userPrincipalName"] == "scheduling@northwind.example"
    assert "accountEnabled" not in by_id.json


def test_select_shows_only_what_was_asked_for(sim: Simulator, northwind: Client) -> None:
    sim.world.disable_user(NORTHWIND.tenant_id, NORTHWIND.organizer_id)

    answer = northwind.look_up(NORTHWIND.organizer_upn, select="id,accountEnabled")

    assert answer.json == {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata"
        "#users(id,accountEnabled)/$entity",
        "id": NORTHWIND.organizer_id,
        "accountEnabled": False,
    }


def test_selecting_an_unknown_property_is_refused(northwind: Client) -> None:
    answer = northwind.look_up(NORTHWIND.organizer_upn, select="id,shoeSize")

    assert answer.error[:2] == (400, "BadRequest")


def test_an_unknown_user_is_named_in_the_refusal(northwind: Client) -> None:
    assert northwind.look_up("nobody@northwind.example").error == (
        404,
        "Request_ResourceNotFound",
        "Resource 'nobody@northwind.example' does not exist or one of its queried "
        "reference-property objects are not present.",
    )


def test_a_guest_upn_with_a_hash_is_one_path_segment(sim: Simulator, northwind: Client) -> None:
    upn = "a_b.com#EXT#@northwind.example"
    sim.world.put_user(NORTHWIND.tenant_id, User(NOBODY, upn, "Guest"))

    assert northwind.look_up(upn).json["id"] == NOBODY


def test_looking_up_users_is_a_permission_of_its_own(sim: Simulator, northwind: Client) -> None:
    sim.world.remove_role(NORTHWIND.tenant_id, NORTHWIND.client_id, READ_USERS)

    message = "Insufficient privileges to complete the operation."
    answer = northwind.look_up(NORTHWIND.organizer_id)
    assert answer.error == (403, "Authorization_RequestDenied", message)
    assert northwind.create().status == 201


# Organizer, policy, licence


@pytest.mark.parametrize("key", [NORTHWIND.organizer_upn, NOBODY])
def test_meetings_are_made_for_known_object_ids_only(northwind: Client, key: str) -> None:
    answer = northwind.graph("POST", f"/users/{quote(key, safe='')}/onlineMeetings", TIMES)

    assert answer.error == (404, "UnknownError", "")


def test_a_removed_organizer_is_unknown(sim: Simulator, northwind: Client) -> None:
    sim.world.remove_user(NORTHWIND.tenant_id, NORTHWIND.organizer_upn)

    assert northwind.create().error == (404, "UnknownError", "")


def test_without_policy_nothing_is_allowed(sim: Simulator, northwind: Client) -> None:
    meeting = northwind.create().json
    sim.world.remove_policy(NORTHWIND.tenant_id, NORTHWIND.client_id, NORTHWIND.organizer_id)

    for answer in (
        northwind.create(),
        northwind.create_or_get("a"),
        northwind.get(meeting["id"]),
        northwind.update(meeting["id"], subject="x"),
        northwind.delete(meeting["id"]),
        northwind.find(f"JoinWebUrl eq '{meeting['joinWebUrl']}'"),
    ):
        assert answer.error == NO_POLICY


def test_a_policy_counts_once_it_has_propagated(sim: Simulator, northwind: Client) -> None:
    triple = (NORTHWIND.tenant_id, NORTHWIND.client_id, NORTHWIND.organizer_id)
    now = datetime.now(UTC)

    sim.world.add_policy(*triple, effective_at=now + timedelta(minutes=30))
    assert northwind.create().error == NO_POLICY

    sim.world.add_policy(*triple, effective_at=now)
    assert northwind.create().status == 201


@pytest.mark.parametrize(
    ("behaviour", "code", "message"),
    [
        (
            Behaviour(policy_refusal="a'"),
            "General",
            "No application access policy found for this app.",
        ),
        (
            Behaviour(policy_refusal="a''"),
            "Forbidden",
            f"No application access policy found for this app {NORTHWIND.client_id} on the user",
        ),
    ],
)
def test_the_missing_policy_has_other_spellings(
    sim: Simulator, northwind: Client, behaviour: Behaviour, code: str, message: str
) -> None:
    sim.world.behave(behaviour)
    sim.world.remove_policy(NORTHWIND.tenant_id, NORTHWIND.client_id, NORTHWIND.organizer_id)

    assert northwind.create().error == (403, code, message)


def test_an_organizer_needs_a_licence(sim: Simulator, northwind: Client) -> None:
    organizer = sim.world.user(NORTHWIND.tenant_id, NORTHWIND.organizer_id)
    sim.world.put_user(NORTHWIND.tenant_id, replace(organizer, licensed=False))

    assert northwind.create().error[:2] == (403, "Forbidden")


# Create


def test_a_created_meeting_is_shown_whole(sim: Simulator, northwind: Client) -> None:
    answer = northwind.create(subject="Beratung für Åsa")

    shown = answer.json
    assert answer.status == 201
    assert shown["@odata.context"] == (
        "https://graph.microsoft.com/v1.0/$metadata"
        f"#users('{NORTHWIND.organizer_id}')/onlineMeetings/$entity"
    )
    assert shown["subject"] == "Beratung für Åsa"
    assert shown["startDateTime"] == "2026-12-01T10:00:00Z"
    assert shown["endDateTime"] == "2026-12-01T10:30:00Z"
    assert shown["expiryDateTime"] == "2027-01-30T10:30:00Z"
    assert shown["joinUrl"] == shown["joinWebUrl"]
    assert shown["lobbyBypassSettings"]["scope"] == "organization"
    assert shown["participants"]["organizer"]["upn"] == NORTHWIND.organizer_upn
    assert shown["participants"]["organizer"]["identity"]["user"]["tenantId"] == NORTHWIND.tenant_id
    assert [meeting.id for meeting in sim.meetings()] == [shown["id"]]


def test_ids_and_links_have_the_real_form(northwind: Client) -> None:
    shown = northwind.create().json

    assert re.fullmatch(r"[A-Za-z0-9]{148}", shown["id"])
    thread = shown["chatInfo"]["threadId"]
    quoted = thread.replace(":", "%3a").replace("@", "%40")
    assert shown["joinWebUrl"] == (
        f"https://teams.microsoft.com/l/meetup-join/{quoted}/0?context="
        f"%7b%22Tid%22%3a%22{NORTHWIND.tenant_id}%22%2c"
        f"%22Oid%22%3a%22{NORTHWIND.organizer_id}%22%7d"
    )
    assert len(shown["joinWebUrl"]) == 243


def test_creating_twice_makes_two_meetings(sim: Simulator, northwind: Client) -> None:
    assert northwind.create().json["id"] != northwind.create().json["id"]
    assert len(sim.meetings()) == 2


@pytest.mark.parametrize(
    ("style", "pattern"),
    [("padded", r".*\+\+//Kg=="), ("legacy", r".*_19:meeting_\w+@thread\.skype")],
)
def test_odd_meeting_ids_work_when_they_are_quoted(
    sim: Simulator, northwind: Client, style: str, pattern: str
) -> None:
    northwind.control("PATCH", "world", {"id_style": style})

    meeting = northwind.create().json["id"]

    assert re.fullmatch(pattern, meeting)
    assert northwind.get(meeting).json["id"] == meeting
    assert northwind.update(meeting, subject="Moved").status == 200
    assert northwind.delete(meeting).status == 204


def test_join_links_may_be_short(sim: Simulator, northwind: Client) -> None:
    sim.world.behave(Behaviour(link_style="short"))

    shown = northwind.create().json

    number = shown["joinMeetingIdSettings"]["joinMeetingId"]
    pattern = rf"https://teams\.microsoft\.com/meet/{number}\?p=\w{{18}}"
    assert re.fullmatch(pattern, shown["joinWebUrl"])


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2026-12-01T10:00:00-07:00", "2026-12-01T17:00:00Z"),
        ("2026-12-01T10:00:00.1234567Z", "2026-12-01T10:00:00.1234567Z"),
        ("2026-12-01T10:00:00.50+00:30", "2026-12-01T09:30:00.50Z"),
        ("2001-01-01T00:00:00Z", "2001-01-01T00:00:00Z"),
    ],
)
def test_times_come_back_in_utc_and_may_be_past_or_equal(
    northwind: Client, sent: str, shown: str
) -> None:
    answer = northwind.create(startDateTime=sent, endDateTime=sent)

    assert answer.status == 201
    assert (answer.json["startDateTime"], answer.json["endDateTime"]) == (shown, shown)


@pytest.mark.parametrize(
    "fields",
    [
        {"startDateTime": "2026-12-01T11:00:00Z"},
        {"startDateTime": "2026-12-01T10:00:00"},
        {"startDateTime": "tomorrow"},
        {"startDateTime": "0001-01-01T00:00:00+14:00"},
        {"startDateTime": None},
        {"subject": 7},
        {"externalId": "a"},
        {"id": "a"},
        {"sbject": "a"},
        {"participants": []},
        {"participants": {"attendees": "dana"}},
    ],
)
def test_a_body_that_makes_no_sense_is_refused(
    sim: Simulator, northwind: Client, fields: dict[str, object]
) -> None:
    assert northwind.create(**fields).error == BAD_REQUEST
    assert sim.meetings() == []


def test_an_end_alone_is_refused(northwind: Client) -> None:
    answer = northwind.graph(
        "POST", northwind.meetings_path, {"endDateTime": "2026-12-01T10:00:00Z"}
    )

    assert answer.error == BAD_REQUEST


def test_a_start_alone_lasts_an_hour(northwind: Client) -> None:
    start = {"startDateTime": "2026-12-01T10:00:00Z"}

    answer = northwind.graph("POST", northwind.meetings_path, start)

    assert answer.json["endDateTime"] == "2026-12-01T11:00:00Z"


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{", "application/json"), (b"[]", "application/json"), (b"{}", "text/plain")],
)
def test_only_a_json_object_is_a_body(northwind: Client, body: bytes, kind: str) -> None:
    answer = northwind.graph("POST", northwind.meetings_path, body, {"Content-Type": kind})

    assert answer.error == BAD_REQUEST


def test_settings_and_attendees_are_kept(northwind: Client) -> None:
    lobby = {"scope": "everyone", "isDialInBypassEnabled": True}
    attendees = [{"upn": "dana@acme.example", "role": "attendee"}]

    meeting = northwind.create(lobbyBypassSettings=lobby, participants={"attendees": attendees})

    shown = northwind.get(meeting.json["id"]).json
    assert shown["lobbyBypassSettings"] == lobby
    assert shown["participants"]["attendees"] == attendees


# Create or get


def test_create_or_get_makes_one_meeting_for_one_external_id(
    sim: Simulator, northwind: Client
) -> None:
    first = northwind.create_or_get("appointment-1")
    again = northwind.create_or_get("appointment-1", subject="Something else")

    assert (first.status, again.status) == (201, 200)
    assert again.json == first.json
    assert len(sim.meetings()) == 1


def test_create_or_get_keeps_the_ids_of_two_organizers_apart(
    sim: Simulator, northwind: Client, fabrikam: Client
) -> None:
    assert northwind.create_or_get("1").json["id"] != fabrikam.create_or_get("1").json["id"]
    assert len(sim.meetings()) == 2


def test_create_or_get_ignores_settings(northwind: Client) -> None:
    answer = northwind.create_or_get("1", allowedPresenters="organizer")

    assert answer.status == 201
    assert answer.json["allowedPresenters"] == "everyone"


@pytest.mark.parametrize("external_id", ["", 7, None])
def test_create_or_get_needs_an_external_id(northwind: Client, external_id: object) -> None:
    assert northwind.create_or_get("x", externalId=external_id).error == BAD_REQUEST


def test_after_a_delete_the_external_id_is_free_again(northwind: Client) -> None:
    first = northwind.create_or_get("1").json["id"]
    northwind.delete(first)

    second = northwind.create_or_get("1")

    assert second.status == 201
    assert second.json["id"] != first


# Get, find, update, delete


def test_a_meeting_can_be_read_again(northwind: Client) -> None:
    created = northwind.create().json

    answer = northwind.get(created["id"])

    assert answer.status == 200
    assert answer.json == created


def test_a_meeting_is_found_by_its_exact_join_link(northwind: Client) -> None:
    northwind.create()
    created = northwind.create().json

    found = northwind.find(f"JoinWebUrl eq '{created['joinWebUrl']}'")

    assert found.status == 200
    assert [meeting["id"] for meeting in found.json["value"]] == [created["id"]]
    doubly_quoted = quote(created["joinWebUrl"], safe="")
    assert northwind.find(f"JoinWebUrl eq '{doubly_quoted}'").error == NOT_FOUND


def test_a_meeting_is_found_by_its_join_number(northwind: Client) -> None:
    created = northwind.create().json
    number = created["joinMeetingIdSettings"]["joinMeetingId"]

    found = northwind.find(f"joinMeetingIdSettings/joinMeetingId eq '{number}'")

    assert [meeting["id"] for meeting in found.json["value"]] == [created["id"]]


@pytest.mark.parametrize("query", ["", "?$top=5", "?$filter=subject%20eq%20'x'"])
def test_meetings_cannot_be_listed(northwind: Client, query: str) -> None:
    northwind.create()

    answer = northwind.graph("GET", f"{northwind.meetings_path}{query}")

    assert answer.error[:2] == (400, "BadRequest")


def test_an_update_changes_only_what_it_names(northwind: Client) -> None:
    created = northwind.create(allowedPresenters="organizer").json

    answer = northwind.update(
        created["id"],
        startDateTime="2026-12-02T09:00:00+01:00",
        endDateTime="2026-12-02T09:30:00+01:00",
    )

    assert answer.status == 200
    assert answer.json == northwind.get(created["id"]).json
    changed = {name for name in created if created[name] != answer.json[name]}
    assert changed == {"startDateTime", "endDateTime", "expiryDateTime"}
    assert answer.json["startDateTime"] == "2026-12-02T08:00:00Z"


@pytest.mark.parametrize(
    "fields",
    [
        {"startDateTime": "2026-12-01T09:00:00Z"},
        {"endDateTime": "2026-12-01T11:00:00Z"},
        {"startDateTime": "2026-12-01T11:00:00Z", "endDateTime": "2026-12-01T10:00:00Z"},
        {"joinWebUrl": "https://elsewhere.example"},
        {"joinMeetingIdSettings": {"isPasscodeRequired": True}},
    ],
)
def test_half_an_update_is_refused_and_changes_nothing(
    northwind: Client, fields: dict[str, object]
) -> None:
    created = northwind.create().json

    assert northwind.update(created["id"], **fields).error == BAD_REQUEST
    assert northwind.get(created["id"]).json == created


def test_sending_the_meeting_type_back_is_refused(northwind: Client) -> None:
    meeting = northwind.create().json["id"]

    answer = northwind.update(meeting, meetingType="scheduled")

    assert answer.error == (400, "BadRequest", "Updating meeting type is not supported.")


def test_a_deleted_meeting_is_gone(sim: Simulator, northwind: Client) -> None:
    meeting = northwind.create().json["id"]

    answer = northwind.delete(meeting)

    assert (answer.status, answer.body) == (204, b"")
    assert "Content-Length" not in answer.headers
    assert sim.meetings() == []
    assert northwind.delete(meeting).error == NOT_FOUND
    assert northwind.get(meeting).error == NOT_FOUND
    assert northwind.update(meeting, subject="x").error == NOT_FOUND


@pytest.mark.parametrize("meeting", ["AAMkAGI1AAAoZCfHAAA=", "rubbish", "ü"])
def test_a_malformed_meeting_id_is_not_looked_for(northwind: Client, meeting: str) -> None:
    assert northwind.get(meeting).error == (400, "InvalidArgument", "Invalid meeting id")


def test_a_meeting_belongs_to_its_organizer(sim: Simulator, northwind: Client) -> None:
    sim.world.put_user(NORTHWIND.tenant_id, User(NOBODY, "dana@northwind.example", "Dana"))
    sim.world.add_policy(NORTHWIND.tenant_id, NORTHWIND.client_id, NOBODY)
    meeting = northwind.create().json["id"]

    answer = northwind.graph("DELETE", f"/users/{NOBODY}/onlineMeetings/{meeting}")

    assert answer.error == (403, "Forbidden", "3003: User does not have access to lookup meeting")


# Everything else


def test_me_needs_a_person(northwind: Client) -> None:
    answer = northwind.graph("POST", "/me/onlineMeetings", TIMES)

    message = "/me request is only valid with delegated authentication flow."
    assert answer.error == (400, "BadRequest", message)


def test_meetings_without_a_user_are_no_resource(northwind: Client) -> None:
    answer = northwind.graph("GET", "/onlineMeetings")

    message = "Resource not found for the segment 'onlineMeetings'."
    assert answer.error == (400, "BadRequest", message)


def test_our_request_id_is_echoed(northwind: Client) -> None:
    answer = northwind.graph("GET", "/users/x", headers={"client-request-id": "ours-1"})

    inner = answer.json["error"]["innerError"]
    assert answer.headers["client-request-id"] == inner["client-request-id"] == "ours-1"
    assert answer.headers["request-id"] == inner["request-id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inner["date"])


def test_without_our_request_id_both_are_graphs_own(northwind: Client) -> None:
    answer = northwind.create()

    assert answer.headers["client-request-id"] == answer.headers["request-id"]
    assert answer.headers["x-ms-ags-diagnostic"].startswith('{"ServerInfo":')
    assert answer.headers["Date"].endswith("GMT")
    assert answer.headers["Content-Type"].startswith("application/json;odata.metadata=minimal")


def test_the_checks_come_in_order(sim: Simulator, northwind: Client) -> None:
    app = (NORTHWIND.tenant_id, NORTHWIND.client_id)
    organizer = sim.world.user(NORTHWIND.tenant_id, NORTHWIND.organizer_id)
    sim.world.remove_role(*app, READ_WRITE_MEETINGS)
    sim.world.remove_user(NORTHWIND.tenant_id, organizer.id)
    sim.world.remove_policy(*app, organizer.id)
    repairs: list[tuple[tuple[int, str], Callable[[], None]]] = [
        ((403, "Forbidden"), lambda: sim.world.add_role(*app, READ_WRITE_MEETINGS)),
        ((404, "UnknownError"), lambda: sim.world.put_user(app[0], organizer)),
        ((403, "Forbidden"), lambda: sim.world.add_policy(*app, organizer.id)),
        ((400, "BadRequest"), lambda: None),
    ]

    for expected, repair in repairs:
        northwind.forget_token()
        assert northwind.update("rubbish", sbject="x").error[:2] == expected
        repair()
    assert northwind.update("rubbish", subject="x").error[:2] == (400, "InvalidArgument")
