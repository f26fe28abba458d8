"""A program with a key, as tests write it."""

import json
from typing import Any
from uuid import uuid4

from django.test import Client as Browser

from convene.api.actions import make_key
from convene.appointments.models import AppointmentRequest
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from tests.make import (
    make_client,
    make_contact,
    make_member,
    make_request,
    make_service,
    make_tenant,
)


class Caller:
    """Calls the API with a key, or with none."""

    def __init__(self, member: Membership, key: str | None = None, slug: str = ""):
        self.key = make_key(member, name="PSA", ends_at=None) if key is None else key
        self.begin = f"/api/v1/{slug or member.tenant.slug}"
        self.browser = Browser(raise_request_exception=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def get(self, path: str, **query: Any) -> Any:
        return self.browser.get(self.begin + path, query, headers=self.headers)

    def post(self, path: str, **body: Any) -> Any:
        return self.send(path, json.dumps(body, default=str))

    def send(self, path: str, text: str | bytes) -> Any:
        """A body as it is."""
        return self.browser.post(
            self.begin + path, text, content_type="application/json", headers=self.headers
        )


class Office:
    """A tenant with Dana, her key, and one request that waits."""

    def __init__(self, tenant: Tenant | None = None) -> None:
        self.tenant = tenant or make_tenant(timezone="UTC")
        self.dana = make_member(self.tenant, "Dana")
        self.tom = make_member(self.tenant, "Tom", Role.TECHNICIAN)
        self.contact = make_contact(make_client(self.tenant, "Lighthouse Law"), "Marta")
        self.service = make_service(self.tenant, "Onboarding call", self.tom)
        self.request = make_request(self.tenant, contact=self.contact, service=self.service)
        self.api = Caller(self.dana)

    @property
    def one(self) -> str:
        return f"/appointments/{self.request.id}"

    def approve(self, **body: Any) -> Any:
        return self.api.post(f"{self.one}/approve", **{"technician_id": self.tom.id} | body)

    def ask(self, **body: Any) -> Any:
        wish = {
            "submission": uuid4(),
            "contact_id": self.contact.id,
            "service_id": self.service.id,
            "requested_date": "2027-03-01",
            "requested_time": "14:00",
            "requester_timezone": "Europe/Berlin",
        }
        return self.api.post("/appointments", **wish | body)

    def now(self) -> AppointmentRequest:
        with tenant_atomic(self.tenant):
            return AppointmentRequest.objects.with_people().get(id=self.request.id)
