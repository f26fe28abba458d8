"""A member's own settings."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from convene.forms import StyledForm, ZoneField
from convene.pages import SeeOther

from .models import Tenant
from .pages import TenantRequest, home_of, tenant_page


class ZoneForm(StyledForm, forms.Form):
    """In which zone the member reads times; empty as the MSP."""

    timezone = ZoneField(
        label=gettext_lazy("Time zone"),
        empty=gettext_lazy("As the company"),
        help_text=gettext_lazy(
            "All times that you see, and those in your mails, are in this zone."
        ),
    )

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any):
        super().__init__(*args, **kwargs)
        usual = _("%(zone)s, as %(company)s") % {"zone": tenant.timezone, "company": tenant.name}
        self.fields["timezone"].say_empty(usual)  # type: ignore[attr-defined]  # a zone field


@tenant_page("")
def me(request: TenantRequest) -> HttpResponse:
    initial = {"timezone": request.membership.timezone}
    return _page(request, ZoneForm(initial=initial, tenant=request.tenant))


@tenant_page("", reads=False)
def save_me(request: TenantRequest) -> HttpResponse:
    form = ZoneForm(request.POST, tenant=request.tenant)
    if not form.is_valid():
        return _page(request, form, status=422)
    request.membership.timezone = form.cleaned_data["timezone"]
    request.membership.save(update_fields=["timezone"])
    messages.success(request, _("Saved."))
    return SeeOther(home_of(request.membership))


def _page(request: TenantRequest, form: ZoneForm, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "title": request.user.name,
        "back": home_of(request.membership),
    }
    return render(request, "components/form_page.html", context, status=status)
