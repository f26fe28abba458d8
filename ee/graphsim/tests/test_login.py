import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graphsim import Simulator
from graphsim.defaults import FABRIKAM, NORTHWIND, READ_USERS, READ_WRITE_MEETINGS
from graphsim_client import Answer, Client

UNKNOWN = "11111111-2222-3333-4444-555555555555"


def claims(answer: Answer) -> dict[str, Any]:
    part = answer.json["access_token"].split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


def refusal(answer: Answer) -> tuple[int, str, list[int]]:
    return answer.status, answer.json["error"], answer.json["error_codes"]


def test_a_token_says_who_may_do_what_and_until_when(northwind: Client) -> None:
    answer = northwind.log_in()

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store, no-cache"
    assert answer.json.keys() == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    assert answer.json["expires_in"] == 3599
    token = claims(answer)
    assert token["exp"] - token["iat"] == 3599
    assert {name: token[name] for name in ("aud", "iss", "tid", "appid", "oid", "idtyp")} == {
        "aud": "https://graph.microsoft.com",
        "iss": f"https://sts.windows.net/{NORTHWIND.tenant_id}/",
        "tid": NORTHWIND.tenant_id,
        "appid": NORTHWIND.client_id,
        "oid": NORTHWIND.service_principal_id,
        "idtyp": "app",
    }
    assert token["roles"] == [READ_WRITE_MEETINGS, READ_USERS]


def test_the_tenant_may_be_named_by_its_domain(northwind: Client) -> None:
    answer = northwind.log_in(tenant="northwind.example")

    assert claims(answer)["tid"] == NORTHWIND.tenant_id


def test_unknown_form_fields_are_ignored(northwind: Client) -> None:
    assert northwind.log_in(client_info="1").status == 200


def test_client_and_secret_may_come_as_http_basic(northwind: Client) -> None:
    pair = f"{NORTHWIND.client_id}:{NORTHWIND.client_secret}".encode()
    form = b"grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
    headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    answer = northwind.send("POST", f"/{NORTHWIND.tenant_id}/oauth2/v2.0/token", form, headers)

    assert claims(answer)["appid"] == NORTHWIND.client_id


def test_without_consent_there_is_a_token_without_roles(sim: Simulator, northwind: Client) -> None:
    sim.world.withdraw_consent(NORTHWIND.tenant_id, NORTHWIND.client_id)

    answer = northwind.log_in()

    assert answer.status == 200
    assert "roles" not in claims(answer)


def test_a_wrong_secret_is_refused_without_being_repeated(northwind: Client) -> None:
    answer = northwind.log_in(client_secret="not-this-one")

    assert refusal(answer) == (401, "invalid_client", [7000215])
    assert answer.json["error_description"].startswith(
        "AADSTS7000215: Invalid client secret provided."
    )
    assert answer.json["trace_id"] == answer.headers["x-ms-request-id"]
    assert b"not-this-one" not in answer.body


def test_an_expired_secret_is_told_apart_from_a_wrong_one(
    sim: Simulator, northwind: Client
) -> None:
    sim.world.expire_secrets(NORTHWIND.tenant_id, NORTHWIND.client_id)

    assert refusal(northwind.log_in()) == (401, "invalid_client", [7000222])
    assert refusal(northwind.log_in(client_secret="x")) == (401, "invalid_client", [7000215])


def test_a_secret_counts_until_its_expiry(sim: Simulator, northwind: Client) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    sim.world.set_secret(NORTHWIND.tenant_id, NORTHWIND.client_id, "new", expires_at=tomorrow)

    assert northwind.log_in(client_secret="new").status == 200
    assert refusal(northwind.log_in()) == (401, "invalid_client", [7000215])


def test_an_app_of_another_tenant_is_not_found(northwind: Client) -> None:
    answer = northwind.log_in(tenant=FABRIKAM.tenant_id)

    assert refusal(answer) == (400, "unauthorized_client", [700016])


def test_an_app_without_service_principal_is_refused(sim: Simulator, northwind: Client) -> None:
    app = sim.world.app(NORTHWIND.tenant_id, NORTHWIND.client_id)
    sim.world.put_app(NORTHWIND.tenant_id, replace(app, has_service_principal=False))

    assert refusal(northwind.log_in()) == (401, "invalid_client", [7000229])


@pytest.mark.parametrize(
    ("tenant", "code"), [(UNKNOWN, 90002), ("nobody.example", 90002), ("not%20a%20tenant", 900023)]
)
def test_a_tenant_that_does_not_exist_is_refused(northwind: Client, tenant: str, code: int) -> None:
    assert refusal(northwind.log_in(tenant=tenant)) == (400, "invalid_request", [code])


def test_a_tenant_that_ended_knows_nobody_and_its_tokens_are_void(
    sim: Simulator, northwind: Client
) -> None:
    assert northwind.create().status == 201

    sim.world.remove_tenant(NORTHWIND.tenant_id)

    assert northwind.create().status == 401
    assert refusal(northwind.log_in()) == (400, "invalid_request", [90002])


@pytest.mark.parametrize(
    ("scope", "error", "code"),
    [
        ("https://graph.microsoft.com/User.Read.All", "invalid_scope", 1002012),
        ("https%3A%2F%2Fgraph.microsoft.com%2F.default", "invalid_scope", 1002012),
        (
            "https://graph.microsoft.com/.default https://vault.example/.default",
            "invalid_scope",
            70011,
        ),
        ("", "invalid_scope", 70011),
        ("https://graph.microsoft.us/.default", "invalid_resource", 500011),
    ],
)
def test_only_graph_with_default_is_a_scope(
    northwind: Client, scope: str, error: str, code: int
) -> None:
    assert refusal(northwind.log_in(scope=scope)) == (400, error, [code])


def test_only_client_credentials_are_granted(northwind: Client) -> None:
    answer = northwind.log_in(grant_type="password")

    assert refusal(answer) == (400, "unsupported_grant_type", [70003])


def test_a_client_assertion_is_refused(northwind: Client) -> None:
    answer = northwind.log_in(client_assertion="a.b.c")

    assert refusal(answer) == (401, "invalid_client", [700027])


def test_the_openid_document_names_https_addresses(northwind: Client) -> None:
    answer = northwind.send("GET", "/northwind.example/v2.0/.well-known/openid-configuration")

    base = f"https://login.microsoftonline.com/{NORTHWIND.tenant_id}"
    assert answer.status == 200
    assert answer.json["token_endpoint"] == f"{base}/oauth2/v2.0/token"
    assert answer.json["authorization_endpoint"] == f"{base}/oauth2/v2.0/authorize"
    assert answer.json["issuer"] == f"{base}/v2.0"


def test_the_openid_document_of_an_unknown_tenant_is_refused(northwind: Client) -> None:
    answer = northwind.send("GET", f"/{UNKNOWN}/v2.0/.well-known/openid-configuration")

    assert refusal(answer) == (400, "invalid_tenant", [90002])


def test_instance_discovery_leads_to_the_openid_document(northwind: Client) -> None:
    authority = f"https://login.microsoftonline.com/{NORTHWIND.tenant_id}/oauth2/v2.0/authorize"

    answer = northwind.send(
        "GET", f"/common/discovery/instance?api-version=1.1&authorization_endpoint={authority}"
    )

    assert answer.json["tenant_discovery_endpoint"] == (
        f"https://login.microsoftonline.com/{NORTHWIND.tenant_id}"
        "/v2.0/.well-known/openid-configuration"
    )
