"""Looking for meetings that are no longer what their appointments want, and mending them.

`sync` trusts what the provider confirmed; somebody may have moved or deleted a meeting behind our
back since. Looking changes nothing, and both are safe while people work: what is found is compared
with the appointment as it is after the look, and mending happens under the appointment's lock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, TextChoices
from django.db.models.query import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from convene.meetings import registry
from convene.meetings.provider import MeetingError, MeetingRef, MeetingState
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant

from .models import AppointmentRequest, MeetingSync, Status
from .sync import Result, lock_meeting, lose, sync


class Kind(TextChoices):
    MISSING = "missing", _("the meeting is gone")
    MOVED = "moved", _("the meeting is at another time")
    STILL_THERE = "still_there", _("the meeting is still there")
    NOT_DONE = "not_done", _("a change has not reached the meeting")
    UNKNOWN = "unknown", _("the provider could not be asked")


@dataclass(frozen=True)
class Drift:
    """An appointment and its meeting that do not agree."""

    appointment_id: UUID
    reference: str
    kind: Kind
    ref: str
    detail: str = ""


def find(tenant: Tenant) -> Iterator[Drift]:
    """Compare each meeting that still matters with what the provider holds."""
    with tenant_atomic(tenant):
        ids = list(_that_matter(timezone.now()).values_list("appointment_id", flat=True))
    for appointment_id in ids:
        if drift := look(tenant, appointment_id):
            yield drift


def look(tenant: Tenant, appointment_id: UUID) -> Drift | None:
    """Compare one appointment with its meeting; None if they agree or somebody is at work on it."""
    with tenant_atomic(tenant):
        meeting = MeetingSync.objects.filter(appointment=appointment_id).first()
    state, error = _ask(tenant, meeting) if meeting and meeting.ref else (None, "")
    with tenant_atomic(tenant):
        appointment = AppointmentRequest.objects.with_people().get(id=appointment_id)
        now = MeetingSync.objects.filter(appointment=appointment_id).first()
        if meeting is None or now is None or now.is_leased(timezone.now()):
            return None
        if (meeting.ref, meeting.due) != (now.ref, now.due):
            return None  # it changed while we asked; the next look sees it
        kind = Kind.UNKNOWN if error else _compare(appointment, now, state)
        if kind is None:
            return None
        return Drift(appointment.id, appointment.reference, kind, now.ref, error)


def mend(tenant: Tenant, drift: Drift) -> Result:
    """Let the meeting follow its appointment again; what changed meanwhile is left to `sync`."""
    with tenant_atomic(tenant):
        meeting = lock_meeting(drift.appointment_id)
        if meeting is None or meeting.is_leased(timezone.now()) or meeting.ref != drift.ref:
            return Result(busy=True)
        if drift.kind == Kind.UNKNOWN and not meeting.due:
            return Result(problem=drift.detail)  # it may well be right: leave it alone
        if drift.kind == Kind.MISSING:
            lose(meeting)
        meeting.known_start = meeting.known_end = None
        meeting.due = True
        meeting.save(update_fields=["ref", "provider", "known_start", "known_end", "due"])
    return sync(tenant, drift.appointment_id)


def _that_matter(now: datetime) -> QuerySet[MeetingSync]:
    """Meetings of appointments to come, and whatever is left of those called off."""
    to_come = Q(appointment__status=Status.APPROVED, appointment__schedule_entry__ends_at__gt=now)
    left_over = ~Q(appointment__status=Status.APPROVED) & (~Q(ref="") | Q(due=True))
    return MeetingSync.objects.filter(to_come | left_over)


def _ask(tenant: Tenant, meeting: MeetingSync) -> tuple[MeetingState | None, str]:
    """What the provider holds, or why it could not be asked."""
    provider = registry.provider_named(meeting.provider)
    if provider is None:
        return None, "provider_missing"
    try:
        return provider.look(tenant, MeetingRef(meeting.ref)), ""
    except MeetingError as error:
        return None, error.code


def _compare(
    appointment: AppointmentRequest, meeting: MeetingSync, state: MeetingState | None
) -> Kind | None:
    if appointment.is_approved and meeting.ref:
        if state is None:
            return Kind.MISSING
        times = (state.starts_at, state.ends_at)
        return None if times == (appointment.starts_at, appointment.ends_at) else Kind.MOVED
    if state is not None and not appointment.is_approved:
        return Kind.STILL_THERE
    return Kind.NOT_DONE if meeting.due else None
