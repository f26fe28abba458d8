"""Appointment requests, and the bookkeeping of their meetings."""

import secrets
from datetime import datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from convene.catalog.models import Service
from convene.clients.models import Client, Contact
from convene.schedule.models import ScheduleEntry
from convene.tenancy.models import (
    Membership,
    TenantForeignKey,
    TenantManager,
    TenantModel,
    TenantQuerySet,
)
from convene.text import one_line
from convene.wallclock import validate_zone, when_label

# Without I, O, 0, 1: people read references out on the phone.
REFERENCE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


LONGEST_SEARCH, MOST_WORDS = 100, 8
SEARCHED_FIELDS = (
    "reference",
    "requester_name",
    "requester_email",
    "service__name",
    "requester_company",
    "client__name",
)


def make_reference() -> str:
    """A short reference such as "K7F3-9Q2M", unique within a tenant by constraint."""
    letters = [secrets.choice(REFERENCE_LETTERS) for _ in range(8)]
    return f"{''.join(letters[:4])}-{''.join(letters[4:])}"


def guest_label(name: str) -> str:
    """How staff read the name of somebody who may be anybody."""
    return _("%(name)s (guest)") % {"name": name}


class Status(models.TextChoices):
    PENDING = "pending", _("Pending")
    APPROVED = "approved", _("Approved")
    DECLINED = "declined", _("Declined")
    CANCELLED = "cancelled", _("Cancelled")


class AppointmentQuerySet(TenantQuerySet["AppointmentRequest"]):
    def with_people(self) -> Self:
        """With everything that a line of a list or the facts of a page show."""
        return self.select_related(
            "tenant",
            "client",
            "contact",
            "service",
            "schedule_entry__technician__user",
            "preferred_technician__user",
        )

    def held(self) -> Self:
        """For a form that decides: whoever else acts on it at this moment is waited for."""
        rows = self.select_for_update(of=("self",))
        return rows.select_related("tenant", "service", "client")

    def waiting(self) -> Self:
        """Nobody has decided yet."""
        return self.filter(status=Status.PENDING)

    def overdue(self, now: datetime) -> Self:
        """Nobody has decided, and the time that was asked for is over."""
        return self.waiting().filter(requested_start__lt=now)

    def left_behind(self, now: datetime) -> Self:
        """Confirmed and not over, with a technician who does not work here any more."""
        return self.filter(
            status=Status.APPROVED,
            schedule_entry__ends_at__gt=now,
            schedule_entry__technician__active=False,
        )

    def in_order(self, *, newest_first: bool = False) -> Self:
        """By the confirmed time, or the requested one where nothing is confirmed."""
        when = Coalesce("schedule_entry__starts_at", "requested_start")
        return self.order_by(when.desc() if newest_first else when, "created_at")

    def search(self, words: str) -> Self:
        """Requests in which each word occurs somewhere that people would look."""
        found = self
        for word in one_line(words, LONGEST_SEARCH).split()[:MOST_WORDS]:
            anywhere = Q()
            for field in SEARCHED_FIELDS:
                anywhere |= Q(**{f"{field}__icontains": word})
            found = found.filter(anywhere)
        return found


class AppointmentRequest(TenantModel):
    """A client's wish for an appointment and what became of it.

    ``requested_*`` is the wall clock as it was asked for, in ``requester_timezone``. The confirmed
    time is on ``schedule_entry``.
    """

    reference = models.CharField(max_length=9, default=make_reference, editable=False)
    submission = models.UUIDField(editable=False)
    created_at = models.DateTimeField()

    client = TenantForeignKey(Client, null=True, blank=True, related_name="+")
    contact = TenantForeignKey(Contact, null=True, blank=True, related_name="+")
    requester_name = models.CharField(max_length=100)
    requester_email = models.EmailField()
    requester_phone = models.CharField(max_length=40, blank=True)
    requester_company = models.CharField(max_length=100, blank=True)

    service = TenantForeignKey(Service, related_name="+")
    description = models.TextField(blank=True, max_length=4000)
    requested_date = models.DateField()
    requested_time = models.TimeField()
    requested_duration = models.PositiveSmallIntegerField()
    requester_timezone = models.CharField(max_length=64, validators=[validate_zone])
    requested_start = models.DateTimeField()
    preferred_technician = TenantForeignKey(Membership, null=True, blank=True, related_name="+")

    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING)
    internal_notes = models.TextField(blank=True, max_length=4000)
    schedule_entry = TenantForeignKey(ScheduleEntry, null=True, related_name="+")
    approved_by = TenantForeignKey(Membership, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    declined_by = TenantForeignKey(Membership, null=True, related_name="+")
    declined_at = models.DateTimeField(null=True)
    decline_reason = models.CharField(max_length=500, blank=True)
    cancelled_by = TenantForeignKey(Membership, null=True, related_name="+")
    cancelled_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=500, blank=True)

    # The meeting as people see it, filled only while one exists. What the provider confirmed last
    # is in MeetingSync.
    online_meeting_provider = models.TextField(null=True)  # noqa: DJ001  # the PRD's columns
    online_meeting_url = models.TextField(null=True)  # noqa: DJ001
    online_meeting_id = models.TextField(null=True)  # noqa: DJ001

    objects = TenantManager.from_queryset(AppointmentQuerySet)()  # type: ignore[misc]  # a narrower manager

    class Meta:
        db_table = "appointment_requests"
        base_manager_name = "objects"
        indexes = (
            models.Index(fields=["tenant", "status", "requested_start"], name="requests_queue"),
            models.Index(fields=["tenant", "client"], name="requests_of_a_client"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "reference"], name="one_request_of_a_reference"
            ),
            models.UniqueConstraint(
                fields=["tenant", "submission"], name="one_request_of_a_submission"
            ),
            models.UniqueConstraint(
                fields=["tenant", "schedule_entry"], name="one_request_of_an_entry"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.APPROVED) | Q(schedule_entry__isnull=False),
                name="approved_request_has_an_entry",
            ),
            models.CheckConstraint(
                condition=Q(online_meeting_url=None) | Q(status=Status.APPROVED),
                name="only_approved_requests_have_a_join_link",
            ),
        )

    def __str__(self) -> str:
        return self.reference

    @property
    def zone(self) -> ZoneInfo:
        """The zone that the requester asked in and reads mails in."""
        return ZoneInfo(self.requester_timezone)

    @property
    def requested_end(self) -> datetime:
        return self.requested_start + timedelta(minutes=self.requested_duration)

    @property
    def starts_at(self) -> datetime:
        """The confirmed start (UTC), or the requested one where nothing is confirmed."""
        return self.schedule_entry.starts_at if self.schedule_entry else self.requested_start

    @property
    def ends_at(self) -> datetime:
        return self.schedule_entry.ends_at if self.schedule_entry else self.requested_end

    @property
    def when(self) -> str:
        """Its day and hours in the zone of whoever reads the page."""
        return when_label(self.starts_at, self.ends_at, timezone.get_current_timezone())

    @property
    def technician(self) -> Membership | None:
        """Who was assigned."""
        return self.schedule_entry.technician if self.schedule_entry else None

    @property
    def client_name(self) -> str:
        """The company, or the requester where there is none."""
        return self.client.name if self.client else self.requester_company or self.requester_name

    @property
    def client_email(self) -> str:
        """Where the client gets mail today; of a contact Clients knows it."""
        return self.contact.email if self.contact else self.requester_email

    @property
    def requester_label(self) -> str:
        """Who asked, as the staff reads it."""
        return self.requester_name if self.client else guest_label(self.requester_name)

    @property
    def sent(self) -> str:
        """How long ago it was asked, to the largest unit: nobody decides by the minutes."""
        if timezone.now() - self.created_at < timedelta(minutes=1):
            return gettext("just now")
        return gettext("%(age)s ago") % {"age": timesince(self.created_at, depth=1)}

    @property
    def length(self) -> str:
        """How long was asked for, in words."""
        return gettext("%(minutes)s minutes") % {"minutes": self.requested_duration}

    @property
    def is_pending(self) -> bool:
        return self.status == Status.PENDING

    @property
    def is_approved(self) -> bool:
        return self.status == Status.APPROVED

    @property
    def is_at_another_time(self) -> bool:
        """Whether it was confirmed at another time than was asked for."""
        return self.is_approved and self.starts_at != self.requested_start

    @property
    def is_cancelled_by_client(self) -> bool:
        """A guest has no membership: nobody of the MSP's own did it."""
        by = self.cancelled_by
        return self.status == Status.CANCELLED and (by is None or by.is_client)

    @property
    def is_open(self) -> bool:
        """Whether it can still be cancelled."""
        return self.is_pending or self.is_approved

    def is_over(self, now: datetime | None = None) -> bool:
        return self.ends_at <= (now or timezone.now())

    def join_url(self) -> str:
        """The link that people may follow now: only of an approved appointment, until it ends."""
        return "" if self.is_over() else self.online_meeting_url or ""


class Operation(models.TextChoices):
    CREATE = "create", _("create")
    UPDATE = "update", _("update")
    DELETE = "delete", _("delete")


class MeetingSyncQuerySet(TenantQuerySet["MeetingSync"]):
    def needing_attention(self, now: datetime) -> Self:
        """Due, and nobody is at work on it. A process that died leaves exactly this."""
        unleased = Q(lease_until=None) | Q(lease_until__lt=now)
        still_matters = Q(appointment__schedule_entry__ends_at__gt=now) | ~Q(
            appointment__status=Status.APPROVED
        )
        return self.filter(unleased, still_matters, due=True)


class MeetingSync(TenantModel):
    """What the provider confirmed last about the meeting of an appointment that wants one.

    Written by the actions, which make the row and set ``due``, and by sync.py alone. The known
    times are empty while nobody can say what the provider holds.
    """

    appointment = TenantForeignKey(AppointmentRequest, related_name="+")
    due = models.BooleanField()

    provider = models.CharField(max_length=20, blank=True)
    ref = models.TextField(blank=True)
    known_start = models.DateTimeField(null=True)
    known_end = models.DateTimeField(null=True)

    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    doing = models.CharField(max_length=10, choices=Operation.choices, blank=True)

    problem = models.CharField(max_length=60, blank=True)
    problem_operation = models.CharField(max_length=10, choices=Operation.choices, blank=True)
    problem_status = models.PositiveSmallIntegerField(null=True)
    problem_request_id = models.CharField(max_length=100, blank=True)
    problem_at = models.DateTimeField(null=True)
    problem_wait_until = models.DateTimeField(null=True)

    objects = TenantManager.from_queryset(MeetingSyncQuerySet)()  # type: ignore[misc]  # a narrower manager

    class Meta:
        db_table = "meeting_sync"
        base_manager_name = "objects"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "appointment"], name="one_sync_of_an_appointment"
            ),
        )
        indexes = (
            models.Index(fields=["tenant"], name="syncs_that_are_due", condition=Q(due=True)),
        )

    def __str__(self) -> str:
        return f"{self.appointment_id} {self.doing or self.problem or 'idle'}"

    def is_leased(self, now: datetime) -> bool:
        """Whether somebody is at work on the meeting."""
        return self.lease_until is not None and self.lease_until >= now

    def needs_attention(self, appointment: AppointmentRequest, now: datetime) -> bool:
        """The same question as the queryset's, of one row in hand."""
        matters = not (appointment.is_approved and appointment.is_over(now))
        return self.due and matters and not self.is_leased(now)


class ReminderLead(models.IntegerChoices):
    """How many hours before an appointment people are reminded; a day is 24 hours."""

    NEVER = 0, _("never")
    ONE_HOUR = 1, _("1 hour before")
    TWO_HOURS = 2, _("2 hours before")
    FOUR_HOURS = 4, _("4 hours before")
    ONE_DAY = 24, _("1 day before")
    TWO_DAYS = 48, _("2 days before")


class ReminderRule(TenantModel):
    """When client and technician are reminded: one row for a tenant. Without it, a day before."""

    hours_before = models.PositiveSmallIntegerField(
        choices=ReminderLead.choices, default=ReminderLead.ONE_DAY
    )

    class Meta:
        db_table = "reminder_rules"
        constraints = (models.UniqueConstraint(fields=["tenant"], name="one_rule_of_reminders"),)

    def __str__(self) -> str:
        return str(ReminderLead(self.hours_before).label)

    @classmethod
    def of_tenant(cls) -> "ReminderRule":
        """The row of the block's tenant, or a new one."""
        return cls.objects.first() or cls()

    @property
    def lead(self) -> timedelta | None:
        """How long before the start; None for never."""
        return timedelta(hours=self.hours_before) if self.hours_before else None
