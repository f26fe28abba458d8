"""The programs of the demo: each is watched, and none outlives us."""

import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import build_opener

from demo.ending import pause

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0  # seconds until a program answers
GRACE = 8.0  # seconds from asking a program to end until we kill it
LAST_WORDS = 15  # lines


class Ended(Exception):
    """A program that should run does not; the message ends with what it logged last."""


class Programs:
    """Python modules that run beside us until the block ends; the last one started ends first."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs, self._environment = logs, environment
        self._running: list[_Program] = []
        self._stack = ExitStack()
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def start(self, name: str, *command: object, answers: str = "") -> int:
        """Start a program that goes on, and wait until it answers if it can; its process's id.

        Raises Ended.
        """
        program = self._launch(name, command, self._logs / f"{name}.log")
        self._running.append(program)
        give_up = time.monotonic() + PATIENCE
        while answers and not _answers(answers):
            self.must_run()
            if time.monotonic() > give_up:
                raise program.ended(f"does not answer at {answers}")
            pause(0.05)
        return program.process.pid

    def run(self, name: str, *command: object, in_terminal: bool = False) -> None:
        """Run a program to its end, which the others must live to see. Raises Ended."""
        program = self._launch(name, command, None if in_terminal else self._logs / f"{name}.log")
        while program.process.poll() is None:
            pause(0.05)
            self.must_run()
        if program.process.returncode != 0:
            raise program.ended()

    def must_run(self) -> None:
        """Raises Ended for one that does not run any more."""
        for program in self._running:
            if program.process.poll() is not None:
                raise program.ended()

    def _launch(self, name: str, command: tuple[object, ...], log: Path | None) -> "_Program":
        program = _Program(name, [str(word) for word in command], log, self._environment)
        self._stack.callback(program.stop)
        return program


class _Program:
    def __init__(
        self, name: str, command: list[str], log: Path | None, environment: Mapping[str, str]
    ) -> None:
        self._name, self._log = name, log
        with ExitStack() as stack:
            output = stack.enter_context(log.open("wb")) if log else None
            self.process = subprocess.Popen(
                # It ends with us even if we are killed. Ctrl-C is not for it: we end all in order.
                ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", *command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ended(self, how: str = "") -> Ended:
        how = how or f"ended with code {self.process.returncode}"
        if self._log is None:
            return Ended(f"{self._name} {how}.")
        said = self._log.read_text(errors="replace").splitlines()[-LAST_WORDS:]
        return Ended("\n".join([f"{self._name} {how}. {self._log} ends with:", *said]))


def _answers(url: str) -> bool:
    try:
        with build_opener().open(url, timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
