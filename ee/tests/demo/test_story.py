"""The whole demo with Teams: the story compares what people see with what Graph holds."""

from pathlib import Path

import pytest

from tests.demo.running import data, demo

__all__ = ["data"]


@pytest.mark.timeout(180)
def test_the_story_is_true_of_graph_as_well(data: Path) -> None:
    played = demo("--once", "--data", data)

    told = [line.strip() for line in played.stdout.splitlines()]
    assert (played.returncode, played.stderr) == (0, "")
    assert [line.split("  ")[0] for line in told if line.startswith("Graph holds")] == [
        "Graph holds"
    ] * 3
    assert told.count("calendar file         LOCATION:Microsoft Teams Meeting") == 2


def wished_for(told: str) -> str:
    """The time the client asks for: another one each time, as she sees her earlier requests."""
    return next(line for line in told.splitlines() if line.startswith("  She asks for"))


@pytest.mark.timeout(180)
def test_a_second_demo_finds_the_data_of_the_first(data: Path) -> None:
    first, second = demo("--once", "--data", data), demo("--once", "--data", data)

    assert (first.returncode, second.returncode) == (0, 0)
    assert wished_for(first.stdout) != wished_for(second.stdout)
