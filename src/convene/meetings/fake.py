"""A complete meeting provider in memory, for tests of whoever uses the seam."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from convene.tenancy.models import Tenant

from . import registry
from .provider import (
    Capability,
    CreatedMeeting,
    Explanation,
    MeetingError,
    MeetingProvider,
    MeetingRef,
    MeetingSpec,
    MeetingState,
)

Operation = Literal["create", "update", "delete", "look"]


@contextmanager
def registered(provider: MeetingProvider) -> Iterator[None]:
    """Exactly this provider for as long as the block lasts."""
    before = dict(registry._providers)
    registry._providers.clear()
    registry._providers[provider.slug] = provider
    try:
        yield
    finally:
        registry._providers.clear()
        registry._providers.update(before)


@dataclass(frozen=True)
class FakeMeeting:
    tenant_id: UUID
    subject: str
    starts_at: datetime
    ends_at: datetime
    join_url: str


@dataclass(frozen=True)
class Call:
    operation: Operation
    tenant_id: UUID
    meeting_id: str = ""
    """Empty for a create."""


@dataclass(frozen=True)
class _Fault:
    operation: Operation | None
    code: str
    unknown_outcome: bool
    written: bool

    def error(self) -> MeetingError:
        return MeetingError(self.code, unknown_outcome=self.unknown_outcome)


class FakeProvider:
    """``meetings`` is what the service holds, by meeting id; ``calls`` is what it was asked."""

    slug = "fake"
    label = "Fake Meetings"
    short_label = "Fake"

    codes = ("refused", "no_answer", "meeting_not_found", "switched_off")

    def __init__(self) -> None:
        self.meetings: dict[str, FakeMeeting] = {}
        self.calls: list[Call] = []
        self._numbers = itertools.count(1)
        self._faults: list[_Fault] = []
        self._switched_off: set[UUID] = set()

    def fail_next(
        self,
        code: str = "refused",
        *,
        on: Operation | None = None,
        unknown_outcome: bool = False,
        written: bool = False,
        times: int = 1,
    ) -> None:
        """Make the next calls raise MeetingError; only those of one operation if it is named.

        ``written`` is an answer that got lost: the call is carried out, then it fails.
        """
        self._faults += [_Fault(on, code, unknown_outcome, written)] * times

    def lose_next(self, *, on: Operation | None = None, written: bool) -> None:
        """Make the next call end without an answer, before it is carried out or after it was."""
        self.fail_next("no_answer", on=on, unknown_outcome=True, written=written)

    def switch_off(self, tenant: Tenant) -> None:
        """No more new meetings for the tenant; those it has still move and go."""
        self._switched_off.add(tenant.id)

    def capability(self, tenant: Tenant) -> Capability:
        if tenant.id in self._switched_off:
            return Capability(available=False, reason="switched_off")
        return Capability(available=True)

    def create(self, tenant: Tenant, spec: MeetingSpec) -> CreatedMeeting:
        if not self.capability(tenant).available:
            raise MeetingError("switched_off")
        with self._called("create", tenant):
            meeting_id = f"meeting-{next(self._numbers)}"
            link = f"https://meetings.example/{meeting_id}"
            self.meetings[meeting_id] = FakeMeeting(
                tenant.id, spec.subject, spec.starts_at, spec.ends_at, link
            )
        return CreatedMeeting(MeetingRef(f"fake:{meeting_id}"), meeting_id, link)

    def update(self, tenant: Tenant, ref: MeetingRef, spec: MeetingSpec) -> None:
        meeting_id = _id_of(ref)
        with self._called("update", tenant, meeting_id):
            meeting = self._find(tenant, meeting_id)
            if meeting is None:
                raise MeetingError("meeting_not_found", status=404)
            self.meetings[meeting_id] = replace(
                meeting, starts_at=spec.starts_at, ends_at=spec.ends_at
            )

    def delete(self, tenant: Tenant, ref: MeetingRef) -> None:
        meeting_id = _id_of(ref)
        with self._called("delete", tenant, meeting_id):
            if self._find(tenant, meeting_id):
                del self.meetings[meeting_id]

    def look(self, tenant: Tenant, ref: MeetingRef) -> MeetingState | None:
        meeting_id = _id_of(ref)
        with self._called("look", tenant, meeting_id):
            found = self._find(tenant, meeting_id)
        if found is None:
            return None
        return MeetingState(found.subject, found.starts_at, found.ends_at, found.join_url)

    def explain(self, code: str) -> Explanation:
        return Explanation(
            f"The fake meeting service says {code}.", f"Do something about {code}, then try again."
        )

    @contextmanager
    def _called(self, operation: Operation, tenant: Tenant, meeting_id: str = "") -> Iterator[None]:
        """Note the call; carry the block out, unless a fault comes before it."""
        self.calls.append(Call(operation, tenant.id, meeting_id))
        fault = self._fault_of(operation)
        if fault and not fault.written:
            raise fault.error()
        yield
        if fault:
            raise fault.error()

    def _fault_of(self, operation: Operation) -> _Fault | None:
        for place, fault in enumerate(self._faults):
            if fault.operation in (None, operation):
                return self._faults.pop(place)
        return None

    def _find(self, tenant: Tenant, meeting_id: str) -> FakeMeeting | None:
        meeting = self.meetings.get(meeting_id)
        return meeting if meeting and meeting.tenant_id == tenant.id else None


def _id_of(ref: MeetingRef) -> str:
    return ref.handle.removeprefix("fake:")
