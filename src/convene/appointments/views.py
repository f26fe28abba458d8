"""The staff's screens: the queue of requests, one appointment, and what is done to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.contrib import messages
from django.forms import BaseForm
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from convene.clients.models import Contact
from convene.events.models import Event
from convene.mail.calendar_file import Person, build, content_type
from convene.mail.models import OutboxMail
from convene.meetings import registry
from convene.pages import SeeOther, render_part
from convene.tenancy.db import tenant_atomic
from convene.tenancy.pages import TenantRequest, tenant_page

from . import actions, history, letters
from .actions import Outcome, Refused
from .agenda import what_of
from .calendar import event_of
from .forms import (
    ApprovalForm,
    CancelForm,
    DeclineForm,
    GuestForm,
    PlacingForm,
    RescheduleForm,
)
from .models import AppointmentRequest, MeetingSync, Status
from .problems import problem_of, words_for
from .queue import Queue, queue_of
from .sheet import calendar_url

Form = TypeVar("Form", bound=BaseForm)

LIST, DETAIL = "appointments/list.html", "appointments/detail.html"
FOUND_ON = {"today", "attention"}  # the pages that list what needs attention


@tenant_page("user_schedule:read")
def request_list(request: TenantRequest) -> HttpResponse:
    """The queue, by status and search; nothing is chosen yet."""
    return render_part(request, LIST, "requests", {"queue": queue_of(request.GET)})


@tenant_page("user_schedule:read")
def detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    """One request, beside the queue that somebody came from; for htmx without the queue."""
    return render_part(request, DETAIL, "chosen", _detail_context(request, _appointment(pk)))


@tenant_page("user_schedule:read")
def to_detail(request: TenantRequest, pk: UUID, mail: UUID | None = None) -> HttpResponse:
    """A refused form stands at the address that acts, which a browser may open once more."""
    return redirect("appointments:detail", request.tenant.slug, _appointment(pk).id)


def _appointment(pk: UUID) -> AppointmentRequest:
    return get_object_or_404(AppointmentRequest.objects.with_people(), id=pk)


def _detail_context(
    request: TenantRequest, appointment: AppointmentRequest, **forms: Any
) -> dict[str, Any]:
    """All that the page of one appointment shows; a form that was refused replaces a fresh one."""
    now = timezone.now()
    meeting = MeetingSync.objects.filter(appointment=appointment).first()
    capable = registry.capability(request.tenant).available
    words = words_for(meeting)
    context: dict[str, Any] = {
        "appointment": appointment,
        "meeting": meeting,
        "words": words,
        "problem": problem_of(appointment, meeting, now),
        "is_being_updated": meeting is not None and meeting.is_leased(now),
        "is_over": appointment.is_over(now),
        "join_url": appointment.join_url(),
        "can_generate": capable,
        "can_create_meeting": capable
        and meeting is None
        and appointment.is_approved
        and not appointment.is_over(now),
        "events": _history(appointment),
        "mails": _mails(appointment),
        **_way_back(request, appointment),
    }
    if request.membership.may("user_schedule:update"):
        if appointment.is_pending:
            form = ApprovalForm(appointment=appointment, approver=request.membership)
            context |= {"form": form, "decline": DeclineForm()}
        elif appointment.is_approved:
            mover = request.membership
            context["reschedule"] = RescheduleForm(appointment=appointment, mover=mover)
    return context | forms


def _way_back(request: TenantRequest, appointment: AppointmentRequest) -> dict[str, Any]:
    """Where somebody came from: the calendar, or a queue; else the queue that it is in."""
    if calendar := request.POST.get("calendar") or request.GET.get("calendar"):
        return {"calendar": calendar, "calendar_url": calendar_url(request.tenant, calendar)}
    came_from = QueryDict(request.POST["queue"]) if "queue" in request.POST else request.GET
    return {"queue": queue_of(came_from, usual=appointment.status)}


def _mails(appointment: AppointmentRequest) -> list[tuple[OutboxMail, Any, Contact | None]]:
    """What was told, or would have been; a mail that was never written has its kind's title."""
    return [
        (
            mail,
            mail.subject or letters.KINDS[mail.kind].title,
            letters.contact_of(mail, appointment),
        )
        for mail in OutboxMail.objects.filter(subject_id=appointment.id)
    ]


def _history(appointment: AppointmentRequest) -> list[tuple[Event, Any]]:
    events = Event.objects.filter(subject_id=appointment.id).order_by("-at", "-id")
    return [(event, history.sentence(event)) for event in events]


@tenant_page("user_schedule:update")
def check(request: TenantRequest, pk: UUID) -> HttpResponse:
    """What speaks against a technician and a time, while somebody still chooses them.

    For htmx with the technician's day, which is beside the form.
    """
    appointment = _appointment(pk)
    form: PlacingForm
    if appointment.is_pending:
        form = ApprovalForm(request.GET, appointment=appointment, approver=request.membership)
    else:
        form = RescheduleForm(request.GET, appointment=appointment, mover=request.membership)
    form.look()
    return render_part(request, "appointments/obstacles.html", "with_day", {"form": form})


@tenant_page("user_schedule:update", reads=False)
def approve(request: TenantRequest, pk: UUID) -> HttpResponse:
    judged = _judge(
        request,
        pk,
        "form",
        Status.PENDING,
        lambda it: ApprovalForm(request.POST, appointment=it, approver=request.membership),
    )
    if isinstance(judged, HttpResponse):
        return judged
    form = judged.form
    return _act(
        request,
        pk,
        lambda: actions.approve_appointment_request(
            request.tenant, pk, by=request.membership, **form.decision
        ),
        done=_("Approved. The client and the technician are told."),
        note=form.note,
        judged=judged,
    )


@tenant_page("user_schedule:update", reads=False)
def reschedule(request: TenantRequest, pk: UUID) -> HttpResponse:
    judged = _judge(
        request,
        pk,
        "reschedule",
        Status.APPROVED,
        lambda it: RescheduleForm(request.POST, appointment=it, mover=request.membership),
    )
    if isinstance(judged, HttpResponse):
        return judged
    form = judged.form
    return _act(
        request,
        pk,
        lambda: actions.update_appointment_request_date_time(
            request.tenant, pk, by=request.membership, **form.decision
        ),
        done=_("Moved. Everybody concerned is told."),
        note=form.note,
        judged=judged,
    )


@tenant_page("user_schedule:update", reads=False)
def decline(request: TenantRequest, pk: UUID) -> HttpResponse:
    judged = _judge(request, pk, "decline", Status.PENDING, lambda it: DeclineForm(request.POST))
    if isinstance(judged, HttpResponse):
        return judged
    reason = judged.form.cleaned_data["reason"]
    return _act(
        request,
        pk,
        lambda: actions.decline_appointment_request(
            request.tenant, pk, by=request.membership, reason=reason
        ),
        done=_("Declined. The client is told why."),
        judged=judged,
    )


@tenant_page("user_schedule:update")
def confirm_cancel(request: TenantRequest, pk: UUID) -> HttpResponse:
    """Asks, and says what will happen to the meeting."""
    return _render_cancel(request, _appointment(pk), CancelForm())


@tenant_page("user_schedule:update", reads=False)
def cancel(request: TenantRequest, pk: UUID) -> HttpResponse:
    with tenant_atomic(request.tenant):
        appointment = _appointment(pk)
        form = CancelForm(request.POST)
        if not form.is_valid():
            return _render_cancel(request, appointment, form, status=422)
    reason = form.cleaned_data["reason"]
    return _act(
        request,
        pk,
        lambda: actions.cancel_appointment_request(
            request.tenant, pk, by=request.membership, reason=reason
        ),
        done=_("Cancelled. Everybody concerned is told."),
    )


def _render_cancel(
    request: TenantRequest, appointment: AppointmentRequest, form: CancelForm, status: int = 200
) -> HttpResponse:
    meeting = MeetingSync.objects.filter(appointment=appointment).exclude(ref="").first()
    context = {
        "appointment": appointment,
        "form": form,
        "warning": words_for(meeting).will_be_deleted if meeting else "",
        "question": _("Cancel this request?")
        if appointment.is_pending
        else _("Cancel this appointment?"),
        "yes": _("Cancel the request") if appointment.is_pending else _("Cancel the appointment"),
    }
    return render(request, "appointments/cancel.html", context, status=status)


@tenant_page("user_schedule:update")
def edit_guest(request: TenantRequest, pk: UUID) -> HttpResponse:
    guests = _guests_request(pk)
    return _render_guest(request, pk, GuestForm(initial=GuestForm.initial_for(guests)))


@tenant_page("user_schedule:update", reads=False)
def correct_guest(request: TenantRequest, pk: UUID) -> HttpResponse:
    with tenant_atomic(request.tenant):
        _guests_request(pk)
        form = GuestForm(request.POST)
        if not form.is_valid():
            return _render_guest(request, pk, form, status=422)
    return _act(
        request,
        pk,
        lambda: actions.correct_guest(
            request.tenant, pk, by=request.membership, **form.cleaned_data
        ),
        done=_("Saved."),
    )


def _guests_request(pk: UUID) -> AppointmentRequest:
    return get_object_or_404(AppointmentRequest, id=pk, contact=None)


def _render_guest(
    request: TenantRequest, pk: UUID, form: GuestForm, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "title": _("Correct the details of the guest"),
        "back": _address(request, pk),
    }
    return render(request, "components/form_page.html", context, status=status)


@tenant_page("user_schedule:update", reads=False)
def create_meeting(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _act(
        request,
        pk,
        lambda: actions.create_meeting(request.tenant, pk, by=request.membership),
        done=_("The meeting was created. Everybody concerned is told."),
        is_about_meeting=True,
    )


@tenant_page("user_schedule:update", reads=False)
def retry_meeting(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _act(
        request,
        pk,
        lambda: actions.retry_meeting(request.tenant, pk),
        done=_("The meeting is as it should be."),
        is_about_meeting=True,
    )


@tenant_page("user_schedule:update", reads=False)
def forget_meeting(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _act(
        request,
        pk,
        lambda: actions.forget_meeting(request.tenant, pk, by=request.membership),
        done=_("The meeting is forgotten. If it still exists, it is left where it is."),
    )


@tenant_page("user_schedule:update", reads=False)
def send_again(request: TenantRequest, pk: UUID, mail: UUID) -> HttpResponse:
    return _act(
        request,
        pk,
        lambda: actions.send_mail_again(request.tenant, pk, mail, by=request.membership),
        done=_("The mail is being sent again. What came of it is in the list of mails."),
    )


@tenant_page("user_schedule:read")
def calendar_file(request: TenantRequest, pk: UUID) -> HttpResponse:
    """The appointment as a file, the same as in the technician's mail."""
    appointment = get_object_or_404(
        AppointmentRequest.objects.with_people(), id=pk, status=Status.APPROVED
    )
    return calendar_response(appointment, Person(request.user.name, request.user.email))


def calendar_response(appointment: AppointmentRequest, attendee: Person) -> HttpResponse:
    """An approved appointment as a download."""
    event = event_of(appointment, attendee, stamped_at=timezone.now())
    name = f"appointment-{appointment.reference}.ics"
    return HttpResponse(
        build(event),
        content_type=content_type(event),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@dataclass(frozen=True)
class _Judged(Generic[Form]):
    """A valid form about an appointment, and where its sender goes on."""

    appointment: AppointmentRequest
    form: Form
    onward: SeeOther


def _judge(
    request: TenantRequest,
    pk: UUID,
    name: str,
    wanted: Status,
    make: Callable[[AppointmentRequest], Form],
) -> _Judged[Form] | HttpResponse:
    """What was judged, or the answer to what is refused.

    The appointment is held meanwhile: a colleague who acts on it at this moment is waited for, and
    whoever comes too late reads that, not what is wrong with their form.
    """
    with tenant_atomic(request.tenant):
        appointment = get_object_or_404(AppointmentRequest.objects.held(), id=pk)
        try:
            actions.must_be(appointment, {wanted}, request.membership)
        except Refused as refusal:
            answer = _back(request, pk)
            about = _about(request, pk, answer, appointment)
            messages.error(request, _say(str(refusal), about))
            return answer
        form = make(appointment)
        if form.is_valid():
            decides = wanted == Status.PENDING
            onward = _onward(request, appointment) if decides else _back(request, pk)
            return _Judged(appointment, form, onward)
        context = _detail_context(request, _appointment(pk), **{name: form})
        return render(request, DETAIL, context, status=422)


def _act(
    request: TenantRequest,
    pk: UUID,
    act: Callable[[], Outcome],
    *,
    done: str,
    note: str = "",
    judged: _Judged[Any] | None = None,
    is_about_meeting: bool = False,
) -> HttpResponse:
    """Do it, say what came of it, and go to the page that shows it.

    What is only about the meeting is done when the meeting is as it should be.
    """
    try:
        outcome = act()
    except AppointmentRequest.DoesNotExist:
        raise Http404 from None
    except Refused as refusal:
        answer = _back(request, pk)
        messages.error(request, _say(str(refusal), _about(request, pk, answer)))
        return answer
    answer = judged.onward if judged else _back(request, pk)
    about = _about(request, pk, answer, judged.appointment if judged else None)
    if not (is_about_meeting and (outcome.warning or outcome.note)):
        messages.success(request, _say(done, about))
    for sentence in filter(None, (note, outcome.note)):
        messages.info(request, sentence)
    if outcome.warning and (about or not _says_itself(request, pk)):
        messages.warning(request, _say(outcome.warning, about))
    return answer


def _about(
    request: TenantRequest, pk: UUID, answer: SeeOther, row: AppointmentRequest | None = None
) -> str:
    """A link to the appointment, if the answer is another page than its own."""
    if answer.url.partition("?")[0] == _address(request, pk):
        return ""
    if row is None:
        with tenant_atomic(request.tenant):
            row = _appointment(pk)
    address, name = _address(request, pk), what_of(row)
    return format_html('<a class="alert-link" href="{}">{}</a>', address, name)


def _say(sentence: str, about: str) -> str:
    return format_html("{} {}", sentence, about) if about else sentence


def _says_itself(request: TenantRequest, pk: UUID) -> bool:
    """Whether the appointment's page keeps the warning, and a notice would only repeat it."""
    with tenant_atomic(request.tenant):
        meeting = MeetingSync.objects.filter(appointment=pk).first()
        return problem_of(_appointment(pk), meeting, timezone.now()) is not None


def _address(request: TenantRequest, pk: UUID) -> str:
    return reverse("appointments:detail", args=[request.tenant.slug, pk])


def _back(request: TenantRequest, pk: UUID) -> SeeOther:
    """To the page of the appointment, or to where somebody acted on it without opening it."""
    if calendar := request.POST.get("calendar"):
        return SeeOther(calendar_url(request.tenant, calendar))
    if (found_on := request.POST.get("found_on")) in FOUND_ON:
        return SeeOther(reverse(f"appointments:{found_on}", args=[request.tenant.slug]))
    queue = _queue(request)
    return SeeOther(_address(request, pk) + (f"?{queue.query}" if queue else ""))


def _queue(request: TenantRequest) -> Queue | None:
    """The one that somebody goes through, if they came from there."""
    query = request.POST.get("queue")
    return None if query is None else queue_of(QueryDict(query))


def _onward(request: TenantRequest, left: AppointmentRequest) -> SeeOther:
    """To the next request that waits in the queue that somebody goes through, else to Today.

    Inside the tenant's block.
    """
    queue = _queue(request)
    if "calendar" in request.POST or queue is None:
        return _back(request, left.id)
    following = queue.next_after(left)
    if following is None:
        return SeeOther(reverse("appointments:today", args=[request.tenant.slug]))
    return SeeOther(f"{_address(request, following)}?{queue.query}")
