"""gunicorn as a process of its own, while its database comes and goes."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from convene.tenancy.db import is_away
from tests.outage import app_url, close, open_again, superuser, until
from tests.postbox import free_port

__all__ = ["superuser"]

AWAY = "web.database_away"


class Web:
    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process, self._port, self._log = process, port, log

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """The status and the text of an answer; 0 while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionError:
            return 0, ""
        finally:
            connection.close()

    def log(self) -> str:
        return self._log.read_text()


@contextmanager
def running(url: str, log: Path) -> Iterator[Web]:
    port = free_port()
    serve = ("gunicorn", "convene.wsgi", "--bind", f"127.0.0.1:{port}", "--no-control-socket")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *serve, "--worker-class", "gthread", "--threads", "2"],
            env=os.environ | {"DATABASE_URL": url},
            stdout=output,
            stderr=output,
        )
    try:
        yield Web(process, port, log)
    finally:
        process.terminate()
        process.wait(20)


def test_the_web_server_starts_without_its_database_and_serves_when_it_is_there(
    database, superuser, tmp_path
):
    close(superuser, database)

    with running(app_url(database), tmp_path / "log") as web:
        until(lambda: web.get("/healthz")[0])
        away, page = web.get("/accounts/login/")
        healthz, _text = web.get("/healthz")
        open_again(superuser, database)
        until(lambda: web.get("/healthz") == (200, "ok"))

        assert (away, healthz) == (503, 503)
        assert "Please try again in a few minutes" in page
        assert web.get("/accounts/login/")[0] == 200
    assert AWAY in web.log()
    assert "not currently accepting connections" in web.log()
    assert "Traceback" not in web.log()


def test_a_database_that_goes_away_later_is_no_mistake_of_ours(database, superuser, tmp_path):
    with running(app_url(database), tmp_path / "log") as web:
        until(lambda: web.get("/healthz") == (200, "ok"))
        close(superuser, database)

        status, page = web.get("/book/northwind/")

        assert (status, "Please try again in a few minutes" in page) == (503, True)
        assert web.get("/healthz")[0] == 503
        open_again(superuser, database)
        until(lambda: web.get("/healthz") == (200, "ok"))


def test_a_program_reads_that_the_database_is_away(database, superuser, tmp_path):
    close(superuser, database)

    with running(app_url(database), tmp_path / "log") as web:
        until(lambda: web.get("/healthz")[0])
        at_the_start = web.get("/api/v1/northwind/services")
        open_again(superuser, database)
        until(lambda: web.get("/healthz") == (200, "ok"))
        close(superuser, database)
        later = web.get("/api/v1/northwind/services", Authorization="Bearer cvn_0")

    for status, text in (at_the_start, later):
        problem = json.loads(text)
        assert (status, problem["status"]) == (503, 503)
        assert problem["detail"].startswith("The database does not answer")


def test_a_role_that_may_look_everywhere_is_refused_also_when_the_database_comes_later(
    database, superuser, tmp_path
):
    owner = app_url(database).replace("convene_app", "convene_owner")
    close(superuser, database)

    with running(owner, tmp_path / "log") as web:
        until(lambda: web.get("/healthz")[0] == 503)
        open_again(superuser, database)
        until(lambda: web.get("/healthz")[0] == 0)

        assert web.process.wait(20) == 3
    assert "convene: The role in DATABASE_URL owns the tables" in web.log()


def test_a_statement_that_is_refused_is_no_database_that_is_away(database):
    with psycopg.connect(database) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute("SET statement_timeout = 1; SELECT pg_sleep(1)")
    with pytest.raises(psycopg.Error) as nobody:
        psycopg.connect(host="127.0.0.1", port=free_port())

    assert (is_away(refused.value), is_away(nobody.value)) == (False, True)
