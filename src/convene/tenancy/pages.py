"""One decorator does sign-in, tenant, permission and the block that a page reads in."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control

from convene.accounts.models import User

from .db import tenant_atomic
from .models import Membership, Tenant

P = ParamSpec("P")


class VisitorRequest(HttpRequest):
    """A request of anybody, to a tenant."""

    tenant: Tenant
    htmx: Any


class TenantRequest(VisitorRequest):
    """A request of a member, in their tenant."""

    user: User
    membership: Membership


Page = Callable[Concatenate[TenantRequest, P], HttpResponseBase]
PublicPage = Callable[Concatenate[VisitorRequest, P], HttpResponseBase]


def tenant_page(permission: str, *, reads: bool = True) -> Callable[[Page[P]], Any]:
    """Guard a view of the path ``.../<slug:tenant>/...``.

    Anonymous: to sign-in. Not a member, or another tenant's: 404. Without the permission: 403; an
    empty one is every member's. A page that only reads runs inside one block of its tenant; one
    that acts (``reads=False``) opens its own. Times on the page are in the member's zone.
    """

    def decorate(view: Page[P]) -> Any:
        @functools.wraps(view)
        def guarded(request: Any, tenant: str, *args: P.args, **kwargs: P.kwargs) -> Any:
            if not request.user.is_authenticated:
                return redirect_to_login(_way_back(request))
            membership = (
                Membership.objects.of_user(request.user).filter(tenant__slug=tenant).first()
            )
            if membership is None:
                raise Http404
            if permission and not membership.may(permission):
                raise PermissionDenied
            membership.user = request.user
            request.membership, request.tenant = membership, membership.tenant
            with _page_of(membership.tenant, membership.zone, reads):
                response = view(request, *args, **kwargs)
            patch_cache_control(response, private=True, no_cache=True)
            return response

        guarded.permission = permission  # type: ignore[attr-defined]  # read by the tests' matrix
        return guarded

    return decorate


def public_page(*, reads: bool = True) -> Callable[[PublicPage[P]], Any]:
    """Open a view of the path ``.../<slug:tenant>/...`` to anybody, in the tenant's zone.

    Whoever is signed in is a visitor here as well. An unknown tenant: 404.
    """

    def decorate(view: PublicPage[P]) -> Any:
        @functools.wraps(view)
        def opened(request: Any, tenant: str, *args: P.args, **kwargs: P.kwargs) -> Any:
            request.tenant = get_object_or_404(Tenant, slug=tenant)
            with _page_of(request.tenant, request.tenant.zone, reads):
                return view(request, *args, **kwargs)

        return opened

    return decorate


@contextmanager
def _page_of(tenant: Tenant, zone: ZoneInfo, reads: bool) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(timezone.override(zone))
        if reads:
            stack.enter_context(tenant_atomic(tenant))
        yield


def _way_back(request: HttpRequest) -> str:
    """Where to go on after signing in: a whole page that reads, never an address that acts."""
    if request.method in {"GET", "HEAD"} and not request.htmx:  # type: ignore[attr-defined]  # by the middleware
        return request.get_full_path()
    page = urlsplit(request.headers.get("Referer", ""))
    return page.path if page.netloc == request.get_host() else "/"


def home_of(membership: Membership) -> str:
    """Where a member starts."""
    name = "portal:list" if membership.is_client else "appointments:today"
    return reverse(name, kwargs={"tenant": membership.tenant.slug})


def home(request: HttpRequest) -> HttpResponse:
    """To the member's start; people in several MSPs choose one."""
    if not isinstance(request.user, User):
        return redirect_to_login(request.get_full_path())
    memberships = list(Membership.objects.of_user(request.user).order_by("tenant__name"))
    if len(memberships) == 1:
        return redirect(home_of(memberships[0]))
    places = [(membership, home_of(membership)) for membership in memberships]
    return render(request, "tenancy/choose.html", {"places": places})


def place(request: HttpRequest) -> dict[str, Any]:
    """Template variables of where we are: the tenant, the member and what they may do."""
    tenant: Tenant | None = getattr(request, "tenant", None)
    if tenant is None:
        return {}
    membership: Membership | None = getattr(request, "membership", None)
    return {
        "tenant": tenant,
        "membership": membership,
        "is_visitor": membership is None,
        "zone": timezone.get_current_timezone_name(),
        "may_decide": membership is not None and membership.may("user_schedule:update"),
    }
