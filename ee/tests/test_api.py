"""The HTTP API with Teams installed, down to Microsoft Graph."""

from typing import Any

import pytest

from ee.tests.make_teams import make_teams_tenant
from graphsim import Simulator
from tests.api.caller import Office


@pytest.fixture
def office(sim: Simulator) -> Office:
    return Office(make_teams_tenant())


def approve(office: Office) -> Any:
    answer = office.approve(generate_teams_meeting=True)
    assert answer.status_code == 200
    return answer.json()


def test_the_capability_is_said_as_the_prd_says_it(office: Office) -> None:
    without = Office()

    assert office.api.get("/meeting-capability").json() == {"available": True, "reason": None}
    assert without.api.get("/meeting-capability").json() == {
        "available": False,
        "reason": "not_configured",
    }


def test_an_approval_makes_a_meeting_and_answers_its_join_link(
    sim: Simulator, office: Office
) -> None:
    answer = approve(office)

    [meeting] = sim.meetings()
    assert answer.keys() == {"success", "data"}
    assert answer["data"]["meeting"] == {
        "provider": "teams",
        "join_url": meeting.join_web_url,
        "is_being_updated": False,
        "problem": None,
    }


def test_with_graph_down_the_approval_stands_and_a_warning_says_what_is_missing(
    sim: Simulator, office: Office
) -> None:
    sim.fault("create", status=503)

    answer = approve(office)

    assert answer["success"] is True
    assert answer["data"]["status"] == "approved"
    assert answer["data"]["meeting"]["join_url"] is None
    problem = answer["data"]["meeting"]["problem"]
    assert answer["teamsMeetingWarning"] == (
        "The appointment is approved, but the Microsoft Teams meeting was not created."
        f" {problem['sentence']}"
    )
    assert problem["next_step"]
    assert office.api.get(office.one).json()["meeting"]["problem"] == problem


def test_a_meeting_that_was_not_made_is_made_by_trying_again(
    sim: Simulator, office: Office
) -> None:
    sim.fault("create", status=503)
    approve(office)

    answer = office.api.post(f"{office.one}/meeting/retry").json()

    assert "teamsMeetingWarning" not in answer
    assert answer["data"]["meeting"]["join_url"].startswith("https://teams.microsoft.com/")
    assert len(sim.meetings()) == 1
