"""The worker as a process of its own, while its database comes and goes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

AWAY = "worker.database_away"


@pytest.fixture
def superuser(database: str, db: None) -> Iterator["psycopg.Connection[Any]"]:
    """Somebody in another database of the server, who can close ours."""
    with psycopg.connect(os.environ["CONVENE_TEST_CLUSTER"], autocommit=True) as connection:
        yield connection
        open_again(connection, database)


class Worker:
    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self._log = process, log

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged; fails if something is no JSON."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def says(self, event: str) -> bool:
        return any(line["event"] == event for line in self.lines())

    def end(self) -> tuple[int, float]:
        """SIGTERM: its exit code, and how long it took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20), time.monotonic() - started


@contextmanager
def running(database: str, log: Path, **more: str) -> Iterator[Worker]:
    where = conninfo_to_dict(database)
    url = "postgresql://convene_app:for-tests@{host}:{port}/{dbname}".format(**where)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "convene", "worker"],
            env=os.environ | {"DATABASE_URL": url, "CONVENE_DATABASE_POOL": "4"} | more,
            stdout=output,
            stderr=output,
        )
    try:
        yield Worker(process, log)
    finally:
        process.kill()
        process.wait()


def until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def workers(database: str) -> set[int]:
    with psycopg.connect(database) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM procrastinate_workers")}


def close(superuser: "psycopg.Connection[Any]", database: str) -> None:
    """The database is away for everybody."""
    name = conninfo_to_dict(database)["dbname"]
    superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = %s AND usename = 'convene_app'",
        [name],
    )


def open_again(superuser: "psycopg.Connection[Any]", database: str) -> None:
    name = conninfo_to_dict(database)["dbname"]
    superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_the_worker_goes_on_when_its_database_is_back(database, superuser, tmp_path):
    with running(database, tmp_path / "log") as worker:
        until(lambda: workers(database))
        [first] = workers(database)
        close(superuser, database)
        until(lambda: worker.says(AWAY))

        open_again(superuser, database)

        until(lambda: workers(database) - {first})
        code, seconds = worker.end()
    assert (code, seconds < 5) == (0, True)


def test_a_worker_that_waits_for_its_database_ends_at_once(database, superuser, tmp_path):
    close(superuser, database)

    with running(database, tmp_path / "log", CONVENE_DATABASE_POOL="0") as worker:
        until(lambda: worker.says(AWAY))
        code, seconds = worker.end()

    assert (code, seconds < 5) == (0, True)
    assert "not currently accepting connections" in worker.lines()[-1]["reason"]
