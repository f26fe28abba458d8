"""Entries in the technicians' schedules, and the rule that nobody is in two places."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self
from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from convene.tenancy.models import (
    Membership,
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantQuerySet,
)

OVERLAP_CONSTRAINT = "technician_is_in_one_place"


class EntryKind(models.TextChoices):
    APPOINTMENT = "appointment", _("Appointment")
    BUSY = "busy", _("Busy")


class EntryStatus(models.TextChoices):
    CONFIRMED = "confirmed", _("Confirmed")
    CANCELLED = "cancelled", _("Cancelled")


class ScheduleEntryQuerySet(TenantQuerySet["ScheduleEntry"]):
    def confirmed(self) -> Self:
        return self.filter(status=EntryStatus.CONFIRMED)

    def overlapping(self, start: datetime, end: datetime) -> Self:
        """Entries that share time with [start, end)."""
        return self.filter(starts_at__lt=end, ends_at__gt=start)


class ScheduleEntry(TenantModel):
    """A technician's time from ``starts_at`` to ``ends_at`` (UTC, half-open).

    The confirmed time of an appointment lives here and only here. ``sequence`` is iCalendar's
    SEQUENCE: it rises in each transaction that changes what the calendar file says.
    """

    technician = TenantForeignKey(Membership, related_name="+", verbose_name=_("technician"))
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    title = models.CharField(max_length=255)
    kind = models.CharField(max_length=20, choices=EntryKind.choices)
    status = models.CharField(
        max_length=20, choices=EntryStatus.choices, default=EntryStatus.CONFIRMED
    )
    sequence = models.PositiveIntegerField(default=0)

    objects = TenantManager.from_queryset(ScheduleEntryQuerySet)()  # type: ignore[misc]  # a narrower manager

    class Meta:
        db_table = "schedule_entries"
        base_manager_name = "objects"
        indexes = (
            models.Index(
                fields=["tenant", "technician", "starts_at"], name="entries_of_a_technician"
            ),
            # Free times are ahead: years that are over must not be read for them.
            models.Index(fields=["tenant", "technician", "ends_at"], name="entries_to_come"),
            # Reminders are asked for each minute, of everybody at once.
            models.Index(fields=["tenant", "starts_at"], name="entries_by_start"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="entry_ends_after_it_starts"
            ),
            ExclusionConstraint(
                name=OVERLAP_CONSTRAINT,
                expressions=(
                    ("tenant", RangeOperators.EQUAL),
                    ("technician", RangeOperators.EQUAL),
                    (
                        Func(
                            "starts_at",
                            "ends_at",
                            function="tstzrange",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ),
                condition=Q(kind=EntryKind.APPOINTMENT, status=EntryStatus.CONFIRMED),
            ),
        )

    def __str__(self) -> str:
        return self.title


def lock_technicians(ids: Iterable[UUID | None]) -> list[Membership]:
    """Wait until nobody else places or moves entries of these technicians.

    Taken in the order of ids, after the appointment's own lock, so that two actions never wait for
    each other. A key share lock of foreign keys is not in the way.
    """
    return Membership.objects.lock({technician for technician in ids if technician})
