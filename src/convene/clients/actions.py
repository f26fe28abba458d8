"""What is done to clients and contacts beyond editing them."""

from uuid import UUID

from django.utils.translation import gettext as _

from convene.events.models import record
from convene.tenancy import actions as tenancy
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role

from .models import Contact

INVITED = "CONTACT_INVITED"


class Refused(Exception):
    """The contact cannot be invited; the message says why, for the person who tried."""


def invite_contact(tenant: Tenant, contact_id: UUID, *, by: Membership) -> Contact:
    """Let a contact sign in to the portal, and tell them by mail; again if need be.

    Raises Refused and Contact.DoesNotExist.
    """
    with tenant_atomic(tenant):
        contact = Contact.objects.select_for_update().get(id=contact_id)
        _check_address(tenant, contact)
        contact.membership = tenancy.invite(
            tenant, email=contact.email, name=contact.name, role=Role.CLIENT
        )
        contact.save(update_fields=["membership"])
        record(INVITED, contact.id, by=by)
    return contact


def _check_address(tenant: Tenant, contact: Contact) -> None:
    """Refuse an address that is somebody else's sign-in here already."""
    owner = Membership.objects.of_tenant(tenant).filter(user__email=contact.email.lower()).first()
    if owner is None or owner.id == contact.membership_id:
        return
    if owner.active and not owner.is_client:
        raise Refused(_("This address belongs to one of your colleagues."))
    if Contact.objects.filter(membership=owner).exists():
        raise Refused(_("This address signs in as another contact already."))
