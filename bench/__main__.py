"""`python -m bench`: measures on this machine, in one run, what the documentation claims.

The table goes to the day's file in bench/results/, below those of earlier runs.
"""

import argparse
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench import availability
from bench.availability import Availability
from bench.measure import SLOW_MS, Bench, Results, Spread, requests_needed
from bench.processes import Neighbours
from bench.report import NOTES, rows_of, rows_of_availability, written
from bench.statements import Superuser, replay
from bench.system import running
from convene import embedded

RESULTS = Path(__file__).parent / "results"
LONGEST = 300  # seconds


def main() -> None:
    options = _options()
    _end_in_time()
    neighbours = Neighbours()
    with (
        embedded.throwaway() as server,
        psycopg.connect(server.url(embedded.SUPERUSER), autocommit=True) as superuser,
    ):
        results, free_times = _measure(server, superuser, options.samples)
        postgresql = superuser.info.server_version
    rows = [*rows_of(results), *rows_of_availability(free_times)]
    section = written(rows, options.samples, postgresql, neighbours.share())
    print(section)
    if not options.dry:
        _keep(section)
    if options.strict and any(row.met is False for row in rows):
        sys.exit("bench: a limit is missed.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--samples", type=int, default=40, help="of each measurement")
    parser.add_argument("--strict", action="store_true", help="fail when a limit is missed")
    parser.add_argument("--dry", action="store_true", help="keep no table")
    return parser.parse_args()


def _end_in_time() -> None:
    """However it ends, all that was started ends with it."""

    def end(number: int, frame: object) -> None:
        sys.exit(f"bench: ended by signal {signal.Signals(number).name}.")

    signal.signal(signal.SIGALRM, end)
    signal.signal(signal.SIGTERM, end)
    signal.alarm(LONGEST)


def _measure(
    server: embedded.Server, superuser: Superuser, samples: int
) -> tuple[Results, Availability]:
    _say("Starting everything")
    with running(server, requests_needed(samples)) as system:
        bench = Bench(system, superuser, samples)
        bench.warm_up()
        _say("Approving one by one")
        at_once, cost = bench.approvals(0)
        slow, _cost = bench.approvals(SLOW_MS)
        _say("Approving many at a time")
        throughput = bench.throughput()
        _say("Reading pages")
        pages = bench.pages()
        request, statements = bench.statements_of_an_approval()
        memory = bench.idle_memory()
        _say("Filling schedules")
        schedules = availability.Bench(server, superuser, samples)
        page = schedules.page(system.web_port)
    _say("Asking the database alone")
    floor = Spread.of(replay(server.app_url, superuser, statements, request, samples))
    _say("Looking for free times")
    free_times = schedules.measure(page)
    results = Results(at_once, slow, cost, statements, floor, throughput, pages, memory)
    return results, free_times


def _say(step: str) -> None:
    print(f"{step} ...", file=sys.stderr, flush=True)


def _keep(section: str) -> None:
    today = datetime.now(UTC)
    path = RESULTS / f"{today:%Y-%m-%d}.md"
    before = path.read_text() if path.exists() else f"# Measured on {today:%d %B %Y}\n\n{NOTES}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{before}\n{section}")


if __name__ == "__main__":
    main()
