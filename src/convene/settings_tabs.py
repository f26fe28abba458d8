"""Settings of a tenant, in tabs. Every part registers its own, our parts as the plugins do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import TextChoices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from convene.tenancy.models import Membership, Tenant
from convene.tenancy.pages import TenantRequest, tenant_page


class Area(TextChoices):
    """The pages that the tabs are on."""

    AVAILABILITY = "availability", _("Availability")
    MAILS = "mails", _("Mails")
    INTEGRATIONS = "integrations", _("Integrations")


def _always(tenant: Tenant) -> bool:
    return True


@dataclass(frozen=True)
class SettingsTab:
    """One tab: where it is, who sees it and when, and who changes what is there.

    ``url_name`` takes the tenant's short name.
    ``visible`` is called inside the tenant's block.
    """

    slug: str
    label: Any
    area: Area
    url_name: str
    permission: str
    update_permission: str
    visible: Callable[[Tenant], bool] = _always


_tabs: list[SettingsTab] = []


def register(tab: SettingsTab) -> None:
    """Add a tab after those of its area. Two of the same slug are a mistake: ValueError."""
    if any(tab.slug == other.slug for other in _tabs):
        raise ValueError(f"a settings tab called {tab.slug!r} is registered already")
    _tabs.append(tab)


def tabs_of(membership: Membership) -> list[SettingsTab]:
    """The tabs that a member sees, by area; inside the tenant's block."""
    seen = [t for t in _tabs if membership.may(t.permission) and t.visible(membership.tenant)]
    return sorted(seen, key=lambda tab: list(Area).index(tab.area))


def has_settings(membership: Membership) -> bool:
    """Whether the member is shown the way to the settings at all; asks no database."""
    return any(membership.may(tab.permission) for tab in _tabs)


def render_tab(
    request: TenantRequest, slug: str, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A tab's page: its template extends ``settings/base.html``.

    A page inside the tab has a ``heading`` of its own in its context.
    """
    here = next(tab for tab in _tabs if tab.slug == slug)
    slug_of_tenant = request.tenant.slug
    tabs = [
        {
            "label": tab.label,
            "area": tab.area.label,
            "url": reverse(tab.url_name, args=[slug_of_tenant]),
            "chosen": tab.slug == slug,
        }
        for tab in tabs_of(request.membership)
    ]
    shared = {
        "tabs": tabs,
        "in_settings": True,
        "heading": here.label,
        "may_edit": request.membership.may(here.update_permission),
    }
    return render(request, template, shared | context, status=status)


@tenant_page("user_schedule:read")
def first_tab(request: TenantRequest) -> HttpResponse:
    """Where the way to the settings leads: the first tab that the member sees."""
    tabs = tabs_of(request.membership)
    if not tabs:
        raise PermissionDenied
    return redirect(tabs[0].url_name, request.tenant.slug)


def settings_link(request: HttpRequest) -> dict[str, Any]:
    """For templates: whether to show the way to the settings."""
    membership: Membership | None = getattr(request, "membership", None)
    return {"has_settings": membership is not None and has_settings(membership)}
