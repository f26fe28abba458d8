"""Where the staff start: what waits, what is on today, and what needs attention."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Min
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from convene.availability.hours import local_day
from convene.meetings.words import words_of
from convene.tenancy.models import Membership
from convene.tenancy.pages import TenantRequest, tenant_page

from . import agenda, attention
from .agenda import Item
from .models import AppointmentRequest


@tenant_page("user_schedule:read")
def today(request: TenantRequest) -> HttpResponse:
    me, now, day = request.membership, timezone.now(), timezone.localdate()
    items = sorted(agenda.appointments(local_day(day, me.zone)), key=lambda item: item.span)
    waiting = AppointmentRequest.objects.waiting()
    found = waiting.aggregate(count=Count("id"), oldest=Min("created_at"))
    context = {
        "day": day,
        "waiting": found,
        "age": timesince(found["oldest"], depth=1) if found["count"] else "",
        "first": waiting.in_order().first(),
        "groups": _groups([_row(item, me, now) for item in items], me),
        "attention": attention.read(now),
    }
    return render(request, "appointments/today.html", context)


def _row(item: Item, me: Membership, now: datetime) -> dict[str, Any]:
    appointment = item.appointment
    assert appointment is not None  # noqa: S101  # an appointment's item has it
    return {
        "appointment": appointment,
        "hours": agenda.hours_on(timezone.localdate(), item.span, me.zone),
        "technician": item.technician,
        "join_url": appointment.join_url(),
        "join": words_of(appointment.online_meeting_provider or "").join,
        "is_over": item.span.end <= now,
        "is_on": item.span.start <= now < item.span.end,
    }


def _groups(rows: list[dict[str, Any]], me: Membership) -> list[tuple[str, list[dict[str, Any]]]]:
    """Of the whole team; whoever only has a schedule of their own reads that one first."""
    if me.may("user_schedule:update"):
        return [("", rows)] if rows else []
    mine = [row for row in rows if row["technician"] == me]
    others = [row for row in rows if row["technician"] != me]
    return [group for group in ((_("Yours"), mine), (_("Your colleagues"), others)) if group[1]]


@tenant_page("user_schedule:read")
def attention_page(request: TenantRequest) -> HttpResponse:
    """What needs attention, alone."""
    found = attention.read(timezone.now())
    return render(request, "appointments/attention.html", {"attention": found})
