"""The product as an operator runs it, with the world around it: each its own process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from convene.embedded import Server
from demo.ports import free_ports
from demo.processes import Programs

HOST = "127.0.0.1"
FIRST_PORT = 8800
WORKERS, THREADS = 2, 16
GUNICORN = (
    f"gunicorn convene.wsgi --workers {WORKERS} --threads {THREADS} --worker-class gthread"
    " --reuse-port --no-control-socket --graceful-timeout 3"
)
WEB = "bench-web"
"""What the web's connections call themselves, so that PostgreSQL can tell them from others."""
# Settings of whoever runs this, which would make it another product.
NOT_PASSED_ON = ("CONVENE_", "DATABASE_", "DJANGO_", "GUNICORN_", "PG")


@dataclass(frozen=True)
class System:
    """Where its parts are, and the first process of each that is ours to weigh."""

    web_port: int
    simulator_port: int
    web_pid: int
    worker_pid: int


@contextmanager
def running(server: Server, requests: int) -> Iterator[System]:
    """Everything on a migrated database with the demo's people and so many requests more."""
    web, simulator, smtp, inbox = free_ports(FIRST_PORT, 4)
    with TemporaryDirectory(prefix="convene-bench-") as folder:
        files = Path(folder)
        environment = _environment(server, web, simulator, smtp)
        owner = environment | {"DATABASE_OWNER_URL": server.owner_url}
        as_web = environment | {"PGAPPNAME": WEB}
        with (
            Programs(files, owner) as around,
            Programs(files, environment) as workers,
            Programs(files, as_web) as webs,
        ):
            graphsim = ("graphsim", "--port", simulator)
            around.start("simulator", *graphsim, answers=f"http://{HOST}:{simulator}/_sim/")
            catcher = ("demo.catcher", "--smtp-port", smtp, "--web-port", inbox)
            mails = ("--folder", files / "mails")
            around.start("mail", *catcher, *mails, answers=f"http://{HOST}:{inbox}/messages.json")
            around.run("prepare", "demo.prepare")
            around.run("seed", "bench.seed", requests)
            worker_pid = workers.start("worker", "convene", "worker")
            bind = ("--bind", f"{HOST}:{web}")
            healthz = f"http://{HOST}:{web}/healthz"
            web_pid = webs.start("web", *GUNICORN.split(), *bind, answers=healthz)
            yield System(web, simulator, web_pid, worker_pid)


def _environment(server: Server, web: int, simulator: int, smtp: int) -> dict[str, str]:
    passed_on = {
        name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)
    }
    graph = f"http://{HOST}:{simulator}"
    return passed_on | {
        # Production talks to Graph over https alone. Everything else is as there.
        "CONVENE_MODE": "development",
        "CONVENE_BASE_URL": f"http://{HOST}:{web}",
        "CONVENE_SMTP_URL": f"smtp://{HOST}:{smtp}",
        "CONVENE_MAIL_FROM": "appointments@convene.example",
        "CONVENE_GRAPH_URL": graph,
        "CONVENE_LOGIN_URL": graph,
        "DATABASE_URL": server.app_url,
    }
