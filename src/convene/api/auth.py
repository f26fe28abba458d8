"""Who calls: the owner of the key in the header, and nobody else."""

from hashlib import sha256

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja.security.http import HttpAuthBase

from convene.accounts.adapter import network_of
from convene.logs import log
from convene.tenancy.keys import TooManyCalls, UnknownKey, holder_of
from convene.tenancy.models import Membership, Tenant

from .problems import Problem

REFUSED_A_MINUTE = 30  # keys from one place


class KeyRequest(HttpRequest):
    """A request with a valid key, in its tenant."""

    auth: Membership


class KeyAuth(HttpAuthBase):
    """The key in ``Authorization: Bearer``, never a session: so no page can make a browser act."""

    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Membership:
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise _unauthorized("")
        tenant = Tenant.objects.filter(slug=request.resolver_match.kwargs["tenant"]).first()  # type: ignore[union-attr]  # it is resolved
        try:
            if tenant is None:
                raise UnknownKey
            member = holder_of(tenant, text.strip(), timezone.now())
        except UnknownKey:
            _count_refused(request, text)
            raise _unauthorized(', error="invalid_token"') from None
        except TooManyCalls as many:
            raise _too_many(many.seconds) from None
        request.user = member.user  # whom the request's line in the log names
        return member


def _unauthorized(more: str) -> Problem:
    return Problem(401, headers={"WWW-Authenticate": f'Bearer realm="Convene"{more}'})


def _too_many(seconds: int) -> Problem:
    return Problem(429, headers={"Retry-After": str(seconds)})


def _count_refused(request: HttpRequest, text: str) -> None:
    """Limit who tries keys, not who calls from the same place with a good one.

    Counted in the cache's table, not by allauth as sign-ins are: that never counts a GET.
    """
    now = timezone.now()
    name = f"api_key.refused:{network_of(request)}:{now:%H:%M}"
    if not (cache.get(name, 0) < REFUSED_A_MINUTE and _count_one_more(name)):
        raise _too_many(60 - now.second)
    key = sha256(text.encode()).hexdigest()[:12]
    log.warning("api_key.refused", key=key, ip=get_adapter().get_client_ip(request))


def _count_one_more(name: str) -> bool:
    """Whether the limit allowed it. One at a time, so that who tries many at once gets no more."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        refused: int = cache.get(name, 0)
        if refused < REFUSED_A_MINUTE:
            cache.set(name, refused + 1, timeout=60)
    return refused < REFUSED_A_MINUTE
