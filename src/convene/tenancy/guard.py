"""The app refuses to run without its tables, and with a role that could look behind the walls."""

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

_POWERS = """
SELECT rolsuper, rolbypassrls,
       EXISTS (SELECT FROM pg_class WHERE relname = 'tenants' AND relowner = r.oid),
       EXISTS (SELECT FROM pg_class WHERE relname = 'tenants')
FROM pg_roles r WHERE rolname = current_user
"""


def refuse_powerful_role() -> None:
    """Raise ImproperlyConfigured for a superuser, BYPASSRLS, the owner of the tables, or none."""
    with connection.cursor() as cursor:
        cursor.execute(_POWERS)
        superuser, bypasses, owner, migrated = cursor.fetchone()
    connection.close()
    power = (
        ("is a superuser" if superuser else "")
        or ("has BYPASSRLS" if bypasses else "")
        or ("owns the tables" if owner else "")
    )
    if power:
        raise ImproperlyConfigured(
            f"The role in DATABASE_URL {power}, so row-level security would not hold."
            " Give DATABASE_URL an ordinary role and keep the owner in DATABASE_OWNER_URL."
        )
    if not migrated:
        raise ImproperlyConfigured(
            "The database has no tables yet. Run convene migrate as the owner (DATABASE_OWNER_URL)."
        )
