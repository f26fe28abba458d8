"""The page of the keys: a person's own, and to administrators those of everybody."""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from convene.pages import SeeOther
from convene.sealed import CannotUnseal, seal, unseal
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import ApiKey
from convene.tenancy.pages import TenantRequest, tenant_page

from . import actions
from .key_forms import KeyForm

# In the session, sealed: from making keys to the page that shows them this once.
NEW_KEYS = "new_api_keys"


@tenant_page("api_key:update_own")
def keys(request: TenantRequest) -> HttpResponse:
    response = _page(request, KeyForm(zone=request.membership.zone), new_keys=_new_keys(request))
    response.headers["Cache-Control"] = "no-store"
    return response


@tenant_page("api_key:update_own", reads=False)
def make_key(request: TenantRequest) -> HttpResponse:
    form = KeyForm(request.POST, zone=request.membership.zone)
    if not form.is_valid():
        with tenant_atomic(request.tenant):
            return _page(request, form, status=422)
    asked = form.cleaned_data
    text = actions.make_key(request.membership, name=asked["name"], ends_at=asked["ends_at"])
    sealed = seal(text, bound_to=_place(request))
    request.session[NEW_KEYS] = [*request.session.get(NEW_KEYS, ()), sealed]
    return SeeOther(_url(request))


@tenant_page("api_key:update_own")
def confirm_revoke(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Asks, and says what stops working."""
    return render(request, "api/revoke.html", {"key": _key(request, pk)})


@tenant_page("api_key:update_own", reads=False)
def revoke(request: TenantRequest, pk: UUID) -> HttpResponse:
    with tenant_atomic(request.tenant):
        key = _key(request, pk)
    actions.revoke_key(pk, by=request.membership)
    messages.success(request, _("Revoked: “%(name)s” opens nothing any more.") % {"name": key.name})
    return SeeOther(_url(request))


def _key(request: TenantRequest, pk: UUID) -> ApiKey:
    """A key that the member may revoke."""
    key: ApiKey = get_object_or_404(ApiKey.objects.select_related("member__user"), id=pk)
    if not (key.member_id == request.membership.id or request.membership.may("api_key:update")):
        raise PermissionDenied
    return key


def _page(
    request: TenantRequest, form: KeyForm, new_keys: Sequence[str] = (), status: int = 200
) -> HttpResponse:
    keys = ApiKey.objects.select_related("member__user")
    sees_all = request.membership.may("api_key:update")
    context = {
        "form": form,
        "new_keys": new_keys,
        "keys": keys if sees_all else keys.filter(member=request.membership),
        "sees_all": sees_all,
        "now": timezone.now(),
        "begin": f"{settings.CONVENE_BASE_URL}/api/v1/{request.tenant.slug}/",
    }
    return render(request, "api/keys.html", context, status=status)


def _new_keys(request: TenantRequest) -> list[str]:
    """The texts of keys that were just made, for this page alone; a double click makes two."""
    sealed = request.session.pop(NEW_KEYS, ())
    try:
        return [unseal(one, bound_to=_place(request)) for one in sealed]
    except CannotUnseal:
        return []


def _place(request: TenantRequest) -> str:
    return f"{request.membership.id} session {NEW_KEYS}"


def _url(request: TenantRequest) -> str:
    return reverse("api_keys:list", args=[request.tenant.slug])
