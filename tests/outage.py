"""The database of the tests goes away and comes back, for processes of their own."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict


def app_url(database: str) -> str:
    """DATABASE_URL for a process."""
    where = conninfo_to_dict(database)
    return "postgresql://convene_app:for-tests@{host}:{port}/{dbname}".format(**where)


@pytest.fixture
def superuser(database: str, db: None) -> Iterator["psycopg.Connection[Any]"]:
    """Somebody in another database of the server, who can close ours."""
    with psycopg.connect(os.environ["CONVENE_TEST_CLUSTER"], autocommit=True) as connection:
        yield connection
        open_again(connection, database)


def close(superuser: "psycopg.Connection[Any]", database: str) -> None:
    """The database is away for everybody."""
    name = conninfo_to_dict(database)["dbname"]
    superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = %s AND usename = 'convene_app'",
        [name],
    )


def open_again(superuser: "psycopg.Connection[Any]", database: str) -> None:
    name = conninfo_to_dict(database)["dbname"]
    superuser.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.05)
