"""Who may do what: permissions are names, roles are sets of them, both live in code."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    ADMIN = "admin", _("Administrator")
    DISPATCHER = "dispatcher", _("Dispatcher")
    TECHNICIAN = "technician", _("Technician")
    CLIENT = "client", _("Client")


_TECHNICIAN = frozenset(
    {
        "user_schedule:read",
        "user_schedule:update_own",
        "client:read",
        "service:read",
        "api_key:update_own",
    }
)
_DISPATCHER = _TECHNICIAN | {
    "user_schedule:update",
    "client:update",
    "availability:read",
    "mail:read",
}
_ADMIN = _DISPATCHER | {
    "service:update",
    "availability:update",
    "mail:update",
    "api_key:update",
    "tenant_integrations:read",
    "tenant_integrations:update",
}

_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.ADMIN: _ADMIN,
    Role.DISPATCHER: _DISPATCHER,
    Role.TECHNICIAN: _TECHNICIAN,
    Role.CLIENT: frozenset({"portal:use"}),
}


def permissions_of(role: str) -> frozenset[str]:
    """The permissions of a role; an unknown role has none."""
    return _PERMISSIONS.get(role, frozenset())
