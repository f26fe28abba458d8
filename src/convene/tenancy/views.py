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

from .pages import TenantRequest, home_of, tenant_page


class ZoneForm(StyledForm, forms.Form):
    """In which zone the member reads times; empty as the MSP."""

    timezone = ZoneField(
        label=gettext_lazy("Time zone"),
        empty=gettext_lazy("As the MSP"),
        help_text=gettext_lazy(
            "All times that you see, and those in your mails, are in this zone."
        ),
    )


@tenant_page("")
def me(request: TenantRequest) -> HttpResponse:
    return _page(request, ZoneForm(initial={"timezone": request.membership.timezone}))


@tenant_page("", reads=False)
def save_me(request: TenantRequest) -> HttpResponse:
    form = ZoneForm(request.POST)
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
