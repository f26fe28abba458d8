"""What a program and its children cost, as the kernel counts it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> int:
    """Bytes of memory; what several processes share is divided among them (PSS)."""
    return sum(_pss(process) for process in _family(pid))


def cpu_seconds_of(pid: int) -> float:
    """Seconds of all cores so far, those of children that have ended included."""
    return sum(_ticks(process) for process in _family(pid)) / _TICKS


class Neighbours:
    """What else runs on this machine, from now on."""

    def __init__(self) -> None:
        self._since = self._now()

    def share(self) -> float:
        """Their part of the cores, when all that we started has ended."""
        passed, busy, ours = (
            now - then for now, then in zip(self._now(), self._since, strict=True)
        )
        return (busy - ours) / (passed * len(os.sched_getaffinity(0)))

    def _now(self) -> tuple[float, float, float]:
        """Seconds: of the clock, of the cores at work, and ours of these."""
        user, nice, system, _idle, _waiting, *rest = map(
            int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
        )
        return (
            time.monotonic(),
            (user + nice + system + sum(rest)) / _TICKS,
            sum(os.times()[:4]),
        )


def _family(pid: int) -> Iterator[Path]:
    process = Path(f"/proc/{pid}")
    yield process
    for thread in process.glob("task/*"):
        for child in (thread / "children").read_text().split():
            yield from _family(int(child))


def _pss(process: Path) -> int:
    for line in (process / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("the kernel does not say how much memory is shared")


def _ticks(process: Path) -> int:
    # The name of the program comes first, in brackets, and may hold anything.
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))  # user and system, its own and of its dead children
