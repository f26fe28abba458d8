"""What is done to clients and contacts beyond editing them."""

from uuid import UUID

from convene.events.models import record
from convene.tenancy import actions as tenancy
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role

from .models import Contact

INVITED = "CONTACT_INVITED"


class IsStaff(Exception):
    """The contact's address belongs to a colleague, who would lose their role."""


def invite_contact(tenant: Tenant, contact_id: UUID, *, by: Membership) -> Contact:
    """Let a contact sign in to the portal, and tell them by mail; again if need be.

    Raises IsStaff and Contact.DoesNotExist.
    """
    with tenant_atomic(tenant):
        contact = Contact.objects.select_for_update().get(id=contact_id)
        if (
            Membership.objects.of_tenant(tenant)
            .technicians()
            .filter(user__email=contact.email.lower())
        ):
            raise IsStaff
        contact.membership = tenancy.invite(
            tenant, email=contact.email, name=contact.name, role=Role.CLIENT
        )
        contact.save(update_fields=["membership"])
        record(INVITED, contact.id, by=by)
    return contact
