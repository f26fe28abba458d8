"""Production starts only with nothing left open; development with nothing set."""

import os
import runpy
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from convene import settings as our_settings
from convene.collected import refuse_old_files
from convene.tenancy.guard import refuse_powerful_role

PRODUCTION = {
    "CONVENE_SECRET_KEY": string.ascii_letters + string.digits,
    "CONVENE_SECRET_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "CONVENE_BASE_URL": "https://convene.msp.example",
    "CONVENE_SMTP_URL": "smtp+starttls://user:secret@mail.msp.example:587",
    "CONVENE_MAIL_FROM": "convene@msp.example",
    "DATABASE_URL": "postgresql://app:secret@db.msp.example/convene",
}
WEB = ("convene.wsgi", "--bind", "127.0.0.1:0", "--no-control-socket")
OURS = ("CONVENE_", "DATABASE_", "DJANGO_")


def run(
    environment: dict[str, str], *arguments: str, program: str = "convene"
) -> subprocess.CompletedProcess[str]:
    """The convene command in a process of its own, with exactly these variables of ours."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [sys.executable, "-m", program, *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], dict[str, Any]]:
    """The settings with exactly these variables of ours."""

    def read(environment: dict[str, str]) -> dict[str, Any]:
        for name in os.environ:
            if name.startswith(OURS):
                monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(our_settings.__file__)

    return read


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
        ("CONVENE_SECRET_KEY", "...", "CONVENE_SECRET_KEY can be guessed"),
        ("CONVENE_STATIC_ROOT", "/nowhere", "Run convene collectstatic --no-input"),
    ],
)
def test_the_web_server_says_in_one_sentence_why_it_does_not_start(name, value, sentence):
    refused = run(PRODUCTION | {name: value}, *WEB, program="gunicorn")

    assert refused.returncode == 3
    [said] = [line for line in refused.stderr.splitlines() if not line.startswith("[")]
    assert said.startswith("convene: ")
    assert sentence in said


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files for browsers of the installed code."""
    root = tmp_path_factory.mktemp("collected")
    done = run(PRODUCTION | {"CONVENE_STATIC_ROOT": str(root)}, "collectstatic", "--no-input")
    assert done.returncode == 0
    return root


def test_files_for_browsers_that_were_collected_are_those_of_the_code(collected, settings):
    settings.STATIC_ROOT = str(collected)

    refuse_old_files()


@pytest.mark.parametrize("change", [Path.unlink, lambda file: file.write_text("of last year")])
def test_the_web_server_notices_files_for_browsers_of_another_version(collected, change):
    file = collected / "convene" / "app.js"
    ours = file.read_bytes()
    change(file)

    refused = run(PRODUCTION | {"CONVENE_STATIC_ROOT": str(collected)}, *WEB, program="gunicorn")

    file.write_bytes(ours)
    assert refused.returncode == 3
    assert f"The files for browsers in {collected} are of another version" in refused.stderr
    assert "for example convene/app.js. Run convene collectstatic --no-input" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_the_code_does_not_ship_any_more_may_stay(collected, settings):
    settings.STATIC_ROOT = str(collected)
    (collected / "convene" / "of-last-year.js").write_text("")

    refuse_old_files()


def test_development_collects_no_files(settings):
    settings.STATIC_ROOT = None

    refuse_old_files()


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
        ("CONVENE_SECRET_KEY", "...", "CONVENE_SECRET_KEY can be guessed"),
        ("CONVENE_SECRET_KEY", "changeme" * 8, "CONVENE_SECRET_KEY can be guessed"),
        ("CONVENE_SECRET_KEY_FILE", "/no/such/key", "CONVENE_SECRET_KEY_FILE names /no/such/key"),
        ("CONVENE_SECRET_KEYS", ",", "holds something that is no key"),
        ("CONVENE_BASE_URL", "https:///", "CONVENE_BASE_URL must begin with https:// and name"),
        ("CONVENE_BASE_URL", "https://msp.example/convene", "CONVENE_BASE_URL must end with"),
        ("CONVENE_TRUSTED_PROXIES", "-1", "CONVENE_TRUSTED_PROXIES must be a whole number"),
        ("CONVENE_TRUSTED_PROXIES", "nginx", "CONVENE_TRUSTED_PROXIES must be a whole number"),
        ("CONVENE_DATABASE_POOL", "many", "CONVENE_DATABASE_POOL must be a whole number"),
        ("CONVENE_DATABASE_POOL", "-1", "CONVENE_DATABASE_POOL must be a whole number"),
        ("DATABASE_URL", "convene", "DATABASE_URL must look like postgresql://"),
        ("DATABASE_URL", "mysql://app:secret@db/convene", "DATABASE_URL must look like"),
        ("DATABASE_URL", "postgresql://app:secret@db:port/convene", "DATABASE_URL must look"),
        ("DATABASE_URL", "postgresql://app:secret@db", "DATABASE_URL must look like"),
        ("CONVENE_MAIL_FROM", "Convene", "CONVENE_MAIL_FROM must be an e-mail address"),
        ("CONVENE_LANGUAGE", "xx", "CONVENE_LANGUAGE is en or en-XA, not 'xx'"),
        ("CONVENE_LOG_LEVEL", "loud", "CONVENE_LOG_LEVEL is DEBUG, INFO, WARNING or ERROR"),
    ],
)
def test_production_refuses_a_value_that_leaves_something_open(settings_of, name, value, sentence):
    with pytest.raises(ImproperlyConfigured, match=rf"{sentence}[^\n]*$"):
        settings_of(PRODUCTION | {name: value})


@pytest.mark.parametrize(
    "url",
    [
        "smtp+tls://user:secret@mail.msp.example",
        "smpt+starttls://user:secret@mail.msp.example",
        "mail.msp.example",
        "smtp://",
        "smtps://user:secret@mail.msp.example:abc",
    ],
)
def test_mail_never_leaves_otherwise_than_the_address_of_its_server_says(settings_of, url):
    with pytest.raises(ImproperlyConfigured) as refused:
        settings_of(PRODUCTION | {"CONVENE_SMTP_URL": url})

    assert str(refused.value) == (
        "CONVENE_SMTP_URL must begin with smtp:// or smtp+starttls:// or smtps:// and name"
        " a host; if it names a port, then by its number."
    )


@pytest.mark.parametrize(
    ("name", "value", "setting", "meant"),
    [
        ("CONVENE_LOG_LEVEL", "info", "LOGGING.root.level", "INFO"),
        (
            "CONVENE_SECRET_KEYS",
            PRODUCTION["CONVENE_SECRET_KEYS"] + ",",
            "CONVENE_SECRET_KEYS",
            [PRODUCTION["CONVENE_SECRET_KEYS"]],
        ),
        ("CONVENE_BASE_URL", "https://msp.example:8443/", "ALLOWED_HOSTS", ["msp.example"]),
        ("CONVENE_SMTP_URL", "smtps://[::1]", "EMAIL_PORT", 465),
        ("DATABASE_URL", "postgresql://a:p%40ss@[::1]/c", "DATABASES.default.PASSWORD", "p@ss"),
        ("DATABASE_URL", "postgres:///c?host=/run", "DATABASES.default.OPTIONS.host", "/run"),
    ],
)
def test_what_is_meant_without_doubt_is_taken(settings_of, name, value, setting, meant):
    found: Any = settings_of(PRODUCTION | {name: value})

    for part in setting.split("."):
        found = found[part]
    assert found == meant


def test_a_database_that_is_away_does_not_hold_a_thread_for_long(settings_of):
    options = settings_of(PRODUCTION)["DATABASES"]["default"]["OPTIONS"]

    assert (options["connect_timeout"], options["pool"]["timeout"]) == (5, 5)
    assert options["pool"]["reconnect_timeout"] == 5


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


@pytest.mark.usefixtures("db")
def test_the_app_refuses_a_database_without_tables(database):
    connection = connections["default"]
    connection.close()
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = "postgres"
    try:
        with pytest.raises(ImproperlyConfigured, match="Run convene migrate as the owner"):
            refuse_powerful_role()
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
