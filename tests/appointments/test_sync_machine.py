"""Nobody can bring an appointment and its meeting apart without the appointment saying so."""

import sys
from collections import Counter
from collections.abc import Mapping

import pytest

from convene.meetings.fake import FakeProvider
from convene.tenancy.models import Tenant
from tests.appointments.sync_machine import NEEDED, SOAK_MINUTES, Held, SyncMachine, run, soak
from tests.make import make_tenant


class FakeService:
    """The fake, as its owner sees it."""

    faults = ("refused", "lost before the write", "lost after the write")

    def __init__(self) -> None:
        self.provider = FakeProvider()

    def make_tenant(self) -> Tenant:
        return make_tenant()

    def held(self, tenant: Tenant) -> Mapping[str, Held]:
        return {
            key: Held(meeting.subject, meeting.starts_at, meeting.ends_at, meeting.join_url)
            for key, meeting in self.provider.meetings.items()
            if meeting.tenant_id == tenant.id
        }

    def remove(self, tenant: Tenant, meeting_id: str) -> None:
        self.provider.meetings.pop(meeting_id, None)

    def go_wrong(self, tenant: Tenant, fault: str) -> None:
        if fault == "refused":
            self.provider.fail_next()
        else:
            self.provider.lose_next(written=fault == "lost after the write")

    def administer(self, tenant: Tenant, which: int) -> None:
        """Switch the capability off, or on again."""
        if which > 8:
            self.provider.switch_off(tenant)
        else:
            self.provider._switched_off.discard(tenant.id)

    def recover(self, tenant: Tenant) -> None:
        self.provider._faults.clear()
        self.provider._switched_off.clear()

    def made_by(self, tenant: Tenant, ref: str) -> str:
        return ref.removeprefix("fake:")


class SyncWithTheFake(SyncMachine):
    service_of = FakeService
    reached = Counter()


@pytest.mark.usefixtures("db")
@pytest.mark.timeout(900)  # seconds; a failure is made small before it is shown
def test_no_order_of_things_brings_appointment_and_meeting_apart_in_silence() -> None:
    run(SyncWithTheFake, seeds=range(11))

    reached = SyncWithTheFake.reached
    assert reached["happenings"] > 4000
    assert [what for what in NEEDED if not reached[what]] == []


@pytest.mark.usefixtures("db")
@pytest.mark.timeout(0)
@pytest.mark.skipif(not SOAK_MINUTES, reason="set CONVENE_SOAK_MINUTES for a long run")
def test_nor_does_any_other_order(capsys: pytest.CaptureFixture[str]) -> None:
    counts = soak(SyncWithTheFake, minutes=SOAK_MINUTES)

    with capsys.disabled():
        sys.stdout.write(counts)
