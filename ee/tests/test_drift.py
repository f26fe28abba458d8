"""`convene meetings check` and `repair`: what somebody did in Teams is found and put right."""

import io
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from convene.appointments import actions
from convene.appointments.models import AppointmentRequest, MeetingSync
from convene.tenancy.db import tenant_atomic
from ee.tests.make_teams import make_teams_tenant
from graphsim import Simulator
from tests.make import make_member, make_request

GOOD = "All meetings are as they should be.\n"


class Case:
    """An approved appointment with its meeting."""

    def __init__(self) -> None:
        self.tenant = make_teams_tenant()
        self.dana = make_member(self.tenant)
        self.request = make_request(self.tenant)
        self.start = self.request.requested_start
        actions.approve_appointment_request(
            self.tenant,
            self.request.id,
            by=self.dana,
            technician=self.dana,
            starts_at=self.start,
            with_meeting=True,
        )

    def cancel(self) -> None:
        actions.cancel_appointment_request(self.tenant, self.request.id, by=self.dana)

    def join_link(self) -> str | None:
        with tenant_atomic(self.tenant):
            link: str | None = AppointmentRequest.objects.get().online_meeting_url
            return link


def run(what: str, **options: str) -> str:
    """What the command prints, also when it ends in an error."""
    out = io.StringIO()
    try:
        call_command("meetings", what, stdout=out, **options)
    except CommandError as error:
        out.write(f"{error}\n")
    return out.getvalue()


def test_meetings_that_are_right_are_left_alone(sim: Simulator):
    Case()
    before = len(sim.calls())

    assert run("check") == GOOD
    assert run("repair") == GOOD
    assert {call.route for call in sim.calls()[before:]} <= {"get", "token"}


def test_a_meeting_moved_in_teams_is_moved_back(sim: Simulator):
    case = Case()
    [meeting] = sim.meetings()
    later = case.start + timedelta(days=1)
    sim.world.move_meeting(
        meeting.id, start=later.isoformat(), end=(later + timedelta(hours=1)).isoformat()
    )

    assert "the meeting is at another time\n1 not as they should be.\n" in run("check")
    assert run("repair").startswith("repaired")

    assert datetime.fromisoformat(sim.meetings()[0].start) == case.start
    assert run("check") == GOOD


def test_a_meeting_deleted_in_teams_is_made_again_with_a_new_link(sim: Simulator):
    case = Case()
    link = case.join_link()
    sim.world.delete_meeting(sim.meetings()[0].id)

    assert "the meeting is gone" in run("check")
    assert run("repair").startswith("repaired")

    assert len(sim.meetings()) == 1
    assert case.join_link() not in {None, link}
    assert run("check") == GOOD


def test_a_meeting_that_survived_its_cancellation_is_removed(sim: Simulator):
    case = Case()
    sim.fault("delete", status=503)
    case.cancel()

    assert "the meeting is still there" in run("check")
    assert run("repair").startswith("repaired")

    assert sim.meetings() == []
    assert run("check") == GOOD


def test_an_unplugged_graph_is_said_and_nothing_is_changed(sim: Simulator):
    case = Case()
    link = case.join_link()
    sim.fault("*", reset=True, times=-1)

    assert "the provider could not be asked" in run("check")
    assert run("repair").startswith("DRIFT")

    sim.clear_faults()
    assert case.join_link() == link
    assert len(sim.meetings()) == 1


def test_plugging_graph_in_again_and_repairing_makes_everything_right(sim: Simulator):
    sim.fault("*", reset=True, times=-1)
    cases = [Case(), Case()]
    assert [case.join_link() for case in cases] == [None, None]
    sim.clear_faults()

    assert run("repair").count("repaired") == 2

    assert all(case.join_link() for case in cases)
    assert run("check") == GOOD


def test_one_tenant_can_be_looked_at_alone(sim: Simulator):
    case, other = Case(), Case()
    for meeting in sim.meetings():
        sim.world.delete_meeting(meeting.id)

    assert run("check", tenant=case.tenant.slug).count("the meeting is gone") == 1
    assert run("check").count("the meeting is gone") == 2
    assert "no tenant called nowhere" in run("check", tenant="nowhere")
    assert other.join_link()


@pytest.mark.parametrize("what", ["check", "repair"])
def test_drift_ends_in_an_error(sim: Simulator, what: str):
    Case()
    sim.fault("*", reset=True, times=-1)

    with pytest.raises(CommandError, match="1 not as they should be"):
        call_command("meetings", what, stdout=io.StringIO())


def test_repairing_during_an_outage_leaves_what_is_right_alone(sim: Simulator):
    case = Case()
    sim.fault("*", reset=True, times=-1)

    run("repair")

    sim.clear_faults()
    with tenant_atomic(case.tenant):
        meeting = MeetingSync.objects.get()
        assert not meeting.due
        assert (meeting.known_start, meeting.problem) == (case.start, "")
    assert run("check") == GOOD
