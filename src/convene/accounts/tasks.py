"""Mails about signing in."""

import procrastinate
from django.conf import settings
from django.core.mail import EmailMessage
from procrastinate.contrib.django import app

from .models import AccountMail


@app.task(
    name="send_account_mail",
    retry=procrastinate.RetryStrategy(max_attempts=10, exponential_wait=3),
)
def send_account_mail(mail_id: str) -> None:
    """Send a waiting mail and forget it; a mail server that is down is tried again for hours."""
    mail = AccountMail.objects.filter(id=mail_id).first()
    if mail is None:
        return  # sent by a run that died before it could say so
    EmailMessage(mail.subject, mail.body, settings.CONVENE_MAIL_FROM, [mail.to]).send()
    mail.delete()
