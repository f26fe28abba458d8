"""Verifications in the history: a result is read again after it was made, also by a colleague."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from convene.events.models import Event, record
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant

from . import history
from .models import TeamsIntegration
from .organizer import Step, Verification, verify_meeting_organizer
from .problems import Problem

# After any of these, what was verified before says nothing about the next meeting.
_CHANGES = (
    history.PROFILE_SAVED,
    history.PROFILE_ARCHIVED,
    history.INTEGRATION_CHANGED,
    history.ORGANIZER_CHANGED,
)


@dataclass(frozen=True)
class KeptVerification:
    """What was found out about an organizer, when, and who asked."""

    organizer: str
    result: Verification
    at: datetime
    by: str

    @property
    def rows(self) -> list[tuple[str, Step | None]]:
        """All steps by their titles, those that were not tried without a result."""
        made = {step.name: step for step in self.result.steps}
        titles = _titles()
        if "removal" not in made:
            del titles["removal"]  # told only when it went wrong
        return [(title, made.get(name)) for name, title in titles.items()]

    @property
    def needs_policy(self) -> bool:
        return self.result.reason == Problem.POLICY_MISSING


def verify(tenant: Tenant, organizer: str, *, by: Membership) -> UUID:
    """Verify an organizer, saved or not, and keep the result; its id."""
    result = verify_meeting_organizer(tenant, organizer)
    with tenant_atomic(tenant):
        integration, _created = TeamsIntegration.objects.get_or_create()
        after = {"organizer": organizer, "result": asdict(result)}
        return record(history.ORGANIZER_VERIFIED, integration.id, by=by, after=after).id


def kept_verification(pk: UUID) -> KeptVerification | None:
    """A result by its id; inside the tenant's block."""
    return _kept(Event.objects.filter(id=pk, kind=history.ORGANIZER_VERIFIED).first())


def standing_verification(integration: TeamsIntegration) -> KeptVerification | None:
    """The last result for the saved organizer, unless something has changed since then.

    Inside the tenant's block.
    """
    organizer = integration.default_meeting_organizer_upn
    profile_id = integration.selected_profile_id
    subjects = [integration.id, profile_id] if profile_id else [integration.id]
    of_organizer = Q(kind=history.ORGANIZER_VERIFIED, after__organizer=organizer)
    last = (
        Event.objects.filter(of_organizer | Q(kind__in=_CHANGES))
        .filter(subject_id__in=subjects)
        .order_by("-at", "-id")
        .first()
    )
    return _kept(last) if last and last.kind == history.ORGANIZER_VERIFIED else None


def _kept(event: Event | None) -> KeptVerification | None:
    if event is None:
        return None
    result = event.after["result"]
    steps = tuple(Step(**step) for step in result["steps"])
    verification = Verification(**(result | {"steps": steps}))
    return KeptVerification(event.after["organizer"], verification, event.at, event.actor_name)


def _titles() -> dict[str, str]:
    return {
        "token": _("Signed in"),
        "permission": _("Permission granted"),
        "organizer": _("Organizer found"),
        "policy": _("Access policy in place, test meeting made and removed"),
        "removal": _("Nothing left behind"),
    }
