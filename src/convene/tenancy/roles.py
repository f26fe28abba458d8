"""What the app's database role may do; granted by the owner after each migrate."""

from typing import Any

from django.db import connections
from psycopg import sql

_GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    # Tables of applications that migrate after us in the same run.
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
    " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
)


def grant_to_app(*, using: str, **kwargs: Any) -> None:
    """Let the role of DATABASE_URL read and write rows, if the owner of the tables migrates."""
    connections["default"].get_connection_params()  # an embedded server fills in its roles
    app, owner = connections["default"].settings_dict, connections[using].settings_dict
    if app["USER"] == owner["USER"]:
        return
    with connections[using].cursor() as cursor:
        for statement in _GRANTS:
            cursor.execute(sql.SQL(statement).format(role=sql.Identifier(app["USER"])))
