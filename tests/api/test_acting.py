"""What a key does is what its owner does on the pages."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection

import convene
from convene.appointments import history
from convene.appointments.models import AppointmentRequest, Status
from convene.events.models import Event
from convene.meetings.fake import FakeProvider, registered
from convene.tenancy.db import tenant_atomic
from convene.tenancy.permissions import Role
from tests.api.caller import Caller, Office
from tests.availability.make import make_entry, make_hours
from tests.make import a_time, make_member, make_request

pytestmark = pytest.mark.usefixtures("db")

NEXT_DAY = {
    "final_date": "2027-03-02",
    "final_time": "09:30",
    "final_timezone": "Europe/Berlin",
}


@pytest.fixture
def provider():
    fake = FakeProvider()
    with registered(fake):
        yield fake


def test_the_whole_life_of_an_appointment(provider):
    office = Office()

    asked = office.ask(description="Two new laptops").json()["data"]
    office.request.id = asked["id"]
    approved = office.approve(generate_teams_meeting=True, internal_notes="Bring a dock")
    [meeting] = provider.meetings.values()
    moved = office.api.post(f"{office.one}/reschedule", **NEXT_DAY)
    cancelled = office.api.post(f"{office.one}/cancel", reason="Tom is ill")

    assert (asked["status"], asked["requester"]["name"]) == ("pending", "Marta")
    assert asked["requested"] | {"timezone_label": ""} == {
        "starts_at": "2027-03-01T13:00:00Z",
        "ends_at": "2027-03-01T13:30:00Z",
        "date": "2027-03-01",
        "time": "14:00",
        "timezone": "Europe/Berlin",
        "timezone_label": "",
    }
    answer = approved.json()
    assert answer.keys() == {"success", "data"}
    assert answer["data"]["meeting"] == {
        "provider": "fake",
        "join_url": meeting.join_url,
        "is_being_updated": False,
        "problem": None,
    }
    assert answer["data"]["internal_notes"] == "Bring a dock"
    assert moved.json()["data"]["when"]["starts_at"] == "2027-03-02T08:30:00Z"
    assert moved.json()["data"]["meeting"]["join_url"] == meeting.join_url
    assert cancelled.json()["data"]["cancel_reason"] == "Tom is ill"
    assert cancelled.json()["data"]["meeting"] is None
    assert provider.meetings == {}


def test_who_did_it_is_the_owner_of_the_key():
    office = Office()

    office.ask()
    office.approve()

    with tenant_atomic(office.tenant):
        done = dict(Event.objects.values_list("kind", "actor_name"))
    assert done[history.REQUEST_CREATED] == "Dana"
    assert done[history.REQUEST_APPROVED] == "Dana"


def test_an_approval_without_more_is_at_the_time_that_was_asked_for_and_without_a_meeting(provider):
    office = Office()

    answer = office.approve()

    assert answer.status_code == 200
    assert answer.json()["data"]["when"]["starts_at"] == office.request.requested_start.strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    assert provider.meetings == {}
    assert answer.json() == {"success": True, "data": office.api.get(office.one).json()}


def test_a_meeting_that_cannot_be_made_is_a_warning_and_can_be_mended(provider):
    office = Office()
    provider.fail_next(on="create")

    answer = office.approve(generate_teams_meeting=True)
    mended = office.api.post(f"{office.one}/meeting/retry")

    assert answer.status_code == 200
    assert answer.json()["teamsMeetingWarning"].startswith("The appointment is approved, but")
    problem = answer.json()["data"]["meeting"]["problem"]
    assert problem.keys() == {"code", "sentence", "next_step", "wait_until"}
    assert problem["sentence"] in answer.json()["teamsMeetingWarning"]
    assert mended.json()["data"]["meeting"]["problem"] is None
    assert "teamsMeetingWarning" not in mended.json()
    assert office.api.get(office.one).json()["meeting"]["join_url"]


def test_a_meeting_is_made_later_and_forgotten(provider):
    office = Office()
    office.approve()

    made = office.api.post(f"{office.one}/meeting/create")
    healthy = office.api.post(f"{office.one}/meeting/forget")
    provider.fail_next(on="update")
    office.api.post(f"{office.one}/reschedule", **NEXT_DAY)
    forgotten = office.api.post(f"{office.one}/meeting/forget")

    assert made.json()["data"]["meeting"]["join_url"]
    assert healthy.status_code == 409
    assert forgotten.json()["data"]["meeting"] is None
    assert len(provider.meetings) == 1


def test_a_time_that_the_clocks_skip_is_refused_with_its_sentence():
    office = Office()
    night = {"final_date": "2027-03-28", "final_time": "02:30", "final_timezone": "Europe/Berlin"}
    asked = {"requested_date": "2027-03-28", "requested_time": "02:30"}

    for answer, field in (
        (office.approve(**night), "final_time"),
        (office.ask(**asked), "requested_time"),
    ):
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert error["field"] == field
        assert error["message"].startswith("02:30 does not exist on")


def test_of_a_time_that_happens_twice_the_first_is_taken_and_that_is_said():
    office = Office()
    night = {"final_date": "2027-10-31", "final_time": "02:30", "final_timezone": "Europe/Berlin"}

    answer = office.approve(**night)

    assert answer.json()["data"]["when"]["starts_at"] == "2027-10-31T00:30:00Z"
    assert answer.json()["note"].startswith("This time happens twice that night")


def test_of_a_time_that_happens_twice_the_moment_says_which():
    office = Office()
    night = {"requested_date": "2027-10-31", "requested_time": "02:30"}

    second = office.ask(**night, starts_at="2027-10-31T01:30:00Z")
    wrong = office.ask(**night, starts_at="2027-10-31T09:30:00Z")

    assert second.json()["data"]["when"]["starts_at"] == "2027-10-31T01:30:00Z"
    assert "note" not in second.json()
    assert wrong.json()["errors"][0]["field"] == "starts_at"


def test_a_part_of_a_time_is_not_guessed():
    office = Office()

    answer = office.approve(final_time="14:00")

    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {
        "final_date",
        "final_timezone",
    }


def test_what_speaks_against_a_time_is_listed_and_can_be_overruled():
    office = Office()
    start = office.request.requested_start
    make_entry(office.tom, start, start + timedelta(hours=1))

    refused = office.approve()
    done = office.approve(overrule=True)

    assert refused.status_code == 409
    assert refused.json()["can_be_overruled"] is True
    assert len(refused.json()["obstacles"]) == 1
    assert office.now().status == Status.APPROVED
    assert done.status_code == 200


def test_nobody_is_in_two_places_whatever_is_overruled():
    office = Office()
    start = office.request.requested_start
    office.approve()
    office.request = make_request(office.tenant, service=office.service, start=start)

    answer = office.approve(overrule=True)

    assert answer.status_code == 409
    assert answer.json()["can_be_overruled"] is False
    assert "Nobody can be in two places." in answer.json()["detail"]


def test_who_comes_too_late_reads_who_was_first():
    office = Office()
    office.approve()

    again = office.approve()
    declined = office.api.post(f"{office.one}/decline", reason="No")

    assert (again.status_code, declined.status_code) == (409, 409)
    assert again.json()["detail"].startswith("This request was already approved by Dana on")


def test_of_two_approvals_at_once_one_is_done(provider):
    office = Office()
    answers = []

    def approve():
        answers.append(office.approve(generate_teams_meeting=True).status_code)
        connection.close()

    threads = [threading.Thread(target=approve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [200, 409, 409, 409]
    assert len(provider.meetings) == 1


def test_sending_a_submission_again_finds_the_first():
    office = Office()
    submission = uuid4()

    first = office.ask(submission=submission)
    again = office.ask(submission=submission, requested_date="2001-01-01")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    with tenant_atomic(office.tenant):
        assert AppointmentRequest.objects.filter(submission=submission).count() == 1


def test_the_submission_of_somebody_else_is_refused():
    office = Office()

    answer = office.ask(submission=office.request.submission, contact_id=office.contact.id)
    other = make_request(office.tenant)
    stolen = office.ask(submission=other.submission)

    assert answer.status_code == 200
    assert stolen.status_code == 409


def test_a_request_of_an_offered_time_only():
    office = Office()
    make_hours(office.tom)
    sunday = a_time(days=(6 - datetime.now(UTC).weekday()) % 7 + 7, hour=3)

    answer = office.ask(
        requested_date=f"{sunday:%Y-%m-%d}", requested_time="03:00", requester_timezone="UTC"
    )

    assert answer.status_code == 409
    assert answer.json()["detail"]


def test_an_appointment_goes_to_another_technician_at_the_same_time():
    office = Office()
    office.approve()
    ina = make_member(office.tenant, "Ina", Role.TECHNICIAN)

    answer = office.api.post(f"{office.one}/reschedule", technician_id=ina.id)

    assert answer.json()["data"]["technician"] == {"id": str(ina.id), "name": "Ina"}
    assert office.now().starts_at == office.request.requested_start


def test_deleting_the_entry_cancels_the_appointment():
    office = Office()
    entry = office.approve().json()["data"]["schedule_entry_id"]

    answer = office.api.post(f"/schedule-entries/{entry}/delete", reason="Moved away")

    assert answer.json()["data"]["status"] == "cancelled"
    assert office.now().cancel_reason == "Moved away"


def test_busy_time_is_not_deleted_as_an_appointment():
    office = Office()
    entry = make_entry(office.tom, a_time(), a_time(hour=12))

    assert office.api.post(f"/schedule-entries/{entry.id}/delete").status_code == 404


def test_somebody_of_another_tenant_is_not_assigned_and_no_client_either():
    office, other = Office(), Office()
    client = make_member(office.tenant, role=Role.CLIENT)

    for stranger in (other.tom, client):
        answer = office.approve(technician_id=stranger.id)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "technician_id"
    assert office.ask(contact_id=other.contact.id).json()["errors"][0]["field"] == "contact_id"


def test_declining_needs_a_reason():
    office = Office()

    refused = [office.api.post(f"{office.one}/decline", **body) for body in ({}, {"reason": " "})]
    done = office.api.post(f"{office.one}/decline", reason="A holiday")

    assert [answer.status_code for answer in refused] == [422, 422]
    assert done.json()["data"]["decline_reason"] == "A holiday"


def test_a_technician_reads_and_does_not_decide():
    office = Office()
    office.api = Caller(office.tom)

    assert office.api.get(office.one).status_code == 200
    assert office.approve().status_code == 403
    assert office.now().status == Status.PENDING


def test_the_wire_name_of_the_warning_is_in_one_place():
    sources = Path(convene.__file__).parent.rglob("*")
    texts = [file.read_text() for file in sources if file.suffix in {".py", ".html", ".js"}]

    assert sum(text.count("teamsMeetingWarning") for text in texts) == 1
