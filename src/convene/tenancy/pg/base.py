"""Django's PostgreSQL backend, plus what a tenant-owned table needs in the database.

Migrations stay what makemigrations writes; this engine adds the ``(tenant_id, id)`` primary key,
composite foreign keys and the row-level security policy, so no table can be forgotten.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dj_database_url
from django.db.backends.ddl_references import Columns, Statement, Table
from django.db.backends.postgresql import base, features, operations, schema
from django.db.backends.utils import debug_transaction

from convene import embedded
from convene.tenancy.db import current_tenant_id
from convene.tenancy.fields import DB_ON_DELETE, TenantField, TenantForeignKey


def is_tenant_owned(model: Any) -> bool:
    """Whether the model's rows belong to a tenant."""
    return any(isinstance(field, TenantField) for field in model._meta.local_concrete_fields)


class DatabaseFeatures(features.DatabaseFeatures):
    # Every foreign key is checked at once: through Citus a deferred one fails as another error.
    can_defer_constraint_checks = False

    def allows_group_by_selected_pks_on_model(self, model: Any) -> bool:
        # GROUP BY id alone does not name a whole primary key here.
        return not is_tenant_owned(model) and super().allows_group_by_selected_pks_on_model(model)


class DatabaseOperations(operations.DatabaseOperations):
    def deferrable_sql(self) -> str:
        return ""


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    sql_create_column_inline_fk: str = None  # type: ignore[assignment]  # foreign keys of their own
    sql_delete_fk = "ALTER TABLE %(table)s DROP CONSTRAINT %(name)s"
    sql_tenant_key = "ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY (tenant_id, {id})"
    sql_tenant_wall = "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    # No setting is an error from PostgreSQL, never an empty page.
    sql_tenant_policy = (
        "CREATE POLICY tenant_isolation ON {table}"
        " USING (tenant_id = current_setting('convene.tenant_id')::uuid)"
        " WITH CHECK (tenant_id = current_setting('convene.tenant_id')::uuid)"
    )

    def _iter_column_sql(
        self, column_db_type: str, params: list[Any], model: Any, field: Any, *rest: Any
    ) -> Iterator[str]:
        for piece in super()._iter_column_sql(column_db_type, params, model, field, *rest):  # type: ignore[misc]  # private to Django
            if piece == "PRIMARY KEY" and is_tenant_owned(model):
                continue
            yield piece

    def create_model(self, model: Any) -> None:
        super().create_model(model)
        if is_tenant_owned(model):
            self._make_tenant_owned(model)

    def add_field(self, model: Any, field: Any) -> None:
        super().add_field(model, field)
        if isinstance(field, TenantField):
            # makemigrations may split a model into CreateModel and AddField(tenant)
            names: list[Any] = self._constraint_names(model, primary_key=True)  # type: ignore[attr-defined]  # private to Django
            for name in names:
                table = self.quote_name(model._meta.db_table)
                self.execute(f"ALTER TABLE {table} DROP CONSTRAINT {self.quote_name(name)}")
            self._make_tenant_owned(model)

    def _make_tenant_owned(self, model: Any) -> None:
        name = model._meta.db_table
        for sql in (self.sql_tenant_key, self.sql_tenant_wall, self.sql_tenant_policy):
            self.execute(
                sql.format(
                    table=self.quote_name(name),
                    name=self.quote_name(f"{name}_pkey"),
                    id=self.quote_name(model._meta.pk.column),
                )
            )

    def _create_fk_sql(self, model: Any, field: Any, suffix: str) -> Statement:
        if not isinstance(field, TenantForeignKey):
            return super()._create_fk_sql(model, field, suffix)  # type: ignore[no-any-return,misc]  # private to Django
        near, far = model._meta.db_table, field.target_field.model._meta.db_table
        far_key: Any = field.target_field.column
        return Statement(
            self.sql_create_fk,
            table=Table(near, self.quote_name),
            name=self._fk_constraint_name(model, field, suffix),  # type: ignore[attr-defined]  # private to Django
            column=Columns(near, ["tenant_id", field.column], self.quote_name),
            to_table=Table(far, self.quote_name),
            to_column=Columns(far, ["tenant_id", far_key], self.quote_name),
            deferrable=DB_ON_DELETE[field.db_on_delete],
        )


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

    def get_connection_params(self) -> dict[str, Any]:
        """The parameters of psycopg.connect; starts the embedded server if this is its database."""
        if folder := self.settings_dict.get("EMBEDDED"):
            server = embedded.start(Path(folder))
            url = server.owner_url if self.alias == "owner" else server.app_url
            found = dj_database_url.parse(url)
            for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT"):
                self.settings_dict[key] = found[key]
        return super().get_connection_params()

    def _start_transaction_under_autocommit(self) -> None:
        """Begin, and say whose rows may be seen, in one message: both begin every block.

        Django asks a backend for this if it has it. The connection stays in autocommit for
        psycopg, which would send a BEGIN of its own.
        """
        begin = "BEGIN"
        if tenant_id := current_tenant_id():
            # A literal in SET LOCAL: Citus passes neither a parameter nor set_config() on.
            begin += f"; SET LOCAL convene.tenant_id = '{tenant_id}'"
        try:
            with self.wrap_database_errors, debug_transaction(self, begin):
                self.connection.execute(begin, prepare=False)
        except BaseException:
            # Whatever state it is in, Django takes it for one without a transaction.
            self.close()
            raise
