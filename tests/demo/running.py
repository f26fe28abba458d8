"""Starts a demo of its own for a test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from demo.ports import free_ports
from demo.processes import ROOT


def demo(*options: object) -> subprocess.CompletedProcess[str]:
    """Run a demo to its end."""
    return subprocess.run(
        _command(options),
        cwd=ROOT,
        env=_environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
    )


@contextmanager
def serving(*options: object) -> "Iterator[tuple[subprocess.Popen[str], list[str]]]":
    """A demo that serves, and the lines that it told before."""
    with subprocess.Popen(
        _command(options), cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout is not None
            yield running, _told(running.stdout)
        finally:
            running.terminate()


def _told(stdout: IO[str]) -> list[str]:
    lines: list[str] = []
    for line in stdout:
        if line.startswith("Convene is running"):
            return lines
        lines.append(line.rstrip())
    raise AssertionError("The demo ended before it served.")


def _command(options: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", "demo", *map(str, options)]


def _environment() -> dict[str, str]:
    return os.environ | {"CONVENE_PORT": str(free_ports(23_000, 1)[0])}


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A place for a demo; what it keeps elsewhere goes with it."""
    yield tmp_path
    demo("--reset", "--data", tmp_path)
