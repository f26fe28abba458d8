"""The next free times that follow from the settings, saved or only tried."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from convene.catalog.models import Service
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant

from . import free
from .hours import DAY, Span

LOOK_AHEAD = 28 * DAY
TIMES, SERVICES = 3, 5


@dataclass(frozen=True)
class Preview:
    """The next free times of some services; while nobody has hours there are none to show."""

    has_hours: bool
    times: list[tuple[Service, list[datetime]]]


def preview(
    tenant: Tenant, services: Iterable[Service], technician: Membership | None = None
) -> Preview:
    """The next free times; inside the tenant's block."""
    now = timezone.now()
    ahead = Span(now, now + LOOK_AHEAD)
    facts = free.read(tenant, ahead)
    return Preview(
        bool(facts.hours),
        [
            (
                service,
                [slot.span.start for slot in facts.slots(service, ahead, now, technician)[:TIMES]],
            )
            for service in services
        ],
    )


def tried(tenant: Tenant, save: Callable[[], object], look: Callable[[], Preview]) -> Preview:
    """What would follow: save, look, and take it back."""
    with tenant_atomic(tenant):
        save()
        found = look()
        transaction.set_rollback(True)
    return found
