"""Busy time on the staff's calendar: entered, changed and removed."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _

from convene.availability import words
from convene.availability.hours import Span
from convene.availability.slots import Kind, Reason, Taken, Why
from convene.pages import SeeOther
from convene.schedule.models import EntryKind, ScheduleEntry
from convene.tenancy.db import tenant_atomic
from convene.tenancy.pages import TenantRequest, tenant_page

from . import actions
from .actions import Entered, Refused
from .forms import BusyForm, WhyNotForm, busy_initial
from .sheet import calendar_url

# What a link to the empty form may fill in: a time that somebody pointed at.
PREFILLED = ("technician", "first_day", "last_day", "from_time", "to_time")


@tenant_page("user_schedule:update_own")
def new_busy(request: TenantRequest) -> HttpResponse:
    me = request.membership
    usual = {"technician": me.id, "first_day": timezone.localdate()}
    given = {name: request.GET[name] for name in PREFILLED if request.GET.get(name)}
    return _render(request, BusyForm(by=me, initial=usual | given))


@tenant_page("user_schedule:update_own", reads=False)
def add_busy(request: TenantRequest) -> HttpResponse:
    with tenant_atomic(request.tenant):
        form = BusyForm(request.POST, by=request.membership)
        if not form.is_valid():
            return _render(request, form, status=422)
    return _act(
        request,
        form,
        lambda: actions.add_busy_entry(request.tenant, by=request.membership, **form.entry),
        done=_("The busy time is entered."),
    )


@tenant_page("user_schedule:update_own")
def busy(request: TenantRequest, pk: UUID) -> HttpResponse:
    entry, me = _entry(request, pk), request.membership
    return _render(request, BusyForm(by=me, initial=busy_initial(entry, me.zone)), entry)


@tenant_page("user_schedule:update_own", reads=False)
def change_busy(request: TenantRequest, pk: UUID) -> HttpResponse:
    with tenant_atomic(request.tenant):
        entry = _entry(request, pk)
        form = BusyForm(request.POST, by=request.membership)
        if not form.is_valid():
            return _render(request, form, entry, status=422)
    return _act(
        request,
        form,
        lambda: actions.change_busy_entry(request.tenant, pk, by=request.membership, **form.entry),
        done=_("The busy time is changed."),
    )


@tenant_page("user_schedule:update_own", reads=False)
def remove_busy(request: TenantRequest, pk: UUID) -> HttpResponse:
    with tenant_atomic(request.tenant):
        entry = _entry(request, pk)
    actions.delete_schedule_entry(request.tenant, entry.id, by=request.membership)
    messages.success(request, _("The busy time is removed."))
    return _to_calendar(request, entry.starts_at.astimezone(request.membership.zone).date())


def _entry(request: TenantRequest, pk: UUID) -> ScheduleEntry:
    """A busy entry that the member may change."""
    entry = get_object_or_404(ScheduleEntry, id=pk, kind=EntryKind.BUSY)
    if not actions.may_manage(request.membership, entry.technician_id):
        raise PermissionDenied
    return entry


def _render(
    request: TenantRequest, form: BusyForm, entry: ScheduleEntry | None = None, status: int = 200
) -> HttpResponse:
    why = {
        "technician": form["technician"].value(),
        "final_date": form["first_day"].value(),
        "final_time": form["from_time"].value(),
    }
    context = {
        "form": form,
        "entry": entry,
        "why": WhyNotForm(by=request.membership, initial=why),
        "calendar": request.POST.get("calendar", request.GET.get("calendar", "")),
    }
    return render(request, "appointments/busy.html", context, status=status)


def _act(
    request: TenantRequest, form: BusyForm, act: Callable[[], Entered], *, done: str
) -> HttpResponse:
    """Do it, say what it overlaps, and go to the calendar that shows it."""
    try:
        entered = act()
    except ScheduleEntry.DoesNotExist:
        raise Http404 from None
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
        if form.note:
            messages.info(request, form.note)
        for sentence in _warnings(request, entered):
            messages.warning(request, sentence)
    return _to_calendar(request, form.cleaned_data["first_day"])


def _warnings(request: TenantRequest, entered: Entered) -> list[str]:
    technician, zone = entered.entry.technician, request.membership.zone
    return [
        words.sentence(
            Reason(
                Why.CONFLICT,
                Taken(Span(other.starts_at, other.ends_at), Kind.APPOINTMENT, other.title),
            ),
            technician,
            zone,
        )
        for other in entered.overlaps
    ]


def _to_calendar(request: TenantRequest, day: date) -> HttpResponse:
    """Back to the calendar as it was left, or to the week of a day."""
    return SeeOther(calendar_url(request.tenant, request.POST.get("calendar") or f"day={day}"))
