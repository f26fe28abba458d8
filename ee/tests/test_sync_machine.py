"""Nobody can bring an appointment and its Teams meeting apart without the appointment saying so."""

import sys
from collections import Counter
from functools import partial
from typing import ClassVar

import pytest
from hypothesis.stateful import invariant

from ee.tests.teams_service import CHANGES, TeamsService
from ee.tests.troubles import TROUBLES
from graphsim import Simulator
from tests.appointments.sync_machine import NEEDED, SOAK_MINUTES, Seen, SyncMachine, run, soak

ADMINISTERED = (
    *(f"admin: {name}" for name in CHANGES),
    "profile deleted",
    "profile is still needed",
)


ENDED = ("ended: access_blocked", "ended: unknown_tenant")


class SyncWithTeams(SyncMachine):
    reached: ClassVar[Counter[str]] = Counter()
    service: TeamsService

    @invariant()
    def no_call_was_made_for_or_as_somebody_else(self) -> None:
        assert self.service.wrong == []

    def check_leftovers(self, seen: Seen) -> None:
        """Nothing stays behind but by lost answers, failed deletes, deaths and forgetting."""
        super().check_leftovers(seen)
        in_hand = sum(one.has_a_meeting_in_hand for one in self.at_work_on(seen.appointment))
        excuses = self.excuses[seen.appointment.id] + self.service.lost[seen.subject]
        leftovers = seen.held.keys() - {seen.known} - self.service.undeleted
        assert len(leftovers) <= in_hand + excuses + seen.forgotten

    def teardown(self) -> None:
        super().teardown()
        assert self.service.wrong == []


@pytest.fixture
def machine(sim: Simulator) -> type[SyncWithTeams]:
    """Teams as this simulator plays it."""
    SyncWithTeams.service_of = partial(TeamsService, sim, SyncWithTeams.reached)
    return SyncWithTeams


@pytest.mark.timeout(900)  # seconds; a failure is made small before it is shown
def test_no_order_of_things_brings_appointment_and_meeting_apart_in_silence(
    machine: type[SyncWithTeams],
) -> None:
    run(machine, seeds=range(11))

    reached = machine.reached
    assert reached["happenings"] > 4000
    assert reached["ended: provider_defect"] == 0
    assert [what for what in (*NEEDED, *ENDED) if not reached[what]] == []
    assert [name for name in TROUBLES if not reached[f"trouble: {name}"]] == []
    assert [what for what in ADMINISTERED if not reached[what]] == []


@pytest.mark.timeout(0)
@pytest.mark.skipif(not SOAK_MINUTES, reason="set CONVENE_SOAK_MINUTES for a long run")
def test_nor_does_any_other_order(
    machine: type[SyncWithTeams], capsys: pytest.CaptureFixture[str]
) -> None:
    counts = soak(machine, minutes=SOAK_MINUTES)

    with capsys.disabled():
        sys.stdout.write(counts)
