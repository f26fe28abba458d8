"""``convene close_membership``: end a person's place in a tenant."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from convene.tenancy import actions
from convene.tenancy.models import Membership

from .invite import tenant_of


class Command(BaseCommand):
    help = "Close the tenant to somebody who has left. Inviting them again opens it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", help="the tenant's short name")
        parser.add_argument("email")

    def handle(self, **options: Any) -> None:
        tenant, email = tenant_of(options["tenant"]), options["email"]
        try:
            member = actions.close_membership(tenant, email=email)
        except Membership.DoesNotExist:
            raise CommandError(f"Nobody at {tenant.name} signs in as {email}.") from None
        self.stdout.write(
            f"{tenant.name} is closed to {member}. Their appointments to come are under"
            " “Needs attention”."
        )
