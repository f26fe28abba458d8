"""The forms of the staff's screens."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Exists, OuterRef
from django.db.models.query import QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from convene.availability import free
from convene.availability.hours import DAY, Span
from convene.catalog.models import Service, ServicePerformer
from convene.forms import DateInput, FinalTimeForm, MomentField, StyledForm, TimeInput, ZoneField
from convene.meetings.words import words_of
from convene.schedule.models import ScheduleEntry
from convene.tenancy.models import Membership, Tenant
from convene.wallclock import (
    FIRST_DAY,
    LAST_DAY,
    TimeDoesNotExist,
    day_label,
    span_label,
    to_utc,
    twice_note,
    zone_label,
)

from .agenda import clock, is_of_whole_days
from .day import Day, day_of
from .models import AppointmentRequest, ReminderLead
from .obstacles import Obstacles, against, against_another, around
from .sheet import days_span


class _Technicians(forms.models.ModelChoiceIterator):  # type: ignore[type-arg]  # not at run time
    """Those who perform the service come first; read when the choice is shown."""

    field: "TechnicianField"

    def __iter__(self) -> Iterator[Any]:
        yield "", self.field.empty_label
        named = ServicePerformer.objects.filter(
            service=self.field.service, technician_id=OuterRef("id")
        )
        people: Any = list(self.queryset.annotate(performs=Exists(named)))
        for label, performs in ((_("Perform this service"), True), (_("Others"), False)):
            if group := [self.choice(person) for person in people if person.performs is performs]:
                yield label, group


class TechnicianField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not at run time
    """Who gets the appointment."""

    iterator = _Technicians
    service: Service

    def __init__(self) -> None:
        nobody = Membership.objects.none()
        super().__init__(nobody, label=_("Assign technician"), empty_label=_("Choose…"))

    def offer(self, tenant: Tenant, service: Service) -> None:
        """Take the tenant's technicians, and say who performs the service."""
        self.service = service
        self.queryset = Membership.objects.of_tenant(tenant).technicians()


class PlacingForm(FinalTimeForm):
    """Who gets an appointment and when. What speaks against it is said, and must be overruled.

    Nobody can overrule another appointment or the clock; what binds clients alone is only said.
    """

    technician = TechnicianField()
    anyway = forms.BooleanField(required=False, label=_("Do it all the same"))

    def __init__(
        self, data: Any = None, *, appointment: AppointmentRequest, initial: dict[str, Any]
    ):
        super().__init__(data, initial=initial)
        self.appointment = appointment
        self.chosen: tuple[Membership, datetime] | None = None
        self.obstacles = Obstacles()
        for name in ("technician", "final_date", "final_time", "final_timezone", "anyway"):
            # A browser that goes back would fill them in, beside the words about the page's own.
            self.fields[name].widget.attrs["autocomplete"] = "off"
        field = self.fields["technician"]
        assert isinstance(field, TechnicianField)  # noqa: S101  # declared above
        field.offer(appointment.tenant, appointment.service)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self["final_timezone"].value())

    def choose(self, technician: Membership, starts_at: datetime, *, look: bool) -> None:
        """Take a technician and a time, and ``look`` for what speaks against them."""
        self.chosen = technician, starts_at
        if look:
            self.obstacles = against(
                self.appointment,
                technician,
                starts_at,
                now=timezone.now(),
                zone=self.zone,
                facts=self._facts,
            )

    @cached_property
    def _facts(self) -> free.Facts:
        assert self.chosen  # noqa: S101  # whoever asks has chosen
        return around(self.appointment, *self.chosen)

    @cached_property
    def day(self) -> Day | None:
        """The chosen technician's, with the appointment in it; found out when it is shown."""
        if self.chosen:
            return day_of(self.appointment, *self.chosen, self._facts, self.zone)
        return None

    @property
    def why_no_day(self) -> str:
        """What is wrong with the technician or the time, if it is not just missing."""
        names = ("technician", "final_date", "final_time", "final_timezone")
        given = (self[name] for name in names if self[name].value())
        wrong = [str(error) for field in given for error in field.errors]
        return " ".join(wrong) or str(_("Choose a technician, a date and a time."))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        technician, starts_at = cleaned.get("technician"), cleaned.get("starts_at")
        if technician and starts_at:
            self.choose(technician, starts_at, look=True)
        if self.obstacles.final:
            self.add_error(None, self.obstacles.final)
        elif self.obstacles.binding and not cleaned["anyway"]:
            self.add_error("anyway", _("Something speaks against this time. Tick this to go on."))
        return cleaned

    @property
    def decision(self) -> dict[str, Any]:
        """The valid form as the action takes it."""
        return {name: self.cleaned_data[name] for name in ("technician", "starts_at")}

    def look(self) -> None:
        """Find out what speaks against the choice while it is still being made."""
        self.is_valid()
        self.errors.pop("anyway", None)


class ApprovalForm(PlacingForm):
    """Confirm a request: who, with a meeting or not, notes, and when. In the PRD's order."""

    generate_teams_meeting = forms.BooleanField(required=False)
    internal_notes = forms.CharField(
        label=_("Internal notes"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Only your colleagues read them."),
    )

    def __init__(self, data: Any = None, *, appointment: AppointmentRequest, approver: Membership):
        technician = None if data is not None else _wished_technician(appointment)
        initial = self.initial_for(appointment.requested_start, approver.zone) | {
            "technician": technician and str(technician.id),
            "generate_teams_meeting": True,
        }
        super().__init__(data, appointment=appointment, initial=initial)
        self.fields["generate_teams_meeting"].label = words_of("").generate
        if technician:
            self.choose(technician, appointment.requested_start, look=True)

    @property
    def decision(self) -> dict[str, Any]:
        """The valid form as the action takes it."""
        return super().decision | {
            "with_meeting": self.cleaned_data["generate_teams_meeting"],
            "internal_notes": self.cleaned_data["internal_notes"],
        }


def _wished_technician(appointment: AppointmentRequest) -> Membership | None:
    """Whom a fresh form of approval starts with."""
    wished: Membership | None = appointment.preferred_technician
    return wished or appointment.service.performers().first()


class RescheduleForm(PlacingForm):
    """Move an appointment: when, and to whom."""

    def __init__(self, data: Any = None, *, appointment: AppointmentRequest, mover: Membership):
        technician = appointment.technician
        initial = self.initial_for(appointment.starts_at, mover.zone) | {
            "technician": technician and str(technician.id)
        }
        super().__init__(data, appointment=appointment, initial=initial)
        if technician and data is None:
            self.choose(technician, appointment.starts_at, look=False)


class DeclineForm(StyledForm, forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, help_text=_("The client reads it in the mail.")
    )


class CancelForm(StyledForm, forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        required=False,
        help_text=_("Client and technician read it in the mail."),
    )


class GuestForm(StyledForm, forms.Form):
    """How a guest is called and reached, as the dispatcher knows it by now."""

    name = forms.CharField(label=_("Name"), max_length=100)
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_(
            "A new address is told how things stand, with a private link of its own. The link that"
            " the other one has opens nothing any more."
        ),
    )
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)

    @staticmethod
    def initial_for(appointment: AppointmentRequest) -> dict[str, str]:
        """What is known so far."""
        names = GuestForm.base_fields
        return {name: getattr(appointment, f"requester_{name}") for name in names}


class WhyNotForm(FinalTimeForm):
    """Whom a client would want for what, and when. Valid, it has what is against it."""

    technician = forms.ModelChoiceField(
        queryset=Membership.objects.none(), label=_("Technician"), empty_label=None
    )
    service: "forms.ModelChoiceField[Service]" = forms.ModelChoiceField(
        queryset=QuerySet(Service).none(), label=_("Service"), empty_label=None
    )
    field_order = ("technician", "service", "final_date", "final_time", "final_timezone")

    def __init__(self, data: Any = None, *, by: Membership, initial: dict[str, Any] | None = None):
        usual = {"technician": by.id, "final_timezone": by.zone.key}
        super().__init__(data, initial=usual | (initial or {}), auto_id="why_%s")
        self.fields["final_timezone"].widget = forms.HiddenInput()
        people = Membership.objects.of_tenant(by.tenant).technicians()
        self.fields["technician"].queryset = people  # type: ignore[attr-defined]  # a model choice
        services = Service.objects.filter(active=True).select_related("tenant")
        self.fields["service"].queryset = services  # type: ignore[attr-defined]  # as above
        self.by = by

    @cached_property
    def obstacles(self) -> Obstacles:
        asked = self.cleaned_data
        return against_another(
            asked["service"],
            asked["technician"],
            asked["starts_at"],
            now=timezone.now(),
            zone=self.by.zone,
        )

    @property
    def asked(self) -> str:
        """The time that was looked at, as people read it."""
        zone, start = self.by.zone, self.cleaned_data["starts_at"]
        end = start + timedelta(minutes=self.cleaned_data["service"].duration)
        when = f"{day_label(start, zone)}, {span_label(start, end, zone)}"
        return f"{self.cleaned_data['technician']}, {when} {zone_label(start, zone)}"


class BusyForm(StyledForm, forms.Form):
    """When a technician has no time: hours of a day, whole days, or from one time to another.

    By the clock of ``timezone``, the one of whoever fills it in. Valid, it has the entry's values
    in ``entry`` and what to say of the times in ``note``.
    """

    technician = forms.ModelChoiceField(
        queryset=Membership.objects.none(), label=_("Who"), empty_label=None
    )
    title = forms.CharField(
        label=_("What for"),
        max_length=100,
        help_text=_("Your colleagues read it; clients do not."),
    )
    first_day = forms.DateField(label=_("Day"), widget=DateInput)
    from_time = forms.TimeField(label=_("From"), widget=TimeInput, required=False)
    to_time = forms.TimeField(
        label=_("To"),
        widget=TimeInput,
        required=False,
        help_text=_("Leave both times empty for whole days."),
    )
    last_day = forms.DateField(
        label=_("Until the day"),
        widget=DateInput,
        required=False,
        help_text=_("Only if it goes on for several days."),
    )
    timezone = ZoneField(label=_("Time zone"))
    from_moment, to_moment = MomentField(), MomentField()
    note = ""

    def __init__(self, data: Any = None, *, by: Membership, initial: dict[str, Any] | None = None):
        super().__init__(data, initial={"timezone": by.zone.key, **(initial or {})})
        self.fields["timezone"].widget = forms.HiddenInput()
        people = Membership.objects.of_tenant(by.tenant).technicians()
        if not by.may("user_schedule:update"):
            people = people.filter(id=by.id)
        self.fields["technician"].queryset = people  # type: ignore[attr-defined]  # a model choice
        for name in ("first_day", "last_day"):
            self.fields[name].validators += [
                MinValueValidator(FIRST_DAY),
                MaxValueValidator(LAST_DAY),
            ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        first, last = cleaned["first_day"], cleaned["last_day"] or cleaned["first_day"]
        clocks = [cleaned["from_time"], cleaned["to_time"]]
        if last < first:
            self.add_error("last_day", _("The last day is before the first."))
        elif clocks == [None, None]:
            self._take(days_span(first, last, ZoneInfo(cleaned["timezone"])))
        elif None in clocks:
            self.add_error("to_time", _("Give both times, or neither for whole days."))
        else:
            self._take_hours((first, last), clocks, ZoneInfo(cleaned["timezone"]))
        return cleaned

    def _take_hours(self, days: tuple[date, date], clocks: list[time], zone: ZoneInfo) -> None:
        moments = []
        for name, day, at in zip(("from", "to"), days, clocks, strict=True):
            try:
                instant = to_utc(day, at, zone, meant=self.cleaned_data[f"{name}_moment"])
            except TimeDoesNotExist as error:
                self.add_error(f"{name}_time", str(error))
                return
            moments.append(instant.at)
            self.note = self.note or twice_note(instant, zone)
        if moments[0] < moments[1]:
            self._take(Span(*moments))
        else:
            self.add_error("to_time", _("The end is not after the start."))

    def _take(self, span: Span) -> None:
        cleaned = self.cleaned_data
        self.entry = {
            "technician": cleaned["technician"],
            "title": cleaned["title"],
            "starts_at": span.start,
            "ends_at": span.end,
        }


def busy_initial(entry: ScheduleEntry, zone: ZoneInfo) -> dict[str, Any]:
    """What the form starts with for an entry, read in a zone."""
    first, last = clock(entry.starts_at, zone), clock(entry.ends_at, zone)
    values: dict[str, Any] = {"technician": entry.technician_id, "title": entry.title}
    values["first_day"] = first.date()
    if is_of_whole_days(Span(entry.starts_at, entry.ends_at), zone):
        last -= DAY
    else:
        values |= {"from_time": first.time(), "to_time": last.time()}
        values |= {"from_moment": entry.starts_at, "to_moment": entry.ends_at}
    if last.date() != first.date():
        values["last_day"] = last.date()
    return values


class ReminderForm(StyledForm, forms.Form):
    """When client and technician are reminded."""

    hours_before = forms.TypedChoiceField(
        label=_("Remind client and technician"), choices=ReminderLead.choices, coerce=int
    )
