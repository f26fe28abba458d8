"""The demo's programs are watched, end with it, and do not outlive it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo.ports import free_ports, is_free
from demo.processes import ROOT, Ended, Programs

HTTP = ("http.server", "--bind", "127.0.0.1")
KEEPER = """
import os, sys, time
from pathlib import Path
from demo.processes import Programs
with Programs(Path(sys.argv[1]), os.environ) as programs:
    port = sys.argv[2]
    files = ("http.server", "--bind", "127.0.0.1", port)
    programs.start("files", *files, answers=f"http://127.0.0.1:{port}/")
    print("running", flush=True)
    time.sleep(60)
"""


def test_programs_end_with_the_block(tmp_path: Path) -> None:
    [port] = free_ports(26_000, 1)

    with Programs(tmp_path, os.environ) as programs:
        programs.start("files", *HTTP, port, answers=f"http://127.0.0.1:{port}/")
        assert not is_free(port)

    assert is_free(port)


def test_a_program_that_ends_says_its_last_words(tmp_path: Path) -> None:
    with (
        Programs(tmp_path, os.environ) as programs,
        pytest.raises(Ended, match=r"(?s)files ended with code 2\..*log ends with:\n.*error"),
    ):
        programs.start("files", *HTTP, "no-port", answers="http://127.0.0.1:9/")


def test_work_that_needs_a_program_ends_when_the_program_does(tmp_path: Path) -> None:
    with Programs(tmp_path, os.environ) as programs:
        programs.start("short", "this")
        with pytest.raises(Ended, match="short ended with code 0"):
            programs.run("long", *HTTP, free_ports(26_000, 1)[0])


def test_programs_die_with_a_demo_that_is_killed(tmp_path: Path) -> None:
    [port] = free_ports(26_000, 1)
    command = [sys.executable, "-c", KEEPER, str(tmp_path), str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"running\n"

        keeper.send_signal(signal.SIGKILL)

    give_up = time.monotonic() + 10
    while not is_free(port) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert is_free(port)
