"""The real product for tests: gunicorn and the worker as processes, on the tests' own database.

Microsoft Graph is the simulator and mail goes to a real SMTP server. Both listen inside the tests'
process, so that a test can read and disturb them.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.request import ProxyHandler, build_opener

import psycopg
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from psycopg.conninfo import conninfo_to_dict

import graphsim
from graphsim import Simulator
from tests.postbox import Postbox, free_port

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
WEB = (
    "gunicorn convene.wsgi --workers 2 --threads 16 --worker-class gthread"
    " --graceful-timeout 3 --no-control-socket"
)
WORKER = "convene worker"
PATIENCE = 20.0  # seconds for what happens by itself
# Settings of whoever runs the tests, which would make it another product.
NOT_PASSED_ON = ("CONVENE_", "DATABASE_", "DJANGO_", "GUNICORN_")


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until it is so."""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, f"Not within {PATIENCE:.0f} s: {what}."
        time.sleep(0.02)


def together(acts: Sequence[Callable[[], T]]) -> list[T]:
    """Do these at the same moment; what each of them gave."""
    barrier = threading.Barrier(len(acts))

    def at_the_moment(act: Callable[[], T]) -> T:
        barrier.wait(PATIENCE)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(at_the_moment, acts))


class HesitantPostbox(Postbox):
    """A mail server that can leave a sender without an answer, before it keeps a mail or after."""

    def __init__(self) -> None:
        super().__init__()
        self.hesitates: Literal["", "before", "after"] = ""
        self.somebody_waits = threading.Event()

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.hesitates == "before":
            await self._never_answer(server)
        answer = await super().handle_DATA(server, session, envelope)
        if self.hesitates == "after":
            await self._never_answer(server)
        return answer

    async def _never_answer(self, server: SMTP) -> None:
        """Ends with the connection, which cancels whoever waits on it."""
        self.somebody_waits.set()
        await server.loop.create_future()

    def quick_again(self) -> None:
        self.hesitates = ""
        self.somebody_waits.clear()


class Program:
    """A Python module that runs beside us, and can end as after a crash."""

    def __init__(self, command: str, log: Path, environment: Mapping[str, str]) -> None:
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                # It ends with us even if we are killed; Ctrl-C is for us alone.
                ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", *command.split()],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """kill -9, for all of its processes."""
        os.killpg(self._process.pid, signal.SIGKILL)  # the group is its own
        self._process.wait()

    def kill_children(self) -> None:
        """kill -9, for all of its processes but the first."""
        pid = self._process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)


class Product:
    """What runs, and the world outside of it."""

    web: Program
    worker: Program

    def __init__(
        self,
        logs: Path,
        superuser_url: str,
        simulator: Simulator,
        mails: HesitantPostbox,
        *,
        smtp_port: int,
    ) -> None:
        self.simulator, self.mails = simulator, mails
        self._logs, self._superuser_url = logs, superuser_url
        self._port = free_port()
        self.url = f"http://{HOST}:{self._port}"
        database = conninfo_to_dict(superuser_url)
        passed_on = {
            name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)
        }
        self._environment = passed_on | {
            "CONVENE_MODE": "development",
            "CONVENE_BASE_URL": self.url,
            "CONVENE_SMTP_URL": f"smtp://{HOST}:{smtp_port}",
            "CONVENE_MAIL_FROM": "appointments@convene.example",
            "CONVENE_GRAPH_URL": simulator.url,
            "CONVENE_LOGIN_URL": simulator.url,
            "DATABASE_URL": "postgresql://convene_app:for-tests@{host}:{port}/{dbname}".format(
                **database
            ),
        }

    def start_web(self) -> None:
        self.web = self._start("web", f"{WEB} --bind {HOST}:{self._port}")
        self.wait_for_web()

    def wait_for_web(self) -> None:
        until(self._web_answers, "the web answers")

    def _web_answers(self) -> bool:
        try:
            with build_opener(ProxyHandler({})).open(f"{self.url}/healthz", timeout=5):
                return True
        except OSError:
            return False

    def start_worker(self) -> None:
        self.worker = self._start("worker", WORKER)

    def _start(self, name: str, command: str) -> Program:
        log = self._logs / f"{name}-{time.monotonic_ns()}.log"
        return Program(command, log, self._environment)

    def said(self) -> str:
        """All that the programs have logged so far."""
        return "".join(log.read_text() for log in sorted(self._logs.iterdir()))

    def database_said(self) -> str:
        """All that PostgreSQL has logged so far."""
        with psycopg.connect(self._superuser_url) as superuser:
            row = superuser.execute("SELECT pg_read_file('server.log')").fetchone()
        return str(row and row[0])

    def two_minutes_pass(self) -> None:
        """All that was to happen later, or lasts for a while, is as it will be in two minutes.

        The worker's minute strikes, too.
        """
        with psycopg.connect(self._superuser_url, autocommit=True) as superuser:
            for table, column in (
                ("outbox_mails", "not_before"),
                ("outbox_mails", "claimed_until"),
                ("meeting_sync", "lease_until"),
                ("procrastinate_jobs", "scheduled_at"),
            ):
                earlier = f"{column} = {column} - interval '2 minutes'"
                superuser.execute(f"UPDATE {table} SET {earlier}")  # noqa: S608  # our own names
        from convene.mail.tasks import deliver_due_mail  # needs the models

        deliver_due_mail.configure().defer(timestamp=0)


@contextmanager
def running_product(logs: Path, superuser_url: str) -> Iterator[Product]:
    """Everything, until the block ends."""
    mails = HesitantPostbox()
    logging.getLogger("mail.log").setLevel("WARNING")  # it tells every line of every mail
    mail_server = Controller(mails, hostname=HOST, port=free_port())
    with ExitStack() as stack:
        simulator = stack.enter_context(graphsim.start())
        mail_server.start()
        stack.callback(mail_server.stop)
        product = Product(logs, superuser_url, simulator, mails, smtp_port=mail_server.port)
        product.start_worker()
        stack.callback(lambda: product.worker.stop())  # the one that runs then
        product.start_web()
        stack.callback(lambda: product.web.stop())
        yield product
