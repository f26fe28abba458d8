"""One command says whether all is right, and what is not."""

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from tests.outage import app_url, close, open_again, superuser
from tests.postbox import free_port, postbox
from tests.test_settings import PRODUCTION, run

__all__ = ["superuser"]

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def _a_mail_server_of_our_own(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()


def worker_seen(ago: timedelta) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)",
            [timezone.now() - ago],
        )


def examine() -> tuple[int, list[str]]:
    said = io.StringIO()
    try:
        call_command("doctor", stdout=said)
    except SystemExit as end:
        return int(str(end.code)), said.getvalue().splitlines()
    return 0, said.getvalue().splitlines()


def wrong(lines: list[str]) -> list[str]:
    return [line.removeprefix("wrong  ") for line in lines if line.startswith("wrong  ")]


def test_all_is_right_and_nothing_is_sent():
    worker_seen(timedelta(seconds=5))

    with postbox() as box:
        code, lines = examine()

    assert (code, wrong(lines)) == (0, [])
    assert {line[:7] for line in lines} == {"right  "}
    assert len(lines) == 7
    assert box.messages == []


def test_without_a_mail_server_and_a_worker_two_sentences_say_so(settings):
    worker_seen(timedelta(hours=1))

    code, lines = examine()

    mail, worker = wrong(lines)
    assert code == 1
    assert mail.startswith(f"The mail server 127.0.0.1:{settings.EMAIL_PORT} cannot be used")
    assert worker.startswith("No worker runs since")
    assert worker.endswith("Start convene worker.")


def test_a_mail_server_that_does_not_encrypt_as_asked_is_said(settings):
    worker_seen(timedelta())
    settings.EMAIL_USE_TLS = True

    with postbox():
        code, lines = examine()

    assert code == 1
    assert "STARTTLS" in wrong(lines)[0]


def test_tables_of_an_older_version_are_said():
    worker_seen(timedelta())
    [last] = MigrationLoader(None).graph.leaf_nodes("appointments")
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE (app, name) = (%s, %s)", last)

    with postbox():
        code, lines = examine()

    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())", last
        )
    assert code == 1
    assert "1 changes are missing. Run convene migrate as the owner." in wrong(lines)[0]


def test_what_cannot_be_meant_is_one_sentence_as_everywhere():
    refused = run(PRODUCTION | {"CONVENE_SMTP_URL": "http://mail"}, "doctor")

    assert refused.returncode == 1
    assert refused.stderr.startswith("convene: CONVENE_SMTP_URL must begin with")


def test_a_database_that_is_away_is_a_sentence_after_all_others(database, superuser, tmp_path):
    close(superuser, database)
    environment = PRODUCTION | {
        "DATABASE_URL": app_url(database),
        "CONVENE_DATABASE_POOL": "0",
        "CONVENE_STATIC_ROOT": str(tmp_path),
        "CONVENE_SMTP_URL": f"smtp://user:secret@127.0.0.1:{free_port()}",
    }

    examined = run(environment, "doctor")
    open_again(superuser, database)

    files, mail, away = wrong(examined.stdout.splitlines())
    assert examined.returncode == 1
    assert "Run convene collectstatic" in files
    assert "cannot be used" in mail
    assert "not currently accepting connections" in away
    assert "secret" not in examined.stdout
    assert "Traceback" not in examined.stderr
