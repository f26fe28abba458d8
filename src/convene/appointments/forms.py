"""The forms of the staff's screens."""

from typing import Any

from django import forms
from django.db.models.query import QuerySet
from django.utils.translation import gettext_lazy as _

from convene.forms import FinalTimeForm, StyledForm
from convene.meetings.words import Words
from convene.tenancy.models import Membership

from .models import AppointmentRequest


class TechnicianField(forms.ModelChoiceField):  # type: ignore[type-arg]  # of memberships
    """Who gets the appointment; those who perform the service come first."""

    def __init__(self, **kwargs: Any):
        super().__init__(queryset=Membership.objects.none(), label=_("Assign technician"), **kwargs)

    def offer(self, people: QuerySet[Membership], performers: set[Any]) -> None:
        """Take these people, and say who performs the service."""
        self.queryset = people
        first = [(person.id, str(person)) for person in people if person.id in performers]
        others = [(person.id, str(person)) for person in people if person.id not in performers]
        groups = ((_("Perform this service"), first), (_("Others"), others))
        self.widget.choices = [("", _("Choose…")), *(group for group in groups if group[1])]


def _offer_technicians(form: forms.BaseForm, appointment: AppointmentRequest) -> None:
    people = Membership.objects.of_tenant(appointment.tenant).technicians()
    performers = set(appointment.service.performers().values_list("id", flat=True))
    field = form.fields["technician"]
    assert isinstance(field, TechnicianField)  # noqa: S101  # declared on both forms
    field.offer(people, performers)


class ApprovalForm(FinalTimeForm):
    """Confirm a request: who, with a meeting or not, notes, and when. In the PRD's order."""

    technician = TechnicianField()
    generate_teams_meeting = forms.BooleanField(required=False)
    internal_notes = forms.CharField(
        label=_("Internal notes"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Only your colleagues read them."),
    )

    def __init__(
        self,
        data: Any = None,
        *,
        appointment: AppointmentRequest,
        approver: Membership,
        words: Words | None,
    ):
        technician = appointment.preferred_technician or appointment.service.performers().first()
        initial = self.initial_for(appointment.requested_start, approver.zone) | {
            "technician": technician and technician.id,
            "generate_teams_meeting": True,
            "internal_notes": appointment.internal_notes,
        }
        super().__init__(data, initial=initial)
        _offer_technicians(self, appointment)
        self.fields["generate_teams_meeting"].label = words.generate if words else ""


class RescheduleForm(FinalTimeForm):
    """Move an appointment: when, and to whom."""

    technician = TechnicianField()

    def __init__(self, data: Any = None, *, appointment: AppointmentRequest, mover: Membership):
        technician = appointment.technician
        initial = self.initial_for(appointment.starts_at, mover.zone) | {
            "technician": technician and technician.id
        }
        super().__init__(data, initial=initial, prefix=None)
        _offer_technicians(self, appointment)


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
