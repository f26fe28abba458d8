import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import graphsim
from graphsim import Simulator, start
from graphsim.defaults import NORTHWIND
from graphsim.meetings import Draft
from graphsim_client import TIMES, Client


@contextmanager
def launched(*options: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "graphsim", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(graphsim.__file__).parents[1])},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()  # does nothing to one that has ended


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_and_ends_cleanly(number: signal.Signals) -> None:
    with launched("--port", "0") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.fullmatch(r"Simulated Microsoft Graph at http://127\.0\.0\.1:(\d+)\n", line)
        assert match is not None
        with socket.create_connection(("127.0.0.1", int(match[1])), timeout=5):
            process.send_signal(number)
            out, err = process.communicate(timeout=5)

    assert (process.returncode, out, err) == (0, "", "")


def test_the_command_refuses_a_file_that_is_no_state(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello")

    with launched("--port", "0", "--state", str(file)) as process:
        _, err = process.communicate(timeout=5)

    assert process.returncode == 1
    assert err.startswith(f"graphsim: {file} is not a state of this simulator")
    assert file.read_text() == "hello"


def test_everything_is_kept_over_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with start(state=file) as first, Client(first, NORTHWIND) as client:
        client.create_or_get("1", participants={"attendees": [{"upn": "a@b.example"}]})
        client.control("PATCH", "world", {"delay_ms": 1})
        first.world.expire_secrets(NORTHWIND.tenant_id, NORTHWIND.client_id)
        token, before, world = client.token(), first.meetings(), first.world.snapshot()

    with start(state=file) as second, Client(second, NORTHWIND) as client:
        assert second.meetings() == before
        assert second.world.snapshot() == world
        assert client.log_in().json["error_codes"] == [7000222]
        headers = {"Authorization": f"Bearer {token}"}
        path = f"/v1.0{client.meetings_path}/{before[0].id}"
        assert client.send("GET", path, headers=headers).status == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda sim: sim.world.put_tenant(replace(NORTHWIND.tenant(), name="Other")),
        lambda sim: sim.world.move_meeting(
            sim.meetings()[0].id, "2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z"
        ),
        lambda sim: sim.world.delete_meeting(sim.meetings()[0].id),
        lambda sim: sim.reset(),
    ],
)
def test_the_file_is_up_to_date_after_each_change(
    tmp_path: Path, change: Callable[[Simulator], object]
) -> None:
    file = tmp_path / "state.json"
    with start(state=file) as sim, Client(sim, NORTHWIND) as client:
        client.create()
        before = file.read_bytes()

        change(sim)

        assert file.read_bytes() != before
        assert json.loads(file.read_bytes()) == sim.world.snapshot()
        assert list(tmp_path.iterdir()) == [file]


def test_two_simulators_know_nothing_of_each_other(sim: Simulator, northwind: Client) -> None:
    northwind.create()

    with start() as other:
        assert other.port != sim.port
        assert other.meetings() == []


def test_twenty_clients_at_once_lose_nothing(sim: Simulator, tmp_path: Path) -> None:
    with start(state=tmp_path / "state.json") as kept:

        def create_five(_: int) -> list[str]:
            with Client(kept, NORTHWIND) as client:
                return [client.create().json["id"] for _ in range(5)]

        with ThreadPoolExecutor(20) as pool:
            made = [meeting for batch in pool.map(create_five, range(20)) for meeting in batch]

        assert len(set(made)) == 100
        assert {meeting.id for meeting in kept.meetings()} == set(made)
        assert [call.number for call in kept.calls()] == list(range(1, 121))
        with start(state=tmp_path / "state.json") as again:
            assert again.meetings() == kept.meetings()


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads that take turns so often that a missing lock shows."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hasty_threads")
def test_one_external_id_asked_for_by_many_at_once_is_one_meeting(sim: Simulator) -> None:
    tenant = sim.world.tenant(NORTHWIND.tenant_id)
    organizer = sim.world.user(NORTHWIND.tenant_id, NORTHWIND.organizer_id)
    draft = Draft("Consultation", TIMES["startDateTime"], TIMES["endDateTime"], external_id="1")
    for _ in range(1000):  # the longer the search, the longer the moment a lock must guard
        sim.world.create_meeting(replace(draft, external_id=None), tenant, organizer)
    together = threading.Barrier(20)

    def create_or_get(_: int) -> tuple[str, bool]:
        together.wait(timeout=10)
        meeting, is_new = sim.world.create_or_get_meeting(draft, tenant, organizer)
        return meeting.id, is_new

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(create_or_get, range(20)))

    assert len({meeting for meeting, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1


def test_a_connection_is_kept_between_calls(northwind: Client) -> None:
    northwind.create()
    kept = northwind.connection.sock

    northwind.delete(northwind.create().json["id"])
    northwind.create()

    assert kept is not None
    assert northwind.connection.sock is kept


def test_calls_are_answered_in_about_a_millisecond(northwind: Client) -> None:
    northwind.token()

    began = time.perf_counter()
    for _ in range(200):
        northwind.create()

    # Roomy, for a busy machine: Nagle's algorithm alone would cost 40 ms a call.
    assert (time.perf_counter() - began) / 200 < 0.01


def test_a_stopped_simulator_answers_nobody(northwind: Client, sim: Simulator) -> None:
    northwind.token()

    sim.stop()

    with pytest.raises(ConnectionError):
        northwind.create()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((sim.host, sim.port), timeout=1)


def test_stopping_does_not_wait_for_delayed_calls(sim: Simulator, northwind: Client) -> None:
    northwind.token()
    sim.fault("create", delay_ms=60_000)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(northwind.create)
        while not sim.calls("create"):
            time.sleep(0.005)
        began = time.monotonic()

        sim.stop()

        with pytest.raises(ConnectionError):
            waiting.result(timeout=5)
    assert time.monotonic() - began < 2
    assert sim.meetings() == []


def test_a_body_without_a_length_is_refused(northwind: Client) -> None:
    answer = northwind.send("POST", "/v1.0/x", headers={"Transfer-Encoding": "chunked"})

    assert answer.status == 411


def test_a_body_that_is_too_large_is_refused(northwind: Client) -> None:
    answer = northwind.send("POST", "/v1.0/x", headers={"Content-Length": "99999999"})

    assert answer.status == 413
