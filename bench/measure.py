"""The measurements, over HTTP on the running product."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from statistics import median, quantiles
from typing import Self
from uuid import UUID

from bench.graph import Graph
from bench.processes import cpu_seconds_of, memory_of
from bench.statements import Statement, Superuser, statements_of
from bench.system import System
from bench.visitor import Sending, Surprise, Visitor
from demo.world import NORTHWIND

DISPATCHER, CLIENT = "dana@northwind.example", "marta@lighthouse-law.example"
SLOW_MS, CROWD_MS = 250, 300
CROWD = 32
ROUNDS = 5  # of the crowd
WARM_UP = 12
BROKEN = 10
QUEUE = 60  # requests that stay pending, so that the queue's page is full
SPARE = 5
IDLE = 3.0  # seconds
PATIENCE = 30.0  # seconds until all mails are sent


@dataclass(frozen=True)
class Spread:
    """Seconds: the usual ones and the slow ones."""

    p50: float
    p95: float

    @classmethod
    def of(cls, seconds: list[float]) -> Self:
        return cls(median(seconds), quantiles(seconds, n=20, method="inclusive")[18])


@dataclass(frozen=True)
class Approvals:
    """Approvals one after the other, each when the mails of the one before are sent."""

    request: Spread
    graph: Spread
    product: Spread
    """What remains of each request without the simulator's own time."""


@dataclass(frozen=True)
class Cost:
    """Seconds of one core for one approval, its mails included."""

    web: float
    database: float
    worker: float

    @property
    def all(self) -> float:
        return self.web + self.database + self.worker


@dataclass(frozen=True)
class Memory:
    """Bytes while nothing happens."""

    web: int
    worker: int


@dataclass(frozen=True)
class Results:
    at_once: Approvals
    slow: Approvals
    cost: Cost
    statements: list[Statement]
    floor: Spread
    throughput: float
    """Approvals in a second."""
    pages: dict[str, Spread]
    memory: Memory


def requests_needed(samples: int) -> int:
    return WARM_UP + 2 * samples + CROWD * ROUNDS + BROKEN + QUEUE + SPARE


class Bench:
    """One run; each request is used up by one approval."""

    def __init__(self, system: System, superuser: Superuser, samples: int) -> None:
        self._system, self._superuser, self._samples = system, superuser, samples
        self._graph = Graph(system.simulator_port)
        self._dispatcher = Visitor(system.web_port, DISPATCHER)
        self._client = Visitor(system.web_port, CLIENT)
        rows = superuser.execute(
            "SELECT r.id FROM appointment_requests r JOIN services s ON s.id = r.service_id"
            " WHERE s.name = 'Patch day' ORDER BY requested_start, r.id"
        )
        self._requests: list[UUID] = [row[0] for row in rows]
        self._unused = iter(self._requests)

    def warm_up(self) -> None:
        """All has happened once that happens once, such as loading code and asking for a token."""
        for request in islice(self._unused, WARM_UP):
            self._approve(request)
        self._wait_for_mails()
        self._superuser.execute("ANALYZE")  # as autovacuum does within a minute

    def approvals(self, graph_ms: int) -> tuple[Approvals, Cost]:
        sendings = [self._form(request) for request in islice(self._unused, self._samples)]
        self._graph.answer_after(graph_ms)
        self._graph.new_creates()
        before, seconds = self._cpu(), []
        for sending in sendings:
            seconds.append(self._send(sending))
            self._wait_for_mails()
        cpu = [now - then for now, then in zip(self._cpu(), before, strict=True)]
        graph = self._graph.new_creates()
        product = [whole - part for whole, part in zip(seconds, graph, strict=True)]
        measured = Approvals(Spread.of(seconds), Spread.of(graph), Spread.of(product))
        return measured, Cost(*(part / self._samples for part in cpu))

    def throughput(self) -> float:
        """Approvals in a second, when there are always as many under way as there are threads."""
        self._graph.answer_after(CROWD_MS)
        self._graph.new_creates()
        sendings = [self._form(request) for request in islice(self._unused, CROWD * ROUNDS)]
        with ThreadPoolExecutor(CROWD) as crowd:
            started = time.perf_counter()
            list(crowd.map(self._send, sendings))
            seconds = time.perf_counter() - started
        self._wait_for_mails()
        if len(self._graph.new_creates()) != len(sendings):
            raise Surprise("Not every approval made its meeting.")
        return len(sendings) / seconds

    def pages(self) -> dict[str, Spread]:
        """The main pages, each with what a small MSP has on it."""
        self._graph.answer_after(0)
        self._graph.refuse(BROKEN)
        for request in islice(self._unused, BROKEN):
            self._approve(request)
        self._wait_for_mails()
        start = f"/t/{NORTHWIND.slug}"
        pages = {
            "Requests, a full page of the queue": (self._dispatcher, f"{start}/requests/"),
            "Request, pending": (self._dispatcher, _address(self._requests[-1])),
            "Request, approved with a meeting": (self._dispatcher, _address(self._requests[0])),
            f"Needs attention, {BROKEN} of them": (self._dispatcher, f"{start}/attention/"),
            "Portal, a client's list": (self._client, f"/portal/{NORTHWIND.slug}/"),
        }
        return {name: self._page(visitor, address) for name, (visitor, address) in pages.items()}

    def _page(self, visitor: Visitor, address: str) -> Spread:
        return Spread.of([visitor.open(address).seconds for _ in range(self._samples)])

    def statements_of_an_approval(self) -> tuple[UUID, list[Statement]]:
        """The request that was approved, and all that PostgreSQL was asked for it."""
        request = next(self._unused)
        sending = self._form(request)
        statements = statements_of(self._superuser, lambda: self._send(sending))
        self._wait_for_mails()
        return request, statements

    def idle_memory(self) -> Memory:
        time.sleep(IDLE)
        return Memory(memory_of(self._system.web_pid), memory_of(self._system.worker_pid))

    def _approve(self, request: UUID) -> None:
        self._send(self._form(request))

    def _form(self, request: UUID) -> Sending:
        # So many approvals need nights and holidays as well: the dispatcher overrules the hours.
        return self._dispatcher.form(_address(request), "Approve", anyway="on")

    def _send(self, sending: Sending) -> float:
        answer = self._dispatcher.send(sending)
        if answer.status != 303:
            raise Surprise(f"{sending.address}: {answer}")
        return answer.seconds

    def _wait_for_mails(self) -> None:
        """The worker is at rest, so that it takes nothing from what is measured next."""
        give_up = time.monotonic() + PATIENCE
        while self._count("outbox_mails", "state = 'due'") or self._count(
            "procrastinate_jobs", "status = 'doing' OR status = 'todo' AND scheduled_at <= now()"
        ):
            if time.monotonic() > give_up:
                raise Surprise("The worker does not come to rest.")
            time.sleep(0.05)

    def _count(self, table: str, condition: str) -> int:
        row = self._superuser.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()  # noqa: S608  # our own words
        return int(row[0]) if row else 0

    def _cpu(self) -> list[float]:
        pids = self._system.web_pid, _postmaster(self._superuser), self._system.worker_pid
        return [cpu_seconds_of(pid) for pid in pids]


def _address(request: UUID) -> str:
    return f"/t/{NORTHWIND.slug}/requests/{request}/"


def _postmaster(superuser: Superuser) -> int:
    row = superuser.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
    return int(row[0].split("\n")[0]) if row else 0
