"""The only door to tenant-owned tables, and what errors of the database mean."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol
from uuid import UUID

import psycopg
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.utils import Error as DatabaseError

_tenant_id: ContextVar[UUID | None] = ContextVar("convene_tenant_id", default=None)


class TenantNotSet(RuntimeError):
    """A tenant-owned table was asked outside `tenant_atomic`."""


class HasTenantId(Protocol):
    """What `tenant_atomic` needs of a tenant."""

    @property
    def id(self) -> UUID: ...


def current_tenant_id() -> UUID | None:
    """The tenant of the block we are in, or None outside of one."""
    return _tenant_id.get()


def needed_tenant_id() -> UUID:
    """The tenant of the block we are in. Raises TenantNotSet outside of one."""
    if (tenant_id := _tenant_id.get()) is None:
        raise TenantNotSet("Open tenant_atomic() first.")
    return tenant_id


@contextmanager
def tenant_atomic(tenant: HasTenantId | UUID) -> Iterator[None]:
    """One short transaction of one tenant.

    Row-level security reads the setting that the engine makes when the transaction begins; it ends
    with the transaction. The block is durable: opening it inside another transaction raises
    RuntimeError, so that leaving it always means committed. Never talk to a network inside.
    """
    token = _tenant_id.set(tenant if isinstance(tenant, UUID) else tenant.id)
    try:
        with transaction.atomic(durable=True):
            yield
    finally:
        _tenant_id.reset(token)


def tenant_rows(sql: str, **params: Any) -> list[Any]:
    """The rows of a query of our own: it limits each of its tables to ``%(tenant)s``.

    For where Django takes longer to write a query than PostgreSQL to answer it. Table names in
    quotes are checked for their tenant by the tests, as those of all other queries are.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, {"tenant": needed_tenant_id(), **params})
        return list(cursor.fetchall())


AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# What the server says of itself, not of a statement: shutting down, starting up, too many clients.
_UNREACHABLE = {"57P01", "57P02", "57P03", "53300"}


def is_away(error: BaseException) -> bool:
    """Whether there is no connection; a statement that was refused is no such thing."""
    sqlstate = getattr(error.__cause__ or error, "sqlstate", None)
    return isinstance(error, AWAY) and (
        sqlstate is None or sqlstate.startswith("08") or sqlstate in _UNREACHABLE
    )


_CONSTRAINT_IN_MESSAGE = re.compile(r'constraint "([^"]+)"')
_SHARD_SUFFIX = re.compile(r"_\d{6,}$")


def violated_constraint(error: DatabaseError) -> str:
    """The name of the constraint that refused a statement, or "".

    Through Citus the driver's own field is empty and the message carries the shard's name, so the
    message is read and the shard number cut off.
    """
    cause = error.__cause__ or error
    name = getattr(getattr(cause, "diag", None), "constraint_name", None)
    if name is None:
        match = _CONSTRAINT_IN_MESSAGE.search(str(cause))
        name = match.group(1) if match else ""
    return _SHARD_SUFFIX.sub("", name)
