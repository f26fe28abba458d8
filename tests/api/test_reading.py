"""What a key reads: filters, pages, free times, the meeting capability."""

from datetime import UTC, timedelta
from datetime import datetime as moment
from typing import Any

import pytest

from convene.meetings.fake import FakeProvider, registered
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership
from tests.api.caller import Office
from tests.availability.make import make_hours, make_rules
from tests.make import a_time, make_client, make_contact, make_request, make_service

pytestmark = pytest.mark.usefixtures("db")


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200
    return [row["id"] for row in answer.json()["data"]]


def test_appointments_are_filtered():
    office = Office()
    waiting = str(office.request.id)
    office.request = make_request(office.tenant, service=office.service, start=a_time(days=9))
    office.approve(overrule=True)
    approved = str(office.request.id)
    later = f"{a_time(days=8):%Y-%m-%dT%H:%M:%SZ}"

    def found(**query: Any) -> list[str]:
        return ids(office.api.get("/appointments", **query))

    assert found() == [waiting, approved]
    assert found(status="pending") == [waiting]
    assert found(technician_id=office.tom.id) == [approved]
    assert found(client_id=office.contact.client_id) == [waiting]
    assert found(q="lighthouse") == [waiting]
    assert found(q=office.request.reference) == [approved]
    assert found(**{"from": later}) == [approved]
    assert found(to=later) == [waiting]
    assert found(status="cancelled") == []


def test_pages_neither_miss_nor_repeat_a_row_whatever_comes_meanwhile():
    office = Office()
    rows = [office.request]
    rows += [make_request(office.tenant, service=office.service) for _ in range(4)]

    first = office.api.get("/appointments", limit=2)
    rows.append(make_request(office.tenant, service=office.service))
    with tenant_atomic(office.tenant):
        rows[0].delete()
    found, cursor = ids(first), first.json()["next_cursor"]
    while cursor:
        page = office.api.get("/appointments", limit=2, cursor=cursor)
        found, cursor = found + ids(page), page.json()["next_cursor"]

    assert found == [str(row.id) for row in rows]


def test_rows_that_came_at_the_same_moment_are_all_there():
    office = Office()
    came = moment(2026, 12, 1, tzinfo=UTC)
    rows = [make_request(office.tenant, created_at=came) for _ in range(5)]
    with tenant_atomic(office.tenant):
        office.request.delete()

    first = office.api.get("/appointments", limit=3)
    second = office.api.get("/appointments", limit=3, cursor=first.json()["next_cursor"])

    assert sorted(ids(first) + ids(second)) == sorted(str(row.id) for row in rows)
    assert second.json()["next_cursor"] is None


@pytest.mark.parametrize("path", ["/services", "/technicians", "/clients"])
def test_every_list_has_pages_and_a_cursor_belongs_to_its_list(path):
    office = Office()
    make_service(office.tenant)
    make_client(office.tenant)

    first = office.api.get(path, limit=1)
    cursor = first.json()["next_cursor"]
    second = office.api.get(path, limit=1, cursor=cursor)

    assert ids(first) + ids(second) == ids(office.api.get(path))
    assert office.api.get("/appointments", cursor=cursor).status_code == 422


def test_times_are_in_utc_and_on_the_wall_of_the_owner_and_of_who_asked():
    office = Office()
    Membership.objects.filter(id=office.dana.id).update(timezone="America/New_York")
    start = moment(2030, 1, 15, 17, 0, tzinfo=UTC)
    request = make_request(office.tenant, start=start, requester_timezone="Asia/Tokyo")

    found = office.api.get(f"/appointments/{request.id}").json()

    assert found["when"] == {
        "starts_at": "2030-01-15T17:00:00Z",
        "ends_at": "2030-01-15T17:30:00Z",
        "date": "2030-01-15",
        "time": "12:00",
        "timezone": "America/New_York",
        "timezone_label": "America/New_York (EST)",
    }
    assert (found["requested"]["date"], found["requested"]["time"]) == ("2030-01-16", "02:00")


def test_a_guest_is_nobodys_client():
    office = Office()
    guest = make_request(office.tenant, client=None)

    found = office.api.get(f"/appointments/{guest.id}").json()

    assert found["client"] is None
    assert found["requester"]["is_guest"] is True
    assert office.api.get(office.one).json()["requester"]["is_guest"] is False


def test_services_technicians_and_clients():
    office = Office()
    make_contact(office.contact.client, "Paul", timezone="Asia/Tokyo")

    [service] = office.api.get("/services").json()["data"]
    technicians = office.api.get("/technicians").json()["data"]
    [client] = office.api.get("/clients").json()["data"]

    assert service["technician_ids"] == [str(office.tom.id)]
    assert [row["name"] for row in technicians] == ["Dana", "Tom"]
    assert client["name"] == "Lighthouse Law"
    assert [(row["name"], row["timezone"]) for row in client["contacts"]] == [
        ("Marta", "UTC"),
        ("Paul", "Asia/Tokyo"),
    ]


def free(office: Office, **query: Any) -> Any:
    day = f"{a_time(days=10):%Y-%m-%d}"
    return office.api.get(
        f"/services/{office.service.id}/free-times", **{"from": day, "to": day} | query
    )


def test_free_times_are_those_of_the_portal_and_one_of_them_can_be_asked_for():
    office = Office()
    make_hours(office.tom)

    times = free(office, timezone="Europe/Berlin").json()
    first = times["data"][0]
    asked = office.ask(
        requested_date=first["date"],
        requested_time=first["time"],
        requester_timezone=first["timezone"],
        starts_at=first["starts_at"],
    )
    left = free(office, timezone="Europe/Berlin").json()["data"]

    assert times["any_time"] is False
    assert len(times["data"]) == 16
    assert asked.status_code == 201
    assert first not in left


def test_without_working_hours_any_time_can_be_asked_for():
    assert free(Office()).json() == {"any_time": True, "data": []}


def test_free_times_keep_the_horizon():
    office = Office()
    make_hours(office.tom)
    make_rules(office.tenant, horizon_days=5)

    assert free(office).json()["data"] == []


def test_with_whom_can_be_asked_where_clients_may_choose():
    office = Office()
    make_hours(office.tom, office.dana)

    of_tom = free(office, technician_id=office.tom.id).json()["data"]
    of_dana = free(office, technician_id=office.dana.id).json()["data"]
    make_rules(office.tenant, allow_preferred=False)
    refused = free(office, technician_id=office.tom.id)

    assert of_tom
    assert of_dana == []  # she does not perform it
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "technician_id"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-02-30"}, "from"),
        ({"to": "1800-01-01"}, "to"),
        ({"from": "2027-01-01", "to": "2027-02-01"}, "to"),
        ({"from": "2027-01-02", "to": "2027-01-01"}, "to"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"technician_id": "00000000-0000-4000-8000-000000000000"}, "technician_id"),
    ],
)
@pytest.mark.parametrize("has_hours", [True, False])
def test_a_question_for_free_times_that_is_wrong_is_named(query, field, has_hours):
    office = Office()
    if has_hours:
        make_hours(office.tom)

    answer = free(office, **query)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_an_inactive_service_has_no_free_times():
    office = Office()
    make_hours(office.tom)
    office.service.active = False
    with tenant_atomic(office.tenant):
        office.service.save(update_fields=["active"])

    assert free(office).status_code == 404
    assert office.ask().json()["errors"][0]["field"] == "service_id"


def test_whether_meetings_can_be_made_and_why_not():
    office = Office()

    without = office.api.get("/meeting-capability").json()
    provider = FakeProvider()
    with registered(provider):
        possible = office.api.get("/meeting-capability").json()
        provider.switch_off(office.tenant)
        off = office.api.get("/meeting-capability").json()

    assert without == {"available": False, "reason": "ee_disabled"}
    assert possible == {"available": True, "reason": None}
    assert off == {"available": False, "reason": "switched_off"}


def test_the_join_link_is_there_while_it_can_be_used():
    office = Office()
    with registered(FakeProvider()):
        office.approve(generate_teams_meeting=True)
        before = office.api.get(office.one).json()
        entry = office.now().schedule_entry
        assert entry is not None
        entry.starts_at, entry.ends_at = a_time(days=-1), a_time(days=-1) + timedelta(hours=1)
        with tenant_atomic(office.tenant):
            entry.save(update_fields=["starts_at", "ends_at"])
        after = office.api.get(office.one).json()

    assert before["meeting"]["join_url"].startswith("https://")
    assert (after["is_over"], after["meeting"]["join_url"]) == (True, None)
