"""``convene migrate`` runs as the owner of the tables; the app's role cannot change them."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.commands.migrate import Command as MigrateCommand


class Command(MigrateCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)  # type: ignore[arg-type]  # Django's own subclass
        if "owner" in settings.DATABASES:
            parser.set_defaults(database="owner")
