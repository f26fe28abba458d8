"""The form of a request that the staff sends for a contact."""

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models.query import QuerySet
from django.utils.translation import gettext_lazy as _

from convene.appointments.actions import Wish
from convene.catalog.models import Service
from convene.clients.models import Contact
from convene.forms import ZoneField
from convene.tenancy.models import Membership, Tenant
from convene.wallclock import TimeDoesNotExist, to_utc, twice_note


class AskForm(forms.Form):
    """A request that the staff sends for a contact; the names are those of the API.

    Valid, it has what to say of the time in ``note``.
    """

    submission = forms.UUIDField()
    contact_id: "forms.ModelChoiceField[Contact]" = forms.ModelChoiceField(QuerySet(Contact).none())
    service_id: "forms.ModelChoiceField[Service]" = forms.ModelChoiceField(QuerySet(Service).none())
    requested_date = forms.DateField()
    requested_time = forms.TimeField()
    requester_timezone = ZoneField()
    starts_at = forms.DateTimeField(required=False)
    preferred_technician_id = forms.ModelChoiceField(Membership.objects.none(), required=False)
    description = forms.CharField(required=False)
    note = ""

    def __init__(self, data: Any, *, tenant: Tenant):
        super().__init__(data)
        choices = {
            "contact_id": Contact.objects.select_related("client", "tenant", "membership__user"),
            "service_id": Service.objects.filter(active=True).select_related("tenant"),
            "preferred_technician_id": Membership.objects.of_tenant(tenant).technicians(),
        }
        for name, rows in choices.items():
            self.fields[name].queryset = rows  # type: ignore[attr-defined]  # a model choice

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        service, wished = cleaned["service_id"], cleaned["preferred_technician_id"]
        if wished and wished not in service.performers():
            sentence = _("%(name)s does not do this. Choose somebody else, or anybody.")
            self.add_error("preferred_technician_id", sentence % {"name": wished})
        zone, meant = ZoneInfo(cleaned["requester_timezone"]), cleaned["starts_at"]
        try:
            instant = to_utc(
                cleaned["requested_date"], cleaned["requested_time"], zone, meant=meant
            )
        except TimeDoesNotExist as error:
            self.add_error("requested_time", str(error))
            return cleaned
        if meant not in (None, instant.at):
            self.add_error("starts_at", _("This is not the moment of the date and time."))
        self.note = twice_note(instant, zone)
        return cleaned | {"starts_at": instant.at}

    def wish(self) -> Wish:
        """The valid form as the action takes it."""
        cleaned = self.cleaned_data
        return Wish(
            submission=cleaned["submission"],
            service=cleaned["service_id"],
            day=cleaned["requested_date"],
            clock=cleaned["requested_time"],
            zone=cleaned["requester_timezone"],
            description=cleaned["description"],
            preferred_technician=cleaned["preferred_technician_id"],
            starts_at=cleaned["starts_at"],
        )
