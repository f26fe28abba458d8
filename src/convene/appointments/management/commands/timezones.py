"""``convene timezones check``."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from convene.appointments import shifted
from convene.appointments.shifted import Shift
from convene.tenancy.models import Tenant

Row = tuple[str, ...]
HEAD: Row = ("tenant", "reference", "wall clock", "stored UTC", "UTC now")


class Command(BaseCommand):
    help = (
        "List the appointments to come whose wall clock time is another moment under the installed"
        " tzdata. Changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["check"])
        parser.add_argument("--tenant", help="the short name of one tenant; all without it")

    def handle(self, **options: Any) -> None:
        """Print a table; exit with 1 if there is anything in it."""
        rows = [
            _row(tenant, shift)
            for tenant in self._tenants(options["tenant"])
            for shift in shifted.find(tenant)
        ]
        if not rows:
            self.stdout.write("All appointments are at the time that was asked for.")
            return
        for line in _table([HEAD, *rows]):
            self.stdout.write(line)
        raise CommandError(f"{len(rows)} not at the time that was asked for.")

    def _tenants(self, slug: str | None) -> list[Tenant]:
        tenants = list(Tenant.objects.filter(slug=slug) if slug else Tenant.objects.all())
        if slug and not tenants:
            raise CommandError(f"There is no tenant called {slug}.")
        return tenants


def _row(tenant: Tenant, shift: Shift) -> Row:
    now = f"{shift.now:%Y-%m-%d %H:%M}" if shift.now else "does not exist"
    return tenant.slug, shift.reference, shift.wall_clock, f"{shift.stored:%Y-%m-%d %H:%M}", now


def _table(rows: list[Row]) -> Iterator[str]:
    """Lines with each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
