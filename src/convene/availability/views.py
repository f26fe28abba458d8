"""Settings > Availability: general rules, working hours, services that differ, exceptions."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from convene.catalog.models import Service, ServicePerformer
from convene.pages import SeeOther
from convene.settings_tabs import render_tab
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership
from convene.tenancy.pages import TenantRequest, tenant_page

from .forms import (
    ExceptionForm,
    GeneralForm,
    HoursForm,
    ServiceRulesForm,
    rules_in_words,
    services_with_rules,
)
from .hours import DAY
from .models import AvailabilityException, BookingRules, WorkingHours
from .preview import SERVICES, Preview, preview, tried

TRY = "try"  # the button that shows what would follow


class SavedForm(Protocol):
    def is_valid(self) -> bool: ...
    def save(self) -> object: ...


# A page: the tab, its template, and what follows from the settings it shows.
Render = Callable[[SavedForm, Preview, int], HttpResponse]


def _act(
    request: TenantRequest,
    make_form: Callable[[], SavedForm],
    look: Callable[[], Preview],
    render: Render,
    to: str,
) -> HttpResponse:
    """Save a valid form and go to the page that shows it; or only try it, and show what follows."""
    with tenant_atomic(request.tenant):
        form = make_form()
        if not form.is_valid():
            return render(form, look(), 422)
        if TRY not in request.POST:
            form.save()
    if TRY in request.POST:
        found = tried(request.tenant, form.save, look)
        with tenant_atomic(request.tenant):
            return render(form, found, 200)
    messages.success(request, _("Saved."))
    return SeeOther(to)


def _url(request: TenantRequest, name: str, *args: Any) -> str:
    return reverse(f"availability:{name}", args=[request.tenant.slug, *args])


def _offered() -> list[Service]:
    return list(Service.objects.filter(active=True)[:SERVICES])


# General


@tenant_page("availability:read")
def general(request: TenantRequest) -> HttpResponse:
    form = GeneralForm(instance=_rules(None))
    return _general_page(request)(form, preview(request.tenant, _offered()), 200)


@tenant_page("availability:update", reads=False)
def save_general(request: TenantRequest) -> HttpResponse:
    return _act(
        request,
        lambda: GeneralForm(request.POST, instance=_rules(None)),
        lambda: preview(request.tenant, _offered()),
        _general_page(request),
        _url(request, "general"),
    )


def _rules(service: Service | None) -> BookingRules:
    """The row of the tenant or of a service, or a new one."""
    row = BookingRules.objects.filter(service=service).first()
    return row or BookingRules(service=service)


def _general_page(request: TenantRequest) -> Render:
    def render(form: SavedForm, found: Preview, status: int) -> HttpResponse:
        context = {"form": form, "preview": found, "rules": rules_in_words(_rules(None))}
        return render_tab(request, "general", "availability/general.html", context, status=status)

    return render


# Working hours


@tenant_page("availability:read")
def hours(request: TenantRequest) -> HttpResponse:
    """Everybody's week at a glance; who has no hours is named."""
    weeks: dict[UUID, list[WorkingHours]] = {}
    for row in WorkingHours.objects.all():
        weeks.setdefault(row.technician_id, []).append(row)
    people = Membership.objects.of_tenant(request.tenant).technicians()
    context = {
        "people": [(person, weeks.get(person.id, [])) for person in people],
        "has_hours": bool(weeks),
    }
    return render_tab(request, "hours", "availability/hours.html", context)


@tenant_page("availability:update")
def edit_hours(request: TenantRequest, pk: UUID) -> HttpResponse:
    technician = _technician(request, pk)
    form = HoursForm(technician=technician)
    return _hours_page(request, technician)(form, _preview_of(request, technician), 200)


@tenant_page("availability:update", reads=False)
def save_hours(request: TenantRequest, pk: UUID) -> HttpResponse:
    technician = _technician(request, pk)
    return _act(
        request,
        lambda: HoursForm(request.POST, technician=technician),
        lambda: _preview_of(request, technician),
        _hours_page(request, technician),
        _url(request, "edit_hours", pk),
    )


def _technician(request: TenantRequest, pk: UUID) -> Membership:
    people = Membership.objects.of_tenant(request.tenant).technicians().select_related("tenant")
    return get_object_or_404(people, id=pk)


def _preview_of(request: TenantRequest, technician: Membership) -> Preview:
    mine = ServicePerformer.objects.filter(technician=technician).values("service_id")
    services = Service.objects.filter(active=True, id__in=mine)[:SERVICES]
    return preview(request.tenant, services, technician)


def _hours_page(request: TenantRequest, technician: Membership) -> Render:
    def render(form: SavedForm, found: Preview, status: int) -> HttpResponse:
        heading = _("Working hours of %(person)s") % {"person": technician}
        context = {"form": form, "preview": found, "heading": heading}
        return render_tab(request, "hours", "availability/edit_hours.html", context, status=status)

    return render


# Services


@tenant_page("availability:read")
def services(request: TenantRequest) -> HttpResponse:
    performed = set(ServicePerformer.objects.values_list("service_id", flat=True))
    context = {
        "services": [
            (service, rules, service.id in performed) for service, rules in services_with_rules()
        ],
        "heading": _("Booking rules by service"),
    }
    return render_tab(request, "services", "availability/services.html", context)


@tenant_page("availability:update")
def edit_service(request: TenantRequest, pk: UUID) -> HttpResponse:
    service = get_object_or_404(Service, id=pk)
    form = ServiceRulesForm(general=_rules(None), instance=_rules(service))
    return _service_page(request, service)(form, preview(request.tenant, [service]), 200)


@tenant_page("availability:update", reads=False)
def save_service(request: TenantRequest, pk: UUID) -> HttpResponse:
    with tenant_atomic(request.tenant):
        service = get_object_or_404(Service, id=pk)
    return _act(
        request,
        lambda: ServiceRulesForm(request.POST, general=_rules(None), instance=_rules(service)),
        lambda: preview(request.tenant, [service]),
        _service_page(request, service),
        _url(request, "edit_service", pk),
    )


def _service_page(request: TenantRequest, service: Service) -> Render:
    def render(form: SavedForm, found: Preview, status: int) -> HttpResponse:
        context = {"form": form, "preview": found, "heading": service.name}
        return render_tab(
            request, "services", "availability/edit_service.html", context, status=status
        )

    return render


# Exceptions


@tenant_page("availability:read")
def exceptions(request: TenantRequest) -> HttpResponse:
    form = ExceptionForm(tenant=request.tenant)
    return _exceptions_page(request)(form, preview(request.tenant, _offered()), 200)


@tenant_page("availability:update", reads=False)
def add_exception(request: TenantRequest) -> HttpResponse:
    return _act(
        request,
        lambda: ExceptionForm(request.POST, tenant=request.tenant),
        lambda: preview(request.tenant, _offered()),
        _exceptions_page(request),
        _url(request, "exceptions"),
    )


@tenant_page("availability:update", reads=False)
def delete_exception(request: TenantRequest, pk: UUID) -> HttpResponse:
    with tenant_atomic(request.tenant):
        get_object_or_404(AvailabilityException, id=pk).delete()
    messages.success(request, _("Removed."))
    return SeeOther(_url(request, "exceptions"))


def _exceptions_page(request: TenantRequest) -> Render:
    def render(form: SavedForm, found: Preview, status: int) -> HttpResponse:
        context = {"form": form, "preview": found, "rows": _to_come()}
        return render_tab(
            request, "exceptions", "availability/exceptions.html", context, status=status
        )

    return render


def _to_come() -> Iterable[AvailabilityException]:
    """What is over is not shown; somewhere it may still be yesterday."""
    yesterday = timezone.now().date() - DAY
    rows = AvailabilityException.objects.select_related("technician__user")
    return rows.filter(last_day__gte=yesterday)
