"""What a meeting provider does. Dataclasses in, dataclasses out, one error type.

No request, no response and no model crosses this seam. `MeetingRef` is the provider's own handle
for a meeting, opaque to everybody else.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from convene.tenancy.models import Tenant


@dataclass(frozen=True)
class Capability:
    """Whether a meeting could be made now; if not, why not."""

    available: bool
    reason: str = ""


@dataclass(frozen=True)
class MeetingSpec:
    """What a meeting must be. Times are aware and in UTC."""

    subject: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class MeetingRef:
    """The provider's handle for a meeting: who made it, where, under which id."""

    handle: str


@dataclass(frozen=True)
class CreatedMeeting:
    """A meeting that the provider has confirmed; the join link is https."""

    ref: MeetingRef
    meeting_id: str
    join_url: str


@dataclass(frozen=True)
class MeetingState:
    """A meeting as the provider holds it now."""

    subject: str
    starts_at: datetime
    ends_at: datetime
    join_url: str


@dataclass(frozen=True)
class Explanation:
    """A problem in words: for the dispatcher, and the next step for the admin.

    ``passes`` means that trying again later is all it takes.
    """

    sentence: str
    next_step: str
    passes: bool = False


class MeetingError(Exception):
    """A provider's call failed.

    ``unknown_outcome`` means that the provider may have done it all the same. ``retry_after`` are
    the seconds that it asks to wait for. ``detail`` is for the log: short, without secrets, links
    or addresses.
    """

    def __init__(
        self,
        code: str,
        *,
        status: int | None = None,
        request_id: str = "",
        retry_after: int | None = None,
        unknown_outcome: bool = False,
        detail: str = "",
    ):
        super().__init__(code)
        self.code = code
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.unknown_outcome = unknown_outcome
        self.detail = detail


class MeetingProvider(Protocol):
    """A service that holds online meetings.

    `capability` only reads the database and is called inside a tenant's block. All others talk to
    the service: they are called outside of any block, open short blocks of their own, end within
    10 seconds and raise MeetingError.
    """

    slug: str
    """Stored with each meeting, never shown: "teams"."""
    label: str
    """The words people read: "Microsoft Teams"."""
    short_label: str
    """The same where space is short: "Teams"."""

    def capability(self, tenant: Tenant) -> Capability: ...

    def create(self, tenant: Tenant, spec: MeetingSpec) -> CreatedMeeting: ...

    def update(self, tenant: Tenant, ref: MeetingRef, spec: MeetingSpec) -> None:
        """Move the meeting; the subject stays. One that is gone: code ``meeting_not_found``."""

    def delete(self, tenant: Tenant, ref: MeetingRef) -> None:
        """Remove the meeting; one that is gone already is a success."""

    def look(self, tenant: Tenant, ref: MeetingRef) -> MeetingState | None:
        """The meeting as it is now, or None if there is none."""

    def explain(self, code: str) -> Explanation:
        """The words for a code of this provider's errors or of its capability."""
