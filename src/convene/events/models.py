"""Rows that are only ever added."""

from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone

from convene.tenancy.models import Membership, TenantForeignKey, TenantModel


class Event(TenantModel):
    """Something that happened to a subject, named by its id alone: it may be gone."""

    kind = models.CharField(max_length=60)
    subject_id = models.UUIDField()
    at = models.DateTimeField()
    actor = TenantForeignKey(Membership, null=True, related_name="+")
    actor_name = models.CharField(max_length=100, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        db_table = "events"
        indexes = (models.Index(fields=["tenant", "subject_id", "at"], name="events_of_a_subject"),)
        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


def record(
    kind: str,
    subject_id: UUID,
    *,
    by: Membership | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Event:
    """Add an event in the transaction of the change; without ``by`` the system did it."""
    return Event.objects.create(
        kind=kind,
        subject_id=subject_id,
        at=timezone.now(),
        actor=by,
        actor_name=by.user.name if by else "",
        before=before or {},
        after=after or {},
    )
