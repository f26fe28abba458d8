"""What a request asks PostgreSQL, read from the server's own log; and the same without the product.

The replay is the floor: nothing that does this work with these statements can be faster.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.pq.abc import PGconn, PGresult

from bench.system import WEB

Superuser = psycopg.Connection[Any]
Values = Sequence[Any]  # psycopg's own type leaves NULL out

_LINE = re.compile(r"^<(.*?)> ([A-Z]+):  ", re.MULTILINE)
_STATEMENT = re.compile(r"(?:statement|execute [^:]+): ")
_PARAMETERS = "Parameters: "
_PARAMETER = re.compile(r"\$\d+ = (?:NULL|'((?:[^']|'')*)')")
_SETTINGS = {"log_line_prefix": "<%a> ", "log_statement": "all"}
_HEARD = 0.5  # seconds until every process of the server has read its settings


class Statement(NamedTuple):
    """What PostgreSQL was asked; the values of its parameters as it wrote them down."""

    sql: str
    values: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Counted:
    """The statements of one request by what they are for."""

    queries: int
    transactions: int
    all: int
    """With beginnings and ends of transactions, and the question whether a connection lives."""


def statements_of(superuser: Superuser, act: Callable[[], object]) -> list[Statement]:
    """All that the web sends while it serves what we ask of it, in order."""
    with _logging(superuser):
        start = _log_size(superuser)
        act()
        log = superuser.execute(
            "SELECT pg_read_file('server.log', %s, %s)", [start, _log_size(superuser) - start]
        ).fetchone()
    if log is None:
        raise RuntimeError("PostgreSQL shows nothing of its log.")
    return _statements_in(log[0])


@contextmanager
def _logging(superuser: Superuser) -> Iterator[None]:
    for name, value in _SETTINGS.items():
        superuser.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    _reload(superuser)
    try:
        yield
    finally:
        for name in _SETTINGS:
            superuser.execute(f"ALTER SYSTEM RESET {name}")
        _reload(superuser)


def _reload(superuser: Superuser) -> None:
    superuser.execute("SELECT pg_reload_conf()")
    time.sleep(_HEARD)


def _log_size(superuser: Superuser) -> int:
    row = superuser.execute("SELECT size FROM pg_stat_file('server.log')").fetchone()
    return int(row[0]) if row else 0


def _statements_in(log: str) -> list[Statement]:
    found: list[Statement] = []
    _before, *parts = _LINE.split(log)
    for who, level, said in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if who != WEB:
            continue
        # In the log a tab marks the further lines of a statement.
        said = said.removesuffix("\n").replace("\n\t", "\n")
        if start := _STATEMENT.match(said):
            found.append(Statement(said[start.end() :]))
        elif level == "DETAIL" and said.startswith(_PARAMETERS):
            found[-1] = Statement(found[-1].sql, _values_in(said))
        else:
            raise RuntimeError(f"This cannot be replayed: {said}")
    return found


def _values_in(detail: str) -> tuple[str | None, ...]:
    quoted = (match[1] for match in _PARAMETER.finditer(detail))
    return tuple(text if text is None else text.replace("''", "'") for text in quoted)


def count(statements: list[Statement]) -> Counted:
    # The question whether a connection lives has no word in it.
    words = [next(iter(statement.sql.split(maxsplit=1)), "") for statement in statements]
    queries = sum(word in {"SELECT", "INSERT", "UPDATE", "DELETE"} for word in words)
    return Counted(queries, sum(word.startswith("BEGIN") for word in words), all=len(words))


def replay(
    app_url: str,
    superuser: Superuser,
    statements: list[Statement],
    appointment_id: UUID,
    times: int,
) -> list[float]:
    """The seconds that an approval's statements take, by the app's role on one connection.

    Prepared, as the product has them on its connections. Each time on the same request, which is
    pending again before.
    """
    taken, did = [], []
    with psycopg.connect(app_url, autocommit=True) as connection:
        ready = _prepare(connection.pgconn, statements)
        for _ in range(times):
            _undo(superuser, appointment_id)
            started = time.perf_counter()
            done = [send().command_status for send in ready]
            taken.append(time.perf_counter() - started)
            did.append(done)
    if any(done != did[0] for done in did) or not _has_meeting(superuser, appointment_id):
        raise RuntimeError("A replay did not do the work of the approval.")
    return taken


def _prepare(connection: PGconn, statements: list[Statement]) -> list[Callable[[], PGresult]]:
    """What sends each statement. The beginnings of transactions are two in one message."""
    names: dict[str, bytes] = {}
    ready: list[Callable[[], PGresult]] = []
    for sql, values in statements:
        if sql.startswith("BEGIN"):
            ready.append(partial(connection.exec_, sql.encode()))
            continue
        if sql not in names:
            names[sql] = f"s{len(names)}".encode()
            connection.prepare(names[sql], sql.encode())
        texts: Values = [None if text is None else text.encode() for text in values]
        ready.append(partial(connection.exec_prepared, names[sql], texts))
    return ready


# Triggers of foreign keys would want another order.
_UNDO = """
SET session_replication_role = replica;
DELETE FROM schedule_entries WHERE id IN
  (SELECT schedule_entry_id FROM appointment_requests WHERE id = '{id}');
UPDATE appointment_requests SET status = 'pending', schedule_entry_id = NULL,
  approved_by_id = NULL, approved_at = NULL, online_meeting_provider = NULL,
  online_meeting_url = NULL, online_meeting_id = NULL WHERE id = '{id}';
DELETE FROM meeting_sync WHERE appointment_id = '{id}';
DELETE FROM events WHERE subject_id = '{id}';
DELETE FROM outbox_mails WHERE subject_id = '{id}';
SET session_replication_role = origin;
"""


def _undo(superuser: Superuser, appointment_id: UUID) -> None:
    superuser.execute(_UNDO.format(id=appointment_id))


def _has_meeting(superuser: Superuser, appointment_id: UUID) -> bool:
    row = superuser.execute(
        "SELECT status, online_meeting_url IS NOT NULL FROM appointment_requests WHERE id = %s",
        [appointment_id],
    ).fetchone()
    return row == ("approved", True)
