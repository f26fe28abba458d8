"""What people forget: each operation by role, by other tenant, by length of its list."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse

from convene.api.operation import PROBLEMS
from convene.api.urls import api
from convene.tenancy.permissions import Role
from tests.api.caller import Caller, Office
from tests.availability.make import make_hours
from tests.make import a_time, make_client, make_contact, make_member, make_request, make_service
from tests.test_pages import names_of

pytestmark = pytest.mark.usefixtures("db")

URLS = "convene.api.urls"
STAFF = {"admin": 200, "dispatcher": 200, "technician": 200, "client": 401}
DECIDES = STAFF | {"technician": 403}
DAYS = {"from": f"{a_time():%Y-%m-%d}", "to": f"{a_time(days=9):%Y-%m-%d}"}

READ: dict[str, dict[str, int]] = dict.fromkeys(
    (
        "list_appointments",
        "get_appointment",
        "list_services",
        "list_free_times",
        "list_technicians",
        "list_clients",
        "get_meeting_capability",
    ),
    STAFF,
)
ACT: dict[str, dict[str, int]] = {
    "create_request": {role: 201 if code == 200 else code for role, code in DECIDES.items()},
    "approve": DECIDES,
    "decline": DECIDES,
    "reschedule": DECIDES,
    "cancel": DECIDES,
    "delete_entry": DECIDES,
    "create_meeting": DECIDES,
    "retry_meeting": DECIDES,
    "forget_meeting": DECIDES,
}
OPEN = {"openapi-json", "api-root"}  # the second is nothing: 404
# Of a request that waits; all others of an approved one.
OF_PENDING = {"approve", "decline"}
NAMES_NO_ROW = {
    "list_appointments",
    "list_services",
    "list_technicians",
    "list_clients",
    "get_meeting_capability",
    "create_request",
}


class World(Office):
    """An office with what each operation is about."""

    def __init__(self) -> None:
        super().__init__()
        self.members = {
            Role.ADMIN: make_member(self.tenant, role=Role.ADMIN),
            Role.DISPATCHER: self.dana,
            Role.TECHNICIAN: self.tom,
            Role.CLIENT: make_member(self.tenant, role=Role.CLIENT),
        }
        self.waiting = self.request
        self.request = make_request(self.tenant, service=self.service, start=a_time(days=8))
        self.approve()
        self.entry_id = self.now().schedule_entry_id
        make_hours(self.tom, self.dana)
        self.filled = 0

    def call(self, name: str, api: Caller, slug: str = "") -> Any:
        kwargs: dict[str, Any] = {"tenant": slug or self.tenant.slug}
        if name == "list_free_times":
            kwargs["pk"] = self.service.id
        elif name == "delete_entry":
            kwargs["pk"] = self.entry_id
        elif name not in NAMES_NO_ROW:
            kwargs["pk"] = self.waiting.id if name in OF_PENDING else self.request.id
        api.begin = reverse(f"api:{name}", urlconf=URLS, kwargs=kwargs)
        if name in READ:
            return api.get("", **(DAYS if name == "list_free_times" else {}))
        return api.post("", **self.body(name))

    def body(self, name: str) -> dict[str, Any]:
        if name == "create_request":
            return {
                "submission": uuid4(),
                "contact_id": self.contact.id,
                "service_id": self.service.id,
                "requested_date": f"{a_time(days=10):%Y-%m-%d}",
                "requested_time": "10:00",
                "requester_timezone": "Europe/Berlin",
            }
        if name == "approve":
            return {"technician_id": self.tom.id, "overrule": True}
        return {"reason": "A holiday"} if name == "decline" else {}


def test_every_operation_has_its_row():
    names = {name for name in names_of(get_resolver(URLS).url_patterns)}

    assert names == {f"api:{name}" for name in {*READ, *ACT, *OPEN}}


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("table", [READ, ACT], ids=["read", "act"])
def test_whose_key_may_do_what(table, role):
    for name, expected in table.items():
        world = World()
        if name == "retry_meeting" and role in ("admin", "dispatcher"):
            world.call("create_meeting", world.api)
        status = world.call(name, Caller(world.members[Role(role)])).status_code
        assert (name, status) == (name, expected[role])


@pytest.mark.parametrize("table", [READ, ACT], ids=["read", "act"])
def test_another_tenants_addresses_open_to_no_key_of_ours(table):
    world, other = World(), World()
    for name in table:
        assert (name, world.call(name, other.api).status_code) == (name, 401)


@pytest.mark.parametrize("table", [READ, ACT], ids=["read", "act"])
def test_another_tenants_rows_do_not_exist_under_ones_own_address(table):
    world, other = World(), World()
    for name in table.keys() - NAMES_NO_ROW:
        answer = world.call(name, other.api, slug=other.tenant.slug)
        assert (name, answer.status_code) == (name, 404)
    assert world.waiting.status == "pending"


def test_another_tenants_rows_are_in_no_list():
    world, other = World(), World()

    for name in NAMES_NO_ROW & READ.keys() - {"get_meeting_capability"}:
        ours = {row["id"] for row in world.call(name, world.api).json()["data"]}
        theirs = {row["id"] for row in other.call(name, other.api).json()["data"]}
        assert ours
        assert not ours & theirs


def queries(world: World, name: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert world.call(name, world.api).status_code == 200
    return len(captured)


def fill(world: World) -> None:
    """One more row on every list, with a meeting that has a problem."""
    make_service(world.tenant, "", world.tom, world.dana)
    make_hours(make_member(world.tenant, role=Role.TECHNICIAN))
    make_contact(make_client(world.tenant), timezone="Europe/Lisbon")
    world.request = make_request(
        world.tenant,
        service=world.service,
        start=a_time(days=20 + world.filled),
        preferred_technician=world.tom,
    )
    world.filled += 1
    world.api.begin = f"/api/v1/{world.tenant.slug}"
    assert world.approve(generate_teams_meeting=True, overrule=True).status_code == 200


@pytest.mark.parametrize("name", READ)
def test_a_longer_list_takes_no_more_queries(name):
    world = World()
    fill(world)
    world.call(name, world.api)
    short = queries(world, name)

    for _ in range(2):
        fill(world)

    assert queries(world, name) == short


def test_every_operation_says_each_error_that_it_may_answer():
    for path, operations in api.schema["paths"].items():
        for operation in operations.values():
            said = {int(status) for status in operation["responses"]}
            assert (path, said >= set(PROBLEMS)) == (path, True)
            assert operation["security"] == [{"KeyAuth": []}]
            assert operation["summary"]
