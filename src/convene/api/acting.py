"""What can be done: the staff's actions, judged by the staff's forms."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import Http404
from ninja.responses import Status as Answer

from convene.appointments import actions
from convene.appointments.actions import Outcome
from convene.appointments.forms import (
    ApprovalForm,
    CancelForm,
    DeclineForm,
    PlacingForm,
    RescheduleForm,
)
from convene.appointments.models import AppointmentRequest, Status
from convene.forms import FinalTimeForm
from convene.tenancy.db import tenant_atomic

from .auth import KeyRequest
from .bodies import Approval, Cancel, Decline, Move, NewRequest, Nothing, Placing
from .forms import AskForm
from .operation import operation
from .problems import FieldError, Problem, invalid
from .reading import shown
from .shapes import Done

Form = TypeVar("Form", bound=forms.BaseForm)

MAY_DECIDE = "user_schedule:update"
ONE = "/appointments/{uuid:pk}"
TIME = ("final_date", "final_time", "final_timezone")
# Where the names of the forms are others than ours.
OURS = {"technician": "technician_id", "anyway": "overrule", NON_FIELD_ERRORS: ""}


def _done(request: KeyRequest, outcome: Outcome, note: str = "") -> Done:
    """The appointment as reading it shows it, and what is to be said."""
    with tenant_atomic(request.auth.tenant):
        data = shown(request, outcome.appointment_id)
    notes = " ".join(filter(None, (note, outcome.note)))
    said = {"note": notes, "warning": outcome.warning}
    return Done(success=True, data=data, **{name: text for name, text in said.items() if text})


@operation("POST", "/appointments", MAY_DECIDE, Done, reads=False, statuses=(200, 201))
def create_request(request: KeyRequest, body: NewRequest) -> Any:
    """Ask for an appointment for a contact; 200 for a submission that was sent before."""
    member = request.auth
    with tenant_atomic(member.tenant):
        sent = AppointmentRequest.objects.filter(
            submission=body.submission, contact=body.contact_id
        ).first()
        if sent is None:
            form = AskForm(body.model_dump(exclude_none=True), tenant=member.tenant)
            _must_be_valid(form)
    if sent:
        return Answer(200, _done(request, Outcome(sent.id)))
    outcome = actions.create_appointment_request(
        member.tenant, form.wish(), requester=form.cleaned_data["contact_id"], by=member
    )
    status = 200 if outcome.was_sent_before else 201
    return Answer(status, _done(request, outcome, form.note))


@operation("POST", f"{ONE}/approve", MAY_DECIDE, Done, reads=False)
def approve(request: KeyRequest, pk: UUID, body: Approval) -> Any:
    """Confirm a request, with an online meeting if asked for."""
    member = request.auth

    def make(held: AppointmentRequest) -> ApprovalForm:
        usual = FinalTimeForm.initial_for(held.requested_start, member.zone)
        return ApprovalForm(_placed(body, usual), appointment=held, approver=member)

    form = _judged(request, pk, Status.PENDING, make)
    outcome = actions.approve_appointment_request(member.tenant, pk, by=member, **form.decision)
    return _done(request, outcome, form.note)


@operation("POST", f"{ONE}/decline", MAY_DECIDE, Done, reads=False)
def decline(request: KeyRequest, pk: UUID, body: Decline) -> Any:
    """Say no to a request."""
    form = _judged(request, pk, Status.PENDING, lambda _held: DeclineForm(body.model_dump()))
    reason = form.cleaned_data["reason"]
    member = request.auth
    outcome = actions.decline_appointment_request(member.tenant, pk, by=member, reason=reason)
    return _done(request, outcome)


@operation("POST", f"{ONE}/reschedule", MAY_DECIDE, Done, reads=False)
def reschedule(request: KeyRequest, pk: UUID, body: Move) -> Any:
    """Move an approved appointment, to another time, another technician, or both."""
    member = request.auth

    def make(held: AppointmentRequest) -> RescheduleForm:
        usual = FinalTimeForm.initial_for(held.starts_at, member.zone)
        usual["technician"] = held.technician and held.technician.id
        return RescheduleForm(_placed(body, usual), appointment=held, mover=member)

    form = _judged(request, pk, Status.APPROVED, make)
    outcome = actions.update_appointment_request_date_time(
        member.tenant, pk, by=member, **form.decision
    )
    return _done(request, outcome, form.note)


@operation("POST", f"{ONE}/cancel", MAY_DECIDE, Done, reads=False)
def cancel(request: KeyRequest, pk: UUID, body: Cancel) -> Any:
    """Call off a request or an appointment."""
    reason = _must_be_valid(CancelForm(body.model_dump())).cleaned_data["reason"]
    member = request.auth
    outcome = actions.cancel_appointment_request(member.tenant, pk, by=member, reason=reason)
    return _done(request, outcome)


@operation("POST", "/schedule-entries/{uuid:pk}/delete", MAY_DECIDE, Done, reads=False)
def delete_entry(request: KeyRequest, pk: UUID, body: Cancel) -> Any:
    """Take an appointment's entry out of the schedule, which cancels the appointment."""
    reason = _must_be_valid(CancelForm(body.model_dump())).cleaned_data["reason"]
    member = request.auth
    with tenant_atomic(member.tenant):
        if not AppointmentRequest.objects.filter(schedule_entry=pk).exists():
            raise Http404
    outcome = actions.delete_schedule_entry(member.tenant, pk, by=member, reason=reason)
    if outcome is None:  # it stopped being an appointment's at this moment
        raise Http404
    return _done(request, outcome)


@operation("POST", f"{ONE}/meeting/create", MAY_DECIDE, Done, reads=False)
def create_meeting(request: KeyRequest, pk: UUID, body: Nothing) -> Any:
    """Make the online meeting of an approved appointment that has none."""
    member = request.auth
    return _done(request, actions.create_meeting(member.tenant, pk, by=member))


@operation("POST", f"{ONE}/meeting/retry", MAY_DECIDE, Done, reads=False)
def retry_meeting(request: KeyRequest, pk: UUID, body: Nothing) -> Any:
    """Try again to make the meeting what it should be."""
    return _done(request, actions.retry_meeting(request.auth.tenant, pk))


@operation("POST", f"{ONE}/meeting/forget", MAY_DECIDE, Done, reads=False)
def forget_meeting(request: KeyRequest, pk: UUID, body: Nothing) -> Any:
    """Stop following a meeting that nobody can change any more; it is left where it is."""
    member = request.auth
    return _done(request, actions.forget_meeting(member.tenant, pk, by=member))


def _placed(body: Placing, usual: dict[str, Any]) -> dict[str, Any]:
    """The body as the form takes it; the ``usual`` technician and time where none is given."""
    given = body.model_dump(exclude_none=True)
    theirs = {name: given.pop(ours) for name, ours in OURS.items() if ours in given}
    if given.keys() & set(TIME):
        usual = {name: value for name, value in usual.items() if not name.startswith("final_")}
    return usual | given | theirs


def _judged(
    request: KeyRequest, pk: UUID, wanted: Status, make: Callable[[AppointmentRequest], Form]
) -> Form:
    """The valid form of a decision. Raises Refused for whoever comes too late, and Problem."""
    with tenant_atomic(request.auth.tenant):
        held = AppointmentRequest.objects.held().get(id=pk)
        actions.must_be(held, {wanted}, request.auth)
        return _must_be_valid(make(held))


def _must_be_valid(form: Form) -> Form:
    """Raise Problem for what a page would show beside the form again."""
    if form.is_valid():
        return form
    if isinstance(form, PlacingForm) and form.errors.keys() <= {"anyway", NON_FIELD_ERRORS}:
        found = form.obstacles
        sentences = [*found.sentences, *filter(None, [found.final])]
        raise Problem(
            409,
            " ".join(sentences),
            obstacles=sentences,
            can_be_overruled=not found.final,
        )
    raise invalid(
        [
            FieldError(OURS.get(name, name), str(message))
            for name, messages in form.errors.items()
            for message in messages
        ]
    )
