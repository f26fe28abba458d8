"""Nobody can bring an appointment and its meeting apart without the appointment saying so."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping

import pytest
from django.db import connection

from convene.meetings.fake import FakeProvider
from convene.tenancy.models import Tenant
from tests.appointments.sync_machine import NEEDED, Held, SyncMachine, run, soak
from tests.make import make_tenant

SOAK_MINUTES = float(os.environ.get("CONVENE_SOAK_MINUTES", "0"))


class FakeService:
    """The fake, as its owner sees it."""

    faults = ("refused", "lost before the write", "lost after the write")

    def __init__(self) -> None:
        self.provider = FakeProvider()

    def make_tenant(self) -> Tenant:
        return make_tenant()

    def held(self, tenant: Tenant) -> Mapping[str, Held]:
        return {
            key: Held(meeting.subject, meeting.starts_at, meeting.ends_at)
            for key, meeting in self.provider.meetings.items()
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
        self.provider._switched_off = {tenant.id} if which > 8 else set()

    def recover(self, tenant: Tenant) -> None:
        self.provider._faults.clear()
        self.provider._switched_off.clear()

    def made_by(self, tenant: Tenant, ref: str) -> str:
        return ref.removeprefix("fake:")


class SyncWithTheFake(SyncMachine):
    service_of = FakeService


@pytest.fixture
def unguarded(db: None) -> Iterator[None]:
    """No plan is asked for, and no warning written, of the many thousand statements to come.

    The same statements are guarded in the other tests.
    """
    guards, connection.execute_wrappers = connection.execute_wrappers, []
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)
    connection.execute_wrappers = guards


@pytest.mark.usefixtures("unguarded")
@pytest.mark.timeout(900)  # seconds; a failure is made small before it is shown
def test_no_order_of_things_brings_appointment_and_meeting_apart_in_silence() -> None:
    run(SyncWithTheFake, seeds=range(25))

    reached = SyncWithTheFake.reached
    assert reached["happenings"] > 8000
    assert [what for what in NEEDED if not reached[what]] == []


@pytest.mark.usefixtures("unguarded")
@pytest.mark.timeout(0)
@pytest.mark.skipif(not SOAK_MINUTES, reason="set CONVENE_SOAK_MINUTES for a long run")
def test_nor_does_any_other_order(capsys: pytest.CaptureFixture[str]) -> None:
    before = SyncWithTheFake.reached.copy()

    soak(SyncWithTheFake, minutes=SOAK_MINUTES)

    reached = SyncWithTheFake.reached - before
    with capsys.disabled():
        sys.stdout.write("".join(f"\n{n:8} {what}" for what, n in sorted(reached.items())))
