"""The form that asks for an appointment."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.db.models.query import QuerySet
from django.utils.translation import gettext_lazy as _

from convene.appointments.actions import Wish
from convene.catalog.models import Service
from convene.clients.models import Contact
from convene.forms import DateInput, StyledForm, TimeInput, zone_field
from convene.tenancy.models import Membership


class RequestForm(StyledForm, forms.Form):
    """What, when and with whom. The time is the clock on the client's wall."""

    service: Any = forms.ModelChoiceField(queryset=QuerySet(Service), label=_("What is it about?"))
    requested_date = forms.DateField(label=_("Date"), widget=DateInput)
    requested_time = forms.TimeField(label=_("Time"), widget=TimeInput)
    requester_timezone = zone_field()
    preferred_technician = forms.ModelChoiceField(
        queryset=Membership.objects.none(),
        required=False,
        empty_label=_("Anybody"),
        label=_("With whom?"),
    )
    description = forms.CharField(
        label=_("What should we know?"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    submission = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, contact: Contact):
        initial = {"submission": uuid4(), "requester_timezone": contact.zone.key}
        super().__init__(data, initial=initial)
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

    def wish(self) -> Wish:
        """The valid form as the action takes it."""
        cleaned = self.cleaned_data
        submission: UUID = cleaned["submission"]
        return Wish(
            submission=submission,
            service=cleaned["service"],
            day=cleaned["requested_date"],
            clock=cleaned["requested_time"],
            zone=cleaned["requester_timezone"],
            description=cleaned["description"],
            preferred_technician=cleaned["preferred_technician"],
        )
