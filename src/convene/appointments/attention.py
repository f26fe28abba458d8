"""What does not come right by itself: meetings, requests, people who have left, mails that stay."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Value
from django.http import HttpRequest
from django.utils import timezone

from convene.clients.models import Contact
from convene.mail.models import OutboxMail, OutboxQuerySet
from convene.tenancy.db import current_tenant_id, tenant_atomic
from convene.tenancy.models import Membership

from . import letters
from .models import AppointmentRequest, MeetingSync
from .problems import Problem, problem_of

# With what a mail is about, and whose address it goes to.
Mail = tuple[AppointmentRequest, OutboxMail, Any, Contact | None]


@dataclass(frozen=True)
class Attention:
    """Everything that somebody must look after, each with its appointment."""

    problems: list[tuple[AppointmentRequest, Problem | None]]
    overdue: list[AppointmentRequest]
    left_behind: list[AppointmentRequest]
    mails: list[Mail]

    def __bool__(self) -> bool:
        return any((self.problems, self.overdue, self.left_behind, self.mails))


def read(now: datetime) -> Attention:
    """All of it, in a fixed number of queries."""
    meetings = {row.appointment_id: row for row in MeetingSync.objects.needing_attention(now)}
    mails = list(_undelivered(now))
    wanted = [*meetings, *(mail.subject_id for mail in mails)]
    found = AppointmentRequest.objects.with_people().in_order()
    rows = {row.id: row for row in found.filter(id__in=wanted)}
    return Attention(
        problems=[
            (row, problem_of(row, meetings[row.id], now))
            for row in rows.values()
            if row.id in meetings
        ],
        overdue=list(found.overdue(now)),
        left_behind=list(found.left_behind(now)),
        mails=list(_with_appointments(mails, rows)),
    )


def _undelivered(now: datetime) -> OutboxQuerySet:
    """Nobody need be called about a reminder of what has begun."""
    mails: OutboxQuerySet = OutboxMail.objects.undelivered(now)
    return mails.exclude(kind=letters.REMINDER, told_start__lte=now)


def _with_appointments(
    mails: list[OutboxMail], rows: dict[Any, AppointmentRequest]
) -> Iterator[Mail]:
    for mail in mails:
        if row := rows.get(mail.subject_id):
            yield row, mail, letters.KINDS[mail.kind].title, letters.contact_of(mail, row)


def count(now: datetime) -> dict[str, int]:
    """How many requests wait, and how much needs attention; in one query."""
    requests = AppointmentRequest.objects
    first, *others = (
        rows.order_by().values(what=Value(what)).annotate(n=Count("id")).values_list("what", "n")
        for what, rows in (
            ("waiting", requests.waiting()),
            ("overdue", requests.overdue(now)),
            ("left behind", requests.left_behind(now)),
            ("meetings", MeetingSync.objects.needing_attention(now)),
            ("mails", _undelivered(now)),
        )
    )
    found = dict(first.union(*others, all=True))
    waiting = found.pop("waiting", 0)
    return {"waiting": waiting, "attention": sum(found.values())}


def in_navigation(request: HttpRequest) -> dict[str, Any]:
    """For templates: the same numbers as ``waiting_now``, asked for only where they are shown."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None or membership.is_client:
        return {}

    def numbers() -> dict[str, int]:
        if current_tenant_id() == membership.tenant_id:
            return count(timezone.now())
        with tenant_atomic(membership.tenant):  # a page that acts shows itself outside of its block
            return count(timezone.now())

    return {"waiting_now": numbers}
