"""Who is reminded of a confirmed appointment, and when.

A reminder is due so long before the start as the tenant says, until the appointment begins. Whoever
was told anything about it since then needs none: what was confirmed or moved at short notice is not
told twice, what moves is told anew, and nobody has to write down who was reminded.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import Exists, OuterRef, Q, TextField, Value
from django.db.models.functions import Cast, Concat

from convene.logs import log
from convene.mail.models import OutboxMail
from convene.tenancy.db import is_away, tenant_atomic
from convene.tenancy.models import Tenant

from . import letters
from .models import AppointmentQuerySet, AppointmentRequest, ReminderRule, Status


def remind_all(now: datetime) -> None:
    """Add the reminders of all tenants that are due. A defect of one keeps no other waiting."""
    for tenant in Tenant.objects.all():
        try:
            remind(tenant, now)
        except Exception as error:
            if is_away(error):
                raise  # from all of them
            log.exception("reminder.defect", tenant=str(tenant.id))


def remind(tenant: Tenant, now: datetime) -> None:
    """Add a tenant's reminders that are due, each in a transaction of its own."""
    with tenant_atomic(tenant):
        lead = ReminderRule.of_tenant().lead
        if lead is None:
            return
        found = list(to_remind(now, lead).values_list("id", flat=True))
    for appointment_id in found:
        with structlog.contextvars.bound_contextvars(
            tenant=str(tenant.id), appointment_request_id=str(appointment_id)
        ):
            try:
                _remind_of(tenant, appointment_id, now, lead)
            except Exception as error:
                if is_away(error):
                    raise
                log.exception("reminder.defect")


def to_remind(now: datetime, lead: timedelta) -> AppointmentQuerySet:
    """Confirmed appointments that begin within ``lead``, of which somebody was told nothing."""
    due_at = OuterRef("schedule_entry__starts_at") - lead
    mails = OutboxMail.objects.filter(subject_id=OuterRef("id")).tried(due_at)
    technician = Concat(
        Value(letters.TECHNICIAN),
        Cast(OuterRef("schedule_entry__technician_id"), TextField()),
    )
    client_knows = Exists(mails.filter(recipient=letters.CLIENT))
    technician_knows = Exists(mails.filter(recipient=technician))
    is_here = Q(schedule_entry__technician__active=True)
    soon: AppointmentQuerySet = AppointmentRequest.objects.filter(
        status=Status.APPROVED,
        schedule_entry__starts_at__gt=now,
        schedule_entry__starts_at__lte=now + lead,
    )
    return soon.filter(~client_knows | is_here & ~technician_knows).order_by(
        "schedule_entry__starts_at"
    )


def _remind_of(tenant: Tenant, appointment_id: UUID, now: datetime, lead: timedelta) -> None:
    """Look again under the lock of those who act on the appointment, and add what is missing."""
    with tenant_atomic(tenant):
        rows = AppointmentRequest.objects.select_for_update(of=("self",))
        appointment = rows.filter(id=appointment_id, status=Status.APPROVED).first()
        if appointment is None:
            return
        due_at = appointment.starts_at - lead
        if due_at <= now < appointment.starts_at:
            letters.tell_reminder(appointment, due_at=due_at)
