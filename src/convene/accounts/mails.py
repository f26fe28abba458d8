"""Mails about signing in. They wait for the worker in a table of their own."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from .models import AccountMail, User
from .tasks import send_account_mail


def keep(to: str, subject: str, body: str) -> None:
    """Hand a mail to the worker.

    A mail server that is down is no error for the person, and the time that an answer takes does
    not tell whether an address has an account.
    """
    with transaction.atomic():
        mail = AccountMail.objects.create(to=to, subject=subject, body=body)
        send_account_mail.defer(mail_id=str(mail.id))


def keep_invitation(user: User, *, company: str) -> None:
    """Tell a person that they belong to a company now, with a link to set a password if they have
    none yet. The link holds as long as that of a forgotten password."""
    context = {"name": user.name, "company": company, "url": _first_url(user)}
    keep(
        user.email,
        render_to_string("account/email/invitation_subject.txt", context).strip(),
        render_to_string("account/email/invitation_message.txt", context),
    )


def _first_url(user: User) -> str:
    path = reverse("home")
    if not user.has_usable_password():
        key = default_token_generator.make_token(user)
        parts = {"uidb36": user_pk_to_url_str(user), "key": key}
        path = reverse("account_reset_password_from_key", kwargs=parts)
    return f"{settings.CONVENE_BASE_URL}{path}"
