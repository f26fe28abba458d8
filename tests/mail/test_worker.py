"""The worker as a process of its own, while its database comes and goes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.outage import app_url, close, open_again, superuser, until

__all__ = ["superuser"]

AWAY = "worker.database_away"


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
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "convene", "worker"],
            env=os.environ
            | {"DATABASE_URL": app_url(database), "CONVENE_DATABASE_POOL": "4"}
            | more,
            stdout=output,
            stderr=output,
        )
    try:
        yield Worker(process, log)
    finally:
        process.kill()
        process.wait()


def workers(database: str) -> set[int]:
    with psycopg.connect(database) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM procrastinate_workers")}


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
