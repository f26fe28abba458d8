"""``convene create_tenant``: found a managed service provider and invite its first admin."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from convene.tenancy import actions
from convene.tenancy.permissions import Role


def words(error: ValidationError) -> str:
    """What is wrong, each with the name of its field."""
    return "; ".join(
        f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items()
    )


class Command(BaseCommand):
    help = "Found a tenant (an MSP) and invite its first administrator by mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the short name in addresses, for example northwind")
        parser.add_argument("--name", required=True)
        parser.add_argument("--timezone", required=True, help="for example Europe/Berlin")
        parser.add_argument("--email", required=True, help="where replies and new requests go")
        parser.add_argument("--phone", default="")
        parser.add_argument("--admin-email", required=True)
        parser.add_argument("--admin-name", required=True)

    def handle(self, **options: Any) -> None:
        fields = {key: options[key] for key in ("slug", "name", "timezone", "email", "phone")}
        email, name = options["admin_email"], options["admin_name"]
        try:
            with transaction.atomic():
                tenant = actions.create_tenant(**fields)
                actions.invite(tenant, email=email, name=name, role=Role.ADMIN)
        except ValidationError as error:
            raise CommandError(words(error)) from error
        self.stdout.write(f"{tenant.name} is founded; {email} is invited.")
