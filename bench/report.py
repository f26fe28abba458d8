"""The results as a table for people, and what the documentation promises of them."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from bench.availability import Availability, Found
from bench.crowd import ENTRIES, TECHNICIANS, WAITING
from bench.measure import CROWD, CROWD_MS, SLOW_MS, Approvals, Results, Spread
from bench.statements import count
from bench.system import THREADS, WORKERS

SLOWEST_APPROVAL = 1.15  # of Graph's time and the floor
LEAST_THROUGHPUT = 0.9  # of what threads that only wait for Graph, or the cores, could do
SLOWEST_PAGE = 0.1  # seconds
SLOWEST_MONTH, SLOWEST_DAY = 0.05, 0.005  # seconds
SLOWEST_CONTESTED_DAY = 0.01  # everybody who could be given the requests is read and weighed, too
OVER_THE_FLOOR = 4  # times
MOST_QUERIES = 6
NOTES = """\
`make bench` starts PostgreSQL, the simulated Microsoft Graph, a mail server, the worker and the web
server as the operations guide says, signs in, and measures over HTTP. Times are the median and, in
brackets, what 95 of 100 stay below. All of it shares the cores of one machine, and whatever else
runs there shows: the ratios say more than the times.

- Approvals go one after the other, each when the mails of the one before have left. What is
  measured is the POST of the form, a connection included.
- The floor is what one approval sent to PostgreSQL, sent again by one bare connection, prepared.
- The threads' limit is what they could do if they only waited for Graph. The cores' limit is what
  the processor time of an approval and its mails leaves room for; a crowd can be faster for a
  while, because its mails may leave later.
- Free times are asked for in the benchmark's own process, each answer in a transaction as a page's:
  the server's time without HTTP. Two MSPs have 50 technicians each, who perform one service, and
  20,000 entries in 60 days; three requests wait for anybody on the first day. The floor is one
  query on the app's role in a transaction of the tenant, fetched by psycopg: technician, start and
  end of every entry in these days. The plainest way asks for the entries of each technician and
  each day, and it must find the same times.
"""
HEAD = ("What", "Measured", "Compared with", "Ratio", "Limit", "Met")


@dataclass(frozen=True)
class Row:
    what: str
    measured: str
    against: str = ""
    ratio: float | None = None
    limit: str = ""
    met: bool | None = None

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        met = {None: "", True: "yes", False: "**no**"}[self.met]
        return _line(self.what, self.measured, self.against, ratio, self.limit, met)


def rows_of(results: Results) -> list[Row]:
    return [
        *_approval(results),
        *_work(results),
        _throughput(results),
        *(_page(name, spread) for name, spread in results.pages.items()),
        Row("Memory of the web at rest after all this (PSS)", _megabytes(results.memory.web)),
        Row("Memory of the worker", _megabytes(results.memory.worker)),
    ]


def _approval(results: Results) -> list[Row]:
    floor = results.floor
    ideal = results.slow.graph.p50 + floor.p50
    ratio = results.slow.request.p50 / ideal
    return [
        Row(
            f"Approve, Graph answers after {SLOW_MS} ms",
            _milliseconds(results.slow.request),
            f"Graph + floor: {_ms(ideal)}",
            ratio,
            f"at most {SLOWEST_APPROVAL}",
            ratio <= SLOWEST_APPROVAL,
        ),
        _without_graph(SLOW_MS, results.slow, floor),
        Row("Approve, Graph answers at once", _milliseconds(results.at_once.request)),
        _without_graph(0, results.at_once, floor),
        Row("Floor: an approval's statements alone", _milliseconds(floor)),
    ]


def _without_graph(milliseconds: int, approvals: Approvals, floor: Spread) -> Row:
    return Row(
        f"Without the simulator's own time ({milliseconds} ms)",
        _milliseconds(approvals.product),
        f"floor: {_ms(floor.p50)}",
        approvals.product.p50 / floor.p50,
    )


def _work(results: Results) -> list[Row]:
    counted, cost = count(results.statements), results.cost
    return [
        Row("Transactions of an approval", f"{counted.transactions}"),
        Row(
            "Queries of an approval",
            f"{counted.queries}",
            f"all that is sent: {counted.all}, beginnings and ends of transactions included",
        ),
        Row(
            "Processor time of an approval and its mails",
            _ms(cost.all),
            f"web {_ms(cost.web)}, PostgreSQL {_ms(cost.database)}, worker {_ms(cost.worker)}",
        ),
    ]


def _throughput(results: Results) -> Row:
    threads = WORKERS * THREADS / (CROWD_MS / 1000)
    cores = _cores() / results.cost.all
    ratio = results.throughput / min(threads, cores)
    return Row(
        f"{CROWD} approvals at a time, Graph answers after {CROWD_MS} ms",
        f"{results.throughput:.1f} a second",
        f"the smaller of the threads' limit, {threads:.1f}, and the cores', {cores:.1f}",
        ratio,
        f"at least {LEAST_THROUGHPUT}",
        ratio >= LEAST_THROUGHPUT,
    )


def rows_of_availability(found: Availability) -> list[Row]:
    month = f"Free times of a month, {TECHNICIANS} technicians, {ENTRIES:,} entries"
    return [
        _found(month, found.month, SLOWEST_MONTH),
        _found("The same when everybody is busy", found.busy_month, SLOWEST_MONTH),
        _found("Free times of a day, one technician", found.day, SLOWEST_DAY, to_the_floor=False),
        _found(
            f"The same when {WAITING} requests wait for anybody",
            found.contested_day,
            SLOWEST_CONTESTED_DAY,
            to_the_floor=False,
        ),
        _page("Portal, such a month", found.page),
    ]


def _found(what: str, found: Found, slowest: float, *, to_the_floor: bool = True) -> Row:
    ratio = found.product.p50 / found.floor.p50
    limit = f"{MOST_QUERIES} queries, 95 of 100 below {_ms(slowest)}"
    if to_the_floor:
        limit += f", at most {OVER_THE_FLOOR} x the floor"
    return Row(
        what,
        f"{_milliseconds(found.product)}, {found.queries} queries",
        f"floor: {_milliseconds(found.floor)}; the plainest way: {_milliseconds(found.plain)},"
        f" {found.plain_queries:,} queries",
        ratio,
        limit,
        found.queries <= MOST_QUERIES
        and found.product.p95 < slowest
        and (not to_the_floor or ratio <= OVER_THE_FLOOR),
    )


def _page(name: str, spread: Spread) -> Row:
    return Row(
        name,
        _milliseconds(spread),
        _ms(SLOWEST_PAGE),
        spread.p95 / SLOWEST_PAGE,
        f"95 of 100 below {_ms(SLOWEST_PAGE)}",
        spread.p95 < SLOWEST_PAGE,
    )


def written(rows: list[Row], samples: int, postgresql: int, neighbours: float) -> str:
    """A run's section of the day's file; ``neighbours`` is the part of the cores they took."""
    lines = [
        f"## {datetime.now(UTC):%H:%M} UTC",
        "",
        f"{_cores()} cores, of which others used {neighbours:.0%} meanwhile. {samples} samples."
        f" Python {platform.python_version()}, Django {version('django')},"
        f" gunicorn {version('gunicorn')} with {WORKERS} x {THREADS} threads,"
        f" PostgreSQL {postgresql // 10000}.{postgresql % 10000} that does not wait for its disk.",
        "",
        _line(*HEAD),
        _line(*("---" for _ in HEAD)),
        *map(str, rows),
        "",
    ]
    return "\n".join(lines)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _milliseconds(spread: Spread) -> str:
    return f"{_ms(spread.p50)} ({_ms(spread.p95)})"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.0f} MB"
