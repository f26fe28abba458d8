"""What is to be told, and how the parts above say it.

A mail is an outbox row written in the transaction of the change, so it is lost or kept with it.
What it says is made when it is sent, by the writer that the part above registered for its kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone
from procrastinate.contrib.django import app

from convene.tenancy.db import current_tenant_id, tenant_rows

from .models import MailState, OutboxMail


@dataclass(frozen=True)
class Told:
    """What a mail tells about an appointment: the same again is not worth a mail.

    The calendar file's number alone is no news.
    """

    status: str
    starts_at: datetime | None
    ends_at: datetime | None
    link: str
    technician: UUID | None
    sequence: int | None = field(compare=False)


@dataclass(frozen=True)
class Letter:
    """A mail ready to be sent. ``calendar`` is an iCalendar file of ``calendar_type``."""

    to_name: str
    to: str
    from_name: str
    reply_to: str
    subject: str
    html: str
    text: str
    told: Told
    calendar: bytes = field(default=b"", repr=False)
    calendar_type: str = ""


class NotNeeded(Exception):
    """The mail would tell its recipient nothing that still holds and is new; the reason is kept."""


Writer = Callable[[OutboxMail], Letter]
"""Writes a mail inside the tenant's block, holding the subject so that it cannot change meanwhile.
Raises NotNeeded."""

_writers: dict[str, Writer] = {}


def register(kind: str, writer: Writer) -> None:
    """Name who writes the mails of a kind."""
    _writers[kind] = writer


def writer_of(kind: str) -> Writer:
    return _writers[kind]


def tell(subject_id: UUID, mails: Mapping[str, str], *, not_before: datetime) -> None:
    """Add mails in the transaction of the change that they tell, and wake the worker for them.

    ``mails`` names a kind for each recipient, in the order in which they leave. What is held until
    later is woken by `release`, else by the sweep of the minute after.
    """
    if unknown := mails.values() - _writers.keys():
        raise ValueError(f"nobody writes mails of the kind {', '.join(unknown)}")
    now = timezone.now()
    OutboxMail.objects.bulk_create(
        OutboxMail(
            kind=kind,
            subject_id=subject_id,
            recipient=recipient,
            created_at=now + number * timedelta.resolution,
            not_before=not_before,
        )
        for number, (recipient, kind) in enumerate(mails.items())
    )
    if mails and not_before <= now:
        _wake(subject_id)


# Both are asked at the end of each sync, where somebody waits for the answer.
_RELEASE = """
    UPDATE "outbox_mails" SET not_before = %(now)s
    WHERE tenant_id = %(tenant)s AND subject_id = %(subject)s
      AND state = 'due' AND attempts = 0 AND not_before > %(now)s
    RETURNING id
"""
_WAITING = """
    SELECT recipient, kind FROM "outbox_mails"
    WHERE tenant_id = %(tenant)s AND subject_id = %(subject)s AND state = 'due' AND claim IS NULL
"""


def release(subject_id: UUID, now: datetime) -> None:
    """Nothing more to wait for: held mails of the subject may leave."""
    if tenant_rows(_RELEASE, subject=subject_id, now=now):
        _wake(subject_id)


def send_again(subject_id: UUID, mail_id: UUID) -> OutboxMail | None:
    """Make a refused mail due as if it were new, and wake the worker; the mail as it was."""
    now = timezone.now()
    refused = OutboxMail.objects.filter(id=mail_id, subject_id=subject_id, state=MailState.FAILED)
    before = refused.select_for_update().first()
    if before is None:
        return None
    refused.update(
        state=MailState.DUE,
        created_at=now,
        not_before=now,
        attempts=0,
        claim=None,
        claimed_until=None,
        reason="",
        to="",
        subject="",
    )
    _wake(subject_id)
    return before


def waiting(subject_id: UUID) -> set[tuple[str, str]]:
    """Recipient and kind of mails that have not left; they will say what is true when they do."""
    return set(tenant_rows(_WAITING, subject=subject_id))


def may_have_arrived(mail: OutboxMail) -> bool:
    """Whether an earlier mail to the recipient was tried, and its end is not known."""
    tried = OutboxMail.objects.filter(
        subject_id=mail.subject_id,
        recipient=mail.recipient,
        created_at__lt=mail.created_at,
        attempts__gt=0,
    )
    return tried.exclude(state=MailState.FAILED).exists()


def last_told(mail: OutboxMail, to: str) -> Told | None:
    """What the recipient was told last about the mail's subject, at the address ``to``."""
    sent = OutboxMail.objects.filter(
        subject_id=mail.subject_id, recipient=mail.recipient, to=to, state=MailState.SENT
    )
    last = sent.order_by("-sent_at").first()
    if last is None:
        return None
    return Told(
        status=last.told_status,
        starts_at=last.told_start,
        ends_at=last.told_end,
        link=last.told_link,
        technician=last.told_technician,
        sequence=last.told_sequence,
    )


def _wake(subject_id: UUID) -> None:
    """A job for the worker, in the same transaction. Many of them do no harm."""
    job = app.configure_task("deliver_mail")
    job.defer(tenant_id=str(current_tenant_id()), subject_id=str(subject_id))
