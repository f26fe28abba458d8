"""An MSP with Teams and a client of theirs, for tests of the running product; and how they come in.

Each test has an MSP of its own, so that what one leaves behind concerns no other.
"""

from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx2
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.test import Client as SignedIn
from django.urls import reverse

from convene.appointments.models import AppointmentRequest, MeetingSync
from convene.events.models import Event
from convene.mail.models import MailState, OutboxMail
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership
from convene.tenancy.permissions import Role
from demo.browser import Page, read_page
from ee.running.product import Product, until
from ee.tests.make_teams import make_teams_tenant
from graphsim import Meeting
from tests.make import (
    PASSWORD,
    a_time,
    make_member,
    make_portal_contact,
    make_request,
    make_service,
)

TOKEN = "t" * 32  # against forged requests; a browser sends what it was given, and so do we


class Office:
    """Two dispatchers, two technicians, and somebody at a client who can sign in."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.tenant = make_teams_tenant()
        self.dana = make_member(self.tenant, "Dana Weber")
        self.drew = make_member(self.tenant, "Drew Castillo")
        self.tom = make_member(self.tenant, "Tom Brandt", Role.TECHNICIAN)
        self.aylin = make_member(self.tenant, "Aylin Kaya", Role.TECHNICIAN)
        self.marta = make_portal_contact(self.tenant, timezone="Europe/Lisbon")
        self.service = make_service(self.tenant, "Remote support", self.tom, self.aylin)

    def request(self, start: datetime | None = None) -> AppointmentRequest:
        """A pending request of the client."""
        return make_request(
            self.tenant, contact=self.marta, service=self.service, start=start or a_time()
        )

    def approved(
        self, start: datetime | None = None, *, with_meeting: bool = True
    ) -> AppointmentRequest:
        """An approved request, its meeting made over the product's own pages."""
        request = self.request(start)
        with self.visit(self.dana) as dana:
            dana.approve(request, self.tom, with_meeting=with_meeting)
        self.wait_for_mails(request)
        return self.now(request)

    def visit(self, member: Membership | None) -> "Visitor":
        assert member is not None
        return Visitor(self.product.url, member)

    def now(self, request: AppointmentRequest) -> AppointmentRequest:
        """The appointment as it is now."""
        with tenant_atomic(self.tenant):
            return AppointmentRequest.objects.with_people().get(id=request.id)

    def is_due(self, request: AppointmentRequest) -> bool:
        """Whether the meeting is not what the appointment wants, as far as the product knows."""
        with tenant_atomic(self.tenant):
            return MeetingSync.objects.filter(appointment=request, due=True).exists()

    def happened(self, request: AppointmentRequest, kind: str) -> int:
        """How often this is in the appointment's history."""
        with tenant_atomic(self.tenant):
            return Event.objects.filter(subject_id=request.id, kind=kind).count()

    def meetings(self) -> list[Meeting]:
        """What Graph holds for this MSP's client."""
        subject = f"{self.service.name}: {self.marta.client.name}"
        return [row for row in self.product.simulator.meetings() if row.subject == subject]

    def check_in_step(self, request: AppointmentRequest) -> None:
        """Graph holds what the appointment wants and shows, and nobody has to look after it."""
        appointment = self.now(request)
        assert not self.is_due(request)
        held = [
            (row.id, row.join_web_url, datetime.fromisoformat(row.start)) for row in self.meetings()
        ]
        shown = (
            appointment.online_meeting_id,
            appointment.online_meeting_url,
            appointment.starts_at,
        )
        assert held == ([shown] if appointment.is_approved else [])

    def wait_for_mails(self, request: AppointmentRequest) -> None:
        """Until everybody is told what is to be told now."""
        until(lambda: not self._mails_waiting(request), "nothing more to tell")

    def _mails_waiting(self, request: AppointmentRequest) -> bool:
        with tenant_atomic(self.tenant):
            mails = OutboxMail.objects.filter(subject_id=request.id, state=MailState.DUE)
            return mails.exists()

    def told(self, member: Membership | None) -> list[str]:
        """The beginnings of the subjects of what somebody was told, oldest first."""
        assert member is not None
        mails = self.product.mails.to(member.user.email)
        return [str(mail["Subject"]).strip().partition(":")[0] for mail in mails]


def slow_graph(office: Office, milliseconds: int) -> None:
    """From now on each call to Graph takes so long."""
    world = office.product.simulator.world
    world.behave(replace(world.behaviour, delay_ms=milliseconds))


class Visitor:
    """Somebody who is signed in, at a browser without scripts."""

    def __init__(self, site: str, member: Membership) -> None:
        self._member = member
        self._http = httpx2.Client(
            base_url=site,
            cookies={"sessionid": session_of(member), "csrftoken": TOKEN},
            follow_redirects=True,
            timeout=120,  # the last of two hundred waits for all others
            trust_env=False,  # no proxy is asked for this machine
            verify=False,  # and no list of authorities is read, which takes long
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def open(self, request: AppointmentRequest) -> Page:
        """The page of an appointment."""
        return _page(self._http.get(self._address("detail", request)))

    def attention(self) -> Page:
        """The page of the meetings that are not what they should be."""
        tenant = self._member.tenant.slug
        return _page(self._http.get(reverse("appointments:attention", args=[tenant])))

    def approve(
        self,
        request: AppointmentRequest,
        technician: Membership,
        *,
        with_meeting: bool = True,
    ) -> Page:
        """At the time that was asked for."""
        final = _final(request.requested_start, technician)
        toggle = {"generate_teams_meeting": "on"} if with_meeting else {}
        return self._send("approve", request, **final, **toggle)

    def move(self, request: AppointmentRequest, to: datetime, technician: Membership) -> Page:
        return self._send("reschedule", request, **_final(to, technician))

    def cancel(self, request: AppointmentRequest) -> Page:
        return self._send("cancel", request)

    def create_meeting(self, request: AppointmentRequest) -> Page:
        return self._send("create_meeting", request)

    def try_again(self, request: AppointmentRequest) -> Page:
        return self._send("retry_meeting", request)

    def _send(self, action: str, request: AppointmentRequest, **fields: str) -> Page:
        form = {"csrfmiddlewaretoken": TOKEN} | fields
        return _page(self._http.post(self._address(action, request), data=form))

    def _address(self, page: str, request: AppointmentRequest) -> str:
        part = "portal" if self._member.is_client else "appointments"
        return reverse(f"{part}:{page}", args=[self._member.tenant.slug, request.id])


def _final(at: datetime, technician: Membership) -> dict[str, str]:
    """Where and with whom an appointment takes place, as a form has it.

    Whatever can be overruled is: the tests here are about what cannot.
    """
    return {
        "anyway": "on",
        "technician": str(technician.id),
        "final_date": f"{at:%Y-%m-%d}",
        "final_time": f"{at:%H:%M}",
        "final_timezone": "UTC",
    }


def _page(answer: httpx2.Response) -> Page:
    assert answer.status_code in {200, 422}, (answer.status_code, answer.url)
    return read_page(str(answer.url), answer.text)


def session_of(member: Membership) -> str:
    """The cookie of somebody who has signed in."""
    browser = SignedIn()
    browser.force_login(member.user)
    return browser.cookies["sessionid"].value


def let_sign_in(member: Membership) -> None:
    """Keep the password as the product does. Rows for tests have it in a form it does not read."""
    member.user.password = make_password(PASSWORD, hasher=PBKDF2PasswordHasher())
    member.user.save(update_fields=["password"])
