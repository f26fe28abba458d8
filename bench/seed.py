"""`python -m bench.seed NUMBER`: so many pending requests for the demo's first MSP.

None is in the way of another: each technician has one an hour.
"""

import os
import sys
from datetime import timedelta
from itertools import cycle

import django

DAYS_AHEAD = 14
TECHNICIANS = 12
CLIENTS = 8


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convene.settings")
    django.setup()
    add_requests(int(sys.argv[1]))


def add_requests(number: int) -> None:
    from convene.clients.models import Contact
    from convene.tenancy.db import tenant_atomic
    from convene.tenancy.models import Tenant
    from convene.tenancy.permissions import Role
    from demo.world import NORTHWIND
    from tests.make import a_time, make_member, make_portal_contact, make_request, make_service

    tenant = Tenant.objects.get(slug=NORTHWIND.slug)
    for _ in range(CLIENTS):
        make_portal_contact(tenant)
    technicians = [
        make_member(tenant, f"Technician {count}", Role.TECHNICIAN)
        for count in range(1, TECHNICIANS + 1)
    ]
    service = make_service(tenant, "Patch day", *technicians)
    with tenant_atomic(tenant):
        contacts = cycle(Contact.objects.select_related("client"))
    for count in range(number):
        make_request(
            tenant,
            contact=next(contacts),
            service=service,
            start=a_time(DAYS_AHEAD) + timedelta(hours=count // TECHNICIANS),
            preferred_technician=technicians[count % TECHNICIANS],
            description="Updates that need a restart.",
        )


if __name__ == "__main__":
    main()
