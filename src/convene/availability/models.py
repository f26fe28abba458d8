"""When people work, exceptions from it, and the rules of booking."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from convene.catalog.models import Service
from convene.tenancy.models import (
    Membership,
    TenantForeignKey,
    TenantModel,
)
from convene.wallclock import validate_zone

from .hours import MINUTE
from .slots import Rules


class Weekday(models.IntegerChoices):
    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class WorkingHours(TenantModel):
    """Hours that a technician works on one day of the week, each week.

    By the clock of ``timezone``, or of the technician's own zone. An end at or before the start is
    on the next day.
    """

    technician = TenantForeignKey(Membership, related_name="+")
    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices)
    starts_at = models.TimeField()
    ends_at = models.TimeField()
    timezone = models.CharField(max_length=64, blank=True, validators=[validate_zone])
    effective_from = models.DateField(null=True, blank=True)
    effective_until = models.DateField(null=True, blank=True)

    class Meta:
        db_table = "working_hours"
        ordering = ("weekday", "starts_at")
        indexes = (models.Index(fields=["tenant", "technician"], name="hours_of_a_technician"),)
        constraints = (
            models.CheckConstraint(condition=Q(weekday__lte=6), name="hours_are_on_a_weekday"),
            models.CheckConstraint(
                condition=Q(effective_until__gte=F("effective_from"))
                | Q(effective_from=None)
                | Q(effective_until=None),
                name="hours_end_after_they_begin",
            ),
        )

    def __str__(self) -> str:
        return f"{Weekday(self.weekday).label} {self.starts_at:%H:%M}–{self.ends_at:%H:%M}"


class ExceptionKind(models.TextChoices):
    OFF = "off", _("Off")
    EXTRA = "extra", _("Extra hours")


class AvailabilityException(TenantModel):
    """Days, or hours of days, on which somebody or everybody is off or works more.

    By the clock of each technician's own zone.
    """

    technician = TenantForeignKey(Membership, null=True, blank=True, related_name="+")
    kind = models.CharField(_("kind"), max_length=10, choices=ExceptionKind.choices)
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    starts_at = models.TimeField(_("from"), null=True, blank=True)
    ends_at = models.TimeField(_("to"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=100, blank=True)

    class Meta:
        db_table = "availability_exceptions"
        ordering = ("first_day", "starts_at")
        indexes = (models.Index(fields=["tenant", "last_day"], name="exceptions_to_come"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")),
                name="exception_ends_after_it_begins",
                violation_error_message=_("The last day is before the first."),
            ),
            models.CheckConstraint(
                condition=Q(starts_at=None, ends_at=None)
                | Q(starts_at__isnull=False, ends_at__isnull=False),
                name="exception_has_both_hours_or_none",
                violation_error_message=_("Give both times, or neither for whole days."),
            ),
        )

    def __str__(self) -> str:
        return self.reason or str(ExceptionKind(self.kind).label)


WIDEST_BUFFER = 240 * MINUTE
STEPS = [(minutes, str(minutes)) for minutes in (5, 10, 15, 20, 30, 60)]


class BookingRules(TenantModel):
    """What clients can book: one row for the tenant, and one for each service that differs.

    Empty means: as General says, and there: as Convene does by itself. A limit of 0 is none.
    """

    service = TenantForeignKey(
        Service, null=True, blank=True, db_on_delete="cascade", related_name="+"
    )
    notice_hours = models.PositiveSmallIntegerField(null=True, validators=[MaxValueValidator(720)])
    horizon_days = models.PositiveSmallIntegerField(null=True, validators=[MaxValueValidator(365)])
    step_minutes = models.PositiveSmallIntegerField(null=True, choices=STEPS)
    buffer_before = models.PositiveSmallIntegerField(
        null=True, validators=[MaxValueValidator(WIDEST_BUFFER // MINUTE)]
    )
    buffer_after = models.PositiveSmallIntegerField(
        null=True, validators=[MaxValueValidator(WIDEST_BUFFER // MINUTE)]
    )
    daily_limit = models.PositiveSmallIntegerField(null=True, validators=[MaxValueValidator(50)])
    allow_preferred = models.BooleanField(null=True)
    auto_approve = models.BooleanField(null=True)

    class Meta:
        db_table = "booking_rules"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(service=None), name="one_general_row_of_rules"
            ),
            models.UniqueConstraint(
                fields=["tenant", "service"], name="one_row_of_rules_of_a_service"
            ),
            models.CheckConstraint(
                condition=Q(step_minutes=None) | Q(step_minutes__in=(5, 10, 15, 20, 30, 60)),
                name="a_step_divides_the_hour",
            ),
        )

    def __str__(self) -> str:
        return f"rules of {self.service_id or 'the tenant'}"


RULE_DEFAULTS: dict[str, int | bool] = {
    "notice_hours": 4,
    "horizon_days": 60,
    "step_minutes": 30,
    "buffer_before": 0,
    "buffer_after": 0,
    "daily_limit": 0,
    "allow_preferred": True,
    "auto_approve": False,
}


class Origin(models.TextChoices):
    """Where a value that counts was set."""

    SERVICE = "service", _("this service")
    GENERAL = "general", _("General")
    DEFAULT = "default", _("Convene's default")


@dataclass(frozen=True)
class Effective:
    """The rules that count for a service, and where each of them was set."""

    values: dict[str, Any]
    origins: dict[str, Origin]

    @property
    def allow_preferred(self) -> bool:
        return bool(self.values["allow_preferred"])

    @property
    def auto_approve(self) -> bool:
        return bool(self.values["auto_approve"])

    def rules(self, duration: timedelta) -> Rules:
        """As slots are computed from them, for an appointment of this length."""
        values = self.values
        return Rules(
            duration=duration,
            notice=timedelta(hours=values["notice_hours"]),
            horizon=timedelta(days=values["horizon_days"]),
            step=timedelta(minutes=values["step_minutes"]),
            before=timedelta(minutes=values["buffer_before"]),
            after=timedelta(minutes=values["buffer_after"]),
            daily_limit=values["daily_limit"],
        )


def effective(general: BookingRules | None, override: BookingRules | None = None) -> Effective:
    """Each rule from the service if it has one, else from General, else Convene's default."""
    values: dict[str, Any] = dict(RULE_DEFAULTS)
    origins = dict.fromkeys(RULE_DEFAULTS, Origin.DEFAULT)
    for row, origin in ((general, Origin.GENERAL), (override, Origin.SERVICE)):
        for name in RULE_DEFAULTS if row else ():
            if (value := getattr(row, name)) is not None:
                values[name], origins[name] = value, origin
    return Effective(values, origins)
