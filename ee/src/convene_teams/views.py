"""The two tabs of Teams in the settings: the integration with its profiles, and the organizer."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from convene.pages import SeeOther
from convene.settings_tabs import render_tab
from convene.tenancy.db import tenant_atomic
from convene.tenancy.pages import TenantRequest, tenant_page

from . import actions
from .actions import Refused
from .forms import ActivationForm, OrganizerForm, ProfileForm
from .models import InstallStatus, MicrosoftProfile
from .organizer import set_default_meeting_organizer
from .powershell import policy_scripts
from .readiness import Readiness, readiness, trouble_with
from .references import has_meetings
from .runbook import runbook
from .tabs import INTEGRATION, MEETINGS, READ, UPDATE
from .verifications import KeptVerification, kept_verification
from .verifications import verify as verify_and_keep

# The integration and its profiles


@tenant_page(READ)
def integration(request: TenantRequest) -> HttpResponse:
    ready = readiness()
    return _integration_page(request, ready, ActivationForm(ready=ready))


@tenant_page(UPDATE, reads=False)
def activate(request: TenantRequest) -> HttpResponse:
    """Make new meetings with the chosen profile from now on."""
    with tenant_atomic(request.tenant):
        ready = readiness()
        form = ActivationForm(request.POST, ready=ready)
        if not form.is_valid():
            return _integration_page(request, ready, form, status=422)
    profile: MicrosoftProfile = form.cleaned_data["profile"]
    return _act(
        request,
        lambda: actions.set_integration(
            request.tenant,
            profile_id=profile.id,
            status=InstallStatus.ACTIVE,
            by=request.membership,
        ),
        done=_("Active: new meetings are made with %(profile)s.") % {"profile": profile},
    )


@tenant_page(UPDATE, reads=False)
def deactivate(request: TenantRequest) -> HttpResponse:
    """No new meetings; the profile stays chosen."""
    with tenant_atomic(request.tenant):
        profile = readiness().profile
    return _act(
        request,
        lambda: actions.set_integration(
            request.tenant,
            profile_id=profile.id if profile else None,
            status=InstallStatus.NOT_CONFIGURED,
            by=request.membership,
        ),
        done=_("Deactivated. Existing meetings still move and go."),
    )


def _integration_page(
    request: TenantRequest, ready: Readiness, form: ActivationForm, status: int = 200
) -> HttpResponse:
    context = {
        "ready": ready,
        "profiles": [(profile, trouble_with(profile)) for profile in ready.profiles],
        "form": form,
    }
    return render_tab(
        request, INTEGRATION, "convene_teams/integration.html", context, status=status
    )


@tenant_page(UPDATE)
def edit_profile(request: TenantRequest, pk: UUID | None = None) -> HttpResponse:
    return _profile_page(request, ProfileForm(instance=_profile(pk)))


@tenant_page(UPDATE, reads=False)
def save_profile(request: TenantRequest, pk: UUID | None = None) -> HttpResponse:
    with tenant_atomic(request.tenant):
        form = ProfileForm(request.POST, instance=_profile(pk))
        valid = form.is_valid()
    if valid:
        try:
            actions.save_profile(
                request.tenant,
                form.instance,
                secret=form.cleaned_data["secret"],
                by=request.membership,
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return SeeOther(_url(request, "integration"))
    form.ask_for_the_secret_again()
    with tenant_atomic(request.tenant):
        return _profile_page(request, form, status=422)


def _profile(pk: UUID | None) -> MicrosoftProfile | None:
    return get_object_or_404(MicrosoftProfile, id=pk) if pk else None


def _profile_page(request: TenantRequest, form: ProfileForm, status: int = 200) -> HttpResponse:
    is_new = form.instance._state.adding
    heading = _("New Microsoft profile") if is_new else _("Microsoft profile")
    context = {"form": form, "heading": heading}
    return render_tab(request, INTEGRATION, "convene_teams/profile.html", context, status=status)


@tenant_page(UPDATE)
def confirm_archive(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _confirm_page(request, "convene_teams/archive.html", pk, _("Archive %(profile)s?"))


@tenant_page(UPDATE, reads=False)
def archive(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _act_on_profile(request, pk, actions.archive_profile, done=_("%(profile)s is archived."))


@tenant_page(UPDATE)
def confirm_delete(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _confirm_page(request, "convene_teams/delete.html", pk, _("Delete %(profile)s?"))


@tenant_page(UPDATE, reads=False)
def delete(request: TenantRequest, pk: UUID) -> HttpResponse:
    return _act_on_profile(request, pk, actions.delete_profile, done=_("%(profile)s is deleted."))


def _confirm_page(request: TenantRequest, template: str, pk: UUID, question: str) -> HttpResponse:
    """Asks, and says what will happen."""
    profile = get_object_or_404(MicrosoftProfile, id=pk)
    ready = readiness()
    is_chosen = ready.profile == profile
    context = {
        "heading": question % {"profile": profile},
        "is_chosen": is_chosen,
        "is_in_use": is_chosen and ready.is_active,
        "has_meetings": has_meetings(pk),
    }
    return render_tab(request, INTEGRATION, template, context)


def _act_on_profile(
    request: TenantRequest, pk: UUID, act: Callable[..., None], *, done: str
) -> HttpResponse:
    with tenant_atomic(request.tenant):
        profile = get_object_or_404(MicrosoftProfile, id=pk)
    return _act(
        request,
        lambda: act(request.tenant, pk, by=request.membership),
        done=done % {"profile": profile},
    )


# The organizer


@tenant_page(READ)
def meetings(request: TenantRequest) -> HttpResponse:
    ready = readiness()
    if not ready.is_active:
        return _off_page(request)
    form = OrganizerForm(initial={"organizer": ready.organizer})
    return _meetings_page(request, ready, form, ready.verification)


@tenant_page(READ)
def verified(request: TenantRequest, pk: UUID) -> HttpResponse:
    """What a verification found out, and the organizer that was typed for it."""
    ready = readiness()
    if not ready.is_active:
        return _off_page(request)
    kept = kept_verification(pk)
    if kept is None:
        raise Http404
    form = OrganizerForm(initial={"organizer": kept.organizer})
    return _meetings_page(request, ready, form, kept)


@tenant_page(UPDATE, reads=False)
def save_organizer(request: TenantRequest) -> HttpResponse:
    with tenant_atomic(request.tenant):
        ready = readiness()
        if not ready.is_active:
            return _off_page(request)
        form = OrganizerForm(request.POST)
        if not form.is_valid():
            return _meetings_page(request, ready, form, status=422)
    organizer = form.cleaned_data["organizer"]
    saved = set_default_meeting_organizer(request.tenant, organizer, by=request.membership)
    if saved.warning:
        messages.warning(request, saved.warning)
    else:
        messages.success(request, _saved(organizer, saved.display_name))
    return SeeOther(_url(request, "meetings"))


def _saved(organizer: str, name: str) -> str:
    if not organizer:
        return _(
            "Saved: nobody organizes new meetings, and the switch is gone from the approval form."
            " Meetings that exist still move and go."
        )
    return _("Saved: %(name)s organizes new meetings.") % {"name": name or organizer}


@tenant_page(UPDATE, reads=False)
def verify(request: TenantRequest) -> HttpResponse:
    """Try an organizer, saved or not, up to a meeting."""
    with tenant_atomic(request.tenant):
        ready = readiness()
        if not ready.is_active:
            return _off_page(request)
        form = OrganizerForm(request.POST)
        if not form.is_valid():
            return _meetings_page(request, ready, form, status=422)
    pk = verify_and_keep(request.tenant, form.cleaned_data["organizer"], by=request.membership)
    return SeeOther(_url(request, "verified", pk) + "#teams-verification")


def _off_page(request: TenantRequest) -> HttpResponse:
    """Without an active integration there is no such page, but there was when it was bookmarked."""
    return render_tab(request, MEETINGS, "convene_teams/off.html", {}, status=404)


def _meetings_page(
    request: TenantRequest,
    ready: Readiness,
    form: OrganizerForm,
    kept: KeptVerification | None = None,
    status: int = 200,
) -> HttpResponse:
    found = kept.result.object_id if kept else ""
    context = {
        "ready": ready,
        "form": form,
        "kept": kept,
        "is_saved": kept is None or kept.organizer == ready.organizer,
        "scripts": policy_scripts(
            client_id=ready.profile.client_id if ready.profile else "",
            organizer_id=found or ready.organizer_id,
            cloud=ready.profile.cloud if ready.profile else "",
        ),
    }
    return render_tab(request, MEETINGS, "convene_teams/meetings.html", context, status=status)


# The runbook


@tenant_page(READ)
def read_runbook(request: TenantRequest) -> HttpResponse:
    found = runbook()
    context = {"runbook": found, "heading": found.title}
    return render_tab(request, INTEGRATION, "convene_teams/runbook.html", context)


# What all share


def _act(request: TenantRequest, act: Callable[[], None], *, done: str) -> HttpResponse:
    """Do it, say what came of it, and go to the tab that shows it."""
    try:
        act()
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return SeeOther(_url(request, "integration"))


def _url(request: TenantRequest, name: str, *args: Any) -> str:
    return reverse(f"teams:{name}", args=[request.tenant.slug, *args])
