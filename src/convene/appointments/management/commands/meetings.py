"""``convene meetings check`` and ``convene meetings repair``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from convene.appointments import drift
from convene.appointments.drift import Drift
from convene.meetings.registry import explain
from convene.tenancy.models import Tenant


class Command(BaseCommand):
    help = (
        "Compare the meetings of all appointments to come with what the provider holds (check), and"
        " let those that drifted follow their appointments again (repair). Safe while people work."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["check", "repair"])
        parser.add_argument("--tenant", help="the short name of one tenant; all without it")

    def handle(self, **options: Any) -> None:
        """Print a table; exit with 1 if something is not as it should be afterwards."""
        wrong = 0
        for tenant in self._tenants(options["tenant"]):
            for found in drift.find(tenant):
                mended = options["what"] == "repair" and self._mend(tenant, found)
                self._print(tenant, found, mended=mended)
                wrong += not mended
        if wrong:
            raise CommandError(f"{wrong} not as they should be.")
        self.stdout.write("All meetings are as they should be.")

    def _tenants(self, slug: str | None) -> list[Tenant]:
        tenants = list(Tenant.objects.filter(slug=slug) if slug else Tenant.objects.all())
        if slug and not tenants:
            raise CommandError(f"There is no tenant called {slug}.")
        return tenants

    def _mend(self, tenant: Tenant, found: Drift) -> bool:
        result = drift.mend(tenant, found)
        return not (result.busy or result.problem)

    def _print(self, tenant: Tenant, found: Drift, *, mended: bool) -> None:
        words = str(found.kind.label)
        if found.detail:
            words = f"{words}: {explain(found.detail).sentence}"
        state = "repaired" if mended else "DRIFT"
        self.stdout.write(f"{state:9} {tenant.slug:20} {found.reference}  {words}")
