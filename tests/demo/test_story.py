"""The whole demo as one test: all of Convene runs, and the story checks what it tells."""

import signal
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.demo.running import data, demo, serving

__all__ = ["data"]


@pytest.mark.timeout(180)
def test_a_demo_tells_a_true_story_then_serves_until_ctrl_c(data: Path) -> None:
    with serving("--data", data) as (running, told):
        second = demo("--once", "--data", data)
        running.send_signal(signal.SIGINT)
        said, _nothing = running.communicate(timeout=30)

    assert [line for line in told if line and not line.startswith(" ")][-4:] == [
        "Marta Silva of Lighthouse Law asks Northwind IT for an appointment",
        "Dana Weber approves the request",
        "Dana Weber moves the appointment to another day",
        "Marta Silva cancels the appointment",
    ]
    assert ("Teams" in " ".join(told)) == (find_spec("convene_teams") is not None)
    assert (second.returncode, "a demo is running" in second.stderr) == (1, True)
    assert said.splitlines()[-1] == "The demo has ended. Its data is there for the next time."
    assert running.returncode == 0


@pytest.mark.timeout(180)
def test_reset_removes_what_a_demo_made_and_nothing_else(data: Path) -> None:
    (data / "postgres").mkdir()
    (data / "mine").write_text("to be kept")

    removed = demo("--reset", "--data", data)

    assert removed.returncode == 0
    assert [path.name for path in data.iterdir()] == ["mine"]
