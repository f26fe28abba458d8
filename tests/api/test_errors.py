"""Whatever goes wrong under /api/ is a problem in one shape."""

import pytest

from convene.tenancy.models import Membership
from tests.api.caller import Office

pytestmark = pytest.mark.usefixtures("db")


def must_be_problem(answer, status):
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    problem = answer.json()
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= problem.keys()
    assert problem["detail"]
    return problem


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[null,null]", 422),
        ("null", 422),
        ('"text"', 422),
        ("{}", 422),
        ("", 422),
        ("{", 400),
        (b"\xff\xfe", 400),
        ("1" * 5000, 400),
        ("[" * 5000, 400),
        ('{"reason": "a\\u0000b"}', 422),
        ('{"reason": "\\ud800"}', 422),
        ('{"reason": 1e400}', 422),
        ('{"reason": "' + "x" * 501 + '"}', 422),
        ('{"reason": "No", "other": 1}', 422),
        ('{"reason": "' + "x" * 3_000_000 + '"}', 413),
    ],
)
def test_a_body_that_is_not_what_is_meant(body, status):
    office = Office()

    must_be_problem(office.api.send(f"{office.one}/decline", body), status)

    assert office.now().is_pending


@pytest.mark.parametrize("body", ["[null,null]", "[]", '"x"', '{"other": 1}'])
def test_a_body_of_which_nothing_is_needed_is_an_object_all_the_same(body):
    office = Office()

    must_be_problem(office.api.send(f"{office.one}/cancel", body), 422)

    assert office.now().is_pending


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("technician_id", "1"),
        ("technician_id", 10**400),
        ("final_date", "2026-02-30"),
        ("final_date", "0000-00-00"),
        ("final_time", "25:00"),
        ("final_timezone", "Mars/Olympus"),
        ("overrule", "yes"),
        ("generate_teams_meeting", 1),
        ("internal_notes", "a\0b"),
    ],
)
def test_a_field_that_is_wrong_is_named(field, value):
    office = Office()
    when = {"final_date": "2027-03-01", "final_time": "14:00", "final_timezone": "UTC"}

    problem = must_be_problem(office.approve(**when | {field: value}), 422)

    assert {error["field"] for error in problem["errors"]} == {field}
    assert field in problem["detail"]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": 10**400},
        {"cursor": "x"},
        {"cursor": "a\0b"},
        {"q": "a\0b"},
        {"status": "open"},
        {"from": "yesterday"},
        {"from": "2026-12-01T10:00:00"},
        {"technician_id": "a\0b"},
    ],
)
def test_a_filter_that_is_wrong_is_named(query):
    problem = must_be_problem(Office().api.get("/appointments", **query), 422)

    assert [error["field"] for error in problem["errors"]] == list(query)


def test_times_at_both_ends_of_what_can_be_said():
    ends = {"from": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59:59-14:00"}

    answer = Office().api.get("/appointments", **ends)

    assert len(answer.json()["data"]) == 1


@pytest.mark.parametrize(
    "path",
    ["/api/", "/api/v1/", "/api/v1/nobody", "/api/v2/x", "/api/v1/x/appointments/1", "/api/v1/%00"],
)
def test_an_address_that_is_none(path):
    must_be_problem(Office().api.browser.get(path), 404)


def test_a_method_that_an_address_does_not_know():
    office = Office()

    answer = office.api.browser.delete(office.api.begin + office.one, headers=office.api.headers)

    must_be_problem(answer, 405)
    assert answer.headers["Allow"] == "GET"


def test_a_foreign_host():
    office = Office()

    answer = office.api.browser.get(
        office.api.begin + "/technicians", headers=office.api.headers | {"Host": "evil.example"}
    )

    must_be_problem(answer, 400)


@pytest.mark.parametrize("debug", [False, True])
def test_what_breaks_shows_no_traceback(monkeypatch, settings, debug):
    settings.DEBUG = debug
    office = Office()
    monkeypatch.setattr(Membership, "zone", property(lambda _member: 1 / 0))

    problem = must_be_problem(office.api.get("/appointments"), 500)

    assert "Traceback" not in str(problem)
    assert "division" not in str(problem)
