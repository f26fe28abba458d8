"""Settings > Mails > Texts: what mails say, in the MSP's own words or in ours."""

from dataclasses import dataclass

from csp.decorators import csp_replace
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from convene.events.models import Event
from convene.pages import SeeOther
from convene.settings_tabs import render_tab
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant
from convene.tenancy.pages import TenantRequest, tenant_page

from . import actions
from .forms import MailTextForm, in_words
from .handlebars import TemplateError
from .kinds import MailKind, all_kinds, kind_of
from .models import MailText
from .tabs import TEXTS
from .templates import Rendered, Template
from .texts import Missing, missing, problems
from .texts import render as rendered

# A mail has its styles in itself, and pictures anywhere. Nothing else of it is let in.
_IN_A_FRAME = csp_replace(
    {
        "default-src": ["'none'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["https:"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'self'"],
        "sandbox": [""],
    }
)


# As handlebars.js has it; in a Django template they would be tags of Django's.
_SYNTAX = {
    "print": "{{serviceName}}",
    "when": "{{#if onlineMeetingUrl}}",
    "otherwise": "{{else}}",
    "end": "{{/if}}",
}


@dataclass(frozen=True)
class OwnText:
    """An MSP's own text, and what is wrong with it."""

    template: Template
    changed: Event | None
    broken: list[str]
    missing: list[Missing]


def _own_texts(**only: str) -> dict[str, OwnText]:
    """By the name of their kind."""
    rows = list(MailText.objects.filter(**only))
    changes = Event.objects.filter(subject_id__in=[row.id for row in rows])
    last = {event.subject_id: event for event in changes.filter(kind=actions.TEXT_CHANGED)}
    return {
        kind.name: _own_text(kind, row.template, last.get(row.id))
        for row in rows
        if (kind := kind_of(row.kind))
    }


def _own_text(kind: MailKind, template: Template, changed: Event | None) -> OwnText:
    found = problems(kind, template)
    broken = [in_words(problem) for them in found.values() for problem in them]
    return OwnText(template, changed, broken, [] if broken else missing(kind, template))


@tenant_page(TEXTS.permission)
def texts(request: TenantRequest) -> HttpResponse:
    own = _own_texts()
    context = {"rows": [(kind, own.get(kind.name)) for kind in all_kinds()]}
    return render_tab(request, TEXTS.slug, "mail/texts.html", context)


@tenant_page(TEXTS.update_permission)
def text(request: TenantRequest, kind: str) -> HttpResponse:
    found = _kind_or_404(kind)
    own = _own_texts(kind=kind).get(kind)
    form = MailTextForm(kind=found, template=own.template if own else found.ours)
    return _text_page(request, found, form, own)


@tenant_page(TEXTS.update_permission, reads=False)
def save_text(request: TenantRequest, kind: str) -> HttpResponse:
    found = _kind_or_404(kind)
    form = MailTextForm(request.POST, kind=found)
    if not form.is_valid():
        with tenant_atomic(request.tenant):
            own = _own_texts(kind=kind).get(kind)
            return _text_page(request, found, form, own, status=422)
    actions.save_text(request.tenant, found, form.template, by=request.membership)
    messages.success(request, _("Saved."))
    return SeeOther(request.path)


def _kind_or_404(name: str) -> MailKind:
    if kind := kind_of(name):
        return kind
    raise Http404


def _text_page(
    request: TenantRequest,
    kind: MailKind,
    form: MailTextForm,
    own: OwnText | None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "kind": kind,
        "form": form,
        "own": own,
        "heading": kind.title,
        "syntax": _SYNTAX,
    }
    return render_tab(request, TEXTS.slug, "mail/text.html", context, status=status)


# The preview, a page of its own for the frame in the other


@xframe_options_sameorigin
@_IN_A_FRAME
@tenant_page(TEXTS.update_permission)
def preview(request: TenantRequest, kind: str) -> HttpResponse:
    """The mail as it is sent now."""
    found = _kind_or_404(kind)
    return _preview_page(request, rendered(found, _example(request.tenant, found)))


@xframe_options_sameorigin
@_IN_A_FRAME
@tenant_page(TEXTS.update_permission)
def preview_draft(request: TenantRequest, kind: str) -> HttpResponse:
    """The mail as the form in the page around says; nothing is saved."""
    form = MailTextForm(request.POST, kind=_kind_or_404(kind))
    if form.is_valid():
        example = _example(request.tenant, form.kind, *form.cleaned_data["suppose"])
        try:
            return _preview_page(request, form.template.render(example))
        except TemplateError as error:  # with just these switches on
            form.add_error(None, error.sentence)
    return render(request, "mail/preview.html", {"form": form}, status=422)


def _example(tenant: Tenant, kind: MailKind, *switched_on: str) -> dict[str, str | bool]:
    """What the mail would tell; the MSP's own name and addresses are the real ones."""
    return kind.example(*switched_on) | {
        "tenantName": tenant.name,
        "tenantEmail": tenant.email,
        "tenantPhone": tenant.phone,
    }


def _preview_page(request: TenantRequest, mail: Rendered) -> HttpResponse:
    return render(request, "mail/preview.html", {"mail": mail})


# Back to our text


@tenant_page(TEXTS.update_permission)
def confirm_ours(request: TenantRequest, kind: str) -> HttpResponse:
    context = {"kind": _kind_or_404(kind), "heading": _("Back to Convene's text?")}
    return render_tab(request, TEXTS.slug, "mail/ours.html", context)


@tenant_page(TEXTS.update_permission, reads=False)
def back_to_ours(request: TenantRequest, kind: str) -> HttpResponse:
    found = _kind_or_404(kind)
    actions.give_up_text(request.tenant, found, by=request.membership)
    messages.success(request, _("Convene's text is sent again."))
    return SeeOther(request.path.removesuffix("ours/"))
