"""The staff's screens of the services that clients can ask for."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from convene.pages import SeeOther
from convene.tenancy.db import tenant_atomic
from convene.tenancy.forms import saved
from convene.tenancy.models import Membership
from convene.tenancy.pages import TenantRequest, tenant_page

from .forms import ServiceForm
from .models import Service, ServicePerformer


@tenant_page("service:read")
def service_list(request: TenantRequest) -> HttpResponse:
    people = {
        person.id: person for person in Membership.objects.of_tenant(request.tenant).technicians()
    }
    performers: dict[UUID, list[Membership]] = {}
    for row in ServicePerformer.objects.all():
        if row.technician_id in people:
            performers.setdefault(row.service_id, []).append(people[row.technician_id])
    services = [(service, performers.get(service.id, [])) for service in Service.objects.all()]
    may_edit = request.membership.may("service:update")
    is_public = any(service.active and service.public for service, _people in services)
    path = reverse("book:new", args=[request.tenant.slug])
    context = {
        "services": services,
        "may_edit_services": may_edit,
        "booking_url": f"{settings.CONVENE_BASE_URL}{path}" if is_public else "",
    }
    return render(request, "catalog/list.html", context)


@tenant_page("service:update")
def edit(request: TenantRequest, pk: UUID | None = None) -> HttpResponse:
    return _page(request, ServiceForm(tenant=request.tenant, instance=_service(pk)))


@tenant_page("service:update", reads=False)
def save(request: TenantRequest, pk: UUID | None = None) -> HttpResponse:
    with tenant_atomic(request.tenant):
        form = ServiceForm(request.POST, tenant=request.tenant, instance=_service(pk))
        if not (form.is_valid() and saved(form)):
            return _page(request, form, status=422)
    messages.success(request, _("Saved."))
    return SeeOther(reverse("catalog:list", args=[request.tenant.slug]))


def _service(pk: UUID | None) -> Service | None:
    return get_object_or_404(Service, id=pk) if pk else None


def _page(request: TenantRequest, form: ServiceForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "title": _("New service") if form.instance._state.adding else form.instance.name,
        "back": reverse("catalog:list", args=[request.tenant.slug]),
    }
    return render(request, "components/form_page.html", context, status=status)
