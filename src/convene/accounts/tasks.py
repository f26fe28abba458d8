"""Mails about signing in."""

from datetime import timedelta
from email.utils import parseaddr

import procrastinate
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.utils import timezone
from procrastinate.contrib.django import app

from convene.logs import log

from .models import AccountMail

LINKS_HOLD = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


@app.task(
    name="send_account_mail",
    retry=procrastinate.RetryStrategy(max_attempts=10, exponential_wait=3),
)
def send_account_mail(mail_id: str) -> None:
    """Send a waiting mail and forget it; a mail server that is down is tried again for hours."""
    mail = AccountMail.objects.filter(id=mail_id).first()
    if mail is None:
        return  # sent by a run that died before it could say so
    sender = settings.CONVENE_MAIL_FROM
    own_domain = parseaddr(sender)[1].rpartition("@")[2]
    headers = {"Message-ID": f"<{mail.id}@{own_domain}>"}
    EmailMessage(mail.subject, mail.body, sender, [mail.to], headers=headers).send()
    mail.delete()


@app.periodic(cron="23 3 * * *")
@app.task(name="forget_what_is_over", queueing_lock="forget_what_is_over")
def forget_what_is_over(timestamp: int) -> None:
    """Sessions that ended, and mails that no server took while their links held."""
    call_command("clearsessions")
    for mail in AccountMail.objects.filter(created_at__lt=timezone.now() - LINKS_HOLD):
        log.warning("account_mail.given_up", mail=str(mail.id))
        mail.delete()
