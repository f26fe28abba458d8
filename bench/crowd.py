"""An MSP with more technicians and more in their schedules than most have."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from convene.catalog.models import Service
    from convene.tenancy.models import Membership, Tenant

TECHNICIANS, ENTRIES = 50, 20_000
DAY = timedelta(days=1)
APART = 60 * DAY * TECHNICIANS / ENTRIES  # one entry of a technician begins so long after another
SHIFT = timedelta(minutes=4)  # between the entries of one technician and the next
VISIT = timedelta(minutes=30)
OPENS, CLOSES = time(9), time(17)
STEP, BUFFER = 30, 5  # minutes, the buffer before an appointment
WAITING = 3  # requests for anybody, for one time


@dataclass(frozen=True)
class Crowd:
    """Its technicians all perform one service, and a contact asks for it. Its clock is UTC."""

    tenant: "Tenant"
    service: "Service"
    technicians: list["Membership"]
    contact_email: str
    first_day: datetime

    @property
    def month_page(self) -> str:
        choice = {
            "service": self.service.id,
            "requester_timezone": "UTC",
            "day": f"{self.first_day:%Y-%m-%d}",
        }
        return f"/portal/{self.tenant.slug}/new/?{urlencode(choice)}"


def make_crowd(name: str, first_day: datetime, length: timedelta) -> Crowd:
    """From ``first_day`` on 60 days of entries, each of this length."""
    from convene.availability.models import BookingRules, WorkingHours
    from convene.schedule.models import EntryKind, ScheduleEntry
    from convene.tenancy.db import tenant_atomic
    from convene.tenancy.permissions import Role
    from demo.world import PASSWORD
    from tests.make import make_client, make_contact, make_request, make_service, make_tenant

    tenant = make_tenant(name, slug=name.lower(), timezone="UTC")
    technicians = [
        _member(tenant, f"{name} {number}", Role.TECHNICIAN) for number in range(TECHNICIANS)
    ]
    service = make_service(tenant, "Visit", *technicians, duration=VISIT // timedelta(minutes=1))
    member = _member(tenant, f"{name} client", Role.CLIENT, PASSWORD)
    email = member.user.email
    make_contact(make_client(tenant), name=member.user.name, membership=member, email=email)
    with tenant_atomic(tenant):
        BookingRules.objects.create(tenant=tenant, step_minutes=STEP, buffer_before=BUFFER)
        WorkingHours.objects.bulk_create(
            WorkingHours(technician=technician, weekday=weekday, starts_at=OPENS, ends_at=CLOSES)
            for technician in technicians
            for weekday in range(7)
        )
        ScheduleEntry.objects.bulk_create(
            (
                ScheduleEntry(
                    technician=technician,
                    starts_at=(start := first_day + number * APART + offset * SHIFT),
                    ends_at=start + length,
                    title=f"Visit {number}",
                    kind=EntryKind.APPOINTMENT if number % 3 else EntryKind.BUSY,
                )
                for offset, technician in enumerate(technicians)
                for number in range(ENTRIES // TECHNICIANS)
            ),
            batch_size=5000,
        )
    for _ in range(WAITING):
        make_request(tenant, service=service, start=first_day + timedelta(hours=OPENS.hour))
    return Crowd(tenant, service, technicians, email, first_day)


def _member(tenant: "Tenant", name: str, role: str, password: str | None = None) -> "Membership":
    """Only who signs in has a password: its slow hash is not what is measured."""
    from convene.accounts.models import User
    from convene.tenancy.models import Membership

    email = f"{name.lower().replace(' ', '.')}@crowd.example"
    user = User.objects.create_user(email, name, password)
    return Membership.objects.create(tenant=tenant, user=user, role=role)
