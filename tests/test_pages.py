"""Three matrices guard what people forget: each address by role, by other tenant, by length."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client as Browser
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.views.defaults import server_error

from convene.appointments import actions, letters
from convene.appointments.models import AppointmentRequest
from convene.appointments.private_link import token_of
from convene.clients.models import Contact
from convene.mail.models import OutboxMail
from convene.plugins import Plugin
from convene.tenancy.db import tenant_atomic
from convene.tenancy.keys import new_key
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from tests.availability.make import make_entry, make_hours, make_time_off
from tests.make import (
    a_time,
    make_client,
    make_contact,
    make_member,
    make_portal_contact,
    make_request,
    make_service,
    make_tenant,
)

pytestmark = pytest.mark.usefixtures("db")

# The answer to each role; "anonymous" is sent to sign-in wherever a role is asked for.
STAFF = {"admin": 200, "dispatcher": 200, "technician": 200, "client": 403}
DECIDES = {"admin": 200, "dispatcher": 200, "technician": 403, "client": 403}
ADMINS = {"admin": 200, "dispatcher": 403, "technician": 403, "client": 403}
CLIENT = {"admin": 403, "dispatcher": 403, "technician": 403, "client": 200}


EVERYBODY = dict.fromkeys(Role.values, 200)
PUBLIC = EVERYBODY | {"anonymous": 200}


def acts(roles: dict[str, int], success: int = 422) -> dict[str, int]:
    """The same roles where the page acts: an empty form is refused in place, others are done."""
    return {role: success if status == 200 else status for role, status in roles.items()}


READ = {
    "settings": {"admin": 302, "dispatcher": 302, "technician": 403, "client": 403},
    "me": EVERYBODY,
    "portal_me": EVERYBODY,
    "appointments:today": STAFF,
    "appointments:list": STAFF,
    "appointments:attention": STAFF,
    "appointments:schedule": STAFF,
    "appointments:schedule_items": STAFF,
    "appointments:why_not": STAFF,
    "appointments:new_busy": STAFF,
    "appointments:busy": STAFF,
    "appointments:detail": STAFF,
    "appointments:calendar": STAFF,
    "appointments:check": DECIDES,
    "appointments:cancel": DECIDES,
    "appointments:guest": DECIDES,
    **dict.fromkeys(
        (
            "appointments:approve",
            "appointments:reschedule",
            "appointments:decline",
            "appointments:create_meeting",
            "appointments:retry_meeting",
            "appointments:forget_meeting",
            "appointments:send_again",
        ),
        acts(STAFF, 302),
    ),
    "api_keys:list": STAFF,
    # Tom's, the technician.
    "api_keys:revoke": STAFF | {"dispatcher": 403},
    "clients:list": STAFF,
    "clients:new": DECIDES,
    "clients:detail": STAFF,
    "clients:edit": DECIDES,
    "clients:new_contact": DECIDES,
    "clients:edit_contact": DECIDES,
    "catalog:list": STAFF,
    "catalog:new": ADMINS,
    "catalog:edit": ADMINS,
    "availability:general": DECIDES,
    "availability:hours": DECIDES,
    "availability:edit_hours": ADMINS,
    "availability:services": DECIDES,
    "availability:edit_service": ADMINS,
    "availability:exceptions": DECIDES,
    "appointments:reminders": DECIDES,
    "mail:texts": DECIDES,
    "mail:text": ADMINS,
    "mail:preview": ADMINS,
    "mail:ours": ADMINS,
    "portal:list": CLIENT,
    "portal:new": CLIENT,
    "portal:detail": CLIENT,
    "portal:calendar": CLIENT,
    "portal:cancel": CLIENT,
    "portal:again": acts(CLIENT, 303),
    "book:new": PUBLIC,
    "book:follow": PUBLIC,
    "book:calendar": PUBLIC,
    "book:cancel": PUBLIC,
    "book:again": acts(PUBLIC, 303),
}
ACT = {
    "me": acts(EVERYBODY, 303),
    "portal_me": acts(EVERYBODY, 303),
    "appointments:new_busy": acts(STAFF),
    "appointments:busy": acts(STAFF),
    "appointments:remove_busy": acts(STAFF, 303),
    "appointments:approve": acts(DECIDES, 303),
    "appointments:reschedule": acts(DECIDES),
    "appointments:decline": acts(DECIDES, 303),
    "appointments:cancel": acts(DECIDES, 303),
    "appointments:guest": acts(DECIDES),
    "appointments:create_meeting": acts(DECIDES, 303),
    "appointments:retry_meeting": acts(DECIDES, 303),
    "appointments:forget_meeting": acts(DECIDES, 303),
    "appointments:send_again": acts(DECIDES, 303),
    "api_keys:list": acts(STAFF),
    "api_keys:revoke": acts(STAFF | {"dispatcher": 403}, 303),
    "clients:new": acts(DECIDES),
    "clients:edit": acts(DECIDES),
    "clients:new_contact": acts(DECIDES),
    "clients:edit_contact": acts(DECIDES),
    "clients:invite": acts(DECIDES, 303),
    "catalog:new": acts(ADMINS),
    "catalog:edit": acts(ADMINS),
    "availability:general": acts(ADMINS),
    "availability:edit_hours": acts(ADMINS),
    "availability:edit_service": acts(ADMINS, 303),
    "availability:exceptions": acts(ADMINS),
    "availability:delete_exception": acts(ADMINS, 303),
    "appointments:reminders": acts(ADMINS),
    "mail:text": acts(ADMINS),
    "mail:preview": acts(ADMINS),
    "mail:ours": acts(ADMINS, 303),
    "portal:new": acts(CLIENT),
    "portal:cancel": acts(CLIENT, 303),
    "book:new": acts(PUBLIC),
    "book:cancel": acts(PUBLIC, 303),
}
# Addresses that name no row.
OF_THE_TENANT = {
    "settings",
    "me",
    "portal_me",
    "appointments:schedule",
    "appointments:schedule_items",
    "appointments:why_not",
    "appointments:new_busy",
    "availability:general",
    "availability:hours",
    "availability:services",
    "availability:exceptions",
    "appointments:reminders",
    "mail:texts",
    "mail:text",
    "mail:preview",
    "mail:ours",
}
# What a page must be asked for.
QUERIES = {
    "appointments:schedule": f"view=week&day={a_time():%Y-%m-%d}",
    "appointments:schedule_items": f"start={a_time():%Y-%m-%d}&end={a_time(days=8):%Y-%m-%d}",
    "portal:new": f"draft={uuid4()}",
    "book:new": f"draft={uuid4()}",
}
# Anybody may ask for these.
OPEN = {
    "api",  # has matrices of its own
    "home",
    "healthz",
    "account_login",
    "account_logout",
    "account_signup",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}


def names_of(patterns: Any, namespace: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else namespace
            yield from names_of(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"


class World:
    """A tenant with one of everything."""

    def __init__(self) -> None:
        self.tenant = make_tenant()
        self.members: dict[Role, Membership] = {
            role: make_member(self.tenant, role=role) for role in Role if role != Role.CLIENT
        }
        self.contact: Contact = make_portal_contact(self.tenant)
        assert self.contact.membership is not None
        self.members[Role.CLIENT] = self.contact.membership
        self.service = make_service(self.tenant)
        self.exception = make_time_off(self.tenant, a_time(days=90).date())
        self.busy = make_entry(self.members[Role.TECHNICIAN], a_time(), a_time(hour=12))
        self.request = make_request(self.tenant, contact=self.contact, service=self.service)
        actions.approve_appointment_request(
            self.tenant,
            self.request.id,
            by=self.members[Role.DISPATCHER],
            technician=self.members[Role.TECHNICIAN],
            starts_at=a_time(),
            with_meeting=False,
        )
        self.guests = make_request(self.tenant)
        with tenant_atomic(self.tenant):
            AppointmentRequest.objects.filter(id=self.guests.id).update(client=None, contact=None)
        technician = self.members[Role.TECHNICIAN]
        with tenant_atomic(self.tenant):
            self.key, _text = new_key(technician, name="PSA", ends_at=None)
            self.mail_id = OutboxMail.objects.values_list("id", flat=True)[0]

    def url(self, name: str, slug: str = "") -> str:
        query = QUERIES.get(name, "")
        return self._path(name, slug) + (f"?{query}" if query else "")

    def _path(self, name: str, slug: str) -> str:
        kwargs: dict[str, Any] = {"tenant": slug or self.tenant.slug}
        if name.startswith("mail:") and name != "mail:texts":
            kwargs["kind"] = letters.APPROVED_CLIENT
        elif name in {"clients:detail", "clients:edit"}:
            kwargs["pk"] = self.contact.client_id
        elif name == "clients:new_contact":
            kwargs["client"] = self.contact.client_id
        elif name in {"clients:edit_contact", "clients:invite"}:
            kwargs |= {"client": self.contact.client_id, "pk": self.contact.id}
        elif name in {"catalog:edit", "availability:edit_service"}:
            kwargs["pk"] = self.service.id
        elif name == "availability:edit_hours":
            kwargs["pk"] = self.members[Role.TECHNICIAN].id
        elif name == "availability:delete_exception":
            kwargs["pk"] = self.exception.id
        elif name == "api_keys:revoke":
            kwargs["pk"] = self.key.id
        elif name in {"appointments:busy", "appointments:remove_busy"}:
            kwargs["pk"] = self.busy.id
        elif name.startswith("book:"):
            if name != "book:new":
                kwargs["token"] = token_of(self.request)
        elif name not in OF_THE_TENANT and name.partition(":")[2] not in {
            "list",
            "new",
            "attention",
            "today",
        }:
            kwargs["pk"] = self.request.id
        if name == "appointments:guest":
            kwargs["pk"] = self.guests.id
        if name == "appointments:send_again":
            kwargs["mail"] = self.mail_id
        return reverse(name, kwargs=kwargs)


def browser_of(member: Membership | None) -> Browser:
    browser = Browser()
    if member:
        browser.force_login(member.user)
    return browser


def ask(browser: Browser, method: str, url: str) -> int:
    answer = browser.get(url) if method == "GET" else browser.post(url)
    return answer.status_code


def test_every_address_has_its_row():
    plugins = {app.label for app in apps.get_app_configs() if isinstance(app, Plugin)}
    names = set(names_of(get_resolver().url_patterns))
    ours = {name for name in names if name.partition(":")[0] not in plugins}

    assert ours == set(READ) | set(ACT) | OPEN


@pytest.mark.parametrize("role", [*Role.values, "anonymous"])
@pytest.mark.parametrize(("method", "table"), [("GET", READ), ("POST", ACT)], ids=["read", "act"])
def test_who_may_open_what(role, method, table):
    for name, expected in table.items():
        world = World()
        member = None if role == "anonymous" else world.members[Role(role)]
        status = ask(browser_of(member), method, world.url(name))
        assert (name, status) == (name, expected.get(role, 302))


@pytest.mark.parametrize(("method", "table"), [("GET", READ), ("POST", ACT)], ids=["read", "act"])
def test_another_tenants_addresses_do_not_exist(method, table):
    world, other = World(), World()
    for name in table:
        if name.startswith("book:"):
            continue  # anybody's
        role = Role.CLIENT if name.startswith("portal:") else Role.ADMIN
        browser = browser_of(other.members[role])
        assert (name, ask(browser, method, world.url(name))) == (name, 404)


@pytest.mark.parametrize(("method", "table"), [("GET", READ), ("POST", ACT)], ids=["read", "act"])
def test_another_tenants_rows_do_not_exist_under_ones_own_address(method, table):
    world, other = World(), World()
    for name in table:
        if name in OF_THE_TENANT or name.partition(":")[2] in {"list", "new", "attention", "today"}:
            continue
        role = Role.CLIENT if name.startswith("portal:") else Role.ADMIN
        browser = browser_of(other.members[role])
        url = world.url(name, slug=other.tenant.slug)
        assert (name, ask(browser, method, url)) == (name, 404)


def test_a_client_does_not_see_the_appointments_of_a_colleague():
    world = World()
    colleague = make_member(world.tenant, role=Role.CLIENT)
    make_contact(world.contact.client, membership=colleague)

    for name in ("portal:detail", "portal:calendar", "portal:cancel", "portal:again"):
        assert ask(browser_of(colleague), "GET", world.url(name)) == 404


def queries(browser: Browser, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(url).status_code == 200
    return len(captured)


def fill(tenant: Tenant, contact: Contact, member: Membership) -> None:
    """One more row on every list."""
    service = make_service(tenant, "", member, public=True)
    make_hours(make_member(tenant, role=Role.TECHNICIAN))
    make_time_off(tenant, a_time(days=90).date())
    make_entry(member, a_time(), a_time(hour=12))
    make_contact(make_client(tenant))
    with tenant_atomic(tenant):
        new_key(member, name="PSA", ends_at=None)
    make_request(tenant, contact=contact, service=service, preferred_technician=member)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("appointments:today", Role.ADMIN),
        ("appointments:list", Role.ADMIN),
        ("appointments:schedule", Role.ADMIN),
        ("appointments:schedule_items", Role.ADMIN),
        ("api_keys:list", Role.ADMIN),
        ("clients:list", Role.ADMIN),
        ("clients:detail", Role.ADMIN),
        ("catalog:list", Role.ADMIN),
        ("availability:general", Role.ADMIN),
        ("availability:hours", Role.ADMIN),
        ("availability:services", Role.ADMIN),
        ("availability:exceptions", Role.ADMIN),
        ("portal:list", Role.CLIENT),
        ("book:new", None),
        ("appointments:detail", Role.ADMIN),
    ],
)
def test_a_longer_list_takes_no_more_queries(name, role):
    world = World()
    browser, url = browser_of(role and world.members[role]), world.url(name)
    fill(world.tenant, world.contact, world.members[Role.TECHNICIAN])
    short = queries(browser, url)

    for _ in range(2):
        fill(world.tenant, world.contact, world.members[Role.TECHNICIAN])

    assert queries(browser, url) == short


def test_the_page_of_a_failure_needs_nothing_that_may_have_failed():
    page = server_error(RequestFactory().get("/"))

    assert page.status_code == 500
    assert b"Something went wrong" in page.content
    assert b"convene/plain.css" in page.content


def test_a_form_that_was_open_for_too_long_says_what_to_do():
    browser = Browser(enforce_csrf_checks=True)

    answer = browser.post("/accounts/login/", {"login": "somebody"})

    assert answer.status_code == 403
    assert "load the page again and send it once more" in answer.content.decode()
