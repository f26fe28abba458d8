"""Rows that are only ever added."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone

from convene.tenancy.models import Membership, TenantForeignKey, TenantModel
from convene.text import one_line

ACTOR_NAME_LENGTH = 100


class Event(TenantModel):
    """Something that happened to a subject, named by its id alone: it may be gone."""

    kind = models.CharField(max_length=60)
    subject_id = models.UUIDField()
    at = models.DateTimeField()
    actor = TenantForeignKey(Membership, null=True, related_name="+")
    actor_name = models.CharField(max_length=ACTOR_NAME_LENGTH, blank=True)
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
    by: Membership | str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Event:
    """Add an event in the transaction of the change.

    ``by`` is a member, or the name of somebody who is none; without it the system did it.
    """
    [event] = record_all([kind], subject_id, by=by, before=before, after=after)
    return event


def record_all(
    kinds: Iterable[str],
    subject_id: UUID,
    *,
    by: Membership | str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> list[Event]:
    """Add the events of one change in one statement, each a moment after the one before."""
    now = timezone.now()
    return Event.objects.bulk_create(
        Event(
            kind=kind,
            subject_id=subject_id,
            at=now + number * timedelta.resolution,
            actor=by if isinstance(by, Membership) else None,
            actor_name=one_line(str(by or ""), ACTOR_NAME_LENGTH),
            before=before or {},
            after=after or {},
        )
        for number, kind in enumerate(kinds)
    )
