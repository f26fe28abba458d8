"""Rows for tests, each with as little said as the test needs."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from convene.accounts.models import User
from convene.appointments.models import AppointmentRequest
from convene.catalog.models import Service, ServicePerformer
from convene.clients.models import Client, Contact
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role

_number = itertools.count(1)
PASSWORD = "correct horse battery staple"  # of people who exist only in tests


def make_tenant(name: str = "", **fields: Any) -> Tenant:
    number = next(_number)
    fields = {"timezone": "Europe/Berlin", "email": f"desk{number}@msp.example"} | fields
    return Tenant.objects.create(
        name=name or f"MSP {number}", slug=fields.pop("slug", f"msp-{number}"), **fields
    )


def make_member(
    tenant: Tenant, name: str = "", role: Role = Role.DISPATCHER, **fields: Any
) -> Membership:
    number = next(_number)
    name = name or f"Person {number}"
    user = User.objects.create_user(f"person{number}@msp.example", name, PASSWORD)
    return Membership.objects.create(tenant=tenant, user=user, role=role, **fields)


def make_client(tenant: Tenant, name: str = "") -> Client:
    with tenant_atomic(tenant):
        return Client.objects.create(tenant=tenant, name=name or f"Client {next(_number)}")


def make_contact(client: Client, name: str = "", **fields: Any) -> Contact:
    number = next(_number)
    fields = {"email": f"contact{number}@client.example"} | fields
    with tenant_atomic(client.tenant):
        return Contact.objects.create(
            tenant=client.tenant, client=client, name=name or f"Contact {number}", **fields
        )


def make_portal_contact(tenant: Tenant, **fields: Any) -> Contact:
    """A contact of a new client who can sign in to the portal."""
    member = make_member(tenant, role=Role.CLIENT)
    fields = {"membership": member, "email": member.user.email} | fields
    return make_contact(make_client(tenant), name=member.user.name, **fields)


def make_service(tenant: Tenant, name: str = "", *performers: Membership, **fields: Any) -> Service:
    with tenant_atomic(tenant):
        service = Service.objects.create(
            tenant=tenant, name=name or f"Service {next(_number)}", **fields
        )
        for technician in performers:
            ServicePerformer.objects.create(tenant=tenant, service=service, technician=technician)
        return service


def a_time(days: int = 7, hour: int = 10) -> datetime:
    """A whole hour some days from now, in UTC."""
    day = datetime.now(UTC) + timedelta(days=days)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def make_request(
    tenant: Tenant,
    *,
    contact: Contact | None = None,
    service: Service | None = None,
    start: datetime | None = None,
    **fields: Any,
) -> AppointmentRequest:
    """A pending request as the portal leaves it, without its mails."""
    contact = contact or make_contact(make_client(tenant))
    service = service or make_service(tenant)
    start = start or a_time()
    with tenant_atomic(tenant):
        return AppointmentRequest.objects.create(
            **{
                "tenant": tenant,
                "submission": uuid4(),
                "created_at": datetime.now(UTC),
                "client": contact.client,
                "contact": contact,
                "requester_name": contact.name,
                "requester_email": contact.email,
                "service": service,
                "requested_date": start.date(),
                "requested_time": start.time(),
                "requested_duration": service.duration,
                "requester_timezone": "UTC",
                "requested_start": start,
            }
            | fields
        )
