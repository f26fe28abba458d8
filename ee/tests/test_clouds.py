"""Each cloud has its own hosts; the operator may put others in their place."""

import os
import string
import subprocess
import sys

import pytest
from django.core.exceptions import ValidationError

from convene.meetings.provider import MeetingError
from convene_teams.clouds import Cloud, Hosts, hosts_of
from convene_teams.configuration import app_of
from convene_teams.models import MicrosoftProfile


@pytest.fixture(autouse=True)
def _no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONVENE_GRAPH_URL", "CONVENE_LOGIN_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("cloud", "login", "graph"),
    [
        (Cloud.GLOBAL, "login.microsoftonline.com", "graph.microsoft.com"),
        (Cloud.GCC_HIGH, "login.microsoftonline.us", "graph.microsoft.us"),
        (Cloud.DOD, "login.microsoftonline.us", "dod-graph.microsoft.us"),
    ],
)
def test_a_cloud_has_hosts_of_its_own(cloud: Cloud, login: str, graph: str) -> None:
    graph_url = f"https://{graph}"

    assert hosts_of(cloud) == Hosts(f"https://{login}", graph_url, graph_url)


def test_other_addresses_still_ask_for_a_token_of_the_cloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVENE_GRAPH_URL", "http://127.0.0.1:9001/")
    monkeypatch.setenv("CONVENE_LOGIN_URL", "http://127.0.0.1:9002")

    assert hosts_of(Cloud.GCC_HIGH) == Hosts(
        "http://127.0.0.1:9002", "http://127.0.0.1:9001", "https://graph.microsoft.us"
    )


def test_production_does_not_start_with_addresses_in_plain_http() -> None:
    sealing_key = "ZGV2ZWxvcG1lbnQtb25seS0wMDAwMDAwMDAwMDAwMDE="
    environment = {
        "PATH": os.environ["PATH"],
        "CONVENE_SECRET_KEY": string.ascii_letters,
        "CONVENE_SECRET_KEYS": sealing_key,
        "CONVENE_BASE_URL": "https://msp.example",
        "CONVENE_SMTP_URL": "smtp://mail.example",
        "CONVENE_MAIL_FROM": "convene@msp.example",
        "DATABASE_URL": "postgresql://convene_app@db.example/convene",
        "CONVENE_GRAPH_URL": "http://graph.example",
    }

    started = subprocess.run(
        [sys.executable, "-m", "convene", "help"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.stderr.strip() == "convene: CONVENE_GRAPH_URL must begin with https://."


def test_china_has_no_meetings() -> None:
    with pytest.raises(ValidationError, match="21Vianet"):
        hosts_of("china")


def test_a_profile_that_got_past_every_form_still_cannot_change_the_host() -> None:
    codes = []
    for tenant_id, cloud in (("../x", "global"), ("a.com@evil", "global"), ("a.com", "china")):
        profile = MicrosoftProfile(microsoft_tenant_id=tenant_id, cloud=cloud)
        with pytest.raises(MeetingError) as caught:
            app_of(profile)
        codes.append(caught.value.code)

    assert codes == ["unknown_tenant", "unknown_tenant", "cloud_without_meetings"]
