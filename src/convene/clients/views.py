"""The staff's screens of client companies and their contacts."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from convene.pages import SeeOther
from convene.tenancy.db import tenant_atomic
from convene.tenancy.forms import saved
from convene.tenancy.pages import TenantRequest, tenant_page

from .actions import Refused, invite_contact
from .forms import ClientForm, ContactForm
from .models import Client, Contact

FORM = "components/form_page.html"


@tenant_page("client:read")
def client_list(request: TenantRequest) -> HttpResponse:
    clients = Client.objects.annotate(contact_count=Count("contacts"))
    return render(request, "clients/list.html", {"clients": clients})


@tenant_page("client:read")
def detail(request: TenantRequest, pk: UUID) -> HttpResponse:
    client = get_object_or_404(Client, id=pk)
    contacts = Contact.objects.filter(client=client).select_related("membership")
    return render(request, "clients/detail.html", {"client": client, "contacts": contacts})


@tenant_page("client:update")
def edit_client(request: TenantRequest, pk: UUID | None = None) -> HttpResponse:
    return _client_page(request, ClientForm(instance=_client(pk)))


@tenant_page("client:update", reads=False)
def save_client(request: TenantRequest, pk: UUID | None = None) -> HttpResponse:
    with tenant_atomic(request.tenant):
        form = ClientForm(request.POST, instance=_client(pk))
        if not (form.is_valid() and saved(form)):
            return _client_page(request, form, status=422)
    messages.success(request, _("Saved."))
    return SeeOther(_url(request, form.instance.id))


def _client(pk: UUID | None) -> Client | None:
    return get_object_or_404(Client, id=pk) if pk else None


def _client_page(request: TenantRequest, form: ClientForm, status: int = 200) -> HttpResponse:
    is_new = form.instance._state.adding
    context = {
        "form": form,
        "title": _("New client") if is_new else form.instance.name,
        "back": _url(request, None if is_new else form.instance.id),
    }
    return render(request, FORM, context, status=status)


@tenant_page("client:update")
def edit_contact(request: TenantRequest, client: UUID, pk: UUID | None = None) -> HttpResponse:
    return _contact_page(request, ContactForm(instance=_contact(client, pk)))


@tenant_page("client:update", reads=False)
def save_contact(request: TenantRequest, client: UUID, pk: UUID | None = None) -> HttpResponse:
    with tenant_atomic(request.tenant):
        form = ContactForm(request.POST, instance=_contact(client, pk))
        if not (form.is_valid() and saved(form)):
            return _contact_page(request, form, status=422)
    messages.success(request, _("Saved."))
    return SeeOther(_url(request, client))


@tenant_page("client:update", reads=False)
def invite(request: TenantRequest, client: UUID, pk: UUID) -> HttpResponse:
    with tenant_atomic(request.tenant):
        contact = get_object_or_404(Contact, id=pk, client=client)
    try:
        invite_contact(request.tenant, pk, by=request.membership)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request, _("Invited: a mail to %(to)s is on its way.") % {"to": contact.email}
        )
    return SeeOther(_url(request, client))


def _contact(client: UUID, pk: UUID | None) -> Contact:
    """The contact to edit, or a new one of the client."""
    if pk:
        return get_object_or_404(Contact, id=pk, client=client)
    return Contact(client=get_object_or_404(Client, id=client))


def _contact_page(request: TenantRequest, form: ContactForm, status: int = 200) -> HttpResponse:
    contact = form.instance
    context = {
        "form": form,
        "title": _("New contact") if contact._state.adding else contact.name,
        "back": _url(request, contact.client_id),
    }
    return render(request, FORM, context, status=status)


def _url(request: TenantRequest, client: UUID | None) -> str:
    """The client's page, or the list."""
    slug = request.tenant.slug
    return (
        reverse("clients:detail", args=[slug, client])
        if client
        else reverse("clients:list", args=[slug])
    )
