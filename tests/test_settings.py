"""Production starts only with nothing left open; development with nothing set."""

import os
import string
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from convene.tenancy.guard import refuse_powerful_role

PRODUCTION = {
    "CONVENE_SECRET_KEY": string.ascii_letters + string.digits,
    "CONVENE_SECRET_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "CONVENE_BASE_URL": "https://convene.msp.example",
    "CONVENE_SMTP_URL": "smtp+starttls://user:secret@mail.msp.example:587",
    "CONVENE_MAIL_FROM": "convene@msp.example",
    "DATABASE_URL": "postgresql://app:secret@db.msp.example/convene",
}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The convene command in a process of its own, with exactly these variables of ours."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CONVENE_", "DATABASE_", "DJANGO_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "convene", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_production_settings_pass_the_deployment_check():
    checked = run(PRODUCTION, "check", "--deploy", "--fail-level", "WARNING")

    assert checked.returncode == 0
    assert "no issues" in checked.stdout


@pytest.mark.parametrize("missing", PRODUCTION)
def test_production_refuses_to_start_without(missing):
    environment = {name: value for name, value in PRODUCTION.items() if name != missing}

    refused = run(environment, "check")

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"convene: {missing} is not set.")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CONVENE_SECRET_KEY", "development-only-" + "0" * 50, "CONVENE_SECRET_KEY is not set"),
        ("CONVENE_BASE_URL", "http://convene.msp.example", "must begin with https://"),
        ("CONVENE_SECRET_KEYS", "not-a-key", "holds something that is no key"),
        (
            "CONVENE_SECRET_KEYS",
            PRODUCTION["CONVENE_SECRET_KEYS"] + ",ZGV2ZWxvcG1lbnQtb25seS0wMDAwMDAwMDAwMDAwMDA=",
            "holds something that is no key",
        ),
        ("CONVENE_MODE", "prod", "CONVENE_MODE is production or development"),
        ("CONVENE_DATABASE_POOL", "many", "CONVENE_DATABASE_POOL must be a whole number"),
    ],
)
def test_production_refuses_a_value_that_leaves_something_open(name, value, sentence):
    refused = run(PRODUCTION | {name: value}, "check")

    assert refused.returncode == 1
    assert sentence in refused.stderr


def test_a_secret_can_come_from_a_file(tmp_path):
    secret = tmp_path / "key"
    secret.write_text(PRODUCTION["CONVENE_SECRET_KEY"] + "\n")
    environment = {n: v for n, v in PRODUCTION.items() if n != "CONVENE_SECRET_KEY"}

    started = run(environment | {"CONVENE_SECRET_KEY_FILE": str(secret)}, "check")

    assert started.returncode == 0


@pytest.mark.usefixtures("db")
def test_the_app_runs_with_its_own_role():
    refuse_powerful_role()


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("role", "power"),
    [("convene_owner", "owns the tables"), ("postgres", "is a superuser")],
)
def test_the_app_refuses_a_role_that_looks_behind_the_walls(role, power, database):
    connection = connections["default"]
    connection.close()
    before = dict(connection.settings_dict)
    if role == "postgres":
        password = database.partition("password=")[2].partition(" ")[0]
        connection.settings_dict |= {"USER": role, "PASSWORD": password}
    else:
        connection.settings_dict |= {"USER": role}
    try:
        with pytest.raises(ImproperlyConfigured, match=power):
            refuse_powerful_role()
    finally:
        connection.close()
        connection.settings_dict.update(before)
