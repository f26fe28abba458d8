"""Asking for an appointment in three steps: what, when, and a summary that is sent.

The same for a client in the portal and a guest on the public booking page. The address carries
what is chosen, the session what is typed. Without working hours any time is asked for in one step.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from convene.appointments import actions
from convene.appointments.actions import Outcome, Refused, SentByAnother
from convene.appointments.models import AppointmentRequest
from convene.availability.free import has_working_hours
from convene.catalog.models import Service
from convene.pages import SeeOther
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership
from convene.tenancy.pages import VisitorRequest
from convene.wallclock import TimeDoesNotExist, day_label, parse_day, span_label, zone_label

from . import drafts
from .forms import Asker, ChoiceForm, ChosenForm, OfferForm, RequestForm, WishForm
from .offer import Question, offer, rules_of

ANY_TIME, CHOOSE = "portal/new.html", "portal/choose.html"
TIMES, SUMMARY = "portal/times.html", "portal/summary.html"
COME_BACK = "portal/too_many.html"


class TooMany(Refused):
    """So much was asked for lately that nothing more is taken for now."""


NOT_ABOUT_THE_TIME = (TooMany, SentByAnother)


def ask(request: VisitorRequest, asker: Asker) -> HttpResponse:
    """The step that the address asks for."""
    chosen = {name: request.GET[name] for name in ChoiceForm.base_fields if name in request.GET}
    if not has_working_hours():
        if not drafts.is_named(request):  # with one step, Back leads to this address
            return SeeOther(f"{request.path}?{urlencode(chosen | drafts.named(request))}")
        return _ask_for_any_time(request, asker, chosen)
    if not _was_sent(request):
        return _render_choice(request, ChoiceForm(asker=asker, initial=chosen))
    choice = ChosenForm(request.GET, asker=asker)
    if not _is_chosen(choice):
        return _render_choice(request, choice, status=422)
    if "preferred_technician" in choice.errors:
        return _render_times(request, choice, status=422)
    if "starts_at" in choice.errors:
        return _render_times(request, choice)
    summary = OfferForm(asker=asker, initial=drafts.of(request))
    return _render_summary(request, summary, choice.cleaned_data)


def _ask_for_any_time(
    request: VisitorRequest, asker: Asker, chosen: dict[str, str]
) -> HttpResponse:
    """In one step; in two where it depends on the service with whom it can be."""
    choice = ChoiceForm(request.GET, asker=asker)
    choice.is_valid()
    services = list(asker.services[:2])
    service = choice.cleaned_data.get("service") or (services[0] if len(services) == 1 else None)
    if service is None and len(services) > 1 and len(asker.technicians[:2]) > 1:
        if _was_sent(request):
            return _render_choice(request, choice, any_time=True, status=422)
        return _render_choice(request, ChoiceForm(asker=asker, initial=chosen), any_time=True)
    form = RequestForm(asker=asker, initial=chosen | drafts.of(request))
    if service:
        form.narrow(service)
    lost = choice.errors.get("preferred_technician")
    return render(request, ANY_TIME, {"form": form, "lost": lost}, status=422 if lost else 200)


def send(
    request: VisitorRequest, asker: Asker, limit: Callable[..., None] = lambda form, count: None
) -> Outcome | HttpResponse:
    """Send the request; or the page to go on with.

    ``limit`` raises TooMany; with ``count`` it counts a request that was taken.
    """
    if "show" in request.POST:
        return _show(request)
    with tenant_atomic(request.tenant):
        form_class = OfferForm if has_working_hours() else RequestForm
        form = form_class(request.POST, asker=asker)
        if not form.is_valid():
            return _render_refused(request, form)
    try:
        sent = _send(request, form, limit)
    except (TimeDoesNotExist, Refused) as refusal:
        if isinstance(refusal, SentByAnother):
            form.begin_anew()
        is_about_time = isinstance(refusal, TimeDoesNotExist)
        form.add_error(form.time_field if is_about_time else None, str(refusal))
        with tenant_atomic(request.tenant):
            return _render_refused(request, form, refusal)
    drafts.forget(request)
    return sent


def _send(request: VisitorRequest, form: WishForm, limit: Callable[..., None]) -> Outcome:
    wish, requester = form.wish(), form.requester()
    with tenant_atomic(request.tenant):
        if sent := actions.sent_before(wish, requester):
            return sent
    form.asker.look()  # whoever asks for a time makes us compute whether it is free
    limit(form, count=False)
    sent = actions.create_appointment_request(request.tenant, wish, requester=requester)
    if not sent.was_sent_before:
        limit(form, count=True)
    return sent


def say_sent(request: VisitorRequest, sent: Outcome) -> None:
    """What comes next, and when, for the page that follows."""
    if sent.was_sent_before:
        messages.info(request, _("You have already sent this request. This is how it stands now."))
        return
    if sent.is_approved:
        messages.success(request, _("Your appointment is confirmed. We have written to you."))
        return
    messages.success(
        request,
        _("Request sent. We will look at it and write to you; nothing is fixed until then."),
    )


def ask_again(request: VisitorRequest, appointment: AppointmentRequest, page: str) -> SeeOther:
    """To the times of the same service, on ``page``, with all that was entered."""
    choice = query_of(
        appointment.service, appointment.preferred_technician, appointment.requester_timezone
    )
    draft = drafts.begin(
        request,
        name=appointment.requester_name,
        email=appointment.requester_email,
        phone=appointment.requester_phone,
        company=appointment.requester_company,
        description=appointment.description,
    )
    return SeeOther(f"{page}?{urlencode(choice | draft)}")


def _show(request: VisitorRequest) -> SeeOther:
    """Another time, or the choice once more; what was typed goes along."""
    names = ChoiceForm.base_fields
    query = {name: request.POST.get(name, "") for name in names} | drafts.keep(request)
    show = request.POST["show"]
    query |= {"change": "yes"} if show == "choice" else {"day": show}
    part = "" if show == "choice" else "#times"
    return SeeOther(f"{request.path}?{urlencode(query)}{part}")


def _was_sent(request: VisitorRequest) -> bool:
    """Whether the choice was sent, also without a service: a browser leaves that out."""
    return "requester_timezone" in request.GET and "change" not in request.GET


def _is_chosen(form: ChoiceForm) -> bool:
    """Whether times can be shown; with whom is chosen beside them."""
    return not any(name in form.errors for name in ("service", "requester_timezone"))


def _render_refused(
    request: VisitorRequest, form: WishForm, refusal: Exception | None = None
) -> HttpResponse:
    """The step that the form was refused at, with what was typed."""
    status = 429 if isinstance(refusal, TooMany) else 422
    if not isinstance(form, OfferForm):
        if service := form.cleaned_data.get("service"):
            form.narrow(service)
        return render(request, ANY_TIME, {"form": form}, status=status)
    if not _is_chosen(form):
        return _render_choice(request, form, drafts.keep(request), status=status)
    about_times = {"starts_at", "preferred_technician"} & form.errors.keys()
    if about_times or (refusal and not isinstance(refusal, NOT_ABOUT_THE_TIME)):
        return _render_times(request, form, drafts.keep(request), status=status)
    return _render_summary(request, form, form.cleaned_data, status=status)


def _render_choice(
    request: VisitorRequest,
    form: ChoiceForm,
    draft: dict[str, str] | None = None,
    *,
    any_time: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "draft": draft or drafts.named(request),
        "any_time": any_time,
    }
    return render(request, CHOOSE, context, status=status)


def _render_times(
    request: VisitorRequest,
    form: ChoiceForm,
    draft: dict[str, str] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """The times of the form's choice, with all that was refused of it."""
    choice = {"preferred_technician": None, **form.cleaned_data}
    kept = _query(choice) | (draft or drafts.named(request))
    try:
        form.asker.look()
    except TooMany as refusal:
        context = {"refusal": refusal, "query": urlencode(kept)}
        return render(request, COME_BACK, context, status=429)
    zone = ZoneInfo(choice["requester_timezone"])
    question = Question(request.tenant, choice["service"], choice["preferred_technician"], zone)
    at = choice.get("starts_at")
    day = at.astimezone(zone).date() if at else parse_day(request.GET.get("day", ""))
    found = offer(question, timezone.now(), day)
    if not found.may_wish_for_somebody:
        choice = choice | {"preferred_technician": None}
        kept |= {"preferred_technician": ""}
    whom = ChoiceForm(asker=form.asker, initial=kept)
    whom.narrow(question.service)
    context = {
        "errors": _errors_of(form) if request.method == "POST" else [],
        "lost": form.errors.get("preferred_technician"),
        "choice": choice,
        "offer": found,
        "whom": whom,
        "kept": kept,
        "has_lost_technician": choice["preferred_technician"] != question.technician,
        "query": urlencode(kept),
    }
    with timezone.override(zone):
        return render(request, TIMES, context, status=status)


def _errors_of(form: ChoiceForm) -> list[str]:
    """What was wrong with the time that was sent."""
    return [*form.non_field_errors(), *form.errors.get("starts_at", [])]


def _render_summary(
    request: VisitorRequest, form: OfferForm, choice: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    zone, service = ZoneInfo(choice["requester_timezone"]), choice["service"]
    start = choice["starts_at"]
    rules = rules_of([service])[service.id]
    end = start + timedelta(minutes=service.duration)
    context = {
        "form": form,
        "choice": choice,
        "kept": _query(choice) | {"starts_at": start.isoformat()},
        "day": start.astimezone(zone).date(),
        "when": f"{day_label(start, zone)}, {span_label(start, end, zone)}",
        "zone": zone_label(start, zone),
        "is_confirmed_at_once": rules.auto_approve and form.asker.contact is not None,
    }
    return render(request, SUMMARY, context, status=status)


def query_of(
    service: Service, preferred_technician: Membership | None, requester_timezone: str
) -> dict[str, str]:
    """A choice as addresses and forms carry it."""
    return {
        "service": str(service.id),
        "preferred_technician": str(preferred_technician.id) if preferred_technician else "",
        "requester_timezone": requester_timezone,
    }


def _query(choice: dict[str, Any]) -> dict[str, str]:
    return query_of(**{name: choice[name] for name in ChoiceForm.base_fields})
