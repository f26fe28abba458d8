"""``convene invite``: give a person a place in a tenant."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from convene.tenancy import actions
from convene.tenancy.models import Tenant
from convene.tenancy.permissions import Role

from .create_tenant import words


def tenant_of(slug: str) -> Tenant:
    """The tenant of a short name. Raises CommandError."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"There is no tenant called {slug}.")
    return tenant


class Command(BaseCommand):
    help = "Invite a colleague to a tenant by mail. Clients are invited from their contact's page."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", help="the tenant's short name")
        parser.add_argument("email")
        parser.add_argument("--name", required=True)
        parser.add_argument(
            "--role", required=True, choices=[role for role in Role.values if role != Role.CLIENT]
        )

    def handle(self, **options: Any) -> None:
        tenant = tenant_of(options["tenant"])
        email, name, role = options["email"], options["name"], Role(options["role"])
        try:
            actions.invite(tenant, email=email, name=name, role=role)
        except ValidationError as error:
            raise CommandError(words(error)) from error
        self.stdout.write(f"{email} is invited to {tenant.name}.")
