"""Founding a tenant and inviting people to it."""

from django.db import transaction

from convene.accounts.mails import keep_invitation
from convene.accounts.models import User

from .models import Membership, Tenant
from .permissions import Role


def create_tenant(*, name: str, slug: str, timezone: str, email: str, phone: str = "") -> Tenant:
    """Found a tenant. Raises ValidationError, also for a short name that is taken."""
    tenant = Tenant(name=name, slug=slug, timezone=timezone, email=email, phone=phone)
    tenant.full_clean()
    tenant.save()
    return tenant


def invite(tenant: Tenant, *, email: str, name: str, role: Role) -> Membership:
    """Give a person a place in the tenant, and tell them by mail.

    A person who has an account keeps it. Inviting a member again changes their role, opens a closed
    membership and sends the mail again. Raises ValidationError.
    """
    with transaction.atomic():
        user = User.objects.filter(email=email.strip().lower()).first()
        user = user or User.objects.create_user(email, name)
        membership, _created = Membership.objects.update_or_create(
            tenant=tenant, user=user, defaults={"role": role, "active": True}
        )
        keep_invitation(user, company=tenant.name)
    return membership


def close_membership(tenant: Tenant, *, email: str) -> Membership:
    """End a person's place in the tenant at once: pages, API keys, mails. Raises DoesNotExist.

    What they did stays under their name, and their appointments to come need somebody else.
    """
    membership = Membership.objects.of_tenant(tenant).get(user__email=email.strip().lower())
    membership.active = False
    membership.save(update_fields=["active"])
    return membership
