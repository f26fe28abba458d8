"""Where a Microsoft cloud's sign-in and Graph are."""

import re
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from convene.environment import env
from convene.settings import DEVELOPMENT

NOT_IN_CHINA = _(
    "Microsoft Graph has no online meetings in the Chinese cloud (21Vianet), so Teams meetings"
    " cannot be made there."
)


class Cloud(TextChoices):
    """The clouds whose Graph has online meetings. GCC without "High" is in the global one."""

    GLOBAL = "global", _("Commercial and GCC")
    GCC_HIGH = "gcc_high", _("GCC High")
    DOD = "dod", _("DoD")


@dataclass(frozen=True)
class Hosts:
    """The addresses of a cloud, without a slash at the end.

    ``resource`` is what a token is asked for: it names the cloud's Graph even when the calls go to
    another address.
    """

    login: str
    graph: str
    resource: str


_HOSTS = {
    Cloud.GLOBAL: ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    Cloud.GCC_HIGH: ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    Cloud.DOD: ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
}


def hosts_of(cloud: str) -> Hosts:
    """The addresses of a cloud, or those that the operator set in its place.

    Raises ValidationError for a cloud without online meetings.
    """
    if cloud not in _HOSTS:
        raise ValidationError(NOT_IN_CHINA)
    login, graph = _HOSTS[Cloud(cloud)]
    return Hosts(
        login=(env("CONVENE_LOGIN_URL") or login).rstrip("/"),
        graph=(env("CONVENE_GRAPH_URL") or graph).rstrip("/"),
        resource=graph,
    )


def refuse_plain_http() -> None:
    """Raise ImproperlyConfigured where production would send secrets in the clear."""
    for name in ("CONVENE_LOGIN_URL", "CONVENE_GRAPH_URL"):
        if not (DEVELOPMENT or (env(name) or "https://").startswith("https://")):
            raise ImproperlyConfigured(f"{name} must begin with https://.")


_GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+[a-z][a-z0-9-]*[a-z0-9]", re.IGNORECASE | re.ASCII)


def is_guid(text: str) -> bool:
    """Whether this is an id of Microsoft's, such as an object id."""
    return _GUID.fullmatch(text) is not None


def validate_guid(text: str) -> None:
    if not is_guid(text):
        raise ValidationError(_("This is not an id like 00000000-0000-0000-0000-000000000000."))


def validate_microsoft_tenant(text: str) -> None:
    """Raise ValidationError unless this is a tenant's id or one of its domains.

    It becomes part of an address: nothing else than these two can get in.
    """
    if not (is_guid(text) or (len(text) <= 253 and _DOMAIN.fullmatch(text))):
        raise ValidationError(_("Give the tenant's id, or a domain such as contoso.com."))
    if text.lower().endswith(".onmschina.cn"):
        raise ValidationError(NOT_IN_CHINA)
