"""Sending what is due, one subject at a time and in the order of events.

At least once: a mail goes out twice only if the process dies between the server's answer and our
commit, and then with the same Message-ID.
"""

import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import sanitize_address
from django.db import DatabaseError
from django.utils import timezone

from convene.logs import log
from convene.tenancy.db import tenant_atomic
from convene.text import one_line

from .models import MailState, OutboxMail
from .outbox import Letter, NotNeeded, writer_of

CLAIM = timedelta(seconds=90)  # longer than a server may take (settings.EMAIL_TIMEOUT)
FIRST_RETRY = timedelta(seconds=15)
LAST_RETRY = timedelta(hours=1)
GIVE_UP = timedelta(days=3)


@dataclass(frozen=True)
class _Claimed:
    mail: OutboxMail
    letter: Letter


def deliver(
    tenant_id: UUID, subject_id: UUID, *, clock: Callable[[], datetime] = timezone.now
) -> None:
    """Send all mails about a subject that are due now. Calling it at any time does no harm."""
    with structlog.contextvars.bound_contextvars(
        tenant=str(tenant_id), appointment_request_id=str(subject_id)
    ):
        while _step(tenant_id, subject_id, clock):
            pass


def _step(tenant_id: UUID, subject_id: UUID, clock: Callable[[], datetime]) -> bool:
    """Deal with the next mail; False when there is none or somebody else is at it."""
    with tenant_atomic(tenant_id):
        mail = _next(subject_id, clock())
        claimed = mail and _claim(mail, clock())
    if mail is None:
        return False
    if claimed:
        _send(tenant_id, claimed, clock)
    return True


def _next(subject_id: UUID, now: datetime) -> OutboxMail | None:
    mails = OutboxMail.objects.filter(subject_id=subject_id, state=MailState.DUE)
    if mails.filter(claimed_until__gte=now).exists():
        return None  # whoever sends that one goes on with the next
    return mails.due(now).order_by("created_at", "id").first()


def _claim(mail: OutboxMail, now: datetime) -> _Claimed | None:
    """Write the mail and take it, or drop it as not needed; None if it is not ours to send."""
    row = OutboxMail.objects.due(now).filter(id=mail.id)
    try:
        letter = writer_of(mail.kind)(mail)
    except NotNeeded as reason:
        row.update(state=MailState.SUPERSEDED, reason=str(reason)[:200])
        return None
    except DatabaseError:
        raise  # the transaction is lost, and the mail is as due as before
    except Exception as error:  # a defect of one mail must not keep all others from leaving
        log.exception("mail.defect", mail=str(mail.id), kind=mail.kind)
        row.update(state=MailState.FAILED, reason=type(error).__name__)
        return None
    mail.claim = uuid4()
    told = letter.told
    taken = row.update(
        claim=mail.claim,
        claimed_until=now + CLAIM,
        attempts=mail.attempts + 1,
        to=letter.to,
        subject=letter.subject,
        told_status=told.status,
        told_start=told.starts_at,
        told_end=told.ends_at,
        told_link=told.link,
        told_technician=told.technician,
        told_sequence=told.sequence,
    )
    return _Claimed(mail, letter) if taken else None


def _send(tenant_id: UUID, claimed: _Claimed, clock: Callable[[], datetime]) -> None:
    """Talk to the mail server, outside of any transaction, and write down what came of it."""
    mail = claimed.mail
    try:
        _message(mail, claimed.letter).send()
    except (OSError, smtplib.SMTPException) as error:
        outcome = _after_failure(mail, error, clock())
        log.warning("mail.failed", mail=str(mail.id), kind=mail.kind, reason=outcome["reason"])
    except Exception as error:  # an address that no mail can be sent to, for example
        outcome = {"state": MailState.FAILED, "reason": type(error).__name__}
        log.exception("mail.defect", mail=str(mail.id), kind=mail.kind)
    else:
        outcome = {"state": MailState.SENT, "sent_at": clock(), "reason": ""}
        log.info("mail.sent", mail=str(mail.id), kind=mail.kind)
    with tenant_atomic(tenant_id):
        ours = OutboxMail.objects.filter(id=mail.id, claim=mail.claim)
        ours.update(claim=None, claimed_until=None, **outcome)


def _after_failure(mail: OutboxMail, error: Exception, now: datetime) -> dict[str, object]:
    """Refused for good, or to be tried again later: 15 s, 30 s, ... 1 h, for three days."""
    reason = f"{type(error).__name__} {_status(error) or ''}".strip()
    status = _status(error) or 0
    if status >= 500 or now - mail.created_at > GIVE_UP:
        return {"state": MailState.FAILED, "reason": reason}
    wait = min(FIRST_RETRY * 2 ** min(mail.attempts, 10), LAST_RETRY)
    return {"not_before": now + wait, "reason": reason}


def _status(error: Exception) -> int | None:
    """The server's answer to this recipient. A refused sign-in is our own fault, not the mail's."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))[0]
    if isinstance(error, smtplib.SMTPResponseException) and not isinstance(
        error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError | smtplib.SMTPHeloError
    ):
        return error.smtp_code
    return None


def _message(mail: OutboxMail, letter: Letter) -> EmailMultiAlternatives:
    sender = parseaddr(settings.CONVENE_MAIL_FROM)[1]
    recipient = sanitize_address((one_line(letter.to_name), letter.to), "utf-8")
    message = EmailMultiAlternatives(
        letter.subject,
        letter.text,
        formataddr((one_line(letter.from_name), sender)),
        [recipient],
        reply_to=[letter.reply_to],
        headers={"Message-ID": f"<{mail.id}@{sender.rpartition('@')[2]}>"},
    )
    message.attach_alternative(letter.html, "text/html")
    if letter.calendar:
        # Calendar clients want the alternative, people want a file they can open.
        message.attach_alternative(letter.calendar.decode(), letter.calendar_type)
        message.attach("appointment.ics", letter.calendar, "application/ics")
    return message
