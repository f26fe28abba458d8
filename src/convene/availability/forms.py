"""The forms of Settings > Availability."""

from datetime import time
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.translation import gettext_lazy as _

from convene.catalog.models import Service
from convene.forms import DateInput, StyledForm, TimeInput, ZoneField
from convene.schedule.models import lock_technicians
from convene.tenancy.models import Membership, Tenant

from .models import (
    RULE_DEFAULTS,
    STEPS,
    AvailabilityException,
    BookingRules,
    ExceptionKind,
    Weekday,
    WorkingHours,
    effective,
)
from .words import effective_label, rule_label

LABELS = {
    "notice_hours": _("Clients book at least this many hours ahead"),
    "horizon_days": _("Clients book at most this many days ahead"),
    "step_minutes": _("Minutes from one offered time to the next"),
    "buffer_before": _("Minutes kept free before an appointment"),
    "buffer_after": _("Minutes kept free after an appointment"),
    "daily_limit": _("A technician has at most this many appointments a day"),
    "allow_preferred": _("Clients may choose with whom they book"),
    "auto_approve": _("Requests are approved at once"),
}
HELP = {
    "daily_limit": _("0 is no limit. All appointments of the day count."),
    "auto_approve": _(
        "With an online meeting, where one can be made. Requests of guests always wait for you."
    ),
}


class RulesForm(StyledForm, forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """The numbers of a row of rules."""

    class Meta:
        model = BookingRules
        fields = tuple(RULE_DEFAULTS)
        labels = LABELS
        help_texts = HELP


class GeneralForm(RulesForm):
    """The tenant's rules: nothing is left open."""

    allow_preferred = forms.BooleanField(required=False, label=LABELS["allow_preferred"])
    auto_approve = forms.BooleanField(
        required=False,
        label=LABELS["auto_approve"],
        help_text=HELP["auto_approve"],
    )

    def __init__(self, data: Any = None, *, instance: BookingRules | None):
        super().__init__(data, instance=instance, initial=effective(instance).values)
        self.fields["step_minutes"].choices = STEPS  # type: ignore[attr-defined]  # a choice


def _as_general(value: str) -> bool | None:
    return {"yes": True, "no": False}.get(value)


class ServiceRulesForm(RulesForm):
    """Where a service differs from General; what is left empty is as there."""

    def __init__(self, data: Any = None, *, general: BookingRules | None, instance: BookingRules):
        super().__init__(data, instance=instance)
        inherited = effective(general)
        for name in ("allow_preferred", "auto_approve"):
            self.fields[name] = forms.TypedChoiceField(
                choices=[("", _("As General")), ("yes", _("Yes")), ("no", _("No"))],
                coerce=_as_general,
                empty_value=None,
                label=LABELS[name],
                widget=forms.Select(attrs={"class": "form-select"}),
            )
            if (own := getattr(instance, name)) is not None:
                self.initial[name] = "yes" if own else "no"
        steps = self.fields["step_minutes"]
        steps.choices = [("", _("As General")), *STEPS]  # type: ignore[attr-defined]  # a choice
        for name, field in self.fields.items():
            field.required = False
            field.help_text = _("Otherwise %(value)s.") % {
                "value": effective_label(name, inherited)
            }

    def save(self, commit: bool = True) -> BookingRules:
        """A service that differs in nothing has no row."""
        rules: BookingRules = self.instance
        if any(value is not None for value in self.cleaned_data.values()):
            super().save(commit)
        elif not rules._state.adding:
            rules.delete()
        return rules


class WindowForm(StyledForm, forms.Form):
    """One line of working hours; an empty line is no line."""

    weekday = forms.TypedChoiceField(choices=Weekday.choices, coerce=int, widget=forms.HiddenInput)
    starts_at = forms.TimeField(label=_("From"), widget=TimeInput, required=False)
    ends_at = forms.TimeField(label=_("To"), widget=TimeInput, required=False)
    effective_from = forms.DateField(label=_("Only since"), widget=DateInput, required=False)
    effective_until = forms.DateField(label=_("Only until"), widget=DateInput, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        start, end = cleaned.get("starts_at"), cleaned.get("ends_at")
        first, last = cleaned.get("effective_from"), cleaned.get("effective_until")
        if (start is None) != (end is None) and not self.errors:
            missing = "starts_at" if start is None else "ends_at"
            self.add_error(missing, _("Give both times, or neither."))
        elif start is not None and start == end != time():
            self.add_error("ends_at", _("These hours end when they begin."))
        if first and last and last < first:
            self.add_error("effective_until", _("The last day is before the first."))
        return cleaned

    @property
    def has_days(self) -> bool:
        """Whether the days from and until which it counts are to be seen at once."""
        names = ("effective_from", "effective_until")
        return any(self[name].value() or self[name].errors for name in names)

    @property
    def day(self) -> Any:
        """The name of the line's day."""
        days = {str(number): label for number, label in Weekday.choices}
        return days.get(str(self["weekday"].value()), "")


WindowFormSet = formset_factory(WindowForm, extra=0, max_num=100)


class HoursForm(StyledForm, forms.Form):
    """A technician's week. Saving replaces all of it; ``lines`` are its hours."""

    timezone = ZoneField(label=_("By the clock of"), empty=_("their own zone"))
    copy_from = forms.TypedChoiceField(
        label=_("Copy the hours of"),
        choices=[("", _("no day")), *Weekday.choices],
        coerce=int,
        empty_value=None,
        required=False,
    )
    copy_to = forms.TypedMultipleChoiceField(
        label=_("to these days, instead of their own"),
        choices=Weekday.choices,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, data: Any = None, *, technician: Membership):
        self.technician = technician
        rows = list(WorkingHours.objects.filter(technician=technician))
        super().__init__(data, initial={"timezone": rows[0].timezone if rows else ""})
        own = _("%(zone)s, their own zone") % {"zone": technician.zone.key}
        self.fields["timezone"].say_empty(own)  # type: ignore[attr-defined]  # a zone field
        self.lines: BaseFormSet[WindowForm] = WindowFormSet(
            data, prefix="hours", initial=_lines(rows)
        )

    def is_valid(self) -> bool:
        lines = self.lines.is_valid()  # both, so that all errors are shown at once
        return super().is_valid() and lines

    def save(self) -> None:
        """Replace the technician's hours, under their lock."""
        lock_technicians([self.technician.id])
        WorkingHours.objects.filter(technician=self.technician).delete()
        WorkingHours.objects.bulk_create(
            WorkingHours(
                technician=self.technician, timezone=self.cleaned_data["timezone"], **values
            )
            for values in self._windows()
        )

    def _windows(self) -> list[dict[str, Any]]:
        lines = [form.cleaned_data for form in self.lines]
        filled = [line for line in lines if line.get("starts_at") is not None]
        source, targets = self.cleaned_data["copy_from"], set(self.cleaned_data["copy_to"])
        if source is None:
            return filled
        copied = [line for line in filled if line["weekday"] == source]
        return [line for line in filled if line["weekday"] not in targets - {source}] + [
            line | {"weekday": day} for day in targets - {source} for line in copied
        ]


def _lines(rows: list[WorkingHours]) -> list[dict[str, Any]]:
    """The hours of each day, and an empty line to add to them."""
    names = ("weekday", "starts_at", "ends_at", "effective_from", "effective_until")
    return [
        line
        for day in Weekday.values
        for line in (
            *({name: getattr(row, name) for name in names} for row in rows if row.weekday == day),
            {"weekday": day},
        )
    ]


class ExceptionForm(StyledForm, forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """Somebody or everybody is off, or works more."""

    technician = forms.ModelChoiceField(
        queryset=Membership.objects.none(),
        required=False,
        empty_label=_("Everybody"),
        label=_("Who"),
    )

    class Meta:
        model = AvailabilityException
        fields = ("technician", "kind", "first_day", "last_day", "starts_at", "ends_at", "reason")
        widgets = {  # Django's way
            "first_day": DateInput,
            "last_day": DateInput,
            "starts_at": TimeInput,
            "ends_at": TimeInput,
        }
        help_texts = {
            "starts_at": _("Leave both times empty for whole days."),
            "reason": _("Your colleagues read it; clients do not."),
        }

    def __init__(self, data: Any = None, *, tenant: Tenant):
        super().__init__(data, initial={"kind": ExceptionKind.OFF})
        self.fields["kind"].choices = ExceptionKind.choices  # type: ignore[attr-defined]  # a choice
        people = Membership.objects.of_tenant(tenant).technicians()
        self.fields["technician"].queryset = people  # type: ignore[attr-defined]  # a model choice


def rules_in_words(general: BookingRules) -> list[tuple[Any, str]]:
    """The tenant's rules, for whoever only reads them."""
    values = effective(general).values
    return [(LABELS[name], rule_label(name, values[name])) for name in RULE_DEFAULTS]


def services_with_rules() -> list[tuple[Service, list[tuple[Any, str]]]]:
    """The offered services, each with the rules that count for it, in words."""
    rows = {row.service_id: row for row in BookingRules.objects.all()}
    return [
        (
            service,
            [
                (LABELS[name], effective_label(name, found))
                for found in [effective(rows.get(None), rows.get(service.id))]
                for name in RULE_DEFAULTS
            ],
        )
        for service in Service.objects.filter(active=True)
    ]
