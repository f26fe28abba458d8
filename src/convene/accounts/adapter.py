"""How allauth behaves here: nobody signs up, and its mails leave through a job."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest

from .models import AccountMail
from .tasks import send_account_mail


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People are invited by their MSP."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Keep the mail for the worker.

        A mail server that is down is no error for the person, and the time an answer takes does
        not tell whether an address has an account.
        """
        message = self.render_mail(template_prefix, email, context)
        with transaction.atomic():
            mail = AccountMail.objects.create(to=email, subject=message.subject, body=message.body)
            send_account_mail.defer(mail_id=str(mail.id))
