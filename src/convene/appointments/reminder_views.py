"""Settings > Mails > Reminders: how long before an appointment people are reminded."""

from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import gettext as _

from convene.pages import SeeOther
from convene.settings_tabs import render_tab
from convene.tenancy.db import tenant_atomic
from convene.tenancy.pages import TenantRequest, tenant_page

from . import actions
from .forms import ReminderForm
from .models import ReminderRule
from .tabs import REMINDERS


@tenant_page(REMINDERS.permission)
def reminders(request: TenantRequest) -> HttpResponse:
    rule = ReminderRule.of_tenant()
    return _page(request, ReminderForm(initial={"hours_before": rule.hours_before}))


@tenant_page(REMINDERS.update_permission, reads=False)
def save_reminders(request: TenantRequest) -> HttpResponse:
    form = ReminderForm(request.POST)
    if not form.is_valid():
        with tenant_atomic(request.tenant):
            return _page(request, form, status=422)
    actions.set_reminders(request.tenant, by=request.membership, **form.cleaned_data)
    messages.success(request, _("Saved."))
    return SeeOther(request.path)


def _page(request: TenantRequest, form: ReminderForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "rule": ReminderRule.of_tenant()}
    return render_tab(
        request, REMINDERS.slug, "appointments/reminders.html", context, status=status
    )
