"""`python -m demo`: all of Convene on this machine, with people in it; one Ctrl-C ends it.

First the story is played and told, then everything goes on running to be looked at. The next start
finds the data of this one.
"""

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from convene import embedded
from demo.ending import AskedToEnd, listen, pause
from demo.ports import free_ports, is_free
from demo.processes import ROOT, Ended, Programs
from demo.story import Places
from demo.world import MSPS, PASSWORD

HOST = "127.0.0.1"
FIRST_PORT = 8000
HAS_TEAMS = find_spec("convene_teams") is not None
# Settings of whoever starts the demo, which would make it another one.
NOT_PASSED_ON = ("CONVENE_", "DATABASE_", "DJANGO_", "GUNICORN_")
GUNICORN = (
    "gunicorn convene.wsgi --workers 2 --threads 16 --worker-class gthread --reuse-port"
    " --no-control-socket --graceful-timeout 3"
)


class Refused(Exception):
    """The demo cannot do it; the message says why."""


@dataclass(frozen=True)
class Ports:
    web: int
    inbox: int
    smtp: int
    simulator: int


def main() -> None:
    options = _options()
    listen()
    try:
        with _nobody_else_in(options.data):
            if options.reset:
                _remove(options.data)
            else:
                _run(options.data, serve=not options.once)
    except AskedToEnd:
        print("\nThe demo has ended. Its data is there for the next time.")
    except (Refused, Ended, embedded.EmbeddedPostgresError) as error:
        sys.exit(f"demo: {error}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--ce", action="store_true", help="the Community Edition alone")
    parser.add_argument("--once", action="store_true", help="play the story and end")
    parser.add_argument("--reset", action="store_true", help="remove the demo's data and end")
    parser.add_argument("--data", type=Path, help="the folder that keeps the demo")
    options = parser.parse_args()
    if options.ce and HAS_TEAMS:
        parser.error("the Enterprise Edition is installed here; `make demo-ce` has a place without")
    usual = ROOT / ".data" / ("demo" if HAS_TEAMS else "demo-ce")
    options.data = (options.data or usual).resolve()
    return options


@contextmanager
def _nobody_else_in(data: Path) -> Iterator[None]:
    """One demo to a folder. The kernel drops the lock however a demo ends."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "demo.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"a demo is running in {data}. End it first, with Ctrl-C.") from None
        yield


def _remove(data: Path) -> None:
    """Remove what a demo makes, and nothing else that may be in the folder."""
    if (data / "postgres" / "server.json").exists():
        leave = [sys.executable, "-m", "demo.server", str(data / "postgres")]
        home = subprocess.run(leave, cwd=ROOT, check=False, capture_output=True, text=True).stdout
        if home:  # not below our folder where its user cannot enter that
            shutil.rmtree(home.strip())
    for folder in ("postgres", "mails", "logs"):
        shutil.rmtree(data / folder, ignore_errors=True)
    for file in ("graph.json", "demo.lock"):
        (data / file).unlink(missing_ok=True)
    print(f"Removed the demo's data from {data}.")


def _run(data: Path, *, serve: bool) -> None:
    ports = _choose_ports()
    places = Places(
        web=f"http://{HOST}:{ports.web}",
        inbox=f"http://{HOST}:{ports.inbox}",
        simulator=f"http://{HOST}:{ports.simulator}" if HAS_TEAMS else "",
    )
    with Programs(data / "logs", _environment(data, ports, places)) as programs:
        _start(data, ports, places, programs)
        programs.run("story", "demo.story", *places.as_options(), in_terminal=True)
        if serve:
            print(_summary(places), flush=True)
        while serve:
            pause(0.3)
            programs.must_run()


def _choose_ports() -> Ports:
    """CONVENE_PORT for the web if it is set, and the next free ones for the rest."""
    wanted = os.environ.get("CONVENE_PORT", "")
    if wanted and not (wanted.isdecimal() and 0 < int(wanted) < 65_000 and is_free(int(wanted))):
        raise Refused(f"nothing can listen on CONVENE_PORT {wanted}. Choose another one.")
    web = int(wanted) if wanted else free_ports(FIRST_PORT, 1)[0]
    return Ports(web, *free_ports(web + 1, 3))


def _start(data: Path, ports: Ports, places: Places, programs: Programs) -> None:
    """Everything in the order in which one needs the other."""
    _say("Starting PostgreSQL")
    embedded.start(data / "postgres")  # held until we end; the programs join it
    if places.simulator:
        _say("Starting the simulated Microsoft Graph")
        graphsim = ("graphsim", "--port", ports.simulator, "--state", data / "graph.json")
        programs.start("simulator", *graphsim, answers=f"{places.simulator}/_sim/")
    _say("Starting the mail catcher")
    catcher = ("demo.catcher", "--smtp-port", ports.smtp, "--web-port", ports.inbox)
    folder = ("--folder", data / "mails")
    programs.start("mail", *catcher, *folder, answers=f"{places.inbox}/messages.json")
    _say("Preparing the database")
    programs.run("prepare", "demo.prepare")
    _say("Starting Convene")
    programs.start("worker", "convene", "worker")
    bind = ("--bind", f"{HOST}:{ports.web}")
    programs.start("web", *GUNICORN.split(), *bind, answers=f"{places.web}/healthz")


def _environment(data: Path, ports: Ports, places: Places) -> dict[str, str]:
    """Ours, and nothing of the settings around us."""
    passed_on = {
        name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)
    }
    return passed_on | {
        "CONVENE_MODE": "development",
        "CONVENE_DATA_DIR": str(data),
        "CONVENE_BASE_URL": places.web,
        "CONVENE_SMTP_URL": f"smtp://{HOST}:{ports.smtp}",
        "CONVENE_MAIL_FROM": "appointments@convene.example",
        "CONVENE_GRAPH_URL": places.simulator,
        "CONVENE_LOGIN_URL": places.simulator,
    }


def _say(step: str) -> None:
    print(f"{step} ...", flush=True)


def _summary(places: Places) -> str:
    """Where everything is, and some of the people who can sign in."""
    lines = ["", "Convene is running; Ctrl-C ends it.", ""]
    lines.append(f"  {'Convene':<12} {places.web}/")
    lines.append(f"  {'Mail':<12} {places.inbox}/")
    if places.simulator:
        lines.append(f"  {'Graph':<12} {places.simulator}/_sim/")
    for msp in MSPS:
        if any(service.public for service in msp.services):
            lines.append(f"  {'Booking page':<12} {places.web}/book/{msp.slug}/")
    lines += ["", f"Everybody's password is {PASSWORD}. For example:", ""]
    for msp in MSPS:
        for member in (*msp.staff[:3], msp.staff[-1]):
            lines.append(f"  {msp.name:<18} {member.role:<12} {member.email}")
        lines.append(f"  {msp.name:<18} {'client':<12} {msp.contacts[0].email}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
