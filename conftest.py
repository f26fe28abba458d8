"""What every test runs on: a throw-away PostgreSQL, migrated as the owner, used as the app's role.

There is no transaction around a test: what is committed is really committed, and locks, crashes
and late readers are as they are in production. Each test starts with empty tables.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import django
import psycopg
import pytest

from convene import embedded

os.environ["DJANGO_SETTINGS_MODULE"] = "convene.settings"
os.environ["CONVENE_MODE"] = "development"
os.environ["CONVENE_DATABASE_POOL"] = "0"

_stack = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """One cluster for all workers; each of them makes a database of its own in it."""
    if "CONVENE_TEST_CLUSTER" not in os.environ:
        cluster = _stack.enter_context(embedded.throwaway()).superuser_url
        os.environ["CONVENE_TEST_CLUSTER"] = cluster
        with psycopg.connect(cluster, autocommit=True) as superuser:
            for role in ("convene_owner", "convene_app"):
                superuser.execute(f"ALTER ROLE {role} PASSWORD 'for-tests'")
    django.setup()
    from django.conf import settings

    # A slow hash keeps real passwords safe; people in tests sign in by the hundred.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_unconfigure(config: pytest.Config) -> None:
    _stack.close()


@pytest.fixture(scope="session")
def database(django_db_blocker: Any) -> str:
    """A migrated database; its superuser's URL."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    cluster = psycopg.conninfo.conninfo_to_dict(os.environ["CONVENE_TEST_CLUSTER"])
    name = f"test_{secrets.token_hex(4)}"
    with psycopg.connect(os.environ["CONVENE_TEST_CLUSTER"], autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {name} OWNER convene_owner")
    for alias, role in (("default", "convene_app"), ("owner", "convene_owner")):
        where = {
            "NAME": name,
            "USER": role,
            "PASSWORD": "for-tests",
            "HOST": cluster["host"],
            "PORT": cluster["port"],
            "EMBEDDED": "",
        }
        connections[alias].settings_dict.update(where)
        settings.DATABASES[alias].update(where)
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        connections["owner"].close()
    # What is prepared on the connections of a pool in production is prepared at once here.
    settings.DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 0
    return psycopg.conninfo.make_conninfo(os.environ["CONVENE_TEST_CLUSTER"], dbname=name)


@pytest.fixture(scope="session")
def _superuser(database: str) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


_EMPTY = """
DO $$ DECLARE t text; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR t IN SELECT format('%I', relname) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
      AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
  LOOP EXECUTE 'DELETE FROM ' || t; END LOOP;
END $$"""


@pytest.fixture
def db(_superuser: Any, django_db_blocker: Any) -> Iterator[None]:
    """Empty tables, and each query checked for its tenant; for whoever uses the database."""
    from django.db import connection

    from tests.planguard import PlanGuard

    _superuser.execute(_EMPTY)
    with django_db_blocker.unblock(), connection.execute_wrapper(PlanGuard()):
        yield
        connection.close()
