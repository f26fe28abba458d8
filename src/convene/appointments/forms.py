"""The forms of the staff's screens."""

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from convene.catalog.models import Service, ServicePerformer
from convene.forms import FinalTimeForm, StyledForm
from convene.meetings.words import words_of
from convene.tenancy.models import Membership, Tenant

from .models import AppointmentRequest
from .obstacles import Obstacles, against


class TechnicianField(forms.TypedChoiceField):
    """Who gets the appointment; those who perform the service come first."""

    def __init__(self) -> None:
        super().__init__(label=_("Assign technician"), empty_value=None)

    def offer(self, tenant: Tenant, service: Service) -> None:
        """Take the tenant's technicians, and say who performs the service."""
        named = ServicePerformer.objects.filter(service=service, technician_id=OuterRef("id"))
        technicians = Membership.objects.of_tenant(tenant).technicians()
        people: Any = technicians.annotate(performs=Exists(named))
        first = [(str(person.id), str(person)) for person in people if person.performs]
        others = [(str(person.id), str(person)) for person in people if not person.performs]
        groups = ((_("Perform this service"), first), (_("Others"), others))
        self.choices = [("", _("Choose…")), *(group for group in groups if group[1])]
        self.coerce = {str(person.id): person for person in people}.__getitem__


class PlacingForm(FinalTimeForm):
    """Who gets an appointment and when. What speaks against it is said, and must be overruled.

    Nobody can overrule another appointment.
    """

    technician = TechnicianField()
    anyway = forms.BooleanField(required=False, label=_("Do it all the same"))

    def __init__(
        self,
        data: Any = None,
        *,
        appointment: AppointmentRequest,
        by: Membership,
        initial: dict[str, Any],
    ):
        super().__init__(data, initial=initial)
        self.appointment, self.by = appointment, by
        self.obstacles = Obstacles()
        field = self.fields["technician"]
        assert isinstance(field, TechnicianField)  # noqa: S101  # declared above
        field.offer(appointment.tenant, appointment.service)

    def look(self, technician: Membership, starts_at: datetime) -> None:
        """Find out what speaks against a time."""
        self.obstacles = against(
            self.appointment, technician, starts_at, now=timezone.now(), zone=self.by.zone
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        technician, starts_at = cleaned.get("technician"), cleaned.get("starts_at")
        if technician and starts_at and starts_at > timezone.now():
            self.look(technician, starts_at)
        if self.obstacles.final:
            self.add_error(None, _("Nobody can be in two places. Choose another time or person."))
        elif self.obstacles and not cleaned["anyway"]:
            self.add_error(None, _("Something speaks against this time. Look at it below."))
        return cleaned


class ApprovalForm(PlacingForm):
    """Confirm a request: who, with a meeting or not, notes, and when. In the PRD's order."""

    generate_teams_meeting = forms.BooleanField(required=False)
    internal_notes = forms.CharField(
        label=_("Internal notes"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Only your colleagues read them."),
    )

    def __init__(self, data: Any = None, *, appointment: AppointmentRequest, approver: Membership):
        technician = None if data is not None else _wished_technician(appointment)
        initial = self.initial_for(appointment.requested_start, approver.zone) | {
            "technician": technician and str(technician.id),
            "generate_teams_meeting": True,
        }
        super().__init__(data, appointment=appointment, by=approver, initial=initial)
        self.fields["generate_teams_meeting"].label = words_of("").generate
        if technician:
            self.look(technician, appointment.requested_start)


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
        super().__init__(data, appointment=appointment, by=mover, initial=initial)


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
