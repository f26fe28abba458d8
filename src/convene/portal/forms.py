"""The forms that ask for an appointment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django import forms
from django.core.validators import RegexValidator
from django.db.models.query import QuerySet
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from convene.appointments.actions import Guest, Wish
from convene.catalog.models import Service
from convene.clients.models import Contact
from convene.forms import DateInput, StyledForm, TimeInput, ZoneField
from convene.tenancy.models import Membership
from convene.wallclock import FIRST_DAY, LAST_DAY


@dataclass(frozen=True)
class Asker:
    """Who asks, and what they can choose from. Without a contact it is a guest.

    ``look`` is called for each look at free times, and raises TooMany where no more are shown.
    """

    zone: ZoneInfo
    services: QuerySet[Service]
    technicians: QuerySet[Membership]
    contact: Contact | None = None
    look: Callable[[], None] = lambda: None


def _show_in_full(field: Any) -> None:
    """Guests see services for the first time."""
    field.widget = forms.RadioSelect(attrs={"class": "form-check-input"})
    field.empty_label = None
    field.label_from_instance = _described


def _described(service: Service) -> str:
    return format_html(
        '<strong>{}</strong>, {}<br><span class="text-secondary">{}</span>',
        service.name,
        ngettext("%(n)d minute", "%(n)d minutes", service.duration) % {"n": service.duration},
        service.description,
    )


class ChoiceForm(StyledForm, forms.Form):
    """What it is about, with whom, and the zone that times are shown in."""

    service: Any = forms.ModelChoiceField(
        queryset=QuerySet(Service),
        label=_("What is it about?"),
        empty_label=_("Choose…"),
        error_messages={"required": _("Choose what it is about.")},
    )
    preferred_technician = forms.ModelChoiceField(
        queryset=Membership.objects.none(),
        required=False,
        empty_label=_("Anybody"),
        label=_("With whom?"),
        error_messages={
            "invalid_choice": _("This person cannot be chosen. Choose somebody else, or anybody.")
        },
    )
    requester_timezone = ZoneField(label=_("Time zone"))

    def __init__(self, data: Any = None, *, asker: Asker, initial: Mapping[str, Any] | None = None):
        self.asker = asker
        usual = {"requester_timezone": asker.zone.key}
        super().__init__(data, initial={**usual, **(initial or {})})
        service, people = self.fields["service"], self.fields["preferred_technician"]
        if asker.contact is None:
            _show_in_full(service)
        service.queryset = asker.services  # type: ignore[attr-defined]  # a model choice
        people.queryset = asker.technicians  # type: ignore[attr-defined]  # a model choice

    def narrow(self, service: Service) -> None:
        """Offer only those people who perform a service."""
        field: Any = self.fields["preferred_technician"]
        field.queryset = self.asker.technicians.filter(id__in=service.performers().values("id"))

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


class _Moment(forms.Form):
    """One of the free times. It carries its moment; the clock alone may show it twice."""

    starts_at = forms.DateTimeField(
        label=_("Time"),
        widget=forms.HiddenInput,
        error_messages={"required": _("Choose one of the free times.")},
    )

    def clean_starts_at(self) -> datetime:
        at: datetime = self.cleaned_data["starts_at"]
        if not FIRST_DAY <= at.date() <= LAST_DAY:
            raise forms.ValidationError(_("This date is too far away. Choose another one."))
        return at


class ChosenForm(_Moment, ChoiceForm):
    """A choice with its time, before anything is said about it."""


LONGEST_DESCRIPTION = 4000
# Many mail programs make a link of what looks like the address of a site.
NO_LINK = RegexValidator(
    r"[/@<>\r\n]|\w{2}\.[a-z]{2}", _("Enter a name, without an address."), inverse_match=True
)


class WishForm(ChoiceForm):
    """What is the same in every request, whoever chose its time; guests say who they are."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=100,
        validators=[NO_LINK],  # it is in a mail to an address that nobody has proven
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("Your e-mail address"),
        max_length=254,
        help_text=_("We answer to it, and send you a link to follow and cancel your request."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    phone = forms.CharField(
        label=_("Phone"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )
    company = forms.CharField(
        label=_("Company"),
        required=False,
        max_length=100,
        validators=[NO_LINK],  # it is in the calendar file
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    website = forms.CharField(required=False)  # nobody sees it; programs fill it in
    description = forms.CharField(
        label=_("What should we know?"),
        required=False,
        max_length=LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    submission = forms.UUIDField(widget=forms.HiddenInput(attrs={"autocomplete": "off"}))

    OF_A_GUEST = ("name", "email", "phone", "company", "website")
    time_field: str
    """The field that a time is chosen with."""

    def __init__(self, data: Any = None, *, asker: Asker, **kwargs: Any):
        super().__init__(data, asker=asker, **kwargs)
        if asker.contact:
            for name in self.OF_A_GUEST:
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("website"):
            self.add_error(None, _("This looked like a program. Please send it once more."))
        return cleaned

    def begin_anew(self) -> None:
        """Take a new number, for the page that shows the form again."""
        typed = {name: self.data[name] for name in self.data}
        self.data = typed | {"submission": str(uuid4())}

    def requester(self) -> Contact | Guest:
        """Who asks, of the valid form."""
        cleaned = self.cleaned_data
        return self.asker.contact or Guest(
            cleaned["name"], cleaned["email"], cleaned["phone"], cleaned["company"]
        )

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


class OfferForm(_Moment, WishForm):
    """A free time that was chosen."""

    time_field = "starts_at"

    def when(self) -> dict[str, Any]:
        at: datetime = self.cleaned_data["starts_at"]
        local = at.astimezone(ZoneInfo(self.cleaned_data["requester_timezone"]))
        return {"starts_at": at, "day": local.date(), "clock": local.time()}
