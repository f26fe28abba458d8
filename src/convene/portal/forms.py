"""The forms that ask for an appointment."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django import forms
from django.db.models.query import QuerySet
from django.utils.translation import gettext_lazy as _

from convene.appointments.actions import Wish
from convene.catalog.models import Service
from convene.clients.models import Contact
from convene.forms import DateInput, StyledForm, TimeInput, ZoneField
from convene.tenancy.models import Membership
from convene.wallclock import FIRST_DAY, LAST_DAY


class ChoiceForm(StyledForm, forms.Form):
    """What it is about, with whom, and the zone that times are shown in."""

    service: Any = forms.ModelChoiceField(
        queryset=QuerySet(Service), label=_("What is it about?"), empty_label=_("Choose…")
    )
    preferred_technician = forms.ModelChoiceField(
        queryset=Membership.objects.none(),
        required=False,
        empty_label=_("Anybody"),
        label=_("With whom?"),
    )
    requester_timezone = ZoneField(label=_("Time zone"))

    def __init__(
        self, data: Any = None, *, contact: Contact, initial: Mapping[str, Any] | None = None
    ):
        usual = {"submission": uuid4(), "requester_timezone": contact.zone.key}
        super().__init__(data, initial={**usual, **(initial or {})})
        service, people = self.fields["service"], self.fields["preferred_technician"]
        service.queryset = Service.objects.filter(active=True)  # type: ignore[attr-defined]  # a model choice
        people.queryset = Membership.objects.of_tenant(contact.tenant).technicians()  # type: ignore[attr-defined]  # a model choice

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        service, wished = cleaned.get("service"), cleaned.get("preferred_technician")
        if service and wished and wished not in service.performers():
            self.add_error(
                "preferred_technician",
                _("%(name)s does not do this. Choose somebody else, or anybody.")
                % {"name": wished},
            )
        return cleaned


LONGEST_DESCRIPTION = 4000


class WishForm(ChoiceForm):
    """What is the same in every request, whoever chose its time."""

    description = forms.CharField(
        label=_("What should we know?"),
        required=False,
        max_length=LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    submission = forms.UUIDField(widget=forms.HiddenInput)
    time_field: str
    """The field that a time is chosen with."""

    def when(self) -> dict[str, Any]:
        """The time of the valid form, as the action takes it."""
        raise NotImplementedError

    def wish(self) -> Wish:
        """The valid form as the action takes it."""
        cleaned = self.cleaned_data
        submission: UUID = cleaned["submission"]
        return Wish(
            submission=submission,
            service=cleaned["service"],
            zone=cleaned["requester_timezone"],
            description=cleaned["description"],
            preferred_technician=cleaned["preferred_technician"],
            **self.when(),
        )


class RequestForm(WishForm):
    """Any time can be asked for. It is the clock on the client's wall."""

    requested_date = forms.DateField(label=_("Date"), widget=DateInput)
    requested_time = forms.TimeField(label=_("Time"), widget=TimeInput)
    time_field = "requested_time"

    def when(self) -> dict[str, Any]:
        return {
            "day": self.cleaned_data["requested_date"],
            "clock": self.cleaned_data["requested_time"],
        }


class OfferForm(WishForm):
    """One of the free times. It carries its moment; the clock alone may show it twice."""

    starts_at = forms.DateTimeField(
        label=_("Time"), error_messages={"required": _("Choose one of the free times.")}
    )
    time_field = "starts_at"

    def clean_starts_at(self) -> datetime:
        at: datetime = self.cleaned_data["starts_at"]
        if not FIRST_DAY <= at.date() <= LAST_DAY:
            raise forms.ValidationError(_("This date is too far away. Choose another one."))
        return at

    def when(self) -> dict[str, Any]:
        at: datetime = self.cleaned_data["starts_at"]
        local = at.astimezone(ZoneInfo(self.cleaned_data["requester_timezone"]))
        return {"starts_at": at, "day": local.date(), "clock": local.time()}
